"""What to do with a client that is seen so: nothing, start it again after a pause, or give up. Pure, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PAUSES_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Before each new start; the last one for all further ones."""

GONE_S: Final = 3.0
"""A window may vanish for so long: clients change it when a meeting begins."""

HUNG_S: Final = 15.0
"""Without an answer to _NET_WM_PING for so long, it hangs."""

SETTLED_S: Final = 600.0
"""After so long without trouble the restarts count from nought again."""


class Phase(StrEnum):
    """How it stands with the client."""

    STARTING = "starting"
    READY = "ready"
    PAUSED = "paused"
    GIVEN_UP = "given-up"


class Trouble(StrEnum):
    """Why a client had to be started again. Words for the journal."""

    NOT_STARTED = "not-started"
    ENDED = "ended"
    NO_WINDOW = "no-window"
    WINDOW_GONE = "window-gone"
    HUNG = "hung"


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What was seen of the client.

    Attributes:
        silent_s: for how long a ping has not been answered; 0 when none is open.
    """

    is_running: bool
    has_window: bool
    silent_s: float = 0.0


class Supervision:
    """The rules for one stay. Times are monotonic seconds.

    Args:
        ready_s: the window must be there after so long.
        restarts: how often it may be started again.

    Attributes:
        trouble: the last one, ``None`` before any.
    """

    def __init__(self, *, ready_s: float, restarts: int, now: float) -> None:
        self._ready_s, self._restarts = ready_s, restarts
        self._used = 0
        self._phase = Phase.STARTING
        self._since = self._window_at = now
        self.trouble: Trouble | None = None

    @property
    def phase(self) -> Phase:
        """How it stands."""
        return self._phase

    @property
    def restarts_used(self) -> int:
        """How often it was started again since it last ran well for long."""
        return self._used

    def look(self, sight: Sight, now: float) -> Phase:
        """Take what was seen, and return the phase that follows. PAUSED and GIVEN_UP ask for the end of the client."""
        if self._phase in {Phase.STARTING, Phase.READY}:
            if sight.has_window:
                self._window_at = now
            trouble = self._trouble(sight, now)
            if trouble is not None:
                self.fail(trouble, now)
            elif self._phase is Phase.STARTING and sight.has_window:
                self._enter(Phase.READY, now)
            elif self._phase is Phase.READY and now - self._since >= SETTLED_S:
                self._used = 0
        return self._phase

    def fail(self, trouble: Trouble, now: float) -> Phase:
        """Take a trouble that was met elsewhere."""
        self.trouble = trouble
        if self._used >= self._restarts:
            self._enter(Phase.GIVEN_UP, now)
        else:
            self._used += 1
            self._enter(Phase.PAUSED, now)
        return self._phase

    def is_due(self, now: float) -> bool:
        """Whether the pause is over and the client is to be started again; it then counts as started."""
        if self._phase is not Phase.PAUSED or now - self._since < PAUSES_S[min(self._used, len(PAUSES_S)) - 1]:
            return False
        self._enter(Phase.STARTING, now)
        return True

    def _trouble(self, sight: Sight, now: float) -> Trouble | None:
        if not sight.is_running:
            return Trouble.ENDED
        if self._phase is Phase.STARTING:
            return Trouble.NO_WINDOW if not sight.has_window and now - self._since >= self._ready_s else None
        if now - self._window_at >= GONE_S:
            return Trouble.WINDOW_GONE
        return Trouble.HUNG if sight.silent_s >= HUNG_S else None

    def _enter(self, phase: Phase, now: float) -> None:
        self._phase, self._since, self._window_at = phase, now, now

"""How long the main site has been away, and for a while afterwards how long it was."""

from __future__ import annotations

from typing import Final

BACK_SHOWN_S: Final = 30.0


class OutageClock:
    """Fed with monotonic seconds; keeps the last outage only."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._over_at: float | None = None
        self._length_s = 0

    @property
    def runs(self) -> bool:
        """Whether there is something to count or to show."""
        return self._since is not None or self._over_at is not None

    def follow(self, now: float, *, is_out: bool) -> None:
        """Take in whether the main site is away."""
        if is_out:
            self._since, self._over_at = self._since or now, None
        elif self._since is not None:
            self._length_s, self._since, self._over_at = max(1, int(now - self._since)), None, now

    def away_s(self, now: float) -> int:
        """Return for how long it has been away, 0 when it is not."""
        return 0 if self._since is None else int(now - self._since)

    def was_away_s(self, now: float) -> int:
        """Return how long the outage was that has just ended, 0 when none has."""
        if self._over_at is not None and now - self._over_at > BACK_SHOWN_S:
            self._over_at = None
        return 0 if self._over_at is None else self._length_s

"""One stay in a conference with a foreign client: starts it, watches it, starts it again and ends it. One thread."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from drivers.contracts import CancelToken
from kiosk_config.pack.model import ExternalClient
from workstation.private_folder import PrivateFolder

from .process import FAMILY, ClientProcess, end_strays
from .screen import DesktopError
from .start import Invitation, UnfitValueError, prepare
from .supervision import Phase, Sight, Supervision, Trouble
from .windows import ClientWindows, Pane

if TYPE_CHECKING:
    from .desktop import Desktop

_log = logging.getLogger(__name__)

LOOK_S: Final = 0.5
PING_S: Final = 5.0
_CLOSE_POLL_S: Final = 0.05


class StreamMuter(Protocol):
    """What is needed of the sound server."""

    def mute(self, pids: AbstractSet[int], *, muted: bool) -> None:
        """Mute, or let sound again, what these processes play and record. Never raises for a server that is away."""

    def close(self) -> None:
        """Drop the connection; the next ``mute`` makes another."""


@dataclass(frozen=True, kw_only=True)
class News:
    """How it stands with the client now.

    Attributes:
        reason: why it is not READY, in one word of the journal; "" when it starts for the first time.
        restarts: how often it was started again.
    """

    phase: Phase
    reason: str = ""
    restarts: int = 0


class ClientRun:
    """A client from ``run`` to the token's cancellation. ``show`` and ``hold`` may be called from any thread.

    Args:
        client: of the pack.
        invitation: what the expert joins with.
        sound: mutes it while it is held.
        tell: called in the run's thread with every change.
    """

    def __init__(
        self, client: ExternalClient, invitation: Invitation, *, sound: StreamMuter, tell: Callable[[News], None]
    ) -> None:
        self._client, self._invitation = client, invitation
        self._sound, self._tell = sound, tell
        self._lock = threading.Lock()
        self._pane = Pane()
        self._is_held = False
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)

    def show(self, pane: Pane) -> None:
        """Say where the client may be seen."""
        with self._lock:
            self._pane = pane
        self._wake()

    def hold(self, *, held: bool) -> None:
        """Hide and silence the client, or let it be seen and heard again."""
        with self._lock:
            self._is_held = held
        self._wake()

    def run(self, cancel: CancelToken) -> None:
        """Keep the client running until ``cancel``; when this returns nothing of it is left."""
        cancel.on_cancel(self._wake)
        try:
            self._run(cancel)
        except DesktopError as error:
            self._give_up(f"desktop: {error}", cancel)
        except OSError as error:
            _log.error("the conference client's folder cannot be made: %s", type(error).__name__)
            self._give_up("no-folder", cancel)
        finally:
            self._sound.close()
            with self._lock:
                os.close(self._wake_write)
                os.close(self._wake_read)
                self._wake_write = -1

    def _run(self, cancel: CancelToken) -> None:
        if self._client.sha256 and _digest(Path(self._client.command[0])) != self._client.sha256:
            self._give_up("altered", cancel)
            return
        if sys.platform == "win32":
            raise DesktopError("external clients need X11")
        from .desktop import Desktop  # noqa: PLC0415 - its libraries are there on X11 only

        with Desktop() as desktop:
            folder = PrivateFolder(FAMILY, before_wipe=end_strays)
            try:
                self._supervise(desktop, folder.path, cancel)
            finally:
                end_strays(folder.path)
                folder.wipe()

    def _supervise(self, desktop: Desktop, home: Path, cancel: CancelToken) -> None:
        rules = Supervision(ready_s=self._client.ready_s, restarts=self._client.restarts, now=time.monotonic())
        while not cancel.is_cancelled and rules.phase is not Phase.GIVEN_UP:
            self._tell(_news(rules))
            try:
                start = prepare(self._client, self._invitation, os.environ, home)
                process = ClientProcess(start, home)
            except UnfitValueError as error:
                self._give_up(f"unfit-{error}", cancel)
                return
            except OSError as error:
                _log.error("the conference client cannot be started: %s", type(error).__name__)
                rules.fail(Trouble.NOT_STARTED, time.monotonic())
            else:
                self._keep(rules, desktop, process, cancel)
            self._pause(rules, cancel)
        if not cancel.is_cancelled:
            self._give_up(_news(rules).reason, cancel, rules.restarts_used)

    def _keep(self, rules: Supervision, desktop: Desktop, process: ClientProcess, cancel: CancelToken) -> None:
        windows = ClientWindows(desktop, self._client.window)
        pings = _Pings(desktop)
        try:
            while not cancel.is_cancelled:
                members = process.members()
                self._arrange(windows, members)
                sight = Sight(
                    is_running=bool(members),
                    has_window=bool(windows.main),
                    silent_s=pings.silent_s(windows.main, time.monotonic()),
                )
                before, phase = rules.phase, rules.look(sight, time.monotonic())
                if phase not in {Phase.STARTING, Phase.READY}:
                    _log.warning("the conference client is ended: %s", rules.trouble)
                    return
                if phase is not before:
                    self._tell(_news(rules))
                desktop.wait(LOOK_S, self._wake_read)
                self._drain()
        finally:
            if windows.ask_to_close():
                process.wait(self._client.close_s)
            process.end(self._client.terminate_s)

    def _arrange(self, windows: ClientWindows, members: frozenset[int]) -> None:
        with self._lock:
            pane, is_held = self._pane, self._is_held
        windows.arrange(members, replace(pane, rectangle=None) if is_held else pane)
        self._sound.mute(members, muted=is_held)

    def _pause(self, rules: Supervision, cancel: CancelToken) -> None:
        if rules.phase is Phase.PAUSED and not cancel.is_cancelled:
            self._tell(_news(rules))
            while not rules.is_due(time.monotonic()) and not cancel.wait(_CLOSE_POLL_S):
                pass

    def _give_up(self, reason: str, cancel: CancelToken, restarts: int = 0) -> None:
        self._tell(News(phase=Phase.GIVEN_UP, reason=reason, restarts=restarts))
        while not cancel.wait(LOOK_S):
            pass

    def _wake(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):
            if self._wake_write >= 0:
                os.write(self._wake_write, b"\0")

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)


class _Pings:
    """Asks the main window now and then whether its program is alive."""

    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop
        self._serial = 0
        self._sent_at = self._open_since = 0.0

    def silent_s(self, window: int, now: float) -> float:
        """Return for how long the eldest open ping has waited, seconds."""
        if self._desktop.answered() & {self._serial} or not window:
            self._open_since = 0.0
        if window and now - self._sent_at >= PING_S and not self._open_since:
            self._serial += 1
            self._sent_at = now
            if self._desktop.ping(window, self._serial):
                self._open_since = now
        return now - self._open_since if self._open_since else 0.0


def _news(rules: Supervision) -> News:
    reason = "" if rules.trouble is None or rules.phase is Phase.READY else rules.trouble.value
    return News(phase=rules.phase, reason=reason, restarts=rules.restarts_used)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""

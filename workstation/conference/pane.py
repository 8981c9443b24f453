"""What stands around the conference page: its phase, and the lasting marks of monitoring and recording. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .messages import Desktop

PICTURE_AGE_S = 10.0
"""A screen whose last picture is older is not monitored."""

START_S = 15.0
"""The first picture may take as long as this from joining."""


class PanePhase(StrEnum):
    """Where the meeting stands for the expert."""

    NONE = "none"
    JOINING = "joining"
    JOINED = "joined"
    LOST = "lost"


class Monitoring(StrEnum):
    """What becomes of the booth's screen (桌面监控)."""

    OFF = "off"
    RUNNING = "running"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Pane:
    """What the evaluation screen shows of the meeting.

    Attributes:
        is_recorded: the conference server keeps the streams while the booth is in the meeting.
        is_staged: a shared document wants the room of the main page.
    """

    phase: PanePhase = PanePhase.NONE
    monitoring: Monitoring = Monitoring.OFF
    is_recorded: bool = False
    is_staged: bool = False


class DesktopWatch:
    """Says whether the screen really is monitored. Times are monotonic seconds.

    Args:
        is_demanded: whether the project wants it.
    """

    def __init__(self, *, is_demanded: bool) -> None:
        self._is_demanded = is_demanded
        self._begun_at: float | None = None
        self._has_run = False
        self._is_running = False
        self._picture_at = 0.0

    def begin(self, now: float) -> None:
        """Note that the booth is in the meeting; again after each rejoin."""
        if self._begun_at is None:
            self._begun_at = now

    def hear(self, said: Desktop, now: float) -> None:
        """Note what the page said."""
        self._is_running = said.running and said.age_s >= 0
        if self._is_running:
            self._has_run = True
            self._picture_at = now - said.age_s

    def state(self, now: float) -> Monitoring:
        """Return what becomes of the screen now."""
        if not self._is_demanded or self._begun_at is None:
            return Monitoring.OFF
        if self._is_running and now - self._picture_at <= PICTURE_AGE_S:
            return Monitoring.RUNNING
        is_late = now - self._begun_at > START_S
        return Monitoring.BROKEN if self._has_run or is_late else Monitoring.OFF

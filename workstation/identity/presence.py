"""Presence during the evaluation: what single frames add up to, and how long it must last before anybody acts. Pure.

One frame proves nothing. A finding begins with the first frame that shows it, lives on frames that show it again
within its ``max_gap_s``, and ends with the first frame that disproves it. A covered or frozen picture says nothing
about people. Only a lost camera is measured by the clock: nothing arrives that could be counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from drivers.errors import ErrorCode
from workstation.face.seat import SeatObservation
from workstation.journey.seat import SeatLevel

EMPTY_S = 3.0
"""A seat empty for so long was left: a turned head is lost to the detector for a frame or two."""
RETURN_FRAMES = 2


class PresenceFinding(StrEnum):
    """What can be wrong with the seat."""

    AWAY = "away"
    OTHER_PERSON_SEATED = "other-person-seated"
    SEVERAL = "several"
    CAMERA_COVERED = "camera-covered"
    CAMERA_FROZEN = "camera-frozen"
    CAMERA_LOST = "camera-lost"


@dataclass(frozen=True, kw_only=True)
class PresenceRule:
    """From when on a finding counts, in seconds since it began; ``None``: never.

    Attributes:
        notice_s: the expert is told.
        alarm_s: the administrator is told.
        lock_s: the booth is locked.
        min_frames: frames that must have shown it, however long it lasts.
        max_gap_s: frames further apart are two findings.
    """

    code: ErrorCode
    notice_s: float | None
    alarm_s: float | None
    lock_s: float | None
    min_frames: int = 3
    max_gap_s: float = 5.0

    def level(self, held_s: float, frames: int) -> SeatLevel | None:
        """Return the strongest level reached."""
        steps = ((SeatLevel.LOCK, self.lock_s), (SeatLevel.ALARM, self.alarm_s), (SeatLevel.NOTICE, self.notice_s))
        enough = frames >= self.min_frames
        return next((level for level, after_s in steps if enough and after_s is not None and held_s >= after_s), None)


Rules = Mapping[PresenceFinding, PresenceRule]


def make_rules(
    *,
    away_notice_s: float = 20.0,
    away_lock_s: float = 60.0,
    others_notice_s: float = 3.0,
    others_alarm_s: float = 15.0,
    camera_lock_s: float = 180.0,
) -> Rules:
    """Return the table of rules with a site's own times."""
    camera = PresenceRule(code=ErrorCode.CAMERA_COVERED, notice_s=2.0, alarm_s=30.0, lock_s=camera_lock_s)
    return {
        PresenceFinding.AWAY: PresenceRule(
            code=ErrorCode.SEAT_LEFT, notice_s=away_notice_s, alarm_s=None, lock_s=away_lock_s
        ),
        # Quick to act, slow to believe: frames close together that all say so, and none that says it is the expert.
        PresenceFinding.OTHER_PERSON_SEATED: PresenceRule(
            code=ErrorCode.SEAT_OTHER_PERSON, notice_s=None, alarm_s=None, lock_s=2.0, max_gap_s=2.0
        ),
        PresenceFinding.SEVERAL: PresenceRule(
            code=ErrorCode.SEAT_SEVERAL, notice_s=others_notice_s, alarm_s=others_alarm_s, lock_s=None
        ),
        PresenceFinding.CAMERA_COVERED: camera,
        PresenceFinding.CAMERA_FROZEN: camera,
        # Its notice is the camera's own condition of the health board (E-405).
        PresenceFinding.CAMERA_LOST: PresenceRule(
            code=ErrorCode.CAMERA_LOST, notice_s=None, alarm_s=None, lock_s=camera_lock_s, min_frames=0
        ),
    }


@dataclass(frozen=True, kw_only=True)
class ActiveFinding:
    """One thing that is wrong now.

    Attributes:
        since: monotonic seconds at which it began.
        level: what it has come to.
    """

    finding: PresenceFinding
    code: ErrorCode
    since: float
    level: SeatLevel


@dataclass(frozen=True)
class _Run:
    """Frames in a row that show a finding."""

    since: float
    last: float
    frames: int = 1


class PresenceWatch:
    """Takes what frames showed, in the order of their capture; one older than the last is dropped.

    A frame is on its way for a moment, so the clock may be ahead of it. Every call returns what is wrong now, and from
    when on.

    Args:
        rules: the table.
        is_empty: whether the seat is known to be empty.
    """

    def __init__(self, rules: Rules, *, is_empty: bool = False) -> None:
        self._rules = rules
        self._runs: dict[PresenceFinding, _Run] = {}
        self._now = self._last_frame = float("-inf")
        self._was_empty = is_empty
        self._frames_since_return = 0

    @property
    def has_returned(self) -> bool:
        """Whether the seat was empty for a while and somebody, alone, sits in it again."""
        return self._was_empty and self._frames_since_return >= RETURN_FRAMES

    def observe(self, seen: SeatObservation) -> frozenset[ActiveFinding]:
        """Take one frame."""
        at = seen.captured_at
        if at < self._last_frame:
            return self._findings()
        self._last_frame, self._now = at, max(self._now, at)
        lost = self._runs.get(PresenceFinding.CAMERA_LOST)
        if lost is not None and at > lost.since:
            del self._runs[PresenceFinding.CAMERA_LOST]
        for finding, shows in _evidence(seen):
            if shows:
                self._extend(finding, at)
            else:
                self._runs.pop(finding, None)
        self._follow_return(seen)
        return self._drop_stale()

    def camera_lost(self, at: float) -> frozenset[ActiveFinding]:
        """Note that no frames come. A frame captured before is no sign that they do."""
        if at >= self._last_frame:
            self._runs.setdefault(PresenceFinding.CAMERA_LOST, _Run(since=at, last=at))
        return self.tick(at)

    def tick(self, at: float) -> frozenset[ActiveFinding]:
        """Let time pass. Without frames it ends findings, and makes none but that of a lost camera."""
        self._now = max(self._now, at)
        return self._drop_stale()

    def _extend(self, finding: PresenceFinding, at: float) -> None:
        run = self._runs.get(finding)
        if run is None or at - run.last > self._rules[finding].max_gap_s:
            self._runs[finding] = _Run(since=at, last=at)
        else:
            self._runs[finding] = _Run(since=run.since, last=at, frames=run.frames + 1)

    def _drop_stale(self) -> frozenset[ActiveFinding]:
        for finding, run in list(self._runs.items()):
            is_stale = self._now - run.last > self._rules[finding].max_gap_s
            if is_stale and finding is not PresenceFinding.CAMERA_LOST:
                del self._runs[finding]
        return self._findings()

    def _findings(self) -> frozenset[ActiveFinding]:
        return frozenset(found for item in self._runs.items() if (found := self._judge(*item)) is not None)

    def _judge(self, finding: PresenceFinding, run: _Run) -> ActiveFinding | None:
        rule = self._rules[finding]
        end = self._now if finding is PresenceFinding.CAMERA_LOST else run.last
        level = rule.level(end - run.since, run.frames)
        return None if level is None else ActiveFinding(finding=finding, code=rule.code, since=run.since, level=level)

    def _follow_return(self, seen: SeatObservation) -> None:
        away = self._runs.get(PresenceFinding.AWAY)
        if away is not None and away.last - away.since >= EMPTY_S:
            self._was_empty = True
        is_one = _is_clear(seen) and seen.face_count == 1
        self._frames_since_return = self._frames_since_return + 1 if is_one else 0


def _is_clear(seen: SeatObservation) -> bool:
    return not (seen.is_covered or seen.is_frozen)


def _evidence(seen: SeatObservation) -> Iterable[tuple[PresenceFinding, bool]]:
    """Yield what the frame proves (true) and disproves (false); what it says nothing about is left out."""
    yield PresenceFinding.CAMERA_COVERED, seen.is_covered
    yield PresenceFinding.CAMERA_FROZEN, seen.is_frozen
    if not _is_clear(seen):
        return
    yield PresenceFinding.AWAY, seen.face_count == 0
    yield PresenceFinding.SEVERAL, seen.face_count > 1
    if seen.is_expert:
        yield PresenceFinding.OTHER_PERSON_SEATED, False
    elif seen.is_expert is False and seen.face_count == 1:
        # Beside the expert, another face may be the larger one for a moment: that is SEVERAL.
        yield PresenceFinding.OTHER_PERSON_SEATED, True

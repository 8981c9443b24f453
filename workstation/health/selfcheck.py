"""The self-check before the expert enters (设备自检): which readings it looks at, and which of them close the door."""

from __future__ import annotations

from drivers.errors import ErrorCode
from workstation.health.board import HealthSnapshot
from workstation.journey.facts import Check, CheckKind
from workstation.site.readings import ReadingKind, ReadingState

REQUIRED = frozenset({CheckKind.HEADSET, CheckKind.CAMERA, CheckKind.MAIN_SITE})
"""Without these nobody can evaluate. The others are said and reported, but work goes on."""

_READINGS = {
    CheckKind.HEADSET: (ReadingKind.HEADSET, ErrorCode.HEADSET_ABSENT),
    CheckKind.CAMERA: (ReadingKind.CAMERA, ErrorCode.CAMERA_LOST),
    CheckKind.UPS: (ReadingKind.UPS, None),
    CheckKind.SITE: (ReadingKind.SITE, ErrorCode.SITE_SERVER_UNREACHABLE),
    CheckKind.MAIN_SITE: (ReadingKind.MAIN_SITE, ErrorCode.MAIN_SITE_UNREACHABLE),
}
"""Which reading answers a check, and what an unknown reading means for it."""

WAITED_FOR = (ReadingKind.CAMERA, ReadingKind.MAIN_SITE)
"""Readings that are polled: the check waits for ones taken after it was asked for."""


def is_fresh(snapshot: HealthSnapshot, asked_at_s: float) -> bool:
    """Whether every polled reading was taken at or after ``asked_at_s`` (monotonic seconds)."""
    readings = (snapshot.readings[kind] for kind in WAITED_FOR)
    return all(
        reading.state is not ReadingState.UNKNOWN and reading.observed.monotonic_s >= asked_at_s for reading in readings
    )


def evaluate(snapshot: HealthSnapshot) -> tuple[Check, ...]:
    """Return one check per line of the screen. A required thing that is unknown is not good."""
    checks = []
    for kind, (source, when_unknown) in _READINGS.items():
        reading = snapshot.readings[source]
        code = when_unknown if reading.state is ReadingState.UNKNOWN else reading.code
        # NUT's status flags mean nothing to an expert.
        detail = "" if kind is CheckKind.UPS else reading.detail
        checks.append(Check(kind=kind, required=kind in REQUIRED, detail=detail, code=code))
    return tuple(checks)

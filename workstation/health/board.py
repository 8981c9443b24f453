"""The health board: the latest reading of everything, how old it may be, and the edges worth an event. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from drivers.errors import ErrorCode
from workstation.health.readings import Moment, Reading, Source
from workstation.site.readings import ReadingKind, ReadingState

MAX_AGE_S: Mapping[ReadingKind, float] = {
    ReadingKind.READER: 15.0,
    ReadingKind.CAMERA: 15.0,
    ReadingKind.HEADSET: 15.0,
    ReadingKind.UPS: 30.0,
    ReadingKind.DISK: 180.0,
    ReadingKind.CLOCK: 900.0,
    ReadingKind.SITE: 60.0,
    ReadingKind.MAIN_SITE: 60.0,
    ReadingKind.CONFERENCE: 15.0,
    ReadingKind.TOKEN: 15.0,
    ReadingKind.SIGNATURE_PAD: 15.0,
    ReadingKind.MEMORY: 180.0,
    ReadingKind.TEMPERATURE: 180.0,
    ReadingKind.DISPLAY: 60.0,
    ReadingKind.USB: 60.0,
    ReadingKind.SOFTWARE: math.inf,
}
"""Seconds after which a reading says nothing any more: about three periods of its source."""

NEVER_READ = "never read"
"""Detail of what nobody watches, or has not seen yet."""

_SEVERITY = (ReadingState.OK, ReadingState.UNKNOWN, ReadingState.WARN, ReadingState.BAD)
_GONE = {ReadingState.BAD, ReadingState.UNKNOWN}


_HINDERED = {ReadingState.WARN, ReadingState.BAD}


class HealthEventKind(StrEnum):
    """Edges of the booth's health, by their names in the journal.

    Mains, site server, main site and conference have clocks of their own (``workstation.health.outages``), which tell
    when they went and came back.
    """

    LOST = "health_lost"
    BACK = "health_back"
    BATTERY_LOW = "power_battery_low"
    DISK_NEARLY_FULL = "disk_nearly_full"
    DISK_FREED = "disk_freed"
    CLOCK_OFF = "clock_off"
    CLOCK_RIGHT = "clock_right"
    MEMORY_LOW = "memory_low"
    MEMORY_FREED = "memory_freed"
    HOT = "temperature_high"
    COOLED = "temperature_normal"
    FOREIGN_DEVICE = "foreign_device_found"
    FOREIGN_DEVICE_GONE = "foreign_device_gone"
    USB_CHANGED = "usb_changed"
    SOFTWARE_CHANGED = "software_changed"


_ALARMS: Mapping[ReadingKind, tuple[HealthEventKind, HealthEventKind]] = {
    ReadingKind.DISK: (HealthEventKind.DISK_NEARLY_FULL, HealthEventKind.DISK_FREED),
    ReadingKind.CLOCK: (HealthEventKind.CLOCK_OFF, HealthEventKind.CLOCK_RIGHT),
    ReadingKind.MEMORY: (HealthEventKind.MEMORY_LOW, HealthEventKind.MEMORY_FREED),
    ReadingKind.TEMPERATURE: (HealthEventKind.HOT, HealthEventKind.COOLED),
    ReadingKind.DISPLAY: (HealthEventKind.FOREIGN_DEVICE, HealthEventKind.FOREIGN_DEVICE_GONE),
    ReadingKind.USB: (HealthEventKind.FOREIGN_DEVICE, HealthEventKind.FOREIGN_DEVICE_GONE),
}
"""Kinds that are not lost but get bad: the event when they do, and the one when they are good again."""

_WITHOUT_CODE = frozenset({ReadingKind.MEMORY, ReadingKind.TEMPERATURE})
"""Of those, the ones that nobody at the booth is told about: their state alone is the alarm."""

_CHANGED: Mapping[ReadingKind, HealthEventKind] = {
    ReadingKind.USB: HealthEventKind.USB_CHANGED,
    ReadingKind.SOFTWARE: HealthEventKind.SOFTWARE_CHANGED,
}


@dataclass(frozen=True, kw_only=True)
class HealthEvent:
    """One edge.

    Attributes:
        subject: the kind that it is about; ``of`` says which one of it, "" for the only one.
        code: what people are told, ``None`` when there is nothing to tell (a UPS that cannot be read, an all-clear).
        duration_s: for an edge back to good, how long it was not, seconds.
    """

    kind: HealthEventKind
    subject: ReadingKind
    at: Moment
    code: ErrorCode | None = None
    duration_s: float | None = None
    detail: str = ""
    of: str = ""


@dataclass(frozen=True, kw_only=True)
class HealthSnapshot:
    """Everything at one moment.

    Attributes:
        readings: one per kind, of its only one or of the summary of several.
        parts: the readings of each of several, such as every UPS.
        watched: the kinds of ``readings`` of which there is a reading, however old.
    """

    at: Moment
    readings: Mapping[ReadingKind, Reading]
    parts: tuple[Reading, ...] = ()
    watched: frozenset[ReadingKind] = frozenset()

    @property
    def worst(self) -> ReadingState:
        """The worst state of all; UNKNOWN is worse than OK and better than a fault that is seen."""
        return max((reading.state for reading in self.readings.values()), key=_SEVERITY.index)


class HealthBoard:
    """Keeps the latest reading per kind and turns changes into events, each edge once.

    One thread owns it. Ages and durations are monotonic time; a reading older than one already taken is ignored.
    What was never read is UNKNOWN and makes no event: there is nothing to lose yet.

    Args:
        max_age_s: seconds per kind after which a reading is UNKNOWN.
    """

    def __init__(self, max_age_s: Mapping[ReadingKind, float] = MAX_AGE_S) -> None:
        self._max_age_s = dict(max_age_s)
        self._latest: dict[Source, Reading] = {}
        self._gone_since: dict[Source, Moment] = {}
        self._battery_is_low = False
        self._alarm_since: dict[Source, Moment] = {}

    def observe(self, reading: Reading) -> list[HealthEvent]:
        """Take a reading and return the edges it makes."""
        latest = self._latest.get(reading.source)
        if latest is not None and reading.observed.monotonic_s < latest.observed.monotonic_s:
            return []
        self._latest[reading.source] = reading
        return self._edges(reading)

    def forget(self, kind: ReadingKind, subject: str = "") -> None:
        """Drop what was seen of something that is not watched any more; its silence is no loss."""
        self._latest.pop((kind, subject), None)
        self._gone_since.pop((kind, subject), None)

    def expire(self, now: Moment) -> list[HealthEvent]:
        """Return the edges that time alone makes: things not heard of for too long are lost. Call it once a second."""
        events: list[HealthEvent] = []
        for source, reading in self._latest.items():
            if self._is_stale(reading, now):
                events += self._edges(_unknown(source, now, "stale"))
        return events

    def snapshot(self, now: Moment) -> HealthSnapshot:
        """Return one reading per kind and those of the parts; those too old or never taken are UNKNOWN."""
        return HealthSnapshot(
            at=now,
            readings={kind: self._current((kind, ""), now) for kind in ReadingKind},
            parts=tuple(self._current(source, now) for source in sorted(self._latest) if source[1]),
            watched=frozenset(kind for kind, subject in self._latest if not subject),
        )

    def _current(self, source: Source, now: Moment) -> Reading:
        reading = self._latest.get(source)
        if reading is None:
            return _unknown(source, now, NEVER_READ)
        if self._is_stale(reading, now):
            return replace(_unknown(source, now, "stale"), observed=reading.observed, device=reading.device)
        return reading

    def _is_stale(self, reading: Reading, now: Moment) -> bool:
        return now.monotonic_s - reading.observed.monotonic_s > self._max_age_s[reading.kind]

    def _edges(self, reading: Reading) -> list[HealthEvent]:
        match reading.kind:
            case ReadingKind.SITE | ReadingKind.CONFERENCE:
                return []  # their outages have clocks
            case ReadingKind.MAIN_SITE:
                is_gone = reading.code is ErrorCode.MAIN_SITE_NOT_TRUSTED  # being out of reach has a clock
                return self._presence_edges(reading, is_gone=is_gone)
            case kind if kind in _ALARMS:
                return _changes(reading) + self._alarm_edges(reading, *_ALARMS[kind])
            case ReadingKind.SOFTWARE:
                return _changes(reading)
            case ReadingKind.UPS:
                return self._presence_edges(reading, is_gone=reading.state is ReadingState.UNKNOWN) + self._power_edges(
                    reading
                )
            case _:
                return self._presence_edges(reading, is_gone=reading.state in _GONE)

    def _presence_edges(self, reading: Reading, *, is_gone: bool) -> list[HealthEvent]:
        source, at = reading.source, reading.observed
        if is_gone and source not in self._gone_since:
            self._gone_since[source] = at
            return [_event(HealthEventKind.LOST, reading, code=reading.code)]
        if not is_gone and source in self._gone_since:
            return [_event(HealthEventKind.BACK, reading, since=self._gone_since.pop(source))]
        return []

    def _power_edges(self, reading: Reading) -> list[HealthEvent]:
        """Tell once in an outage that the battery runs low; a UPS unread in between does not repeat it.

        The booth's supply, which is the summary, has the outages; a single UPS has its readings.
        """
        if reading.state is ReadingState.UNKNOWN or reading.subject:
            return []
        was_low = self._battery_is_low
        if reading.code is ErrorCode.BATTERY_LOW:
            self._battery_is_low = True
            return [] if was_low else [_event(HealthEventKind.BATTERY_LOW, reading, code=ErrorCode.BATTERY_LOW)]
        self._battery_is_low = was_low and reading.code is ErrorCode.ON_BATTERY
        return []

    def _alarm_edges(self, reading: Reading, raised: HealthEventKind, cleared: HealthEventKind) -> list[HealthEvent]:
        source = reading.source
        has_code = reading.kind not in _WITHOUT_CODE
        is_raised = reading.code is not None if has_code else reading.state in _HINDERED
        if is_raised and source not in self._alarm_since:
            self._alarm_since[source] = reading.observed
            return [_event(raised, reading, code=reading.code)]
        if reading.state is ReadingState.OK and source in self._alarm_since:
            return [_event(cleared, reading, since=self._alarm_since.pop(source))]
        return []


def _changes(reading: Reading) -> list[HealthEvent]:
    """What was plugged or replaced is told each time: two changes are two events."""
    if not reading.changes:
        return []
    return [_event(_CHANGED[reading.kind], replace(reading, detail=" ".join(reading.changes)))]


def _unknown(source: Source, at: Moment, detail: str) -> Reading:
    kind, subject = source
    return Reading(kind=kind, subject=subject, state=ReadingState.UNKNOWN, observed=at, detail=detail)


def _event(
    kind: HealthEventKind,
    reading: Reading,
    *,
    code: ErrorCode | None = None,
    since: Moment | None = None,
) -> HealthEvent:
    at = reading.observed
    return HealthEvent(
        kind=kind,
        subject=reading.kind,
        at=at,
        code=code,
        duration_s=None if since is None else max(0.0, at.monotonic_s - since.monotonic_s),
        detail=reading.detail,
        of=reading.subject,
    )

"""The booths as monitoring engines see them: bounded, and without anything that is not said any more.

Series come from the site's own list of booths, from the kinds of readings, and from the catalogue. What a booth itself
words, the subject of a reading and its version, is admitted a few times per booth in the life of this process, so that
a booth gone wrong, or in wrong hands, cannot fill an engine with series.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from workstation.site.outages import OutageKind
from workstation.site.readings import Quality, ReadingKind, ReadingState
from workstation.site.server import latest, outages, reports
from workstation.site.server.database import Database
from workstation.site.server.metrics.catalogue import FIGURES, MAX_SUBJECTS, OTHER, Figure
from workstation.site.server.models import Booth, CommandRow, LatestReading, OutageRow

CONFIRMED_S = outages.MISSED_REPORTS * reports.MAX_INTERVAL_S
"""A booth tells what changes, and everything once a minute; what it does not stand by for this long is not current."""

_KINDS = frozenset(kind.value for kind in ReadingKind)
_OUTAGES = frozenset(kind.value for kind in OutageKind)
_STATES = {state.value: number for number, state in enumerate(ReadingState)}
_VERSION = re.compile(r"\d{1,4}(\.\d{1,6}){1,3}([.+-]?[a-z0-9]{1,16}){0,2}", re.ASCII)
_SIZES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


@dataclass(frozen=True, kw_only=True)
class ReadingNow:
    """A reading that a booth confirmed lately.

    Attributes:
        state: 0 ok, 1 warn, 2 bad, 3 unknown.
        figures: in base units; none when the reading is unknown or not to be believed.
    """

    kind: str
    subject: str
    state: int
    figures: tuple[tuple[Figure, float], ...]


@dataclass(frozen=True, kw_only=True)
class BoothNow:
    """A booth of the site's list. One that is not up has no readings and no outages.

    Attributes:
        label, room: from the site's own settings.
        outages: how many it has not told the end of, by their kinds.
        version: of its program; "" before it ever reported, ``other`` when it does not look like one.
    """

    booth_id: str
    label: str
    room: str
    version: str
    is_up: bool
    last_seen: datetime | None
    readings: tuple[ReadingNow, ...]
    outages: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class FleetNow:
    """Everything at one moment.

    Attributes:
        left_out: how much booths said that made no series, by what it was.
        commands_waiting: orders that no booth acknowledged yet.
        database_bytes: size of the database.
    """

    at: datetime
    booths: tuple[BoothNow, ...]
    left_out: Mapping[str, int]
    commands_waiting: int
    database_bytes: int


class Fleet:
    """Reads the fleet from the database. Safe to use from any thread.

    Args:
        clock: gives the current moment with a zone.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._admitted: dict[tuple[str, str], set[str]] = {}

    def read(self) -> FleetNow:
        """Return the fleet as it is now. Raises ``SQLAlchemyError``."""
        now = self._clock()
        rows = self._database.run(lambda session: _fetch(session, now))
        with self._lock:
            left_out: Counter[str] = Counter()
            booths = tuple(self._booth(booth, rows, now, left_out) for booth in rows.booths)
        return FleetNow(
            at=now,
            booths=booths,
            left_out={what: left_out[what] for what in ("figure", "subject", "version")},
            commands_waiting=rows.commands_waiting,
            database_bytes=rows.database_bytes,
        )

    def _booth(self, booth: Booth, rows: _Rows, now: datetime, left_out: Counter[str]) -> BoothNow:
        is_up = not outages.is_missing(booth, now)
        oldest = now - timedelta(seconds=CONFIRMED_S)
        readings = rows.readings.get(booth.booth_id, ())
        confirmed = [each for each in readings if is_up and latest.confirmed_at(booth, each.received_at) >= oldest]
        return BoothNow(
            booth_id=booth.booth_id,
            label=booth.booth_label,
            room=booth.room,
            version=self._version(booth.booth_id, booth.version, left_out),
            is_up=is_up,
            last_seen=booth.last_seen,
            readings=tuple(self._readings(booth.booth_id, confirmed, left_out)),
            outages=rows.outages.get(booth.booth_id, {}) if is_up else {},
        )

    def _readings(self, booth_id: str, rows: Iterable[Row[Any]], left_out: Counter[str]) -> Iterable[ReadingNow]:
        for row in rows:
            if row.kind not in _KINDS:
                continue  # written by a newer server that shares this database
            if row.subject and not self._admit(booth_id, row.kind, row.subject):
                left_out["subject"] += 1
                continue
            yield ReadingNow(
                kind=row.kind,
                subject=row.subject,
                state=_STATES[row.reading["state"]],
                figures=tuple(_figures(row.reading, left_out)),
            )

    def _version(self, booth_id: str, version: str, left_out: Counter[str]) -> str:
        if not version or (_VERSION.fullmatch(version) and self._admit(booth_id, "version", version)):
            return version
        left_out["version"] += 1
        return OTHER

    def _admit(self, booth_id: str, what: str, word: str) -> bool:
        admitted = self._admitted.setdefault((booth_id, what), set())
        if len(admitted) < MAX_SUBJECTS:
            admitted.add(word)
        return word in admitted


def _figures(reading: Mapping[str, Any], left_out: Counter[str]) -> Iterable[tuple[Figure, float]]:
    if reading["state"] == ReadingState.UNKNOWN or reading.get("quality") == Quality.BAD:
        return
    for name, value in reading["values"].items():
        figure = FIGURES.get(name)
        converted = None if figure is None else figure.in_base_units(value)
        if figure is None or converted is None:
            left_out["figure"] += 1
        else:
            yield figure, converted


@dataclass(frozen=True, kw_only=True)
class _Rows:
    booths: list[Booth]
    readings: dict[str, list[Row[Any]]]
    outages: dict[str, dict[str, int]]
    commands_waiting: int
    database_bytes: int


def _fetch(session: Session, now: datetime) -> _Rows:
    """Read what is needed and nothing more: on SQLite nobody can write meanwhile."""
    # Columns instead of objects: there are thousands of readings, and they are only looked at.
    of_reading = (LatestReading.booth_id, LatestReading.kind, LatestReading.subject, LatestReading.received_at)
    heard = select(Booth.booth_id).where(Booth.last_seen >= now - timedelta(seconds=CONFIRMED_S))
    readings: dict[str, list[Row[Any]]] = {}
    for row in session.execute(
        select(*of_reading, LatestReading.reading)
        .where(LatestReading.booth_id.in_(heard))
        .order_by(LatestReading.booth_id, LatestReading.kind, LatestReading.subject)
    ):
        readings.setdefault(row.booth_id, []).append(row)
    waiting = select(func.count()).select_from(CommandRow).where(CommandRow.acknowledged_at.is_(None))
    return _Rows(
        booths=list(session.scalars(select(Booth).order_by(Booth.booth_id))),
        readings=readings,
        outages=_open_outages(session),
        commands_waiting=session.scalar(waiting) or 0,
        database_bytes=session.scalar(text(_SIZES[session.get_bind().dialect.name])) or 0,
    )


def _open_outages(session: Session) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    lasting = select(OutageRow.booth_id, OutageRow.outage, func.count().label("number")).where(
        OutageRow.ended_at.is_(None)
    )
    for row in session.execute(lasting.group_by(OutageRow.booth_id, OutageRow.outage)):
        if row.outage in _OUTAGES:
            found.setdefault(row.booth_id, {})[row.outage] = row.number
    return found

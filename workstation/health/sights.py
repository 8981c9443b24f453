"""What the outage clocks are fed with: the board's readings, and after a restart the journal. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from drivers.errors import ErrorCode
from workstation.health.board import HealthSnapshot
from workstation.health.outages import CODES, Sight, Unfinished
from workstation.health.readings import Moment
from workstation.site.contract import EventReport
from workstation.site.outages import OUTAGE_ENDED, OUTAGE_EVENTS, OutageFacts, OutageKind
from workstation.site.readings import ReadingKind, ReadingState

JOURNAL_LOOK = 500
"""So many of the journal's last events about outages are looked at: every outage that can still run is among them."""

_SEEN_BY: Mapping[OutageKind, ReadingKind] = {
    OutageKind.MAINS: ReadingKind.UPS,
    OutageKind.MAIN_SITE: ReadingKind.MAIN_SITE,
    OutageKind.SITE_SERVER: ReadingKind.SITE,
}
_OUT = frozenset(
    {
        ErrorCode.ON_BATTERY,
        ErrorCode.BATTERY_LOW,
        ErrorCode.MAIN_SITE_UNREACHABLE,
        ErrorCode.SITE_SERVER_UNREACHABLE,
    }
)


def sights(snapshot: HealthSnapshot) -> list[tuple[OutageKind, Sight, Moment]]:
    """Return what a snapshot of the board says of each thing with a clock; the conference tells by itself.

    A main site with a wrong certificate (E-504) answers, so it is not away.
    """
    found: list[tuple[OutageKind, Sight, Moment]] = []
    for outage, kind in _SEEN_BY.items():
        reading = snapshot.readings[kind]
        if kind not in snapshot.watched:
            found.append((outage, Sight.UNWATCHED, snapshot.at))
        elif reading.state is ReadingState.UNKNOWN:
            found.append((outage, Sight.UNKNOWN, snapshot.at))
        else:
            found.append((outage, Sight.OUT if reading.code in _OUT else Sight.IN, reading.observed))
    return found


def unfinished(events: Iterable[EventReport]) -> list[Unfinished]:
    """Return the outages that began and did not end, at most one of a kind: the last that began.

    Args:
        events: of the journal, oldest first; those of other kinds, or with facts of another program, are passed over.
    """
    began: dict[OutageKind, Unfinished] = {}
    for event in events:
        facts = _facts(event)
        if facts is None or facts.outage not in CODES:
            continue
        known = began.get(facts.outage)
        if event.kind == OUTAGE_ENDED:
            if known is not None and known.outage_id == facts.outage_id:
                del began[facts.outage]
            continue
        is_known = known is not None and known.outage_id == facts.outage_id
        began[facts.outage] = Unfinished(
            outage=facts.outage,
            outage_id=facts.outage_id,
            began_at=facts.began_at,
            seen_until=max(facts.seen_at or facts.began_at, known.seen_until if is_known and known else facts.began_at),
            times=facts.times,
            reached_s=max(60.0 * facts.after_minutes, known.reached_s if is_known and known else 0.0),
        )
    return list(began.values())


def _facts(event: EventReport) -> OutageFacts | None:
    if event.kind not in OUTAGE_EVENTS:
        return None
    try:
        return OutageFacts.model_validate(event.data, strict=False)
    except ValidationError:
        return None

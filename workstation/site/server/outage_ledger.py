"""The ledger of outages (停电断网时长): one day, by booth, by room and by project."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from workstation.site.outages import LABELS, LedgerRow, OutageKind, OutageLedger, OutageTotal, Outcome, RoomOutage
from workstation.site.server import outages
from workstation.site.server.models import Arrival, Booth, LaunchRow, OutageRow
from workstation.site.server.site import SITE_ZONE

_Span = tuple[datetime, datetime]

_OUTCOMES = {
    Outcome.BACK: "已恢复",
    Outcome.UNWATCHED: "场次结束时未恢复",
    Outcome.UNSEEN: "恢复时间不详",
}
COLUMNS = (
    "评标室", "工位号", "类别", "项目编号", "开始", "结束", "时长（秒）", "至少（秒）", "其中全网中断（秒）", "次数",
    "期间重启", "结果", "记录方",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class _Sitting:
    """Somebody of a project sat in a booth."""

    booth_id: str
    project_id: str
    since: datetime
    until: datetime | None


def ledger(session: Session, day: date, now: datetime) -> OutageLedger:
    """Return the outages that touch ``day`` at the site, as they are known now."""
    begin = datetime.combine(day, time(), SITE_ZONE)
    end = begin + timedelta(days=1)
    known = {booth.booth_id: booth for booth in session.scalars(select(Booth))}
    stored = session.scalars(
        select(OutageRow)
        .where(OutageRow.began_at < end, or_(OutageRow.ended_at.is_(None), OutageRow.ended_at >= begin))
        .order_by(OutageRow.booth_id, OutageRow.outage, OutageRow.began_at)
    ).all()
    sittings = _sittings(session, begin, end)
    found = [_row(row, known, sittings, now) for row in (*stored, *outages.missing(session, now)) if row.began_at < end]
    rows = [row for row in _without_lost_ends(found) if (row.ended_at or now) >= begin]
    rows = sorted(_without_explained(rows, now), key=lambda row: (row.began_at, row.booth_id, row.outage))
    projects = sorted({project for row in rows for project in row.projects})
    now_or_end = min(now, end)
    return OutageLedger(
        day=day.isoformat(),
        at=now,
        rooms=_rooms(rows, now),
        rows=rows,
        by_booth=[
            _total(booth_id, [row for row in rows if row.booth_id == booth_id], begin, now_or_end)
            for booth_id in sorted({row.booth_id for row in rows})
        ],
        by_project=[
            _total(project, [row for row in rows if project in row.projects], begin, now_or_end) for project in projects
        ],
    )


def sheet(found: OutageLedger) -> str:
    """Return the rows as CSV (RFC 4180) in Chinese, with a byte order mark, without which spreadsheets guess wrong."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in found.rows:
        cells = (
            row.room, row.booth_label, LABELS[row.outage], "；".join(row.projects), _local(row.began_at),
            "" if row.ended_at is None else _local(row.ended_at), round(row.duration_s), round(row.at_least_s),
            round(row.network_s), row.times, "是" if row.interrupted else "否",
            "未恢复" if row.outcome is None else _OUTCOMES[row.outcome], "站点" if row.told_by_site else "工位",
        )  # fmt: skip
        writer.writerow([_harmless(cell) if isinstance(cell, str) else cell for cell in cells])
    return "\ufeff" + text.getvalue()


def merged(spans: Iterable[_Span]) -> list[_Span]:
    """Return the union of spans as spans that do not touch, in order."""
    union: list[_Span] = []
    for begin, end in sorted(spans):
        if union and begin <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((begin, end))
    return union


def _row(row: OutageRow, known: dict[str, Booth], sittings: Sequence[_Sitting], now: datetime) -> LedgerRow:
    booth, until = known.get(row.booth_id), row.ended_at or max(now, row.began_at)
    return LedgerRow(
        outage=OutageKind(row.outage),
        booth_id=row.booth_id,
        booth_label=row.booth_id if booth is None else booth.booth_label,
        room="" if booth is None else booth.room,
        began_at=row.began_at,
        ended_at=row.ended_at,
        duration_s=(until - row.began_at).total_seconds() if row.ended_at is None else row.duration_s,
        at_least_s=row.at_least_s,
        network_s=row.network_s,
        times=row.times,
        interrupted=row.interrupted,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        projects=sorted(
            {
                sitting.project_id
                for sitting in sittings
                if sitting.booth_id == row.booth_id
                and sitting.since <= until
                and (sitting.until is None or sitting.until >= row.began_at)
            }
        ),
        told_by_site=row.told_by_site,
    )


def _without_lost_ends(rows: Sequence[LedgerRow]) -> list[LedgerRow]:
    """Close what a booth never said the end of: it has begun to count anew (its journal was replaced)."""
    newest = {(row.booth_id, row.outage): row.began_at for row in rows}  # in the order of their beginnings
    return [
        row.model_copy(
            update={
                "ended_at": row.began_at + timedelta(seconds=row.at_least_s),
                "duration_s": row.at_least_s,
                "outcome": Outcome.UNSEEN,
            }
        )
        if row.ended_at is None and row.began_at < newest[row.booth_id, row.outage]
        else row
        for row in rows
    ]


def _without_explained(rows: Sequence[LedgerRow], now: datetime) -> list[LedgerRow]:
    """Leave out silences of a booth that was all right and says itself that it did not reach the site server."""
    away: dict[str, list[_Span]] = {}
    for row in rows:
        if row.outage is OutageKind.SITE_SERVER:
            away.setdefault(row.booth_id, []).append((row.began_at, row.ended_at or now))
    return [
        row
        for row in rows
        if row.outage is not OutageKind.BOOTH
        or _overlap_s(away.get(row.booth_id, []), (row.began_at, row.ended_at or now)) < row.at_least_s - 1
    ]


def _overlap_s(spans: Iterable[_Span], other: _Span) -> float:
    return sum(max(0.0, (min(end, other[1]) - max(begin, other[0])).total_seconds()) for begin, end in merged(spans))


def _rooms(rows: Sequence[LedgerRow], now: datetime) -> list[RoomOutage]:
    groups: list[list[LedgerRow]] = []
    ends: dict[tuple[str, OutageKind], tuple[list[LedgerRow], datetime]] = {}
    for row in rows:  # in the order of their beginnings
        where = row.room, row.outage
        group, end = ends.get(where, ([], row.began_at))
        if not group or row.began_at > end:
            group, end = [], row.began_at
            groups.append(group)
        group.append(row)
        ends[where] = group, max(end, row.ended_at or now)
    return [_room(group, now) for group in groups]


def _room(group: Sequence[LedgerRow], now: datetime) -> RoomOutage:
    ended = [row.ended_at for row in group if row.ended_at is not None]
    end = max(ended) if len(ended) == len(group) else None
    return RoomOutage(
        outage=group[0].outage,
        room=group[0].room,
        began_at=group[0].began_at,
        ended_at=end,
        duration_s=max(0.0, ((end or now) - group[0].began_at).total_seconds()),
        booths=sorted({row.booth_id for row in group}),
        projects=sorted({project for row in group for project in row.projects}),
    )


def _total(subject: str, rows: Sequence[LedgerRow], begin: datetime, end: datetime) -> OutageTotal:
    def seconds(outage: OutageKind) -> float:
        spans = [(row.began_at, row.ended_at or end) for row in rows if row.outage is outage]
        return _overlap_s(spans, (begin, end))

    return OutageTotal(
        subject=subject,
        mains_s=seconds(OutageKind.MAINS),
        network_s=seconds(OutageKind.MAIN_SITE),
        site_server_s=seconds(OutageKind.SITE_SERVER),
        conference_s=seconds(OutageKind.CONFERENCE),
        booth_s=seconds(OutageKind.BOOTH),
    )


def _sittings(session: Session, begin: datetime, end: datetime) -> list[_Sitting]:
    """Return who of which project sat where within a time, by their way into the main site."""
    found = session.execute(
        select(LaunchRow.booth_id, LaunchRow.project_id, Arrival.verified_at, Arrival.left_at)
        .join(Arrival, Arrival.arrival_id == LaunchRow.arrival_id)
        .where(Arrival.verified_at < end, or_(Arrival.left_at.is_(None), Arrival.left_at >= begin))
        .distinct()
    )
    return [_Sitting(*row) for row in found]


def _local(moment: datetime) -> str:
    return moment.astimezone(SITE_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell

"""What a day of sixty left behind, and whether server, journals, ledger and script agree about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from tests.bench.sixty_script import Expected, Script, expected, union_s
from workstation.site.outages import LedgerRow, OutageKind, OutageLedger

START = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)  # 08:00 at the site


@dataclass(frozen=True)
class Played:
    """What a day left behind.

    Attributes:
        stored, journaled: event ids with their hashes, by booth, in the order of the journal.
        silences: (booth, begin, end) between two reports that the server took, longer than it bears.
    """

    script: Script
    ledger: OutageLedger
    stored: dict[int, list[tuple[str, str]]]
    journaled: dict[int, list[tuple[str, str]]]
    incidents: int
    broken: int
    silences: list[tuple[int, int, int]]
    reports: int
    lost_replies: int
    took_s: float


def name_of(number: int) -> str:
    """Return a booth's id."""
    return f"booth-{number:02}"


def second_of(moment: datetime) -> int:
    """Return the second of the day."""
    return round((moment - START).total_seconds())


def mistakes(played: Played) -> list[str]:
    """Return where server, journals, ledger and script do not agree; empty when all is as it should be."""
    found = [f"{name_of(n)}: events" for n in played.journaled if played.stored[n] != played.journaled[n]]
    if played.incidents or played.broken:
        found.append(f"chains: {played.incidents} incidents, {played.broken} broken")
    rows = {(row.booth_id, row.outage, second_of(row.began_at)): row for row in played.ledger.rows}
    if len(rows) != len(played.ledger.rows):
        found.append("an outage stands twice in the ledger")
    script_rows = expected(played.script)
    for wanted in script_rows:
        row = rows.pop((name_of(wanted.booth), wanted.outage, wanted.begin), None)
        if row is None or not _agrees(row, wanted):
            found.append(f"{wanted}: {row}")
    for number, begin, end in played.silences:
        row = rows.pop((name_of(number), OutageKind.BOOTH, begin), None)
        if row is None or row.ended_at is None or second_of(row.ended_at) != end:
            found.append(f"silence of {number} from {begin} to {end}: {row}")
    found += [f"not in the script: {row}" for row in rows.values()]
    for total in played.ledger.by_booth:
        spans = [(w.begin, w.end) for w in script_rows if name_of(w.booth) == total.subject and w.outage == "mains"]
        if round(total.mains_s) != union_s(spans):
            found.append(f"{total.subject}: {total.mains_s} s without mains, not {union_s(spans)}")
    return found


def _agrees(row: LedgerRow, wanted: Expected) -> bool:
    if row.ended_at is None or second_of(row.ended_at) != wanted.end:
        return False
    is_same = round(row.duration_s) == wanted.end - wanted.begin and row.times == wanted.times
    in_bounds = row.at_least_s <= wanted.true_s + 1 and (not wanted.is_seen or wanted.true_s <= row.duration_s + 1)
    return is_same and in_bounds and row.interrupted == wanted.interrupted

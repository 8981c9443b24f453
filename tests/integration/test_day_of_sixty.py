"""A day of 60 booths: outages of every kind, kills, power cuts, lost answers; nothing lost, and the ledger agrees."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.bench.sixty import Day
from tests.bench.sixty_judge import START, Played, mistakes
from tests.bench.sixty_script import BOOTHS_IN_ROOM, make_script
from workstation.site.outages import OutageKind

HOURS = 2.5
SEED = 2026


@pytest.mark.timeout(900)  # half a minute of work, on a machine that may have much else to do
def test_a_day_of_sixty_booths(tmp_path: Path) -> None:
    script = make_script(booths=60, length=round(HOURS * 3600), seed=SEED, kills=60)
    played = Day(tmp_path, script, SEED).play()
    assert mistakes(played) == []
    # What must have happened for that to say anything.
    assert sum(map(len, played.journaled.values())) > 1000
    assert len(script.offs) > 30
    assert len(played.silences) >= 1
    assert {row.outage for row in played.ledger.rows} == set(OutageKind)
    assert {True, False} == {row.interrupted for row in played.ledger.rows}
    assert any(row.at_least_s < row.duration_s - 60 for row in played.ledger.rows if row.interrupted)
    assert max(row.times for row in played.ledger.rows) == 3
    assert sum(row.network_s > 0 for row in played.ledger.rows) >= 5
    cut = [room for room in played.ledger.rooms if room.outage is OutageKind.MAINS and room.room == "1 室"]
    assert max(len(room.booths) for room in cut) >= BOOTHS_IN_ROOM
    everywhere = [room for room in played.ledger.rooms if room.outage is OutageKind.MAIN_SITE]
    assert sum(len(room.booths) for room in everywhere if room.duration_s >= 2400) >= 60
    assert played.lost_replies > 10
    _finds_what_is_wrong(played)


def _finds_what_is_wrong(played: Played) -> None:
    """The judge is no yes-man: one event less, one twice, or one second more is a mistake."""
    first = played.stored[0]
    for events in (first[:-1], [*first, first[-1]]):
        assert mistakes(replace(played, stored={**played.stored, 0: events})) == ["booth-00: events"]
    rows = list(played.ledger.rows)
    later = rows[0].model_copy(update={"ended_at": (rows[0].ended_at or START) + timedelta(seconds=1)})
    for changed in (rows[1:], [later, *rows[1:]], [*rows, rows[0]]):
        assert mistakes(replace(played, ledger=played.ledger.model_copy(update={"rows": changed})))

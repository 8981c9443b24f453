"""A booth dies again and again, at random moments and with random power cuts: nothing is lost, nothing doubled."""

from __future__ import annotations

from tests.crash.runs import CrashRuns

LIVES = 40


def test_a_booth_that_dies_all_the_time_loses_nothing_and_doubles_nothing(tmp_path):
    outcome = CrashRuns(tmp_path, seed=7).run(LIVES)
    assert outcome.lost == outcome.doubled == outcome.incidents == []
    assert outcome.unsound == outcome.failed == 0
    assert outcome.killed > LIVES // 2
    assert outcome.promised > LIVES

"""Every escape attempt in the real kiosk; a few of each kind in plain Chromium, where the checks must find them."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.security import chromium_run, kiosk_run, report
from tests.security.attempts import CATEGORIES, load

pytestmark = [pytest.mark.timeout(600), pytest.mark.pcscd]

FEWEST = {"keys": 25, "pointer": 10, "urls": 25, "web-platform": 30}
CONTROLS = ("fetch", "websocket", "rtc-stun", "pointer-right-click", "dialog-open-picker", "download-blob",
            "window-open", "scheme-mailto")  # fmt: skip


def test_there_are_enough_attempts_of_each_kind():
    counted = Counter(attempt.category for attempt in load())
    assert sum(counted.values()) >= 120
    assert set(counted) == set(CATEGORIES)
    assert {kind: counted[kind] for kind, least in FEWEST.items() if counted[kind] < least} == {}


def test_the_table_is_that_of_these_attempts():
    assert report.PAGE.read_text(encoding="utf-8") == report.page(load())
    assert [attempt.id for attempt in load() if attempt.id not in report.tried()] == []


def test_nothing_gets_out_of_the_kiosk(tmp_path):
    outcomes = kiosk_run.run(tmp_path, load())
    assert {outcome.id: (outcome.escaped, outcome.result) for outcome in outcomes if outcome.escaped} == {}


def test_nothing_in_the_environment_opens_the_kiosk(tmp_path):
    outcomes = kiosk_run.run_with_environment(tmp_path, load())
    assert {outcome.id: outcome.escaped for outcome in outcomes if outcome.escaped} == {}


def test_the_same_checks_see_what_gets_out_of_chromium():
    chosen = [attempt for attempt in load() if attempt.id in CONTROLS]
    found = chromium_run.run(chosen)
    assert set(found) == set(CONTROLS)
    for attempt in chosen:
        assert chromium_run.shows(attempt, found[attempt.id]), (attempt.id, found[attempt.id])

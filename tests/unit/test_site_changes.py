"""What is news, and that changes with a full report now and then give the board that full reports would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from workstation.site.changes import DEAD_BANDS, FULL_INTERVAL_S, Changes, is_news
from workstation.site.contract import MAX_READINGS
from workstation.site.readings import _UNITS, DeviceIdentity, Quality, ReadingKind, ReadingReport, ReadingState

NOW = datetime(2026, 6, 1, tzinfo=UTC)
UPS = ReadingReport(kind=ReadingKind.UPS, state=ReadingState.OK, observed_at=NOW, values={"load_percent": 20.0})


def test_every_unit_has_a_dead_band():
    assert set(DEAD_BANDS) == set(_UNITS.values())


@pytest.mark.parametrize(
    "change",
    [
        {"state": ReadingState.WARN},
        {"quality": Quality.UNCERTAIN},
        {"detail": "on battery"},
        {"device": DeviceIdentity(serial="7")},
        {"values": {}},
        {"values": {"load_percent": 20.0, "charge_percent": 1.0}},
        {"values": {"load_percent": 21.5}},
        {"values": {"load_percent": 18.5}},
    ],
)
def test_news(change):
    assert is_news(UPS, UPS.model_copy(update=change))


@pytest.mark.parametrize("change", [{}, {"observed_at": NOW + timedelta(hours=1)}, {"values": {"load_percent": 20.9}}])
def test_no_news(change):
    assert not is_news(UPS, UPS.model_copy(update=change))


@pytest.mark.parametrize(
    ("figure", "told", "same", "other"),
    [
        ("runtime_s", 3600.0, 3500.0, 3400.0),
        ("offset_s", 0.001, 0.04, 0.06),
        ("round_trip_ms", 40.0, 48.0, 55.0),
        ("free_bytes", 100e9, 99.5e9, 98e9),
        ("input_voltage_v", 230.0, 229.0, 227.0),
        ("draw_w", 100.0, 104.0, 106.0),
        ("cpu_celsius", 50.0, 51.0, 52.0),
        ("up_kbps", 1000.0, 900.0, 700.0),
        ("level_dbfs", -40.0, -38.0, -36.0),
        ("displays", 1.0, 1.0, 2.0),
    ],
)
def test_dead_bands(figure, told, same, other):
    before, kept, moved = (UPS.model_copy(update={"values": {figure: value}}) for value in (told, same, other))
    assert not is_news(before, kept)
    assert is_news(before, moved)


def test_a_slow_drift_is_told_in_the_end():
    changes = Changes(lambda: 0.0)
    told = []
    for step in range(50):
        news, _ = changes.next_report([UPS.model_copy(update={"values": {"load_percent": 20 + step / 10}})])
        changes.was_taken(full_wanted=False)
        told += [reading.values["load_percent"] for reading in news]
    assert told == [20.0, 21.1, 22.2, 23.3, 24.4]


def test_more_readings_than_a_report_holds_do_not_end_reporting():
    many = [UPS.model_copy(update={"subject": f"ups-{n}"}) for n in range(MAX_READINGS + 50)]
    told, is_full = Changes(lambda: 0.0).next_report(many)
    assert is_full
    assert told == many[:MAX_READINGS]


@given(value=st.floats(-1e12, 1e12), figure=st.sampled_from(["a_s", "a_bytes", "a_percent", "count"]))
def test_what_is_told_is_as_exact_as_said(value, figure):
    [told], is_full = Changes(lambda: 0.0).next_report([UPS.model_copy(update={"values": {figure: value}})])
    assert is_full
    assert told.values[figure] == (value if figure == "count" else pytest.approx(value, rel=6e-4))


FIGURES = st.dictionaries(
    st.sampled_from(["load_percent", "runtime_s", "free_bytes", "displays"]), st.floats(0, 1e4), max_size=3
)


class Board(RuleBasedStateMachine):
    """One booth, and a site that merges as the server does, beside one that is always told everything."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.booth: dict[tuple[ReadingKind, str], ReadingReport] = {}
        self.changes = Changes(lambda: self.now)
        self.site: dict[tuple[ReadingKind, str], ReadingReport] = {}
        self.is_current = False

    @rule(
        kind=st.sampled_from([ReadingKind.UPS, ReadingKind.DISK]),
        subject=st.sampled_from(["", "a", "b"]),
        state=st.sampled_from(ReadingState),
        values=FIGURES,
        detail=st.sampled_from(["", "x"]),
    )
    def reads(self, kind, subject, state, values, detail) -> None:
        self.booth[(kind, subject)] = ReadingReport(
            kind=kind, subject=subject, state=state, values=values, detail=detail, observed_at=NOW
        )
        self.is_current = False

    @rule(data=st.data())
    def forgets(self, data) -> None:
        if self.booth:
            del self.booth[data.draw(st.sampled_from(sorted(self.booth)))]
            self.is_current = False

    @rule(seconds=st.floats(0, 40))
    def time_passes(self, seconds) -> None:
        self.now += seconds

    @rule()
    def program_restarts(self) -> None:
        self.changes = Changes(lambda: self.now)

    @rule(fate=st.sampled_from(["taken", "taken", "taken", "reply lost", "request lost", "full wanted"]))
    def reports(self, fate) -> None:
        readings, is_full = self.changes.next_report(self.booth.values())
        if fate != "request lost":
            told = {(reading.kind, reading.subject): reading for reading in readings}
            self.site = told if is_full else self.site | told
            self.is_current = True
        if fate in {"reply lost", "request lost"}:
            self.changes.was_lost()
        else:
            self.changes.was_taken(full_wanted=fate == "full wanted")

    @invariant()
    def after_a_report_the_board_is_the_one_that_full_reports_give(self) -> None:
        if not self.is_current:
            return
        assert self.site.keys() == self.booth.keys()
        for key, truth in self.booth.items():
            # Rounding may move a figure by a fraction of its dead band.
            assert self.site[key].state == truth.state
            assert self.site[key].detail == truth.detail
            assert self.site[key].values.keys() == truth.values.keys()
            for figure, value in truth.values.items():
                assert self.site[key].values[figure] == pytest.approx(value, rel=0.06, abs=17 * 2**20)

    def teardown(self) -> None:
        self.now += FULL_INTERVAL_S
        self.reports("taken")
        everything, _ = Changes(lambda: self.now).next_report(self.booth.values())
        assert list(self.site.values()) == everything


TestBoard = Board.TestCase

"""What several UPSes mean for a booth, until when they last, and the clock that powers it off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import Feeds, UpsFlag, UpsReading
from drivers.errors import ErrorCode
from workstation.health.power import Forecast, RuntimeSource
from workstation.health.readings import Moment, Reading
from workstation.health.shutdown import COUNTING, PowerPhase, ShutdownClock
from workstation.health.supply import (
    NOT_MONITORED,
    STALE,
    BoothSupply,
    PowerLimits,
    UpsSeen,
    Verdict,
    endurance,
    read_supply,
    read_ups,
)
from workstation.site.readings import Quality, ReadingKind, ReadingState

OK, WARN, BAD, UNKNOWN = ReadingState.OK, ReadingState.WARN, ReadingState.BAD, ReadingState.UNKNOWN
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
NO_RULE = PowerLimits(required_s=0)
BOOTH, SWITCH, ROOM = (frozenset({feeds}) for feeds in Feeds)


def at(seconds: float) -> Moment:
    return Moment(utc=NOON + timedelta(seconds=seconds), monotonic_s=seconds)


def seen(
    flags: UpsFlag | None,
    runtime_s: float | None = None,
    *,
    name: str = "a",
    feeds: frozenset[Feeds] = BOOTH,
    now: float = 0.0,
    is_testing: bool = False,
    quality: Quality = Quality.GOOD,
    **figures: float,
) -> UpsSeen:
    forecast = None
    if runtime_s is not None:
        forecast = Forecast(
            seconds=runtime_s, low_s=0.7 * runtime_s, high_s=1.3 * runtime_s, source=RuntimeSource.DEVICE,
            quality=quality,
        )  # fmt: skip
    reading = UpsReading(flags=flags, **figures)
    return UpsSeen(id=name, feeds=feeds, reading=reading, at=at(now), forecast=forecast, is_testing=is_testing)


# --- one UPS -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "state", "code"),
    [
        (seen(None), UNKNOWN, None),
        (seen(UpsFlag.CHRG), UNKNOWN, None),
        (seen(UpsFlag.OL), OK, None),
        (seen(UpsFlag.OL, 60), OK, None),
        (seen(UpsFlag.OL, 14_399, battery_charge_percent=100), WARN, None),
        (seen(UpsFlag.OL, 14_400, battery_charge_percent=100), OK, None),
        (seen(UpsFlag.OL, 60, battery_charge_percent=50), OK, None),
        (seen(UpsFlag.OL | UpsFlag.RB), WARN, None),
        (seen(UpsFlag.OL | UpsFlag.LB | UpsFlag.CHRG), WARN, None),
        (seen(UpsFlag.OB), WARN, ErrorCode.ON_BATTERY),
        (seen(UpsFlag.OB, 1200), WARN, ErrorCode.ON_BATTERY),
        (seen(UpsFlag.OB, 1199), BAD, ErrorCode.BATTERY_LOW),
        (seen(UpsFlag.OB | UpsFlag.LB, 9999), BAD, ErrorCode.BATTERY_LOW),
        (seen(UpsFlag.FSD | UpsFlag.OL), BAD, ErrorCode.BATTERY_LOW),
        (seen(UpsFlag.OB, 100, is_testing=True, input_voltage_v=230), WARN, None),
        (seen(UpsFlag.OB, 100, is_testing=True), WARN, None),
        (seen(UpsFlag.OB, 9000, is_testing=True, input_voltage_v=0), WARN, ErrorCode.ON_BATTERY),
        (seen(UpsFlag.OB | UpsFlag.LB, 100, is_testing=True, input_voltage_v=230), BAD, ErrorCode.BATTERY_LOW),
    ],
)
def test_one_poll(one: UpsSeen, state: ReadingState, code: ErrorCode | None) -> None:
    judged = read_ups(one)
    assert (judged.state, judged.code, judged.subject) == (state, code, "a")
    assert (judged.quality is Quality.BAD) == (state is UNKNOWN)


def test_figures_are_those_measured() -> None:
    reading = read_ups(seen(UpsFlag.OB | UpsFlag.DISCHRG, 3600, battery_charge_percent=80), NO_RULE)
    assert reading.values == {
        "runtime_s": 3600, "runtime_low_s": 2520, "runtime_high_s": 4680, "charge_percent": 80,
    }  # fmt: skip
    assert reading.detail == "OB DISCHRG"
    reading.report()


# --- the booth -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ups", "state", "code", "name"),
    [
        ([], UNKNOWN, None, ""),
        ([seen(UpsFlag.OL, feeds=SWITCH)], UNKNOWN, None, ""),
        ([seen(UpsFlag.OL, feeds=ROOM)], OK, None, "a"),
        ([seen(UpsFlag.OL), seen(None, name="b", feeds=SWITCH)], UNKNOWN, None, "b"),
        ([seen(UpsFlag.OL), seen(UpsFlag.OB, 9000, name="b", feeds=SWITCH)], WARN, ErrorCode.ON_BATTERY, "b"),
        ([seen(UpsFlag.OB, 9000), seen(UpsFlag.OB, 600, name="b", feeds=SWITCH)], BAD, ErrorCode.BATTERY_LOW, "b"),
        ([seen(UpsFlag.OB, 9000), seen(None, name="b", feeds=SWITCH)], WARN, ErrorCode.ON_BATTERY, "a"),
        ([seen(UpsFlag.OL, 20_000), seen(UpsFlag.OL, 15_000, name="b", feeds=SWITCH)], OK, None, "b"),
        ([seen(UpsFlag.OL, 600), seen(UpsFlag.OB, 9000, name="b", feeds=SWITCH)], WARN, ErrorCode.ON_BATTERY, "b"),
    ],
)
def test_the_worst_counts_and_the_first_to_give_up_is_named(
    ups: list[UpsSeen], state: ReadingState, code: ErrorCode | None, name: str
) -> None:
    supply = read_supply(ups, at(1))
    assert (supply.reading.state, supply.reading.code, supply.id) == (state, code, name)
    assert supply.reading.subject == ""


def test_nothing_that_feeds_the_booth_is_not_monitored_and_a_switch_without_is_said() -> None:
    assert read_supply([], at(0)).reading.detail == NOT_MONITORED
    assert read_supply([seen(UpsFlag.OL)], at(0)).reading.detail == "a: OL; switch: not monitored"
    assert read_supply([seen(UpsFlag.OL, feeds=BOOTH | SWITCH)], at(0)).reading.detail == "a: OL"


def test_a_poll_of_long_ago_is_unknown_and_never_good() -> None:
    supply = read_supply([seen(UpsFlag.OL, 15_000)], at(31))
    assert (supply.reading.state, supply.reading.quality, supply.reading.values) == (UNKNOWN, Quality.BAD, {})
    assert STALE in supply.reading.detail


UPSES = st.lists(
    st.builds(
        seen,
        st.one_of(st.none(), st.sampled_from([UpsFlag.OL, UpsFlag.OB, UpsFlag.OB | UpsFlag.LB, UpsFlag.FSD])),
        st.one_of(st.none(), st.floats(0, 1e5)),
        name=st.sampled_from("abc"),
        feeds=st.frozensets(st.sampled_from(Feeds), min_size=1),
        now=st.floats(0, 100),
    ),
    max_size=4,
)


@given(UPSES)
def test_unknown_never_makes_good(ups: list[UpsSeen]) -> None:
    supply = read_supply(ups, at(100))
    if any(one.reading.flags is None or one.at.monotonic_s < 70 for one in ups):
        assert supply.reading.state is not OK
    supply.reading.report()


# --- until when ----------------------------------------------------------------------------------------------------


def lasting(runtime_s: float, low_s: float) -> Reading:
    values = {"runtime_s": runtime_s, "runtime_low_s": low_s}
    return Reading(kind=ReadingKind.UPS, state=OK, observed=at(0), values=values)


@pytest.mark.parametrize(
    ("low_h", "runtime_h", "verdict"),
    [(2.0, 3.0, Verdict.ENOUGH), (1.9, 3.0, Verdict.TIGHT), (1.0, 1.9, Verdict.SHORT)],
)
def test_compared_with_the_end_of_the_evaluation(low_h: float, runtime_h: float, verdict: Verdict) -> None:
    ends_at = NOON + timedelta(hours=2)
    found = endurance(lasting(3600 * runtime_h, 3600 * low_h), NOON, ends_at=ends_at, outage_s=0, required_s=14_400)
    assert found is not None
    assert (found.needed_until, found.is_rule, found.verdict) == (ends_at, False, verdict)
    assert found.lasts_until == NOON + timedelta(hours=runtime_h)


@pytest.mark.parametrize("ends_at", [None, NOON - timedelta(minutes=1)])
def test_without_an_evaluation_the_rule_counts_from_the_outage(ends_at: datetime | None) -> None:
    found = endurance(lasting(10_900, 10_801), NOON, ends_at=ends_at, outage_s=3600, required_s=14_400)
    assert found is not None
    assert (found.is_rule, found.verdict) == (True, Verdict.ENOUGH)
    assert found.needed_until == NOON + timedelta(hours=3)


def test_without_anything_to_compare_with_there_is_no_verdict() -> None:
    for required_s, outage_s in ((0.0, 0.0), (14_400.0, 14_400.0)):
        found = endurance(lasting(100, 50), NOON, ends_at=None, outage_s=outage_s, required_s=required_s)
        assert found is not None
        assert (found.needed_until, found.verdict) == (None, None)
    unknown = Reading(kind=ReadingKind.UPS, state=UNKNOWN, observed=at(0))
    assert endurance(unknown, NOON, ends_at=None, outage_s=0, required_s=14_400) is None


# --- the clock -----------------------------------------------------------------------------------------------------


def supply(flags: UpsFlag | None, runtime_s: float | None = None) -> BoothSupply:
    return read_supply([seen(flags, runtime_s)], at(0))


def phases(clock: ShutdownClock, steps: list[tuple[float, BoothSupply]]) -> list[PowerPhase]:
    return [clock.follow(found, now).phase for now, found in steps]


def test_an_outage_from_its_begin_to_the_power_off() -> None:
    on = supply(UpsFlag.OB, 7200)
    assert phases(
        ShutdownClock(),
        [
            (0, supply(UpsFlag.OL)),
            (10, on),
            (20, supply(UpsFlag.OB, 1199)),
            (30, supply(UpsFlag.OB, 299)),
            (30 + 238, supply(UpsFlag.OB, 61)),
            (30 + 240, supply(UpsFlag.OB, 59)),
            (30 + 299, supply(UpsFlag.OB, 1)),
        ],
    ) == [
        PowerPhase.MAINS,
        PowerPhase.BATTERY,
        PowerPhase.LOW,
        PowerPhase.SAVE,
        PowerPhase.SAVE,
        PowerPhase.CLOSING,
        PowerPhase.OFF,
    ]


@pytest.mark.parametrize(
    ("flags", "runtime_s", "seconds"),
    [
        (UpsFlag.OB | UpsFlag.LB, None, 60),
        (UpsFlag.OB | UpsFlag.LB, 90, 60),
        (UpsFlag.OB | UpsFlag.LB, 400, 200),
        (UpsFlag.OB | UpsFlag.LB, 9000, 300),
        (UpsFlag.OB, 200, 200),
        (UpsFlag.OB | UpsFlag.FSD, 9000, 30),
        (UpsFlag.FSD | UpsFlag.OL, None, 30),
    ],
)
def test_how_long_the_countdown_is(flags: UpsFlag, runtime_s: float | None, seconds: float) -> None:
    assert ShutdownClock().follow(supply(flags, runtime_s), 5).off_in_s == seconds


def test_the_mains_end_the_countdown_and_say_how_long_they_were_away_once() -> None:
    clock = ShutdownClock()
    clock.follow(supply(UpsFlag.OB | UpsFlag.LB), 100)
    back = clock.follow(supply(UpsFlag.OL), 140)
    assert (back.phase, back.was_out_s, back.off_in_s) == (PowerPhase.MAINS, 40, None)
    assert clock.follow(supply(UpsFlag.OL), 141).was_out_s == 0
    assert clock.follow(supply(UpsFlag.OB, 7200), 150).off_in_s is None


def test_an_estimate_that_recovers_does_not_put_the_end_off() -> None:
    clock = ShutdownClock()
    clock.follow(supply(UpsFlag.OB, 200), 0)
    assert clock.follow(supply(UpsFlag.OB, 9000), 100).off_in_s == 100


def test_silence_in_an_outage_runs_the_last_estimate_down() -> None:
    clock, silent = ShutdownClock(), supply(None)
    assert clock.follow(silent, 0).phase is PowerPhase.UNKNOWN
    clock.follow(supply(UpsFlag.OB, 1300), 0)
    found = phases(clock, [(60, silent), (101, silent), (1001, silent), (1250, silent), (1300, silent)])
    assert found == [PowerPhase.BATTERY, PowerPhase.LOW, PowerPhase.SAVE, PowerPhase.CLOSING, PowerPhase.OFF]


def test_the_expert_is_reminded_at_once_and_every_two_minutes() -> None:
    clock = ShutdownClock()
    low = supply(UpsFlag.OB, 1100)
    assert [clock.follow(low, now).reminders for now in (0, 119, 120, 239, 241)] == [1, 1, 2, 2, 3]


@given(st.lists(st.tuples(st.floats(0, 200), UPSES), max_size=40))
def test_only_the_mains_end_a_countdown(steps: list[tuple[float, list[UpsSeen]]]) -> None:
    clock, now = ShutdownClock(), 100.0
    told = []
    for step, ups in steps:
        now += step
        found = read_supply(ups, at(100))
        told.append((clock.follow(found, now), found.reading))
    for (before, _), (after, reading) in pairwise(told):
        if before.phase in COUNTING and after.phase not in COUNTING:
            assert reading.state in {OK, WARN}
            assert reading.code is None

"""How long a battery lasts: simulated ones, told late, in steps, with noise, under changing load, and by liars."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contracts import UpsFlag, UpsReading
from tests.discharges import Battery, discharge
from workstation.health.power import Forecast, RuntimeForecast, RuntimeSource
from workstation.site.readings import Quality

DERIVED = (RuntimeSource.DISCHARGE, RuntimeSource.PROVEN)


def follow(battery: Battery, seed: int = 0, proven_cost: float | None = None) -> list[tuple[float, Forecast, float]]:
    """Return seconds since the mains went, the forecast and the true seconds left, wherever there was a forecast."""
    forecast = RuntimeForecast(proven_cost)
    told = ((at, forecast.observe(reading, 500 + at), true_s) for at, reading, true_s in discharge(battery, seed))
    return [(at, found, true_s) for at, found, true_s in told if found is not None]


def errors(followed: list[tuple[float, Forecast, float]]) -> list[float]:
    """Relative errors, but not of the last five minutes: the booth is powering off by then."""
    return [(found.seconds - true_s) / true_s for _, found, true_s in followed if true_s > 300]


def ups(flags: UpsFlag | None, runtime_s: float | None = None, charge: float | None = None, **more) -> UpsReading:
    return UpsReading(flags=flags, runtime_s=runtime_s, battery_charge_percent=charge, **more)


@settings(max_examples=10, deadline=None)
@given(
    full_s=st.floats(1800, 6 * 3600),
    noise=st.floats(0, 0.6),
    step=st.sampled_from([0.1, 1.0, 2.0]),
    charge=st.floats(60, 100),
    seed=st.integers(0, 1000),
)
def test_a_steady_discharge_is_foreseen(full_s: float, noise: float, step: float, charge: float, seed: int) -> None:
    followed = follow(Battery(full_s=full_s, noise=noise, step=step, charge=charge, poll_s=10), seed)
    assert followed, "nothing was foreseen"
    found = errors(followed)
    assert abs(median(found or [0])) < 0.05
    inside = [one.low_s <= true_s <= one.high_s for _, one, true_s in followed if true_s > 300]
    assert sum(inside) >= 0.85 * len(inside)


@settings(max_examples=6, deadline=None)
@given(
    before=st.floats(10, 50), after=st.floats(10, 50), at=st.floats(600, 3000), peukert=st.floats(1, 1.15),
    seed=st.integers(0, 1000),
)  # fmt: skip
def test_a_new_load_counts_at_once(before: float, after: float, at: float, peukert: float, seed: int) -> None:
    """Long before the charge has shown it."""
    battery = Battery(
        full_s=3 * 3600, load=lambda now: before if now < at else after, peukert=peukert, noise=0.3, poll_s=10
    )
    followed = [entry for entry in follow(battery, seed) if at + 60 < entry[0] < at + 300 and entry[2] > 300]
    for _, found, true_s in followed:
        assert found.seconds == pytest.approx(true_s, rel=0.35)


@settings(max_examples=6, deadline=None)
@given(promised=st.floats(4 * 3600, 40 * 3600), seed=st.integers(0, 1000))
def test_an_estimate_that_never_falls_is_not_believed(promised: float, seed: int) -> None:
    battery = Battery(full_s=4000, estimate=lambda _true_s, _at_s: promised, poll_s=10, noise=0.3)
    late = [entry for entry in follow(battery, seed) if entry[0] > 400]
    assert late
    assert {found.source for _, found, _ in late} == {RuntimeSource.DISCHARGE}
    assert {found.quality for _, found, _ in late} == {Quality.UNCERTAIN}


def test_a_frozen_estimate_with_nothing_beside_it_runs_down_by_the_clock() -> None:
    forecast = RuntimeForecast()
    found = [forecast.observe(ups(UpsFlag.OB, runtime_s=15_000), 10.0 * at) for at in range(100)]
    assert found[0] is not None
    assert found[-1] is not None
    assert (found[0].quality, found[0].seconds) == (Quality.GOOD, 15_000)
    assert found[-1].quality is Quality.UNCERTAIN
    assert found[-1].seconds == pytest.approx(15_000 - 990, abs=30)


@settings(max_examples=6, deadline=None)
@given(factor=st.floats(1.3, 20), seed=st.integers(0, 1000))
def test_who_promises_too_much_is_overruled(factor: float, seed: int) -> None:
    battery = Battery(full_s=2 * 3600, estimate=lambda true_s, _at_s: factor * true_s, poll_s=10, noise=0.3)
    late = [entry for entry in follow(battery, seed) if entry[0] > 900]
    assert abs(median(errors(late))) < 0.1


def test_an_honest_device_is_believed_from_the_first_poll() -> None:
    followed = follow(Battery(estimate=lambda true_s, _at_s: true_s // 60 * 60))
    assert followed[0][1].source is RuntimeSource.DEVICE
    assert followed[0][1].quality is Quality.GOOD
    assert max(map(abs, errors(followed))) < 0.2


def test_one_bad_line_ends_nothing_and_a_battery_that_breaks_down_is_believed_at_the_second() -> None:
    forecast = RuntimeForecast()
    for at in range(0, 60, 2):
        forecast.observe(ups(UpsFlag.OB, runtime_s=6000 - at, load_percent=20), at)
    found = [
        forecast.observe(ups(UpsFlag.OB, runtime_s=seconds, load_percent=20), at)
        for at, seconds in ((60, 12), (62, 5938), (64, 5936), (66, 200), (68, 198))
    ]
    told = [one.seconds for one in found if one is not None]
    assert told == pytest.approx([5940, 5938, 5936, 5934, 198], abs=5)


def test_an_estimate_that_leaps_up_is_held_back_for_a_while() -> None:
    forecast = RuntimeForecast()
    for at in range(0, 60, 5):
        forecast.observe(ups(UpsFlag.OB, runtime_s=1000 - at, load_percent=20), at)
    for at in range(60, 120, 5):
        held = forecast.observe(ups(UpsFlag.OB, runtime_s=9000 - at, load_percent=20), at)
    assert held is not None
    assert held.seconds == pytest.approx(1000 - 115, abs=10)
    assert held.quality is Quality.UNCERTAIN
    for at in range(120, 500, 5):
        late = forecast.observe(ups(UpsFlag.OB, runtime_s=9000 - at, load_percent=20), at)
    assert late is not None
    assert late.seconds == pytest.approx(9000 - 495, abs=10)


def test_a_load_that_halves_explains_an_estimate_that_doubles() -> None:
    forecast = RuntimeForecast()
    for at in range(0, 60, 5):
        forecast.observe(ups(UpsFlag.OB, runtime_s=3000 - at, load_percent=40), at)
    for at in range(60, 120, 5):
        found = forecast.observe(ups(UpsFlag.OB, runtime_s=2 * (3000 - 60) - (at - 60), load_percent=20), at)
    assert found is not None
    assert found.source is RuntimeSource.DEVICE


@pytest.mark.parametrize(
    ("reading", "seconds"),
    [
        (ups(UpsFlag.OL, runtime_s=15_120, charge=100), 15_120),
        (ups(UpsFlag.OL, runtime_s=0, charge=100), None),
        (ups(UpsFlag.OB, runtime_s=0, charge=90), None),
        (ups(UpsFlag.OB | UpsFlag.LB, runtime_s=0, charge=90), 0),
        (ups(UpsFlag.OB, runtime_s=0, charge=12), 0),
        (ups(UpsFlag.OB, runtime_s=0), 0),
        (ups(UpsFlag.OL, runtime_s=1e9), None),
        (ups(UpsFlag.OL, runtime_s=-5), None),
        (ups(UpsFlag.OL), None),
        (ups(None, runtime_s=100), None),
    ],
)
def test_what_a_device_says_in_one_poll(reading: UpsReading, seconds: float | None) -> None:
    found = RuntimeForecast().observe(reading, 0)
    assert (None if found is None else found.seconds) == seconds


def test_what_was_proven_speaks_on_mains_and_for_a_new_load() -> None:
    forecast = RuntimeForecast(proven_cost=3000.0)
    light = forecast.observe(ups(UpsFlag.OL, charge=100, load_percent=20), 0)
    assert light is not None
    assert (light.source, light.seconds) == (RuntimeSource.PROVEN, 80 * 3000 / 20)
    for at in range(1, 6):
        heavy = forecast.observe(ups(UpsFlag.OL, charge=100, load_percent=40), at)
    assert heavy is not None
    assert heavy.seconds == 80 * 3000 / 40


def test_the_lowest_wins_and_far_apart_ones_make_it_uncertain() -> None:
    forecast = RuntimeForecast(proven_cost=3000.0)
    near = forecast.observe(ups(UpsFlag.OL, runtime_s=10_000, charge=100, load_percent=20), 0)
    far = forecast.observe(ups(UpsFlag.OL, runtime_s=3000, charge=100, load_percent=20), 1)
    assert near is not None
    assert far is not None
    assert (near.source, near.quality) == (RuntimeSource.DEVICE, Quality.GOOD)
    assert (far.source, far.quality) == (RuntimeSource.DEVICE, Quality.UNCERTAIN)


def test_the_mains_end_what_was_seen_of_a_discharge() -> None:
    forecast = RuntimeForecast()
    for at in range(0, 1200, 10):
        forecast.observe(ups(UpsFlag.OB, charge=100 - at / 20), at)
    assert forecast.seen_cost == pytest.approx(20, rel=0.01)
    assert forecast.observe(ups(UpsFlag.OL, charge=40), 1200) is None
    assert forecast.seen_cost is None


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(0, 100)),
            st.one_of(st.none(), st.floats(-10, 1e7)),
            st.one_of(st.none(), st.floats(0, 150)),
            st.floats(0, 120),
            st.sampled_from([UpsFlag.OL, UpsFlag.OB, UpsFlag.OB | UpsFlag.LB, UpsFlag.CHRG, None]),
        ),
        max_size=80,
    )
)
def test_whatever_is_read_the_figures_are_sound(samples) -> None:
    forecast, now = RuntimeForecast(), 0.0
    for charge, runtime_s, load, step, flags in samples:
        now += step
        found = forecast.observe(ups(flags, runtime_s, charge, load_percent=load), now)
        if found is not None:
            assert 0 <= found.low_s <= found.seconds + 1e-6
            assert found.seconds <= found.high_s + 1e-6

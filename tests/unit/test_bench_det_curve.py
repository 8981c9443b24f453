"""Error rates with known answers, and what must hold for any scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.det_curve import (
    Rate,
    Scores,
    curve,
    equal_error_interval,
    equal_error_rate,
    groups,
    impostors_needed,
    threshold_at,
)

SCORES = st.lists(st.floats(-1, 1, allow_nan=False) | st.sampled_from([-0.5, 0.0, 0.5]), min_size=1, max_size=60)


def made(genuine: list[float], impostor: list[float]) -> Scores:
    return Scores(
        genuine=np.array(genuine, np.float64),
        impostor=np.array(impostor, np.float64),
        genuine_people=np.arange(len(genuine)),
        impostor_people=np.array([(i, i + 1) for i in range(len(impostor))]).reshape(-1, 2),
    )


def test_a_score_equal_to_the_threshold_is_a_match() -> None:
    scores = made([0.4, 0.5, 0.6], [0.5, 0.1])
    assert scores.false_non_matches(0.5).errors == 1
    assert scores.false_matches(0.5).errors == 1
    assert scores.false_matches(math.nextafter(0.5, 1)).errors == 0


def test_separable_scores_have_no_error() -> None:
    scores = made([0.8, 0.9], [0.1] * 300)
    assert equal_error_rate(scores.genuine, scores.impostor) == 0
    interval = equal_error_interval(scores, rounds=50)
    assert (interval.low, interval.high) == (0, 0)
    assert threshold_at(scores, 1e-2) == pytest.approx(0.1, abs=2e-4)


def test_identical_scores_are_a_coin_flip() -> None:
    values = np.full(50, 0.3)
    assert equal_error_rate(values, values) == 0.5
    same = np.linspace(0, 1, 101)
    assert equal_error_rate(same, same) == pytest.approx(0.5, abs=0.01)


def test_reversed_scores_are_always_wrong() -> None:
    assert equal_error_rate(np.full(5, 0.1), np.full(5, 0.9)) == 1


def test_ties_of_impostors_stay_together() -> None:
    scores = made([0.9], [0.7] * 10 + [0.1] * 290)
    threshold = threshold_at(scores, 1e-2)
    assert threshold is not None
    assert scores.false_matches(threshold).errors == 0, "ten at 0.7 cannot be split into three and seven"


def test_three_of_three_hundred_may_match() -> None:
    scores = made([0.9], [0.7, 0.6, 0.5, 0.4] + [0.1] * 296)
    threshold = threshold_at(scores, 1e-2)
    assert threshold == pytest.approx(0.4001)
    assert scores.false_matches(0.4001).errors == 3


@pytest.mark.parametrize(("fmr", "needed"), [(1e-2, 300), (1e-3, 3000), (1e-4, 30000)])
def test_too_few_impostors_show_nothing(fmr: float, needed: int) -> None:
    assert impostors_needed(fmr) == needed
    assert threshold_at(made([0.9], [0.1] * (needed - 1)), fmr) is None
    assert threshold_at(made([0.9], [0.1] * needed), fmr) is not None


@pytest.mark.parametrize(
    ("errors", "trials", "low", "high"), [(0, 10, 0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1)]
)
def test_wilson_intervals_of_the_literature(errors: int, trials: int, low: float, high: float) -> None:
    interval = Rate(errors=errors, trials=trials).interval
    assert (interval.low, interval.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_no_trial_says_nothing() -> None:
    assert math.isnan(Rate(errors=0, trials=0).value)
    assert (Rate(errors=0, trials=0).interval.low, Rate(errors=0, trials=0).interval.high) == (0, 1)


def test_groups_are_what_is_linked() -> None:
    assert groups(6, [(0, 2), (4, 2), (3, 5)]) == [0, 1, 0, 2, 0, 2]


def test_one_person_in_all_pairs_widens_the_interval() -> None:
    random = np.random.default_rng(3)
    genuine, impostor = random.normal(0.6, 0.1, 40), random.normal(0.3, 0.1, 40)
    apart = Scores(
        genuine=genuine,
        impostor=impostor,
        genuine_people=np.arange(40),
        impostor_people=np.column_stack([np.arange(40), np.arange(40, 80)]),
    )
    few = Scores(
        genuine=genuine,
        impostor=impostor,
        genuine_people=np.arange(40) % 5,
        impostor_people=np.column_stack([np.arange(40) % 5, 5 + np.arange(40) % 5]),
    )
    wide, narrow = (equal_error_interval(scores, rounds=300) for scores in (few, apart))
    assert 0 <= narrow.low <= equal_error_rate(genuine, impostor) <= narrow.high <= 1
    assert wide.high - wide.low > narrow.high - narrow.low


@given(SCORES, SCORES)
def test_rates_are_monotonous_and_meet_their_ends(genuine: list[float], impostor: list[float]) -> None:
    thresholds, fmr, fnmr = curve(np.array(genuine), np.array(impostor))
    assert (fmr[0], fnmr[0], fmr[-1], fnmr[-1]) == (1, 0, pytest.approx(0), 1)
    assert (np.diff(fmr) <= 1e-12).all()
    assert (np.diff(fnmr) >= -1e-12).all()
    scores = made(genuine, impostor)
    for threshold, match, non_match in zip(thresholds, fmr, fnmr, strict=True):
        assert scores.false_matches(float(threshold)).value == pytest.approx(match)
        assert scores.false_non_matches(float(threshold)).value == pytest.approx(non_match)


@given(SCORES, SCORES)
def test_equal_error_rate_is_a_rate_and_does_not_depend_on_the_scale(
    genuine: list[float], impostor: list[float]
) -> None:
    one, other = np.round(genuine, 6), np.round(impostor, 6)
    rate = equal_error_rate(one, other)
    assert 0 <= rate <= 1
    assert equal_error_rate(8 * one - 3, 8 * other - 3) == pytest.approx(rate)
    doubled = np.full(one.size, 2.0), np.full(other.size, 2.0)
    assert equal_error_rate(one, other, doubled) == pytest.approx(rate)


@given(st.integers(0, 400), st.integers(1, 400))
def test_an_interval_holds_its_rate(errors: int, trials: int) -> None:
    rate = Rate(errors=min(errors, trials), trials=trials)
    assert 0 <= rate.interval.low <= rate.value + 1e-12
    assert rate.value - 1e-12 <= rate.interval.high <= 1


@given(st.integers(0, 2**32 - 1), st.integers(300, 400), st.integers(1, 6), st.floats(0.01, 0.5))
def test_a_threshold_keeps_its_rate_and_is_the_lowest_on_its_grid(
    seed: int, count: int, decimals: int, fmr: float
) -> None:
    impostor = np.random.default_rng(seed).uniform(-1, 1, count).round(decimals)  # few decimals make ties
    scores = made([0.5], impostor.tolist())
    threshold = threshold_at(scores, fmr)
    assert threshold is not None
    assert scores.false_matches(threshold).value <= fmr + 1e-9
    assert scores.false_matches(threshold - 2.1e-4).value > fmr - 1e-9


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40))
def test_linked_things_share_a_group(count: int, links: list[tuple[int, int]]) -> None:
    links = [(one % count, other % count) for one, other in links]
    numbers = groups(count, links)
    assert all(numbers[one] == numbers[other] for one, other in links)
    assert set(numbers) == set(range(len(set(numbers))))
    assert len(set(numbers)) >= count - len(links)

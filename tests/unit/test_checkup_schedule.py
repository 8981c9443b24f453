"""When the daily check-up is due: once a day whatever the clock does, made up within the hour, never after."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from workstation.checkup.schedule import SITE_ZONE, DailyTime

AT = time(7, 50)
DAY = timedelta(days=1)
HOUR_S = 3600.0


def site(hour: int, minute: int, day: int = 2) -> datetime:
    return datetime(2026, 6, day, hour, minute, tzinfo=SITE_ZONE).astimezone(UTC)


def test_it_is_due_within_the_hour_and_no_longer() -> None:
    daily = DailyTime(AT)
    assert [daily.is_due(site(*clock), 0) for clock in ((7, 49), (7, 50), (8, 49), (8, 50), (15, 0))] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert not DailyTime(None).is_due(site(7, 50), 0)


def test_once_a_day_and_again_the_next_day_even_when_it_was_late() -> None:
    daily = DailyTime(AT)
    daily.done(site(8, 49), 1000.0)
    assert not daily.is_due(site(8, 49), 1001.0)
    assert daily.is_due(site(7, 50, day=3), 1000.0 + 23 * HOUR_S)


def test_a_step_of_the_clock_makes_no_second_one() -> None:
    daily = DailyTime(AT)
    daily.done(site(7, 50), 0.0)
    for stepped in (site(7, 51), site(7, 50, day=3), site(8, 0, day=1), site(7, 50, day=30)):
        assert not daily.is_due(stepped, 300.0)
    assert daily.is_due(site(7, 50, day=3), 24 * HOUR_S)


def test_a_wrong_day_at_the_first_one_does_not_take_the_next_ones_turn() -> None:
    daily = DailyTime(AT)
    daily.done(site(7, 50, day=3), 0.0)  # the clock was a day ahead, and was put right
    assert daily.is_due(site(7, 50, day=3), 24 * HOUR_S)


def test_after_a_start_the_date_of_the_last_one_counts() -> None:
    daily = DailyTime(AT)
    daily.remember(site(7, 51))
    daily.remember(site(15, 0))  # one by button
    assert not daily.is_due(site(8, 30), 5.0)
    assert daily.is_due(site(7, 50, day=3), 5.0)


def test_one_by_button_in_the_evening_is_not_the_mornings() -> None:
    daily = DailyTime(AT)
    daily.done(site(20, 30), 0.0)
    assert daily.is_due(site(7, 50, day=3), 11.5 * HOUR_S)


def test_one_shortly_before_midnight_is_made_up_after_it() -> None:
    daily = DailyTime(time(23, 30))
    assert daily.is_due(site(0, 10), 0.0)
    daily.done(site(0, 10), 0.0)
    assert not daily.is_due(site(0, 11), 60.0)
    assert daily.is_due(site(23, 30), 23 * HOUR_S)


@given(st.lists(st.tuples(st.integers(1, 600), st.integers(-100_000, 100_000)), max_size=60))
def test_whatever_steps_there_are_two_are_never_within_twelve_hours(moves: list[tuple[int, int]]) -> None:
    daily, now, up_s, made = DailyTime(AT), site(7, 40), 0.0, []
    for minutes, step_s in moves:
        up_s += minutes * 60.0
        now += timedelta(minutes=minutes, seconds=step_s)
        if daily.is_due(now, up_s):
            daily.done(now, up_s)
            made.append(up_s)
    assert all(later - earlier >= 12 * HOUR_S for earlier, later in pairwise(made))

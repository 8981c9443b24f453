"""What is measured of frames: their rate, the pace of a reader, light, black and frozen pictures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.facts import FROZEN_AFTER_S, FrameWatch
from drivers.camera.rate import SLOW_AFTER_S, WINDOW, Pace, RateMeter
from drivers.contracts import Exposure, Frame, Image


def filled(meter: RateMeter, interval: float, frames: int, start: float = 100.0) -> float:
    for number in range(frames):
        meter.add(start + number * interval)
    return start + (frames - 1) * interval


def test_no_rate_before_the_second_frame() -> None:
    meter = RateMeter(30)
    assert meter.fps(0) is None
    assert not meter.is_slow(1e6)
    meter.add(1)
    assert meter.fps(1) is None


@given(st.floats(1, 120), st.integers(3, 100))
def test_a_steady_rate_is_measured(fps: float, frames: int) -> None:
    meter = RateMeter(fps)
    last = filled(meter, 1 / fps, frames)
    assert meter.fps(last) == pytest.approx(fps, rel=1e-3)
    assert not meter.is_slow(last)


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=200), st.floats(0, 100), st.floats(1, 60))
def test_any_intervals_give_a_rate_within_them(intervals: list[float], silence: float, asked: float) -> None:
    meter = RateMeter(asked)
    at = 50.0
    meter.add(at)
    for interval in intervals:
        at += interval
        meter.add(at)
    recent = intervals[-WINDOW:]
    measured = meter.fps(at)
    assert measured is not None
    assert 1 / max(recent) * 0.999 <= measured <= 1 / min(recent) * 1.001
    later = meter.fps(at + silence)
    assert later is not None
    assert later <= measured


def test_one_late_frame_changes_nothing() -> None:
    meter = RateMeter(30)
    last = filled(meter, 1 / 30, 20)
    meter.add(last + 0.5)
    assert meter.fps(last + 0.5) == pytest.approx(30)
    assert not meter.is_slow(last + 0.5)


def test_below_the_half_for_five_seconds_is_slow_and_recovers() -> None:
    meter = RateMeter(30)
    last = filled(meter, 1 / 10, 10 * int(SLOW_AFTER_S))
    assert not meter.is_slow(last)
    last = filled(meter, 1 / 10, 10, start=last + 0.1)
    assert meter.is_slow(last)
    last = filled(meter, 1 / 30, WINDOW, start=last + 1 / 30)
    assert not meter.is_slow(last)


def test_exactly_the_half_is_not_slow() -> None:
    meter = RateMeter(32)
    assert not meter.is_slow(filled(meter, 1 / 16, 320))


def test_silence_is_slow() -> None:
    meter = RateMeter(30)
    last = filled(meter, 1 / 30, 60)
    assert not meter.is_slow(last + SLOW_AFTER_S)
    assert meter.is_slow(last + SLOW_AFTER_S + 0.1)


def let_through(pace: Pace, times: list[float]) -> list[float]:
    taken = []
    for at in times:
        if not pace.wait_s(at):
            pace.take(at)
            taken.append(at)
    return taken


@given(st.lists(st.floats(0.001, 3), min_size=1, max_size=200), st.floats(0.5, 30))
def test_never_more_than_the_pace(intervals: list[float], max_fps: float) -> None:
    times = [1000.0 + float(at) for at in np.cumsum(intervals)]
    taken = let_through(Pace(max_fps), times)
    assert taken[0] == times[0]
    assert all(after - before >= 0.5 / max_fps - 1e-6 for before, after in pairwise(taken))
    for first, begin in enumerate(taken):
        for count, end in enumerate(taken[first:]):
            assert count <= (end - begin) * max_fps + 1 + 1e-6


@pytest.mark.parametrize(("camera_fps", "max_fps"), [(30, 15), (30, 2), (30, 1), (15, 10), (30, 30), (25, 60)])
def test_the_pace_is_reached_on_average(camera_fps: int, max_fps: int) -> None:
    jitter = np.random.default_rng(1).uniform(-0.002, 0.002, 60 * camera_fps)
    times = [1000 + number / camera_fps + float(shift) for number, shift in enumerate(jitter)]
    rate = len(let_through(Pace(max_fps), times)) / 60
    assert rate == pytest.approx(min(camera_fps, max_fps), rel=0.05)


def test_without_a_pace_everything_passes() -> None:
    assert let_through(Pace(None), [1.0, 1.0, 1.1]) == [1.0, 1.0, 1.1]


def noisy(level: float, spread: float = 3.0, seed: int = 0, shape: tuple[int, int] = (480, 640)) -> Image:
    picture = np.random.default_rng(seed).normal(level, spread, (*shape, 3))
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


@pytest.mark.parametrize(
    ("level", "spread", "exposure", "is_black"),
    [
        (2, 2, Exposure.TOO_DARK, True),
        (10, 5, Exposure.TOO_DARK, True),
        (35, 10, Exposure.TOO_DARK, False),
        (110, 40, Exposure.GOOD, False),
        (190, 40, Exposure.GOOD, False),
        (180, 5, Exposure.TOO_BRIGHT, False),
        (250, 10, Exposure.TOO_BRIGHT, False),
    ],
)
def test_light(level: float, spread: float, exposure: Exposure, is_black: bool) -> None:
    facts = FrameWatch().look(Frame(image=noisy(level, spread), captured_at=1.0))
    assert (facts.exposure, facts.is_black) == (exposure, is_black)
    assert facts.mean_luminance == pytest.approx(level, abs=3)
    assert facts.p5 <= facts.mean_luminance <= facts.p95


def test_a_small_lamp_in_a_dark_room_is_not_black() -> None:
    picture = noisy(3)
    picture[:160, :240] = 200
    facts = FrameWatch().look(Frame(image=picture, captured_at=1.0))
    assert not facts.is_black
    assert facts.exposure is Exposure.TOO_DARK


@given(
    st.integers(1, 200),
    st.integers(1, 200),
    st.integers(0, 255),
    st.integers(0, 255),
    st.lists(st.floats(0, 1e6), max_size=3),
)
def test_any_picture_has_facts(height: int, width: int, one: int, other: int, times: list[float]) -> None:
    picture = np.full((height, width, 3), one, np.uint8)
    picture[: height // 2] = other
    watch = FrameWatch()
    for at in sorted(times):
        facts = watch.look(Frame(image=picture, captured_at=at))
        assert 0 <= facts.p5 <= facts.p95 <= 255
        assert min(one, other) - 1 <= facts.mean_luminance <= max(one, other) + 1


def test_the_same_picture_for_seconds_is_frozen_until_it_changes() -> None:
    watch = FrameWatch()
    picture = noisy(100)
    seen = [
        watch.look(Frame(image=picture.copy(), captured_at=10 + at)).is_frozen for at in (0, 1, FROZEN_AFTER_S, 3.1)
    ]
    assert seen == [False, False, False, True]
    changed = picture.copy()
    changed[1, 1, 0] ^= 1  # not one of the sampled pixels
    assert not watch.look(Frame(image=changed, captured_at=14)).is_frozen
    assert not watch.look(Frame(image=picture, captured_at=14.1)).is_frozen


def test_a_live_picture_never_freezes() -> None:
    watch = FrameWatch()
    seen = [watch.look(Frame(image=noisy(100, seed=number), captured_at=float(number))) for number in range(10)]
    assert not any(facts.is_frozen for facts in seen)


def test_a_picture_of_another_size_is_another_picture() -> None:
    watch = FrameWatch()
    watch.look(Frame(image=noisy(100), captured_at=0.0))
    assert not watch.look(Frame(image=noisy(100, shape=(720, 1280)), captured_at=9.0)).is_frozen

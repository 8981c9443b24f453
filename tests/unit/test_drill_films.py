"""What is played before the drill's camera: gestures, sheets in space, and films put together from others."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.simulated.attacks import (
    Film,
    answering,
    cut,
    held_still,
    live,
    mimicked,
    obeyed,
    printed,
    rehearsed,
    replayed,
    shaken,
    swapped,
)
from drivers.simulated.bench import Gesture, Scene
from drivers.simulated.gestures import RESTING, Expression, Manner, duration, idle, performed
from drivers.simulated.head import Texture
from drivers.simulated.sheet import Held, held_up, photograph
from drivers.simulated.studio import FPS, HEIGHT, WIDTH, booth
from drivers.simulated.surface import rotation

GESTURES = st.sampled_from(Gesture)
SECONDS = st.floats(-2, 10)
DISTANCE = 720.0
TURNS = st.floats(-40, 40)


def is_resting(expression: Expression) -> bool:
    numbers = (expression.yaw, expression.pitch, expression.roll, *expression.lids, expression.mouth)
    return all(abs(number) < 1e-9 for number in numbers)


@given(GESTURES, SECONDS, st.floats(0.5, 2))
def test_a_gesture_begins_and_ends_at_rest_and_stays_in_bounds(gesture: Gesture, seconds: float, pace: float) -> None:
    manner = Manner(pace=pace)
    end = duration(gesture, manner)
    assert is_resting(performed(gesture, 0, manner))
    assert is_resting(performed(gesture, end, manner))
    now = performed(gesture, seconds, manner)
    assert is_resting(now) or 0 < seconds < end
    assert abs(now.yaw) <= manner.turn
    assert all(0 <= part <= 1 for part in (*now.lids, now.mouth))


@pytest.mark.parametrize(
    ("gesture", "at", "reached"),
    [
        (Gesture.TURN_LEFT, 0.8, Expression(yaw=25, pitch=1.5, roll=1.5)),
        (Gesture.TURN_RIGHT, 0.8, Expression(yaw=-25, pitch=1.5, roll=-1.5)),
        (Gesture.BLINK, 0.2, Expression(lids=(1, 1), pitch=0.8)),
        (Gesture.OPEN_MOUTH, 0.5, Expression(mouth=1, pitch=-2)),
        (Gesture.NONE, 0.5, RESTING),
    ],
)
def test_a_gesture_gets_there(gesture: Gesture, at: float, reached: Expression) -> None:
    assert performed(gesture, at) == reached


@given(GESTURES, st.floats(0, 2), st.floats(0.001, 1 / FPS))
def test_nothing_jumps(gesture: Gesture, seconds: float, step: float) -> None:
    before, after = performed(gesture, seconds), performed(gesture, seconds + step)
    assert abs(after.yaw - before.yaw) < 100 * step
    assert abs(after.mouth - before.mouth) < 8 * step
    assert abs(idle(seconds + step).yaw - idle(seconds).yaw) < 4 * step


def test_people_blink_by_themselves_now_and_then() -> None:
    closed = np.array([idle(number / FPS).lids[0] > 0.5 for number in range(60 * int(FPS))])
    begins = np.flatnonzero(closed[1:] & ~closed[:-1]) / FPS
    pauses = np.diff(begins)
    assert 12 <= len(begins) <= 18, "blinks a minute"
    assert pauses.min() > 2
    assert np.unique(pauses.round(1)).size > 4, "no clockwork"
    assert closed.mean() < 0.1


@settings(max_examples=20)
@given(TURNS, st.floats(-25, 25), st.floats(-20, 20), st.floats(0.8, 1.2), st.floats(-30, 30))
def test_a_flat_sheet_is_a_homography(yaw: float, pitch: float, roll: float, near: float, right: float) -> None:
    dots = np.full((401, 301, 4), 255, np.uint8)
    places = np.array([(90, 100), (210, 100), (90, 300), (210, 300), (150, 200)])
    for x, y in places:
        cv2.circle(dots, (int(x), int(y)), 6, (0, 0, 0, 255), -1)
    how = Held(yaw=yaw, pitch=pitch, roll=roll, near=near, right=right)
    picture = held_up(dots, how)
    in_space = np.column_stack([places - (150.5, 200.5), np.zeros(5)]) @ rotation(yaw, pitch, roll).T
    expected = in_space[:, :2] * (DISTANCE / (DISTANCE - in_space[:, 2:])) * near + (WIDTH / 2 + right, HEIGHT / 2)
    for x, y in expected:
        left, top = round(x) - 14, round(y) - 14
        part = 255 - picture[top : top + 29, left : left + 29].mean(axis=2)
        dark = np.where(part > 128, part, 0)
        rows, columns = np.mgrid[0:29, 0:29]
        centre = np.array([(dark * columns).sum(), (dark * rows).sum()]) / dark.sum() + (left, top)
        assert np.linalg.norm(centre - (x, y)) < 1.5


def shown_width(how: Held) -> tuple[int, int]:
    """Return the first and last column of a black sheet."""
    black = np.zeros((300, 300, 4), np.uint8)
    black[..., 3] = 255
    columns = np.flatnonzero((held_up(black, how)[HEIGHT // 2] < 8).all(axis=-1))
    return int(columns[0]), int(columns[-1])


@given(st.floats(5, 75), st.sampled_from([-1, 1]))
@settings(max_examples=20)
def test_a_bent_sheet_is_as_wide_as_its_cylinder(bend: float, side: int) -> None:
    first, last = shown_width(Held(bend=side * bend))
    radius = 150 / np.radians(bend)
    edge = radius * np.sin(np.radians(bend))
    depth = side * radius * (np.cos(np.radians(bend)) - 1)
    expected = edge * DISTANCE / (DISTANCE - depth)
    if side == 1:  # the nearer part may hide the edge
        touching = radius * DISTANCE / np.sqrt((DISTANCE + radius) ** 2 - radius**2)
        tangent = np.degrees(np.arccos(radius / (DISTANCE + radius)))
        expected = touching if bend > tangent else expected
    assert (last - first) / 2 == pytest.approx(expected, abs=2.5)


@given(st.floats(-35, 35), st.floats(-40, 40))
@settings(max_examples=30)
def test_there_is_never_more_than_one_sheet(yaw: float, bend: float) -> None:
    black = np.zeros((440, 330, 4), np.uint8)
    black[..., 3] = 255
    covered = (np.abs(held_up(black, Held(yaw=yaw, bend=bend)) - booth()).max(axis=-1) > 8).astype(np.uint8)
    assert cv2.connectedComponents(covered)[0] == 2
    assert covered.mean() < 0.6


def pictures(film: Film) -> list[bytes]:
    return [image.tobytes() for image, _ in film]


@pytest.mark.parametrize(
    "film",
    [
        lambda seed: live(Scene.PERSON_B, [(0.1, Gesture.BLINK)], seconds=0.4, manner=Manner(phase=seed)),
        lambda seed: printed(photograph(Scene.PERSON_B), shaken(seed), seconds=0.4),
        lambda seed: printed(photograph(Scene.PERSON_B), answering([(0.0, Gesture.TURN_LEFT)], seed), seconds=0.4),
        lambda seed: replayed(live(Scene.PERSON_B, seconds=0.4), held_still(seed)),
    ],
    ids=["live", "print", "answering print", "replay"],
)
def test_the_same_arguments_give_the_same_film(film) -> None:
    once, again, other = pictures(film(1)), pictures(film(1)), pictures(film(2))
    assert once == again
    assert len(once) == round(0.4 * FPS)
    assert not set(once) & set(other)


def tinted(level: int, frames: int) -> Film:
    for number in range(frames):
        yield np.full((2, 2, 3), level + number, np.uint8), number / FPS


def test_a_swap_goes_on_in_the_other_film() -> None:
    film = [(image[0, 0, 0], now) for image, now in swapped(tinted(0, 8), tinted(100, 8), at=4 / FPS)]
    assert [level for level, _ in film] == [0, 1, 2, 3, 104, 105, 106, 107]
    assert [now for _, now in film] == [number / FPS for number in range(8)]
    blended = [image[0, 0, 0] for image, _ in swapped(tinted(0, 8), tinted(100, 8), at=4 / FPS, blend_frames=3)]
    assert blended == [0, 1, 2, 3, 29, 55, 81, 107]


def test_a_cut_leaves_no_gap_in_time() -> None:
    film = [(image[0, 0, 0], round(now * FPS)) for image, now in cut(tinted(0, 9), at=3 / FPS, skip=4 / FPS)]
    assert film == [(0, 0), (1, 1), (2, 2), (7, 3), (8, 4)]


FRAMES = st.integers(0, 90).map(lambda number: number / FPS)


@given(st.lists(st.tuples(FRAMES, GESTURES), max_size=4), FRAMES)
def test_what_is_obeyed_is_everything_that_was_ordered(orders: list[tuple[float, Gesture]], now: float) -> None:
    obeying = obeyed(orders, now)
    parts = [performed(gesture, now - at) for at, gesture in orders]
    assert obeying.yaw == pytest.approx(sum(part.yaw for part in parts))
    assert obeying.mouth == max((part.mouth for part in parts), default=0)
    held = mimicked(obeying)
    assert held.bend == pytest.approx(1.6 * abs(obeying.yaw))
    assert mimicked(obeying, bend=0).bend == 0
    assert held == Held() or not is_resting(obeying)


def test_the_rehearsed_film_does_everything_one_after_the_other() -> None:
    seen = [rehearsed(number / FPS) for number in range(int(8 * FPS))]
    assert max(expression.yaw for expression in seen) == pytest.approx(25, abs=1)
    assert min(expression.yaw for expression in seen) == pytest.approx(-25, abs=1)
    assert any(expression.mouth == 1 for expression in seen)
    assert any(expression.lids == (1, 1) for expression in seen)


def test_a_print_has_a_white_edge_unless_it_is_cut_off() -> None:
    sheet: Texture = photograph(Scene.PERSON_A)
    assert sheet[0, :, :3].min() > 225
    assert photograph(Scene.PERSON_A, margin=0).shape[0] < sheet.shape[0]
    assert not np.array_equal(photograph(Scene.PERSON_A, Expression(yaw=20)), sheet)

"""Films for trying liveness checks: an honest person, and presentation attacks by species (ISO/IEC 30107-3).

A film is an iterator of frames and the seconds at which they were taken. The same arguments give the same film.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from drivers.contracts import Image
from drivers.simulated.bench import Gesture, Scene
from drivers.simulated.gestures import RESTING, USUAL, Expression, Manner, duration, idle, performed
from drivers.simulated.head import Texture
from drivers.simulated.sheet import Held, held_up, screen
from drivers.simulated.studio import ALONE, FPS, Seat, booth, exposed, over, seated

Film = Iterator[tuple[Image, float]]
Orders = Sequence[tuple[float, Gesture]]
"""At which second of the film a gesture begins."""
Motion = Callable[[float], Held]
"""How a sheet is held at a second of the film."""

SCREEN_GLOSS = 0.35
_REHEARSED = (Gesture.TURN_RIGHT, Gesture.OPEN_MOUTH, Gesture.TURN_LEFT, Gesture.BLINK)
_REHEARSED_EVERY_S = 1.8


def live(person: Scene, orders: Orders = (), *, seconds: float, manner: Manner = USUAL, seat: Seat = ALONE) -> Film:
    """Play a person who does what the orders say when they say it: no attack (bona fide)."""
    for number, now in _clock(seconds):
        expression = idle(now, manner).and_also(obeyed(orders, now, manner))
        yield exposed(over(seated(person, expression, now, seat), booth()), now, number), now


def printed(sheet: Texture, motion: Motion, *, seconds: float, gloss: float = 0.0) -> Film:
    """Play a print that somebody moves: ``sheet`` is a ``photograph`` (``drivers.simulated.sheet``)."""
    for number, now in _clock(seconds):
        yield exposed(held_up(sheet, motion(now), gloss=gloss), now, number), now


def replayed(film: Film, motion: Motion, *, gloss: float = SCREEN_GLOSS) -> Film:
    """Play a film on a tablet that somebody holds up."""
    for number, (image, now) in enumerate(film):
        yield exposed(held_up(screen(image), motion(now), gloss=gloss), now, number), now


def swapped(first: Film, second: Film, *, at: float, blend_frames: int = 0) -> Film:
    """Play one film until a moment, then go on with the other at that moment, over some mixed frames if asked."""
    mixed = 0
    for (before, now), (after, _) in zip(first, second, strict=False):
        if now < at:
            yield before, now
            continue
        mixed += 1
        share = min(mixed / (blend_frames + 1), 1.0)
        yield np.asarray(before * (1 - share) + after * share, np.uint8), now


def cut(film: Film, *, at: float, skip: float) -> Film:
    """Play a film with some seconds cut out; the clock goes on as if nothing had been."""
    for image, then in film:
        if then < at:
            yield image, then
        elif then >= at + skip:
            yield image, then - skip


def obeyed(orders: Orders, now: float, manner: Manner = USUAL) -> Expression:
    """Return what the orders so far make a person do now."""
    expression = RESTING
    for at, gesture in orders:
        if 0 <= now - at < duration(gesture, manner):
            expression = expression.and_also(performed(gesture, now - at, manner))
    return expression


def held_still(seed: int) -> Motion:
    """Return a hand that tries to hold still."""
    return shaken(seed, yaw=1.5, pitch=1.2, roll=0.8, bend=0, shift=4, near=0.01)


def shaken(
    seed: int,
    *,
    yaw: float = 30.0,
    pitch: float = 15.0,
    roll: float = 6.0,
    bend: float = 35.0,
    shift: float = 20.0,
    near: float = 0.05,
) -> Motion:
    """Return a hand that turns, tilts, bends, pushes and pulls the sheet at random, each up to so much.

    Every movement is a sine of its own period between 0.9 and 3 seconds.
    """
    random = np.random.default_rng(seed)
    pace = 2 * np.pi / random.uniform(0.9, 3.0, 7)
    phase = random.uniform(0, 2 * np.pi, 7)

    def motion(now: float) -> Held:
        beat = np.sin(pace * now + phase)
        return Held(
            yaw=yaw * beat[0],
            pitch=pitch * beat[1],
            roll=roll * beat[2],
            bend=bend * beat[3],
            right=shift * beat[4],
            down=shift * beat[5],
            near=1 + near * beat[6],
        )

    return motion


def answering(orders: Orders, seed: int, *, manner: Manner = USUAL, bend: float = 1.0) -> Motion:
    """Return a hand that obeys the orders with a sheet as well as a hand can: see ``mimicked``."""
    hand = held_still(seed)

    return lambda now: mimicked(obeyed(orders, now, manner), bend=bend).and_also(hand(now))


def mimicked(expression: Expression, *, bend: float = 1.0) -> Held:
    """Return how to hold a sheet so that it looks most like the expression.

    Args:
        expression: what was asked for.
        bend: how far a turned sheet is also bent; 1 is 1.6 degrees for each degree.
    """
    lids = max(expression.lids)
    return Held(
        yaw=1.3 * expression.yaw,
        pitch=expression.pitch + 14 * expression.mouth - 10 * lids,
        roll=expression.roll,
        bend=1.6 * bend * abs(expression.yaw),
        near=1 + 0.06 * expression.mouth,
    )


def rehearsed(now: float) -> Expression:
    """Return what the person on the drill's replayed screen does: everything, in a fixed order, again and again."""
    turn, since = divmod(now, _REHEARSED_EVERY_S)
    return performed(_REHEARSED[int(turn) % len(_REHEARSED)], since)


def _clock(seconds: float) -> Iterator[tuple[int, float]]:
    for number in range(round(seconds * FPS)):
        yield number, number / FPS

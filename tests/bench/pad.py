"""Presentation attack detection on rendered people and attacks: APCER by species, BPCER (ISO/IEC 30107-3).

The people are the drill's two rendered heads and the attacks are rendered too. That shows what the logic stops; it says
nothing about cameras, papers, screens and faces of this world, and no test by the standard was made.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from assets.build_models import MODELS_DIR
from drivers.contracts import Image
from drivers.simulated.attacks import (
    Film,
    Orders,
    answering,
    cut,
    held_still,
    live,
    printed,
    rehearsed,
    replayed,
    shaken,
    swapped,
)
from drivers.simulated.bench import Gesture, Scene
from drivers.simulated.gestures import Manner, idle
from drivers.simulated.people import PERSON_A, PERSON_B
from drivers.simulated.photo import DrillPhotoDecoder
from drivers.simulated.sheet import photograph
from drivers.simulated.studio import ALONE, FPS, booth, exposed, over, seated
from workstation.face.contract import FaceEngine
from workstation.face.liveness import ChallengePolicy
from workstation.face.onnx_engine import OnnxFaceEngine
from workstation.face.verification import Decision, Observation, VerificationSession

LONGEST_S = 60.0
"""The journey gives up then (E-201)."""
PRESENTATIONS = 10
_CARDS = {Scene.PERSON_A: PERSON_A, Scene.PERSON_B: PERSON_B}
_OTHER = {Scene.PERSON_A: Scene.PERSON_B, Scene.PERSON_B: Scene.PERSON_A}


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """How one presentation ended.

    Attributes:
        last: the last observation; without a decision the time was over.
        seconds: of the film.
    """

    last: Observation
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether it was taken for a living person, whoever that was."""
        return self.last.decision in {Decision.MATCH, Decision.GREY, Decision.NO_MATCH}

    @property
    def challenges(self) -> int:
        """How many challenges were begun."""
        return self.last.liveness.challenges if self.last.liveness else 0


Species = Callable[[Scene, int, list[tuple[float, Gesture]]], Film]
"""Makes a film of (against) this person with a seed; the orders grow while it runs."""


def manner(seed: int) -> Manner:
    """Return one of many ways to do what is asked."""
    choose = np.random.default_rng(seed)
    return Manner(
        turn=float(choose.uniform(20, 30)),
        mouth=float(choose.uniform(0.85, 1)),
        pace=float(choose.uniform(0.75, 1.3)),
        phase=float(choose.uniform(0, 60)),
    )


def _honest(person: Scene, seed: int, orders: Orders) -> Film:
    return live(person, orders, seconds=LONGEST_S, manner=manner(seed))


def _rehearsed_film(person: Scene, seed: int) -> Film:
    """Play somebody who did everything one after the other, before another camera."""
    start = float(np.random.default_rng(seed).uniform(0, 8))
    for number in range(round(LONGEST_S * FPS)):
        now = number / FPS
        expression = idle(now).and_also(rehearsed(now + start))
        yield exposed(over(seated(person, expression, now, ALONE), booth()), now, number), now


def _other_session(person: Scene, seed: int) -> Film:
    """Play the same person answering prompts of another day: other actions at other times."""
    choose = random.Random(seed)
    orders = [(at, choose.choice(list(Gesture)[1:])) for at in (1.5, 4.0, 6.5, 9.0, 12.0, 15.0, 18.0)]
    return live(person, orders, seconds=LONGEST_S, manner=manner(seed + 1))


ATTACKS: dict[str, Species] = {
    "print, held still": lambda who, seed, _: printed(photograph(who), held_still(seed), seconds=LONGEST_S),
    "print, shaken, turned and bent at random": lambda who, seed, _: printed(
        photograph(who), shaken(seed), seconds=LONGEST_S
    ),
    "print, turned as asked": lambda who, seed, orders: printed(
        photograph(who), answering(orders, seed, bend=0), seconds=LONGEST_S
    ),
    "print, turned and bent as asked": lambda who, seed, orders: printed(
        photograph(who), answering(orders, seed), seconds=LONGEST_S
    ),
    "screen, all actions in a loop": lambda who, seed, _: replayed(_rehearsed_film(who, seed), held_still(seed)),
    "screen, another session's answers": lambda who, seed, _: replayed(_other_session(who, seed), held_still(seed)),
    "film fed in, another session's answers": lambda who, seed, _: _other_session(who, seed),
    "film fed in, cut": lambda who, seed, _: cut(_other_session(who, seed), at=3 + seed % 4, skip=1.5),
    "another person answers, then the print": lambda who, seed, orders: swapped(
        _honest(_OTHER[who], seed, orders),
        printed(photograph(who), held_still(seed), seconds=LONGEST_S),
        at=4.0 + 0.2 * (seed % 10),
        blend_frames=seed % 6,
    ),
    "the person answers, then another sits down": lambda who, seed, orders: swapped(
        _honest(who, seed, orders), live(_OTHER[who], (), seconds=LONGEST_S), at=2.0 + 0.2 * (seed % 10)
    ),
}
"""Presentation attack instruments against the holder of the card."""
BONA_FIDE: Species = _honest


def card_photo(person: Scene) -> Image:
    """Return the drill's card photo of a person."""
    image = DrillPhotoDecoder().decode(_CARDS[person].photo_block())
    if image is None:
        raise ValueError("the drill's photo does not open")
    return image


def present(engine: FaceEngine, species: Species, person: Scene, seed: int) -> Presentation:
    """Hold it before the session until it is decided or the time is over."""
    choose = random.Random(seed)
    session = VerificationSession(engine, choose=choose)
    if not session.set_reference(card_photo(person), challenges=ChallengePolicy()):
        raise ValueError("the drill's photo shows no face")
    orders: list[tuple[float, Gesture]] = []
    prompt = None
    for image, now in species(person, seed, orders):
        seen = session.observe(image, now)
        if seen.prompt is not None and seen.prompt is not prompt:
            orders.append((now + choose.uniform(0.3, 0.9), Gesture(seen.prompt.value)))
        prompt = seen.prompt
        if seen.decision is not None:
            break
    session.forget()
    return Presentation(last=seen, seconds=now)


def run(_directory: Path) -> None:
    """Present every species to the shipped engine and print a table."""
    cv2.setNumThreads(1)
    engine = OnnxFaceEngine(MODELS_DIR)
    print(f"\n## presentation attack detection, rendered, {PRESENTATIONS} presentations each\n")
    print("| presentation | taken for live | of these matched | not live | no decision in 60 s | median s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, species in {"bona fide": BONA_FIDE, **ATTACKS}.items():
        done = [
            present(engine, species, (Scene.PERSON_A, Scene.PERSON_B)[seed % 2], seed) for seed in range(PRESENTATIONS)
        ]
        decisions = [item.last.decision for item in done]
        first = sum(item.passed and item.challenges == 1 for item in done)
        extra = f" ({first} at the first challenge)" if species is BONA_FIDE else ""
        print(
            f"| {name} | {sum(item.passed for item in done)}{extra} | {decisions.count(Decision.MATCH)} "
            f"| {decisions.count(Decision.NOT_LIVE)} | {decisions.count(None)} "
            f"| {np.median([item.seconds for item in done]):.1f} |",
            flush=True,
        )

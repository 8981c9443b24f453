"""The mask with the real detector: no face is found on what leaves, however people sit and move."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from assets.build_models import ensure
from drivers.contracts import Image
from drivers.simulated.bench import BenchState, Gesture, Scene
from drivers.simulated.camera import _Film
from drivers.simulated.people import picture
from workstation.conference.media.i420 import fitted
from workstation.conference.media.mask import DOUBTFUL, OPEN_AFTER, SURE, Masker, is_cover, touch
from workstation.conference.media.mask_proof import MaskProof, _core
from workstation.face.contract import Box
from workstation.face.detector import FaceDetector
from workstation.face.networks import load_manifest


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    models_dir = ensure()
    return FaceDetector(models_dir, load_manifest(models_dir)[0].detector)


def parts(image: Image) -> list[Image]:
    """Look as somebody would who wants a face: mirrored, brighter, and at other scales."""
    height, width = image.shape[:2]
    looks = [image, cv2.flip(image, 1), cv2.convertScaleAbs(image, alpha=1.5)]
    looks += [image[:, : width * 2 // 3], image[:, width // 3 :], image[: height * 2 // 3], image[height // 3 :]]
    return [np.ascontiguousarray(look, np.uint8) for look in looks]


def require_faceless(detector: FaceDetector, raw: Image, masked: Image) -> None:
    for face, _ in detector.boxes(raw, SURE):
        assert is_cover(masked, _core(face))
    for before, after in zip(parts(raw), parts(masked), strict=True):
        real = [box for box, _ in detector.boxes(before, DOUBTFUL)]
        for box, _ in detector.boxes(after, SURE):
            is_face = not is_cover(after, _core(box)) and any(touch(box, other) for other in real)
            assert not is_face, "a face on what is to be released"


def filmed(scene: Scene, count: int, rows: slice = slice(60, 420)) -> list[Image]:
    """Film somebody who turns to both sides and opens their mouth."""
    bench = BenchState(scene=scene)
    film, pictures = _Film(bench), []
    gestures = {10: Gesture.TURN_LEFT, 30: Gesture.OPEN_MOUTH, 45: Gesture.TURN_RIGHT}
    for number in range(count):
        if number in gestures:
            bench = bench.model_copy(update={"gesture": gestures[number], "gestures": bench.gestures + 1})
        pictures.append(np.ascontiguousarray(film.next(bench)[rows]))
    return pictures


@pytest.mark.parametrize("scene", [Scene.PERSON_A, Scene.PERSON_B, Scene.TWO, Scene.DIM, Scene.PRINT])
def test_a_film_shows_no_face_and_every_picture_is_proved(detector: FaceDetector, scene: Scene) -> None:
    masker, proof = Masker(detector), MaskProof(detector)
    opened = 0
    for raw in filmed(scene, 66)[::2]:
        masked = masker.mask(raw.copy())
        require_faceless(detector, raw, masked.image)
        assert proof.holds(raw, masked.image)
        opened += not masked.is_covered
    assert opened > 15


@pytest.mark.parametrize("name", ["person-a.jpg", "person-b.jpg"])
@pytest.mark.parametrize("size", [(320, 240), (640, 360), (1920, 1080)])
@pytest.mark.parametrize("share", [0.15, 0.4, 0.9])
@pytest.mark.parametrize("angle", [0, 20])
def test_a_face_of_any_size_is_covered(
    detector: FaceDetector, name: str, size: tuple[int, int], share: float, angle: int
) -> None:
    raw = fitted(placed(picture(name), size, share, angle, (0.5, 0.5)))
    masker = Masker(detector)
    for _ in range(OPEN_AFTER + 2):
        masked = masker.mask(raw.copy())
    require_faceless(detector, raw, masked.image)


def test_a_head_that_moves_fast_is_never_seen(detector: FaceDetector) -> None:
    masker, proof = Masker(detector), MaskProof(detector)
    portrait = picture("person-a.jpg")
    opened = 0
    for number in range(60):
        across = 0.5 + 0.35 * np.sin(number * 0.9)
        raw = placed(portrait, (640, 360), 0.7, 8 * int(np.sin(number) * 2), (float(across), 0.5))
        masked = masker.mask(raw.copy())
        require_faceless(detector, raw, masked.image)
        assert proof.holds(raw, masked.image)
        opened += not masked.is_covered
    assert opened > 40


def test_who_comes_in_and_who_leaves_is_covered_from_the_first_picture(detector: FaceDetector) -> None:
    masker = Masker(detector)
    alone, two, nobody = (filmed(scene, 12) for scene in (Scene.PERSON_A, Scene.TWO, Scene.NOBODY))
    for raw in (*alone, *two, *alone, *nobody, *two, *nobody):
        require_faceless(detector, raw, masker.mask(raw.copy()).image)
    assert masker.mask(nobody[0].copy()).is_covered


def test_an_empty_booth_a_black_picture_and_noise_are_covered_whole(detector: FaceDetector) -> None:
    noise = np.asarray(np.random.default_rng(1).integers(0, 256, (360, 640, 3)), np.uint8)
    for raw in (filmed(Scene.NOBODY, 1)[0], np.zeros((360, 640, 3), np.uint8), noise):
        masker = Masker(detector)
        for _ in range(OPEN_AFTER + 2):
            masked = masker.mask(raw.copy())
        assert masked.is_covered
        assert is_cover(masked.image, Box(x=0, y=0, width=640, height=360))
        assert MaskProof(detector).holds(raw, masked.image)


@pytest.mark.parametrize("scene", [Scene.PERSON_A, Scene.PERSON_B, Scene.TWO])
def test_the_proof_refutes_a_raw_a_blurred_and_a_badly_covered_face(detector: FaceDetector, scene: Scene) -> None:
    proof = MaskProof(detector)
    for raw in filmed(scene, 3):
        eyes = raw.copy()
        (largest, _), *_ = detector.boxes(raw, SURE)
        x, y, width, height = (round(side) for side in (largest.x, largest.y, largest.width, largest.height))
        eyes[y + height // 4 : y + height // 2, x : x + width] = 0
        for bad in (raw, cv2.GaussianBlur(raw, (0, 0), 9), np.roll(raw, 200, axis=1), eyes):
            assert not proof.holds(raw, np.asarray(bad, np.uint8))


def placed(portrait: Image, size: tuple[int, int], share: float, angle: int, at: tuple[float, float]) -> Image:
    """Put a portrait into a grey picture: ``share`` of its height, turned, with its middle at ``at``."""
    width, height = size
    scale = share * height / portrait.shape[0]
    matrix = cv2.getRotationMatrix2D((portrait.shape[1] / 2, portrait.shape[0] / 2), angle, scale)
    matrix[:, 2] += (at[0] * width - portrait.shape[1] / 2, at[1] * height - portrait.shape[0] / 2)
    grey = (120, 120, 120)
    return np.asarray(cv2.warpAffine(portrait, matrix, size, flags=cv2.INTER_AREA, borderValue=grey), np.uint8)

"""What a reviewer sees of a picture: head and shoulders, and never more bytes than the site takes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.face.verification import NormalisedBox
from workstation.identity.review import head_and_shoulders, to_jpeg
from workstation.site.contract import MAX_PHOTO_BYTES, picture_type


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


def test_the_cut_is_twice_the_face_about_its_middle() -> None:
    image = noise(480, 640)
    cut = head_and_shoulders(image, NormalisedBox(x=0.4, y=0.4, width=0.1, height=0.2))
    assert (cut == image[144:336, 224:352]).all()


def test_the_cut_is_a_copy_that_ends_at_the_edge() -> None:
    image = noise(100, 100)
    cut = head_and_shoulders(image, NormalisedBox(x=0, y=0.8, width=0.3, height=0.2))
    assert (cut == image[70:100, 0:45]).all()
    cut.fill(0)
    assert image[70:100, 0:45].any()


sides = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@given(st.integers(1, 60), st.integers(1, 60), sides, sides)
def test_whatever_the_box_there_is_a_picture_within_the_frame(height, width, across, down) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    (left, right), (top, bottom) = across, down
    face = NormalisedBox(x=left, y=top, width=right - left, height=bottom - top)
    cut = head_and_shoulders(image, face)
    assert 1 <= cut.shape[0] <= height
    assert 1 <= cut.shape[1] <= width


@pytest.mark.parametrize("shape", [(126, 102), (720, 720), (1080, 1920), (3000, 4)])
def test_the_worst_picture_fits_and_can_be_opened(shape: tuple[int, int]) -> None:
    image = noise(*shape)
    before = image.copy()
    encoded = to_jpeg(image)
    assert len(encoded) <= MAX_PHOTO_BYTES
    assert picture_type(encoded) == "image/jpeg"
    opened = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert max(opened.shape[:2]) <= 720
    assert (image == before).all(), "the picture that was given stays as it is"


@settings(max_examples=30)
@given(st.integers(1, 300), st.integers(1, 300))
def test_a_small_picture_keeps_its_size(height: int, width: int) -> None:
    encoded = to_jpeg(np.full((height, width, 3), 90, np.uint8))
    opened = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert opened.shape == (height, width, 3)
    assert abs(int(opened.mean()) - 90) <= 2

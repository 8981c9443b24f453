"""The site's photo as it comes over the wire: a picture of a sensible size, or nothing."""

from __future__ import annotations

import struct
from importlib.resources import files

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.contracts import Image
from drivers.simulated.people import PERSON_A, picture
from workstation.identity.reference import decode_reference
from workstation.site.contract import MAX_PHOTO_BYTES

GOOD = (files("assets.drill") / PERSON_A.picture).read_bytes()


def encoded(suffix: str, height: int = 140, width: int = 120, *options: int) -> bytes:
    image = np.full((height, width, 3), 128, np.uint8)
    return cv2.imencode(suffix, image, options)[1].tobytes()


def test_a_jpeg_is_decoded() -> None:
    image = decode_reference(GOOD)
    assert image is not None
    assert (image == picture(PERSON_A.picture)).all()


@pytest.mark.parametrize(
    "data",
    [
        encoded(".png"),
        encoded(".jpg"),
        encoded(".jpg", 140, 120, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        encoded(".jpg", 140, 120, cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
        cv2.imencode(".png", np.full((140, 120), 128, np.uint8))[1].tobytes(),
    ],
    ids=["png", "jpeg", "progressive", "restarts", "grey"],
)
def test_every_usual_form_is_decoded(data: bytes) -> None:
    image = decode_reference(data)
    assert image is not None
    assert image.shape == (140, 120, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff",
        encoded(".webp"),
        encoded(".png", 99, 120),
        encoded(".jpg", 120, 4097),
        GOOD + bytes(MAX_PHOTO_BYTES),
        GOOD[:100],
    ],
    ids=["empty", "head", "webp", "low", "wide", "long", "cut"],
)
def test_anything_else_is_nothing(data: bytes) -> None:
    assert decode_reference(data) is None


def bomb(suffix: str) -> bytes:
    """Return a picture whose head claims 65 000 rows and columns."""
    data = bytearray(encoded(suffix))
    if suffix == ".png":
        data[16:24] = struct.pack(">II", 65_000, 65_000)
    else:
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    return bytes(data)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_claim_of_a_huge_picture_is_not_decoded(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Image:
        raise AssertionError("decoded")

    data = bomb(suffix)
    monkeypatch.setattr(cv2, "imdecode", never)
    assert decode_reference(data) is None


@given(st.binary(max_size=400), st.sampled_from([b"", b"\xff\xd8\xff", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"]))
@example(b"\xff" * 40, b"\xff\xd8\xff")
@example(b"\xe0\x00\x00" * 9, b"\xff\xd8\xff")
def test_noise_is_nothing(noise: bytes, head: bytes) -> None:
    assert decode_reference(head + noise) is None


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_picture_is_a_picture_or_nothing(at: int, damage: bytes) -> None:
    image = decode_reference(GOOD[:at] + damage + GOOD[at + len(damage) :])
    assert image is None or (image.ndim == 3 and image.dtype == np.uint8)

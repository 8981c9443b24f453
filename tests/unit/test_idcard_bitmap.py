"""The picture a vendor's library gives back: a portrait, or a typed refusal, whatever the bytes."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.idcard.vendor import wire
from drivers.idcard.vendor.bitmap import HEIGHT, RAW_LENGTH, WIDTH, PictureError, portrait

STRIDE = 308
ORDERS = st.sampled_from(["BGR", "RGB"])
FLIPS = st.sampled_from(["none", "vertical", "horizontal", "both"])


def picture() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def bmp(rows: np.ndarray, *, start: int = 54, info: int = 40, height: int = HEIGHT, **change: int) -> bytes:
    length = change.get("length", start + STRIDE * HEIGHT)
    head = struct.pack("<2sI4xI", b"BM", length, start)
    fields = (change.get("width", WIDTH), height, change.get("planes", 1), change.get("depth", 24))
    head += struct.pack("<IiiHHI", info, *fields, change.get("compression", 0))
    lines = np.zeros((HEIGHT, STRIDE), np.uint8)
    lines[:, : WIDTH * 3] = (rows[::-1] if height > 0 else rows).reshape(HEIGHT, -1)
    return head.ljust(start, b"\0") + lines.tobytes()


def test_raw_pixels_and_bmp_files() -> None:
    rows = picture()
    for data in (rows.tobytes(), bmp(rows), bmp(rows, height=-HEIGHT), bmp(rows, start=138, info=124)):
        np.testing.assert_array_equal(portrait(data, "BGR", "none"), rows)
        np.testing.assert_array_equal(portrait(bytearray(data), "RGB", "none"), rows[:, :, ::-1])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(RAW_LENGTH),
        bytes(RAW_LENGTH - 1),
        bmp(np.full((HEIGHT, WIDTH, 3), 9, np.uint8)),
        bmp(picture(), width=WIDTH + 1),
        bmp(picture(), height=HEIGHT - 1),
        bmp(picture(), height=-(1 << 31)),
        bmp(picture(), planes=2),
        bmp(picture(), depth=32),
        bmp(picture(), compression=1),
        bmp(picture(), length=54),
        bmp(picture(), info=41),
        bmp(picture(), info=12),
        bmp(picture())[:-1],
        bmp(picture()) + b"\0",
        b"PM" + bmp(picture())[2:],
    ],
)
def test_what_is_no_portrait(data: bytes) -> None:
    with pytest.raises(PictureError):
        portrait(data, "BGR", "none")


def outcome(data: bytes, order: str, flip: str) -> None:
    try:
        image = portrait(data, order, flip)
    except PictureError:
        return
    assert (image.shape, image.dtype, image.flags.c_contiguous) == ((HEIGHT, WIDTH, 3), np.uint8, True)
    assert image.flags.owndata


@given(data=st.binary(max_size=200), order=ORDERS, flip=FLIPS)
def test_any_bytes(data: bytes, order: str, flip: str) -> None:
    outcome(data, order, flip)


@given(
    edits=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 80),
    grown=st.integers(0, 80),
    order=ORDERS,
    flip=FLIPS,
)
def test_any_damage_to_a_bmp_file(edits: list[tuple[int, int]], cut: int, grown: int, order: str, flip: str) -> None:
    data = bytearray(bmp(picture()))
    for place, value in edits:
        data[place] = value
    outcome(bytes(data[: len(data) - cut]) + bytes(grown), order, flip)


class Dribble(io.BytesIO):
    """A stream that gives and takes three bytes at a time, as pipes may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(3, size or 0))

    def write(self, data: object) -> int:
        return super().write(bytes(data)[:3])


@given(messages=st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.binary(max_size=50)), max_size=4))
def test_messages_arrive_as_they_were_sent(messages: list[tuple[bytes, bytes]]) -> None:
    stream = Dribble()
    for kind, content in messages:
        wire.write(stream, kind, content)
    stream.seek(0)
    for message in messages:
        assert wire.read(stream) == message
    assert wire.read(stream) is None


@given(data=st.binary(max_size=60))
def test_any_bytes_are_messages_or_an_error(data: bytes) -> None:
    stream = io.BytesIO(data)
    try:
        while wire.read(stream) is not None:
            pass
    except wire.WireError:
        pass

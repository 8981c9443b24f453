"""What application and media process tell each other, and the pictures the page gets."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstation.conference.contract import MediaAddress, MediaFault, MediaStatus, MediaWish, StreamPhase
from workstation.conference.media.i420 import MAX_HEIGHT, MAX_WIDTH, fitted, i420
from workstation.conference.media.wire import Order, Picture, Report
from workstation.face.contract import MAX_SIDE_PX
from workstation.face.wire import WireError, read_message, write_message

STATUS = MediaStatus(
    video=StreamPhase.LIVE, voice=StreamPhase.STOPPED, voice_fault=MediaFault.VOICE, level_dbfs=-31.5, frames=7
)


@pytest.mark.parametrize(
    "message",
    [
        Order(wish=MediaWish(microphone=True, capture="hs_mic", playback="hs_out")),
        Order(camera=Picture(height=480, width=640, captured_at=12.5)),
        Order(preview_seen=True),
        Report(address=MediaAddress(port=4711, key="k")),
        Report(status=STATUS),
        Report(taken=True),
        Report(preview=Picture(height=1, width=MAX_SIDE_PX)),
        Report(error="E-208"),
    ],
)
def test_a_message_survives_the_wire(message: Order | Report) -> None:
    stream = io.BytesIO()
    write_message(stream, message)
    stream.seek(0)
    assert read_message(stream, type(message)) == message
    assert read_message(stream, type(message)) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_wire_error(content: bytes) -> None:
    for data in (content, len(content).to_bytes(4, "big") + content):
        for kind in (Order, Report):
            try:
                read_message(io.BytesIO(data), kind)
            except WireError:
                continue


@pytest.mark.parametrize("content", [b'{"camera":{"height":0,"width":5}}', b'{"camera":{"height":5,"width":5000}}'])
def test_a_picture_that_does_not_fit_the_frame_is_no_message(content: bytes) -> None:
    with pytest.raises(WireError):
        read_message(io.BytesIO(len(content).to_bytes(4, "big") + content), Order)


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_any_picture_fits_the_page(height: int, width: int) -> None:
    image = fitted(np.zeros((height, width, 3), np.uint8))
    high, wide = image.shape[:2]
    assert high % 2 == wide % 2 == 0
    assert 2 <= high <= MAX_HEIGHT
    assert 2 <= wide <= MAX_WIDTH
    assert i420(image).nbytes == high * wide * 3 // 2


def test_planes_hold_the_picture() -> None:
    red = np.full((4, 6, 3), (0, 0, 255), np.uint8)
    planes = i420(fitted(red)).reshape(-1)
    for part, expected in ((planes[:24], 81), (planes[24:30], 90), (planes[30:], 240)):
        assert part.astype(int) == pytest.approx(expected, abs=2)


def test_a_fitted_picture_is_a_copy() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    fitted(image)[:] = 9
    assert not image.any()

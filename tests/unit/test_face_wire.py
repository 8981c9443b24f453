"""Framing between the application and the face worker."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from drivers.contracts import Image
from workstation.face.verification import Coaching, Decision, NormalisedBox, Observation, ReferenceKind
from workstation.face.wire import Operation, Reply, Request, WireError, picture, read_message, write_message

IMAGES = st_numpy.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))
OBSERVED = Observation(
    face_count=1,
    box=NormalisedBox(x=0.1, y=0.2, width=0.3, height=0.4),
    coaching=Coaching.NONE,
    kept_probes=5,
    needed_probes=5,
    decision=Decision.GREY,
    similarity_score=0.41,
)


def sent(header: Request | Reply, image: Image | None = None) -> bytes:
    stream = io.BytesIO()
    write_message(stream, header, image)
    return stream.getvalue()


@given(
    IMAGES, st.sampled_from(Operation), st.sampled_from(ReferenceKind), st.floats(allow_nan=False, allow_infinity=False)
)
def test_request_survives_the_wire(image: Image, operation: Operation, kind: ReferenceKind, captured_at: float) -> None:
    height, width = image.shape[:2]
    request = Request(operation=operation, height=height, width=width, kind=kind, captured_at=captured_at)
    stream = io.BytesIO(sent(request, image) * 2)
    for _ in range(2):
        message = read_message(stream, Request)
        assert message is not None
        assert message[0] == request
        assert np.array_equal(picture(*message), image)
    assert read_message(stream, Request) is None


def test_reply_survives_the_wire() -> None:
    message = read_message(io.BytesIO(sent(Reply(observation=OBSERVED))), Reply)
    assert message == (Reply(observation=OBSERVED), b"")


@given(st.binary(max_size=64))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    for header_type in (Request, Reply):
        try:
            read_message(io.BytesIO(data), header_type)
        except WireError:
            continue


@given(st.binary(max_size=200))
def test_any_header_is_a_message_or_a_wire_error(header: bytes) -> None:
    data = len(header).to_bytes(4, "big") + bytes(4) + header
    for header_type in (Request, Reply):
        try:
            message = read_message(io.BytesIO(data), header_type)
        except WireError:
            continue
        assert message is not None


def test_a_message_cut_anywhere_is_a_wire_error() -> None:
    whole = sent(Request(operation=Operation.OBSERVE, height=1, width=1), np.zeros((1, 1, 3), np.uint8))
    for length in range(1, len(whole)):
        with pytest.raises(WireError):
            read_message(io.BytesIO(whole[:length]), Request)


@pytest.mark.parametrize(("header_bytes", "payload_bytes"), [(0, 0), (1 << 16 | 1, 0), (2, 4096 * 4096 * 3 + 1)])
def test_absurd_lengths_are_refused_before_reading(header_bytes: int, payload_bytes: int) -> None:
    data = header_bytes.to_bytes(4, "big") + payload_bytes.to_bytes(4, "big") + b"{}"
    with pytest.raises(WireError, match="out of range"):
        read_message(io.BytesIO(data), Reply)


@pytest.mark.parametrize(("height", "width", "payload"), [(0, 0, b""), (1, 1, b"ab"), (2, 2, bytes(13))])
def test_payload_of_another_size_is_no_picture(height: int, width: int, payload: bytes) -> None:
    with pytest.raises(WireError):
        picture(Request(operation=Operation.OBSERVE, height=height, width=width), payload)


def test_error_does_not_quote_the_header() -> None:
    header = b'{"operation": "secret-marker"}'
    with pytest.raises(WireError) as caught:
        read_message(io.BytesIO(len(header).to_bytes(4, "big") + bytes(4) + header), Request)
    assert "secret-marker" not in f"{caught.value!r} {caught.value.__cause__!r}"

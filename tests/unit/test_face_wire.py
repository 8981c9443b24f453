"""Framing between the application and the face worker, and the memory they share."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from drivers.contracts import Image
from workstation.face.coaching import Coaching
from workstation.face.contract import ReferenceKind
from workstation.face.frames import SharedFrame
from workstation.face.liveness import Action, ChallengePolicy, Verdict
from workstation.face.seat import SeatLook
from workstation.face.verification import Decision, LivenessResult, NormalisedBox, Observation
from workstation.face.wire import Operation, Reply, Request, WireError, read_message, write_message

IMAGES = st_numpy.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))
OBSERVED = Observation(
    face_count=1,
    box=NormalisedBox(x=0.1, y=0.2, width=0.3, height=0.4),
    coaching=Coaching.NONE,
    prompt=Action.BLINK,
    actions_done=1,
    actions_total=2,
    kept_probes=5,
    needed_probes=5,
    breaks=1,
    decision=Decision.GREY,
    similarity_score=0.41,
    liveness=LivenessResult(verdict=Verdict.PASSED, challenges=2, passive_score=0.5),
)
SEAT = SeatLook(face_count=1, is_expert=None)


def sent(header: Request | Reply) -> bytes:
    stream = io.BytesIO()
    write_message(stream, header)
    return stream.getvalue()


@given(
    st.sampled_from(Operation),
    st.sampled_from(ReferenceKind),
    st.lists(st.sampled_from(Action), unique=True),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_request_survives_the_wire(
    operation: Operation, kind: ReferenceKind, actions: list[Action], captured_at: float
) -> None:
    policy = ChallengePolicy(actions=tuple(actions), count=3)
    request = Request(operation=operation, height=4, width=5, kind=kind, challenges=policy, captured_at=captured_at)
    stream = io.BytesIO(sent(request) * 2)
    assert [read_message(stream, Request) for _ in range(3)] == [request, request, None]


@pytest.mark.parametrize("reply", [Reply(observation=OBSERVED), Reply(seat=SEAT), Reply(begun=False), Reply()])
def test_reply_survives_the_wire(reply: Reply) -> None:
    assert read_message(io.BytesIO(sent(reply)), Reply) == reply


@given(st.binary(max_size=64))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    for header_type in (Request, Reply):
        try:
            read_message(io.BytesIO(data), header_type)
        except WireError:
            continue


@given(st.binary(max_size=200))
def test_any_header_is_a_message_or_a_wire_error(header: bytes) -> None:
    data = len(header).to_bytes(4, "big") + header
    for header_type in (Request, Reply):
        try:
            message = read_message(io.BytesIO(data), header_type)
        except WireError:
            continue
        assert isinstance(message, header_type)


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 20])
def test_a_stream_that_ends_inside_a_message(cut: int) -> None:
    with pytest.raises(WireError, match="ended inside"):
        read_message(io.BytesIO(sent(Reply(observation=OBSERVED))[:cut]), Reply)


@pytest.mark.parametrize("length", [0, (1 << 16) + 1, 0xFFFFFFFF])
def test_a_length_out_of_range_is_refused_before_anything_is_read(length: int) -> None:
    with pytest.raises(WireError, match="out of range"):
        read_message(io.BytesIO(length.to_bytes(4, "big") + b"{}"), Reply)


def test_the_error_does_not_quote_the_input() -> None:
    body = b'{"operation": "secret"}'
    with pytest.raises(WireError) as caught:
        read_message(io.BytesIO(len(body).to_bytes(4, "big") + body), Request)
    assert "secret" not in str(caught.value)


# --- the shared frame ----------------------------------------------------------------------------------------------


@given(IMAGES)
def test_a_picture_is_read_as_it_was_written(image: Image) -> None:
    ours = SharedFrame()
    theirs = SharedFrame(str(os.dup(int(ours.token))))  # as a child inherits it
    ours.write(image)
    assert np.array_equal(theirs.read(*image.shape[:2]), image)
    ours.wipe()
    assert not theirs.read(*image.shape[:2]).any()
    theirs.close()
    ours.close()


def test_the_largest_picture_fits_and_closing_twice_is_closing() -> None:
    frame = SharedFrame()
    frame.write(np.full((4096, 4096, 3), 7, np.uint8))
    assert frame.read(4096, 4096)[-1, -1].tolist() == [7, 7, 7]
    frame.close()
    frame.close()


def test_memory_is_used_only_for_what_was_written() -> None:
    frame = SharedFrame()
    frame.write(np.ones((480, 640, 3), np.uint8))
    assert os.fstat(int(frame.token)).st_blocks * 512 < 2_000_000
    frame.close()


@pytest.mark.parametrize("token", ["no number", "987654"])
def test_a_token_of_nothing_is_refused(token: str) -> None:
    with pytest.raises((OSError, ValueError)):
        SharedFrame(token)

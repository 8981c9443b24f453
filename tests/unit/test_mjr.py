"""Heads and names of Janus recordings: as Janus 1.1.2 writes them, cut anywhere, and anything at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstation.site.server.meetings.mjr import MjrHead, MjrName, read_head, read_name

# The beginnings of files that a real Janus wrote.
AUDIO = (
    b'MJR00002\x00E{"t": "a", "c": "opus", "s": 1795843127667868, "u": 1795843127669195}MEET\x00\x00\x00\x00\x00\xdd'
)
VIDEO = b'MJR00002\x00D{"t": "v", "c": "vp8", "s": 1795843128286118, "u": 1795843128287775}MEET\x00\x00\x00\x00\x00\xdd'
ROOM = "42bffe79c62d71112388ff17"
WHO = "0123456789abcdef0123"


def test_what_janus_writes():
    assert read_head(AUDIO) == MjrHead(medium="audio", started_at=datetime(2026, 11, 28, 5, 18, 47, 669195, tzinfo=UTC))
    assert read_head(VIDEO) == MjrHead(medium="video", started_at=datetime(2026, 11, 28, 5, 18, 48, 287775, tzinfo=UTC))


@pytest.mark.parametrize("length", range(len(AUDIO)))
def test_a_head_that_is_cut_is_none(length):
    head = read_head(AUDIO[:length])
    assert (head is None) == (length < 10 + 0x45)


def head(text: bytes) -> bytes:
    return b"MJR00002" + len(text).to_bytes(2, "big") + text


@pytest.mark.parametrize(
    "data",
    [
        b"MJR00003" + AUDIO[8:],
        head(b"{}"),
        head(b"[1]"),
        head(b'{"t":"x","s":1}'),
        head(b'{"t":"a","s":-1}'),
        head(b'{"t":"a","s":99999999999999999999}'),
        head(b'{"t":"a","s":1e300}'),
        head(b"\xff\xfe"),
    ],
)
def test_another_head_is_none(data):
    assert read_head(data) is None


def test_the_making_stands_in_for_the_first_packet():
    assert read_head(head(b'{"t":"d","s":0}')) == MjrHead(medium="data", started_at=datetime(1970, 1, 1, tzinfo=UTC))
    assert read_head(head(b'{"t":"d"}')) == MjrHead(medium="data", started_at=None)


@given(st.binary(max_size=300))
def test_any_bytes(data):
    for text in (data, b"MJR00002" + data, head(data)):
        found = read_head(text)
        assert found is None or found.medium in {"audio", "video", "data"}


@given(st.sampled_from("avd"), st.integers(0, 2**60))
def test_any_time(medium, moment):
    found = read_head(head(f'{{"t":"{medium}","u":{moment}}}'.encode()))
    limit = 253_370_764_800_000_000
    assert (found is None) == (moment > limit)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"videoroom-{ROOM}-user-{WHO}-1795843127667868-audio-0.mjr", (ROOM, WHO, "audio")),
        (f"videoroom-{ROOM}-user-{WHO}-1795843127667868-video-1.mjr", (ROOM, WHO, "video")),
        (
            f"videoroom-{ROOM}-desktop-user-{WHO}-screen-1795843127667868-video-0.mjr",
            (f"{ROOM}-desktop", WHO, "screen"),
        ),
        (f"videoroom-{ROOM}-desktop-user-{WHO}-screen-1-audio-1.mjr", (f"{ROOM}-desktop", WHO, "audio")),
    ],
)
def test_names(name, said):
    room, who, medium = said
    assert read_name(name) == MjrName(room=room, participant_id=who, medium=medium)


@given(st.text(max_size=120) | st.from_regex(r"videoroom-.*-user-.*\.mjr"))
def test_any_name(name):
    found = read_name(name)
    if found is not None:
        assert "/" not in name
        assert name.startswith(f"videoroom-{found.room}-user-{found.participant_id}-")


@pytest.mark.parametrize(
    "name", ["", "x.mjr", f"videoroom-{ROOM}-user-{WHO}-1-audio-0.mjr\n", "videoroom-../x-user-a-1-audio-0.mjr"]
)
def test_other_names(name):
    assert read_name(name) is None

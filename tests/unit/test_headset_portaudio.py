"""Which of PortAudio's devices are a headset, by their names; and what a child may say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.headset.endpoint import Wear, wear_named
from drivers.headset.enumeration import MAX_BYTES, EnumerationError, Sighting, decode, encode
from drivers.headset.portaudio import PortAudioHeadset

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
SIGHTINGS = st.builds(Sighting, name=NAMES, is_capture=st.booleans(), is_default=st.booleans())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
)
ROW = {"name": "USB Audio", "is_capture": True, "is_default": False}


@given(st.lists(SIGHTINGS, max_size=20))
def test_a_list_comes_back_as_it_was(sightings: list[Sighting]) -> None:
    assert decode(encode(sightings)) == tuple(sightings)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_refused_or_a_list(data: bytes) -> None:
    try:
        sightings = decode(data)
    except EnumerationError:
        return
    assert all(each.name.encode() and isinstance(each.is_capture, bool) for each in sightings)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[" * MAX_BYTES,
        b" " * MAX_BYTES + b"[]",
        b"[" + b"9" * 10_000 + b"]",
        b"\xff[]",
        json.dumps([ROW | {"name": ""}]).encode(),
        json.dumps([ROW | {"name": "x" * 513}]).encode(),
        json.dumps([ROW | {"name": "\ud800"}]).encode(),
        json.dumps([ROW | {"is_capture": 1}]).encode(),
        json.dumps([ROW | {"more": 1}]).encode(),
        json.dumps([{"name": "x", "is_capture": True}]).encode(),
        json.dumps([ROW] * 257).encode(),
    ],
)
def test_these_are_no_lists(data: bytes) -> None:
    with pytest.raises(EnumerationError):
        decode(data)


@pytest.mark.parametrize(
    ("name", "wear"),
    [
        ("Headset Earphone (USB Audio Device)", Wear.WORN),
        ("耳机 (2- USB Audio Device)", Wear.WORN),
        ("头戴式麦克风 (USB Audio)", Wear.WORN),
        ("Speakers (Plantronics Headset)", Wear.WORN),
        ("Speakers (Realtek(R) Audio)", Wear.ROOM),
        ("扬声器 (Realtek High Definition Audio)", Wear.ROOM),
        ("DELL U2412M (NVIDIA High Definition Audio)", Wear.ROOM),
        ("显示器 (英特尔(R) 显示器音频)", Wear.ROOM),
        ("麦克风阵列 (Realtek(R) Audio)", Wear.ROOM),
        ("Microphone (HD Webcam C270)", Wear.ROOM),
        ("Microphone (USB PnP Sound Device)", Wear.UNKNOWN),
    ],
)
def test_a_name_says_where_it_sounds(name: str, wear: Wear) -> None:
    assert wear_named(name) is wear


def chosen(monkeypatch: pytest.MonkeyPatch, *rows: tuple[str, bool, bool], wanted: str = "") -> tuple[str, str] | None:
    """Return the names of the pair that is chosen among (name, is it a microphone, is it the default)."""
    data = encode([Sighting(name=name, is_capture=capture, is_default=default) for name, capture, default in rows])
    monkeypatch.setattr("drivers.headset.portaudio._run", lambda *_: data)
    pair = PortAudioHeadset([], wanted).pair()
    return pair and (pair.playback.name, pair.capture.name)


MIC = ("Microphone (USB PnP)", True, True)


@pytest.mark.parametrize("room", ["扬声器 (Realtek(R) Audio)", "Speakers (USB PnP)", "Virtual Output"])
def test_a_default_that_sounds_in_the_room_is_refused(monkeypatch: pytest.MonkeyPatch, room: str) -> None:
    assert chosen(monkeypatch, (room, False, True), MIC) is None
    cups = ("Headphones (USB PnP)", False, False)
    assert chosen(monkeypatch, (room, False, True), cups, MIC) == (cups[0], MIC[0])


@pytest.mark.parametrize("mix", ["Headset Earphone (USB) [Loopback]", "立体声混音 (Realtek)", "Stereo Mix (Realtek)"])
def test_what_is_played_is_no_microphone(monkeypatch: pytest.MonkeyPatch, mix: str) -> None:
    assert chosen(monkeypatch, ("Headset Earphone (USB)", False, True), (mix, True, True)) is None


def test_the_halves_of_a_spare_are_of_one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("Headset Microphone (USB)", True, True)]
    rows += [("Headset Earphone (2- USB)", False, False), ("Headset Microphone (2- USB)", True, False)]
    pair = chosen(monkeypatch, *rows, wanted="nowhere")
    assert pair == ("Headset Earphone (2- USB)", "Headset Microphone (2- USB)")

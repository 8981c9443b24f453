"""Sound through PortAudio and a real PulseAudio server: what is played is heard, and a pulled plug is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from drivers.contracts import CancelToken
from drivers.errors import DeviceError, ErrorCode
from drivers.headset.sound import RATE, Capture, Channel, Samples, open_capture, open_playback
from drivers.simulated.pulse import CAPTURE_NAME, PLAYBACK_NAME, PulseService

BLOCK = 480
AIR = "hs_air"


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseService]:
    with PulseService(tmp_path) as service:
        monkeypatch.setenv("PULSE_SERVER", service.server)
        service.plug()
        yield service


def tone(hertz: float, seconds: float) -> Samples:
    time_s = np.arange(int(seconds * RATE)) / RATE
    return (0.3 * 32767 * np.sin(2 * np.pi * hertz * time_s)).astype(np.int16)


def hear(capture: Capture, *, seconds: float, timeout_s: float = 5) -> Samples:
    return np.concatenate([capture.read(timeout_s) for _ in range(int(seconds * RATE / BLOCK))])


def test_what_is_played_into_the_air_is_heard(pulse: PulseService) -> None:
    with open_capture(CAPTURE_NAME, BLOCK) as capture, open_playback(AIR) as playback:
        assert capture.read(5.0).shape == (BLOCK,)
        playback.begin(tone(1000, 1.0))
        heard = hear(capture, seconds=3.0)
    assert heard.dtype == np.int16
    assert abs(int(np.abs(heard).max()) - 0.3 * 32767) < 1000


@pytest.mark.parametrize(
    ("channel", "sides"), [("left", (True, False)), ("right", (False, True)), ("both", (True, True))]
)
def test_a_channel_is_played_into_its_ear(pulse: PulseService, channel: Channel, sides: tuple[bool, bool]) -> None:
    seen = []
    for side in ("left", "right"):
        name = pulse.ear(side)
        with open_capture(name, BLOCK) as capture, open_playback(PLAYBACK_NAME) as playback:
            capture.read(5.0)
            playback.begin(tone(500, 0.5), channel)
            seen.append(int(np.abs(hear(capture, seconds=2.5)).max()) > 3000)
    assert tuple(seen) == sides


def test_play_returns_when_it_was_heard_or_cancelled(pulse: PulseService) -> None:
    with open_playback(PLAYBACK_NAME) as playback:
        playback.play(tone(500, 0.2))
        assert not playback.is_playing
        cancel = CancelToken()
        cancel.cancel()
        playback.play(tone(500, 60), cancel=cancel)
        assert not playback.is_playing
        for _ in range(20):
            playback.write(tone(500, 0.01))


@pytest.mark.parametrize("is_replugged", [False, True])
def test_a_pulled_plug_is_seen_though_the_stream_goes_on(pulse: PulseService, is_replugged: bool) -> None:
    with open_capture(CAPTURE_NAME, BLOCK) as capture, open_playback(PLAYBACK_NAME) as playback:
        capture.read(5.0)
        pulse.unplug()
        if is_replugged:
            pulse.plug()
        with pytest.raises(DeviceError) as raised:
            hear(capture, seconds=20)
        assert raised.value.code is ErrorCode.HEADSET_LOST
        with pytest.raises(DeviceError) as raised:
            playback.play(tone(500, 10))
        assert raised.value.code is ErrorCode.HEADSET_LOST


def test_a_server_that_ends_is_seen(pulse: PulseService) -> None:
    with open_capture(CAPTURE_NAME, BLOCK) as capture:
        capture.read(5.0)
        pulse.stop()
        with pytest.raises(DeviceError) as raised:
            hear(capture, seconds=20)
        assert raised.value.code is ErrorCode.HEADSET_LOST


def test_no_such_endpoint(pulse: PulseService) -> None:
    for opening in (lambda: open_capture("nobody", BLOCK), lambda: open_playback("nobody")):
        with pytest.raises(DeviceError) as raised:
            opening()
        assert raised.value.code is ErrorCode.HEADSET_ABSENT


def test_no_sound_server_and_then_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = PulseService(tmp_path)
    monkeypatch.setenv("PULSE_SERVER", service.server)
    with pytest.raises(DeviceError):
        open_capture(CAPTURE_NAME, BLOCK)
    with service:
        service.plug()
        with open_capture(CAPTURE_NAME, BLOCK) as capture:
            assert len(capture.read(5.0)) == BLOCK
            capture.flush()
            with pytest.raises(TimeoutError):
                hear(capture, seconds=1, timeout_s=0)

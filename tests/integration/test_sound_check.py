"""The sound check's process over a real PulseAudio server, with a synthetic voice that answers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from drivers.contracts import HeadsetPair, SoundEndpoint
from drivers.errors import CancelledError, ErrorCode
from drivers.headset.levels import Samples
from drivers.headset.pulse import PulseHeadset
from drivers.simulated.pulse import CAPTURE_NAME, PLAYBACK_NAME, PulseService
from drivers.simulated.voice import Speaker, digits, hum, noise
from workstation.headset.client import SoundCheckClient
from workstation.headset.contract import Result, Step, Suggestion, Transform
from workstation.headset.unattended import run_unattended
from workstation.headset.wire import LevelSeen, StepBegun

Voice = Callable[[str], Samples]


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseService]:
    with PulseService(tmp_path) as service:
        monkeypatch.setenv("PULSE_SERVER", service.server)
        service.plug()
        yield service


@pytest.fixture
def pair(pulse: PulseService) -> Iterator[HeadsetPair]:
    with closing(PulseHeadset(PLAYBACK_NAME, CAPTURE_NAME, server=pulse.server)) as headset:
        yield headset.take()


class Person:
    """Sits before the booth: answers the tones, reads the digits, and may do something at a step.

    Attributes:
        steps: what was asked, in order.
        levels: what the meter showed.
    """

    def __init__(self, pulse: PulseService, client: SoundCheckClient, voice: Voice = digits) -> None:
        self._pulse, self._client, self._voice = pulse, client, voice
        self.at: dict[Step, Callable[[], object]] = {}
        self.steps: list[Step] = []
        self.levels: list[LevelSeen] = []

    def __call__(self, event: StepBegun | LevelSeen) -> None:
        if isinstance(event, LevelSeen):
            self.levels.append(event)
            return
        self.steps.append(event.step)
        if event.step in self.at:
            self.at[event.step]()
        elif event.step in {Step.LEFT, Step.RIGHT}:
            self._client.answer(heard=True)
        elif event.step is Step.SPEAK:
            self._pulse.say(self._voice(event.digits))


def check(pulse: PulseService, pair: HeadsetPair, voice: Voice = digits, **at: Callable[[], object]) -> Result:
    client = SoundCheckClient()
    person = Person(pulse, client, voice)
    person.at = {Step(step): action for step, action in at.items()}
    return client.run(pair, Transform.PLAIN, person)


def test_a_good_headset_passes(pulse: PulseService, pair: HeadsetPair) -> None:
    client = SoundCheckClient()
    person = Person(pulse, client, lambda text: digits(text, Speaker.WOMAN))
    assert client.run(pair, Transform.PLAIN, person) == Result()
    assert person.steps == list(Step)
    assert max(level.level_dbfs for level in person.levels) > -40
    assert any(level.speaking for level in person.levels)
    # Ten a second: each level is of 100 ms of sound, and the check hears eight seconds at least.
    assert len(person.levels) > 60


@pytest.mark.parametrize(
    ("voice", "suggestion"),
    [
        (lambda text: np.zeros(4800, np.int16), Suggestion.MUTE_SWITCH),
        (lambda text: digits(text, amplitude=0.006), Suggestion.TOO_QUIET),
        (lambda text: noise(3, 0.05), Suggestion.TOO_QUIET),
    ],
    ids=["silent", "soft", "noise"],
)
def test_who_is_not_heard_is_told_why(
    pulse: PulseService, pair: HeadsetPair, voice: Voice, suggestion: Suggestion
) -> None:
    assert check(pulse, pair, voice) == Result(code=ErrorCode.MICROPHONE_SILENT, suggestion=suggestion)


def test_a_muted_microphone(pulse: PulseService, pair: HeadsetPair) -> None:
    pulse.mute_capture(muted=True)
    result = check(pulse, pair)
    assert result == Result(code=ErrorCode.MICROPHONE_SILENT, suggestion=Suggestion.MUTE_SWITCH)


def test_clipping(pulse: PulseService, pair: HeadsetPair) -> None:
    def shout(text: str) -> Samples:
        return np.clip(digits(text, amplitude=1.0).astype(np.float64) * 6, -32768, 32767).astype(np.int16)

    pulse.capture_volume(1.0)
    result = check(pulse, pair, shout)
    assert result == Result(code=ErrorCode.MICROPHONE_SILENT, suggestion=Suggestion.CLIPPING)


def test_hum(pulse: PulseService, pair: HeadsetPair) -> None:
    pulse.say(hum(60, 0.1))
    result = check(pulse, pair)
    assert result == Result(code=ErrorCode.MICROPHONE_SILENT, suggestion=Suggestion.HUM)


def test_a_tone_that_nobody_hears(pulse: PulseService, pair: HeadsetPair) -> None:
    client = SoundCheckClient()
    person = Person(pulse, client)
    person.at = {Step.RIGHT: lambda: (client.again(), client.answer(heard=False))}
    result = client.run(pair, Transform.PLAIN, person)
    assert result == Result(code=ErrorCode.HEADSET_ABSENT, suggestion=Suggestion.NOT_HEARD)
    assert person.steps == [Step.QUIET, Step.LEFT, Step.RIGHT]


def test_an_ear_cup_at_the_microphone_is_echo(pulse: PulseService, pair: HeadsetPair) -> None:
    pulse.lay_down()
    client = SoundCheckClient()
    person = Person(pulse, client)
    # The expert thinks about it for two tones; the echo is found whether there is an answer or not.
    person.at = {Step.LEFT: lambda: None}
    result = client.run(pair, Transform.PLAIN, person)
    assert result == Result(code=ErrorCode.HEADSET_HOWLS, suggestion=Suggestion.ECHO)


@pytest.mark.parametrize("step", [Step.QUIET, Step.LEFT, Step.SPEAK, Step.PLAYBACK])
def test_pulled_at_any_step(pulse: PulseService, pair: HeadsetPair, step: Step) -> None:
    client = SoundCheckClient()
    person = Person(pulse, client)
    person.at = {step: pulse.unplug}
    result = client.run(pair, Transform.PLAIN, person)
    assert result == Result(code=ErrorCode.HEADSET_LOST, suggestion=Suggestion.PLUG)
    assert person.steps[-1] is step


def test_pulled_before_it_begins(pulse: PulseService, pair: HeadsetPair) -> None:
    pulse.unplug()
    assert check(pulse, pair) == Result(code=ErrorCode.HEADSET_ABSENT, suggestion=Suggestion.PLUG)


def test_the_sound_server_ends(pulse: PulseService, pair: HeadsetPair) -> None:
    result = check(pulse, pair, left=pulse.stop)
    assert result == Result(code=ErrorCode.HEADSET_LOST, suggestion=Suggestion.PLUG)


@pytest.mark.parametrize("step", [Step.QUIET, Step.LEFT, Step.SPEAK, Step.PLAYBACK])
def test_cancelled_at_any_step(pulse: PulseService, pair: HeadsetPair, step: Step) -> None:
    client = SoundCheckClient()
    person = Person(pulse, client)
    person.at = {step: lambda: threading.Thread(target=client.cancel).start()}
    with pytest.raises(CancelledError):
        client.run(pair, Transform.PLAIN, person)


NOBODY = HeadsetPair(
    playback=SoundEndpoint(name="a", description="A"), capture=SoundEndpoint(name="b", description="B")
)


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit(3)",
        "print('nonsense', flush=True); import time; time.sleep(60)",
        "print('x' * 10000, flush=True); import time; time.sleep(60)",
        "import time; time.sleep(60)",
    ],
    ids=["dies", "talks nonsense", "talks without end", "hangs"],
)
def test_a_child_that_fails_is_put_down(program: str, allow_logs: Callable[[str], None]) -> None:
    allow_logs("workstation.headset.client")
    client = SoundCheckClient([sys.executable, "-c", program], silence_s=1.0)
    result = client.run(NOBODY, Transform.PLAIN, lambda event: None)
    assert result == Result(code=ErrorCode.HEADSET_ABSENT, suggestion=Suggestion.PLUG)


def test_unattended(pulse: PulseService, pair: HeadsetPair) -> None:
    muted = Result(code=ErrorCode.MICROPHONE_SILENT, suggestion=Suggestion.MUTE_SWITCH)
    assert run_unattended(pair) == muted
    pulse.say(noise(60, 0.003))
    assert run_unattended(pair) == Result(is_looped=False)
    pulse.lay_down()
    assert run_unattended(pair) == Result(is_looped=True)
    pulse.say(hum(60, 0.1))
    assert run_unattended(pair) == Result(code=ErrorCode.MICROPHONE_SILENT, suggestion=Suggestion.HUM)
    pulse.unplug()
    assert run_unattended(pair) == Result(code=ErrorCode.HEADSET_ABSENT, suggestion=Suggestion.PLUG)

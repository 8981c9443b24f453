"""The sound check over a headset made of arrays: the changed voice, howling, wiping and cancelling."""

from __future__ import annotations

import queue
from typing import cast

import numpy as np
import pytest

from drivers.contracts import CancelToken
from drivers.errors import CancelledError
from drivers.headset.levels import RATE, Samples
from drivers.headset.sound import Capture, Playback
from drivers.simulated.voice import digits, noise
from workstation.headset.contract import Result, Step
from workstation.headset.judge import HOWLS, NOT_HEARD
from workstation.headset.listening import BLOCK
from workstation.headset.soundcheck import SoundCheck, VoiceChange
from workstation.headset.wire import Again, Answer, LevelSeen, StepBegun


class Headset:
    """Capture and playback in one: hears ``air``, and takes a block of what plays for each block that is read."""

    def __init__(self) -> None:
        self.air: Samples = np.zeros(0, np.int16)
        self.played: list[Samples] = []
        self._left = 0

    def read(self, timeout_s: float) -> Samples:
        block, self.air = self.air[:BLOCK], self.air[BLOCK:]
        self._left = max(0, self._left - BLOCK)
        room = noise(BLOCK / RATE, 0.001)
        room[: len(block)] += block
        return room

    def flush(self) -> None:
        pass

    def check(self) -> None:
        pass

    def begin(self, samples: Samples, channel: str = "both") -> None:
        self.played.append(samples.copy())
        self._left = len(samples)

    def stop(self) -> None:
        self._left = 0

    @property
    def is_playing(self) -> bool:
        return self._left > 0


class Booth:
    """A headset, and an expert who hears the tones and reads the digits."""

    def __init__(self, change: VoiceChange | None = None, *, is_deaf: bool = False) -> None:
        self.headset = Headset()
        self.cancel = CancelToken()
        self.at_playback: Samples = np.zeros(0, np.int16)
        self.cancel_at: Step | None = None
        self._inbox: queue.SimpleQueue[Answer | Again] = queue.SimpleQueue()
        self._is_deaf = is_deaf
        self.check = SoundCheck(
            cast("Capture", self.headset),
            cast("Playback", self.headset),
            say=self._on_event,
            inbox=self._inbox,
            cancel=self.cancel,
            change=change,
        )

    def _on_event(self, event: StepBegun | LevelSeen) -> None:
        if isinstance(event, LevelSeen):
            return
        if event.step is self.cancel_at:
            self.cancel.cancel()
        if event.step in {Step.LEFT, Step.RIGHT} and not self._is_deaf:
            self._inbox.put(Answer(heard=True))
        elif event.step is Step.SPEAK:
            self.headset.air = digits(event.digits)
        elif event.step is Step.PLAYBACK:
            self.headset.air = self.at_playback


def test_the_own_voice_is_heard_back_and_then_overwritten() -> None:
    booth = Booth()
    assert booth.check.run("3852") == Result()
    left, right, voice = booth.headset.played
    assert np.array_equal(left, right)
    assert 1.0 * RATE < len(voice) < 3 * RATE
    assert np.abs(voice).max() > 5000
    assert not booth.check._recording.any()


def test_a_changed_voice_is_what_is_heard_back() -> None:
    blocks: list[int] = []

    def change(block: Samples) -> Samples:
        blocks.append(len(block))
        return np.full(len(block), 77, np.int16)

    booth = Booth(change)
    assert booth.check.run("3852") == Result()
    assert set(blocks) == {BLOCK}
    assert (booth.headset.played[-1] == 77).all()


def test_a_tone_that_grows_while_the_voice_plays_is_howling() -> None:
    booth = Booth()
    seconds = np.arange(2 * RATE) / RATE
    booth.at_playback = (32767 * 0.01 * 10 ** (seconds / 2) * np.sin(2 * np.pi * 2200 * seconds)).astype(np.int16)
    assert booth.check.run("3852") is not HOWLS
    booth = Booth()
    booth.at_playback = (
        (32767 * 0.02 * 10**seconds * np.sin(2 * np.pi * 2200 * seconds)).clip(-32767, 32767).astype(np.int16)
    )
    assert booth.check.run("3852") is HOWLS


def test_who_never_answers_heard_nothing() -> None:
    booth = Booth(is_deaf=True)
    assert booth.check.run("3852") is NOT_HEARD
    assert len(booth.headset.played) > 40


@pytest.mark.parametrize("step", [Step.LEFT, Step.RIGHT, Step.SPEAK, Step.PLAYBACK])
def test_cancel_ends_it_and_overwrites(step: Step) -> None:
    booth = Booth()
    booth.cancel_at = step
    with pytest.raises(CancelledError):
        booth.check.run("3852")
    assert not booth.check._recording.any()

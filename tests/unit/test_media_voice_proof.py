"""The proof of the voice change: what changes enough passes, whatever does not is found within seconds."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from drivers.simulated.voice import Speaker, digits
from tests.speech import spoken
from workstation.conference.contract import BLOCK
from workstation.conference.media.voice import Sound, VoiceChanger
from workstation.conference.media.voice_proof import STRIKES, Changer, VoiceWatch, drawn_change, probe_holds


class Claimed:
    """Says of itself that it changes much, and does what it is told."""

    pitch, formant = 0.75, 0.83

    def __init__(self, inner: VoiceChanger | None = None, *, late: int = 0) -> None:
        self._inner = inner
        self._waiting = [np.zeros(BLOCK, np.int16)] * late

    def process(self, block: Sound) -> Sound:
        if self._inner:
            return self._inner.process(block)
        self._waiting.append(block)
        return self._waiting.pop(0)

    def wipe(self) -> None:
        pass


class Silent(Claimed):
    def process(self, block: Sound) -> Sound:
        return 0 * super().process(block)


def first_refuted(changer: Changer, sound: Sound) -> int | None:
    """Return the number of the block at which the watch refuses, ``None`` when it does not."""
    watch = VoiceWatch()
    for number, block in enumerate(sound.reshape(-1, BLOCK)):
        if not watch.holds(block, changer.process(block)):
            return number
    return None


def test_every_drawn_change_passes_its_probe() -> None:
    for _ in range(8):
        assert probe_holds(drawn_change())


def test_what_is_drawn_once_makes_equal_changers() -> None:
    make = drawn_change()
    assert len({(make().pitch, make().formant) for _ in range(4)}) == 1


@pytest.mark.parametrize(
    "make",
    [
        Claimed,
        functools.partial(Claimed, late=4),
        Silent,
        lambda: Claimed(VoiceChanger(0.75, 1.0001, seed=1)),
        lambda: Claimed(VoiceChanger(1.0001, 0.83, seed=1)),
        lambda: Claimed(VoiceChanger(1.4, 0.83, seed=1)),
    ],
    ids=["raw", "raw-late", "silent", "pitch-only", "formants-only", "not-as-it-says"],
)
def test_a_changer_that_does_not_change_fails_the_probe(make: type[Claimed]) -> None:
    assert not probe_holds(make)


@pytest.mark.parametrize("late", [0, 4])
@pytest.mark.parametrize("hertz", [90.0, 130.0, 230.0])
def test_a_raw_voice_is_found_within_two_seconds(hertz: float, late: int) -> None:
    found = first_refuted(Claimed(late=late), spoken(hertz, 3))
    assert found is not None
    assert found <= 200


def test_a_changer_that_gives_up_in_mid_meeting_is_found() -> None:
    class Tired(Claimed):
        def __init__(self) -> None:
            super().__init__(VoiceChanger(0.75, 0.83, seed=1))
            self.left = 300

        def process(self, block: Sound) -> Sound:
            self.left -= 1
            changed = super().process(block)
            return changed if self.left > 0 else block

    found = first_refuted(Tired(), spoken(120, 6))
    assert found is not None
    assert 300 <= found <= 500


def test_formants_that_do_not_move_are_found() -> None:
    found = first_refuted(VoiceChanger(0.75, 1.0001, seed=1), spoken(120, 2 + 2 * STRIKES))
    assert found is not None


@pytest.mark.parametrize("hertz", [85.0, 110.0, 150.0, 200.0, 260.0])
def test_a_working_change_is_never_refused(hertz: float) -> None:
    sound = spoken(hertz, 8)
    for _ in range(3):
        assert first_refuted(VoiceChanger(), sound) is None


@pytest.mark.parametrize("speaker", list(Speaker))
@pytest.mark.parametrize("offset", [0, 2000])
def test_words_said_apart_and_a_microphones_offset_refute_nothing(speaker: Speaker, offset: int) -> None:
    """The swell of a word and an offset pass any change of the voice: they are below it."""
    pause = np.zeros(100 * BLOCK, np.int16)
    words = [part for text in ("1", "1", "1", "3852") for part in (digits(text, speaker), pause)]
    sound = np.concatenate(words)
    sound = np.asarray(sound[: len(sound) // BLOCK * BLOCK] + offset, np.int16)
    for seed in range(5):
        assert first_refuted(VoiceChanger(seed=seed), sound) is None


def test_silence_and_noise_refute_nothing() -> None:
    noise = np.asarray(3000 * np.random.default_rng(1).standard_normal(400 * BLOCK), np.int16)
    assert first_refuted(Claimed(), 0 * noise) is None
    assert first_refuted(VoiceChanger(), noise) is None

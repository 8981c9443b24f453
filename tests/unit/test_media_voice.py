"""The voice change: pitch and formants move as said, words keep their time, the voice is not in there any more."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from tests.speech import spoken
from workstation.conference.contract import BLOCK, SAMPLE_RATE
from workstation.conference.media.acoustics import measure
from workstation.conference.media.pitch import WINDOW, Signal, period
from workstation.conference.media.voice import HIGHER, LATENCY, LOWER, WANDER, Sound, VoiceChanger
from workstation.conference.media.voice_proof import vowels

CORNERS = [*itertools.product(*LOWER), *itertools.product(*HIGHER)]


def changed(changer: VoiceChanger, sound: Sound) -> Sound:
    return np.concatenate([changer.process(block) for block in sound.reshape(-1, BLOCK)])


def signal(sound: Sound) -> Signal:
    return np.asarray(sound, np.float32) / np.float32(32768)


def tone(hertz: float, samples: int) -> Sound:
    return np.asarray(9000 * np.sin(2 * np.pi * hertz * np.arange(samples) / SAMPLE_RATE), np.int16)


@pytest.mark.parametrize("hertz", [80, 110, 160, 220, 330, 400])
def test_pitch_of_a_tone_is_found(hertz: float) -> None:
    assert period(signal(tone(hertz, WINDOW))) == pytest.approx(SAMPLE_RATE / hertz, rel=0.02)


def test_noise_and_silence_have_no_pitch() -> None:
    random = np.random.default_rng(7)
    noise = [np.asarray(0.2 * random.standard_normal(WINDOW), np.float32) for _ in range(300)]
    assert sum(period(window) > 0 for window in noise) <= 3
    assert period(np.zeros(WINDOW, np.float32)) == 0


@pytest.mark.parametrize("hertz", [110.0, 150.0, 300.0])
@pytest.mark.parametrize("pitch", [0.75, 1.4])
def test_a_tone_comes_out_at_the_new_pitch(hertz: float, pitch: float) -> None:
    out = signal(changed(VoiceChanger(pitch, 1.1, seed=3), tone(hertz, SAMPLE_RATE)))
    windows = (out[at : at + 2 * WINDOW] for at in range(SAMPLE_RATE // 2, SAMPLE_RATE - 2 * WINDOW, BLOCK))
    found = [SAMPLE_RATE / period(window, 50, 650) for window in windows]
    assert np.median(found) == pytest.approx(hertz * pitch, rel=WANDER + 0.03)


@pytest.mark.parametrize("hertz", [85.0, 120.0, 180.0, 240.0])
@pytest.mark.parametrize(("pitch", "formant"), CORNERS)
def test_pitch_and_formants_of_speech_move_as_said(hertz: float, pitch: float, formant: float) -> None:
    raw = spoken(hertz, 2)
    change = measure(signal(raw)[:-LATENCY], signal(changed(VoiceChanger(pitch, formant, seed=5), raw))[LATENCY:])
    assert change is not None
    assert change.pitch == pytest.approx(pitch, rel=0.06)
    assert change.formant == pytest.approx(formant, rel=0.09)
    assert change.likeness < 0.4


def test_the_measure_sees_no_change_where_there_is_none() -> None:
    raw = signal(spoken(120, 1))
    change = measure(raw, raw)
    assert change is not None
    assert (change.pitch, change.formant) == pytest.approx((1, 1), abs=0.01)
    assert change.likeness > 0.99
    assert measure(0 * raw, 0 * raw) is None


def test_the_output_is_late_by_the_latency_and_no_more() -> None:
    random = np.random.default_rng(1)
    raw = np.zeros(4 * SAMPLE_RATE, np.int16)
    for start in range(SAMPLE_RATE // 3, 4 * SAMPLE_RATE - SAMPLE_RATE // 3, 17 * BLOCK):
        raw[start : start + 5 * BLOCK] = 6000 * random.standard_normal(5 * BLOCK)
    out = changed(VoiceChanger(0.8, 1.15, seed=2), raw)
    smooth = np.hanning(BLOCK)
    loudness = [np.convolve(np.abs(sound.astype(float)), smooth, "same")[::8] for sound in (raw, out)]
    products = np.correlate(loudness[1], loudness[0], "full")
    late = 8 * (int(np.argmax(products)) - (len(loudness[0]) - 1))
    assert late == pytest.approx(LATENCY, abs=120)
    assert LATENCY + BLOCK <= 0.06 * SAMPLE_RATE


@pytest.mark.parametrize(("pitch", "formant"), CORNERS)
def test_speech_stays_voiced_and_as_loud(pitch: float, formant: float) -> None:
    raw = vowels(130)
    out = signal(changed(VoiceChanger(pitch, formant, seed=9), raw))[LATENCY:]
    windows = [out[at : at + 2 * WINDOW] for at in range(0, len(out) - 2 * WINDOW, BLOCK)]
    assert np.mean([period(window, 50, 650) > 0 for window in windows]) > 0.9
    assert 0.5 < np.sqrt(np.mean(out**2) / np.mean(signal(raw) ** 2)) < 2


def test_every_changer_is_another_and_surely_changes() -> None:
    drawn = [VoiceChanger() for _ in range(200)]
    assert len({changer.pitch for changer in drawn}) == len({changer.formant for changer in drawn}) == 200
    assert {changer.pitch > 1 for changer in drawn} == {True, False}
    for changer in drawn:
        assert (changer.pitch > 1) == (changer.formant > 1)
        assert abs(np.log(changer.pitch)) > 0.15
        assert abs(np.log(changer.formant)) > 0.12


def test_a_seed_repeats_a_change() -> None:
    raw = vowels(200)
    assert (changed(VoiceChanger(seed=4), raw) == changed(VoiceChanger(seed=4), raw)).all()


@given(
    st.lists(st_numpy.arrays(np.int16, BLOCK), min_size=1, max_size=12),
    st.floats(0.5, 2),
    st.floats(0.8, 1.25),
    st.integers(0, 1 << 32),
)
def test_any_sound_is_taken(blocks: list[Sound], pitch: float, formant: float, seed: int) -> None:
    changer = VoiceChanger(pitch, formant, seed)
    for block in blocks:
        out = changer.process(block)
        assert (out.shape, out.dtype) == ((BLOCK,), np.int16)


def test_hostile_periods_are_taken() -> None:
    random = np.random.default_rng(3)
    changer = VoiceChanger(0.72, 0.8, seed=1)
    for number in range(1500):
        hertz = random.uniform(20, 2000)
        block = tone(hertz, BLOCK * 3)[BLOCK : 2 * BLOCK] if number % 3 else np.full(BLOCK, 32767, np.int16)
        assert changer.process(block).shape == (BLOCK,)


def test_silence_stays_silent_and_a_wiped_changer_knows_nothing() -> None:
    changer = VoiceChanger(seed=1)
    assert not changed(changer, np.zeros(20 * BLOCK, np.int16)).any()
    changed(changer, vowels(120))
    changer.wipe()
    assert not changed(changer, np.zeros(20 * BLOCK, np.int16)).any()


def test_a_block_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="480"):
        VoiceChanger(seed=1).process(np.zeros(100, np.int16))

"""Known signals through the measurements, and any signal without a failure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drivers.headset.activity import VoiceDetector
from drivers.headset.levels import (
    FLOOR_DBFS,
    RATE,
    Samples,
    decibel,
    find_tone,
    hears_hum,
    measure,
    rms,
    strongest_tone,
)
from drivers.simulated.voice import VOWELS, Speaker, digits, hum, noise, vowel

ANY_SOUND = arrays(np.int16, st.integers(0, 6000))


def sine(hertz: float, amplitude: float, seconds: float = 1.0) -> Samples:
    wave = np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)
    return np.rint(amplitude * 32767 * wave).astype(np.int16)


@pytest.mark.parametrize(("amplitude", "level", "peak"), [(1.0, -3.01, 0.0), (0.1, -23.01, -20.0), (0.001, -63, -60)])
def test_level_of_a_sine(amplitude: float, level: float, peak: float) -> None:
    found = measure(sine(1000, amplitude))
    assert found.level_dbfs == pytest.approx(level, abs=0.2)
    assert found.peak_dbfs == pytest.approx(peak, abs=0.2)
    assert not found.is_silent


def test_clipping() -> None:
    assert not measure(sine(300, 0.95)).is_clipping
    clipped = np.clip(3.0 * sine(300, 0.9).astype(np.float64), -32768, 32767).astype(np.int16)
    assert measure(clipped).is_clipping


@pytest.mark.parametrize("samples", [np.zeros(0, np.int16), np.zeros(480, np.int16), np.array([1, -1, 0], np.int16)])
def test_digital_silence(samples: Samples) -> None:
    assert measure(samples).is_silent
    assert measure(noise(1, 0.0005)).is_silent is False


def test_hum_is_told_from_voice_noise_and_tones() -> None:
    assert hears_hum(hum(1, 0.1))
    assert hears_hum(hum(1, 0.1) + noise(1, 0.02))
    for other in (
        noise(1, 0.1),
        sine(440, 0.1),
        digits("3852"),
        hum(1, 0.002),
        hum(0.2, 0.1),
        np.zeros(48000, np.int16),
    ):
        assert not hears_hum(other)


@pytest.mark.parametrize("hertz", [440.0, 997.0, 1000.0, 3150.0])
def test_a_tone_is_found_by_amplitude_and_purity(hertz: float) -> None:
    background = noise(1, 0.004)
    tone = find_tone(sine(hertz, 0.3) + background, hertz)
    assert tone.amplitude == pytest.approx(0.3, rel=0.02)
    assert tone.purity > 0.99
    assert tone.stands_out(rms(background))
    assert not find_tone(background, hertz).stands_out(rms(background))
    assert not find_tone(sine(hertz * 1.2, 0.3), hertz).stands_out(rms(background))


def test_the_strongest_line() -> None:
    found = strongest_tone(sine(2000, 0.2) + noise(1, 0.02))
    assert found.hertz == pytest.approx(2000, abs=2)
    assert found.amplitude == pytest.approx(0.2, rel=0.05)
    assert found.purity > 0.9
    assert strongest_tone(noise(1, 0.3)).purity < 0.05
    assert strongest_tone(digits("3852")).purity < 0.6


@pytest.mark.parametrize("speaker", Speaker)
def test_voice_is_heard(speaker: Speaker) -> None:
    detector = VoiceDetector()
    detector.feed(np.concatenate([noise(0.5, 0.004), digits("3852", speaker)]))
    assert 0.8 < detector.voiced_s < 1.4
    for name in VOWELS:
        held = VoiceDetector()
        assert held.feed(vowel(name, 0.5, speaker))


def test_a_soft_voice_in_a_noisy_room_is_heard() -> None:
    speech = digits("1234567890", Speaker.WOMAN, 0.03)
    room = noise(len(speech) / RATE + 1, 0.006)
    detector = VoiceDetector()
    detector.feed(room[:RATE])
    assert not detector.is_speaking
    detector.feed(room[RATE:][: len(speech)] + speech)
    assert detector.voiced_s > 0.8


@pytest.mark.parametrize(
    "samples", [noise(2, 0.3), noise(2, 0.005), sine(1000, 0.3, 2), sine(250, 0.3, 2), np.zeros(96000, np.int16)]
)
def test_noise_tones_and_silence_are_no_voice(samples: Samples) -> None:
    detector = VoiceDetector()
    detector.feed(samples)
    assert detector.voiced_s < 0.1
    assert not detector.is_speaking


def test_a_steady_hum_becomes_the_rooms_noise() -> None:
    detector = VoiceDetector()
    detector.feed(hum(8, 0.05))
    assert not detector.is_speaking


def test_block_sizes_do_not_matter() -> None:
    speech = digits("38", Speaker.WOMAN)
    whole, parts = VoiceDetector(), VoiceDetector()
    whole.feed(speech)
    for start in range(0, len(speech), 333):
        parts.feed(speech[start : start + 333])
    assert whole.voiced_s == parts.voiced_s
    parts.wipe()
    parts.feed(np.zeros(480, np.int16))
    assert parts.voiced_s == whole.voiced_s


@settings(max_examples=60)
@given(ANY_SOUND, st.floats(1, 24_000))
def test_any_sound_has_bounded_answers(samples: Samples, hertz: float) -> None:
    level = measure(samples)
    assert FLOOR_DBFS <= level.level_dbfs <= level.peak_dbfs + 0.001 <= 0.002
    for tone in (find_tone(samples, hertz), strongest_tone(samples)):
        assert 0 <= tone.purity <= 1
        assert math.isfinite(tone.amplitude)
        assert math.isfinite(tone.level_dbfs)
    assert hears_hum(samples) in {True, False}
    detector = VoiceDetector()
    detector.feed(samples)
    assert 0 <= detector.voiced_s <= len(samples) / RATE


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decibels_are_bounded_below(ratio: float) -> None:
    assert decibel(ratio) >= FLOOR_DBFS

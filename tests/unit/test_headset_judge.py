"""The judgements of the sound check, one by one and over anything that can be measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ErrorCode
from drivers.headset.levels import Level, Tone
from workstation.headset.contract import Result, Suggestion
from workstation.headset.judge import (
    CLIPS,
    HUMS,
    MUTED,
    PASSED,
    TONE_AMPLITUDE,
    TOO_QUIET,
    Speech,
    hears_itself,
    howls,
    judge_speech,
    judge_unattended,
)

GOOD = Level(level_dbfs=-30, peak_dbfs=-10, is_silent=False)
LOUD = Level(level_dbfs=-3, peak_dbfs=0, is_clipping=True, is_silent=False)
SOFT = Level(level_dbfs=-52, peak_dbfs=-40, is_silent=False)
OFF = Level()


def line(level_db: float, hertz: float = 2000, purity: float = 0.9) -> Tone:
    return Tone(hertz=hertz, amplitude=2**0.5 * 10 ** (level_db / 20), purity=purity)


@pytest.mark.parametrize(
    ("level", "voiced", "voiced_s", "hum", "result"),
    [
        (GOOD, GOOD, 1.0, False, PASSED),
        (OFF, OFF, 0.0, False, MUTED),
        (OFF, OFF, 0.0, True, MUTED),
        (GOOD, GOOD, 1.0, True, HUMS),
        (GOOD, OFF, 0.0, False, TOO_QUIET),
        (GOOD, GOOD, 0.2, False, TOO_QUIET),
        (SOFT, SOFT, 1.0, False, TOO_QUIET),
        (LOUD, LOUD, 1.0, False, CLIPS),
    ],
)
def test_speech(level: Level, voiced: Level, voiced_s: float, hum: bool, result: Result) -> None:
    assert judge_speech(Speech(level=level, voiced_level=voiced, voiced_s=voiced_s), hum=hum) == result


@pytest.mark.parametrize(
    ("gain_db", "noise_rms", "is_heard"),
    [(0, 0.0, True), (-25, 0.0, True), (-35, 0.0, False), (-25, 0.01, False), (-100, 0.0, False)],
)
def test_a_microphone_that_hears_the_ear_cups(gain_db: float, noise_rms: float, is_heard: bool) -> None:
    tone = Tone(hertz=997, amplitude=TONE_AMPLITUDE * 10 ** (gain_db / 20), purity=0.9)
    assert hears_itself(tone, noise_rms) is is_heard


def test_howling_grows_or_is_loud_and_stays_on_its_pitch() -> None:
    assert howls([line(-35), line(-32), line(-29), line(-26)])
    assert howls([line(-5)] * 4)
    assert howls([line(-90, purity=0.1)] * 5 + [line(-35), line(-32), line(-29), line(-26)])
    assert not howls([line(-30)] * 10)
    assert not howls([line(-35), line(-32), line(-29)])
    assert not howls([line(-35, hertz) for hertz in (500, 700, 900, 1100)])
    assert not howls([line(-35, purity=0.3), line(-30, purity=0.3), line(-25, purity=0.3), line(-20, purity=0.3)])
    assert not howls([line(-80), line(-70), line(-60), line(-50)])


def test_unattended() -> None:
    loop, nothing = Tone(hertz=997, amplitude=0.05, purity=0.99), Tone(hertz=997, amplitude=0.0, purity=0.0)
    assert judge_unattended(GOOD, loop, 0.001, hum=False) == Result(is_looped=True)
    assert judge_unattended(GOOD, nothing, 0.001, hum=False) == Result()
    assert judge_unattended(OFF, loop, 0.0, hum=False) == Result(is_looped=True)
    assert judge_unattended(OFF, nothing, 0.0, hum=False) == MUTED
    assert judge_unattended(GOOD, loop, 0.001, hum=True) == HUMS


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
LEVELS = st.builds(Level, level_dbfs=NUMBERS, peak_dbfs=NUMBERS, is_clipping=st.booleans(), is_silent=st.booleans())
TONES = st.builds(Tone, hertz=NUMBERS, amplitude=st.floats(0, 2), purity=st.floats(0, 1))


@given(st.builds(Speech, level=LEVELS, voiced_level=LEVELS, voiced_s=st.floats(0, 100)), st.booleans())
def test_whoever_passes_can_be_heard(speech: Speech, hum: bool) -> None:
    result = judge_speech(speech, hum=hum)
    if result.code is None:
        assert result.suggestion is Suggestion.NONE
        assert not speech.level.is_silent
        assert not hum
        assert not speech.voiced_level.is_clipping
        assert speech.voiced_s > 0
    else:
        assert result.code is ErrorCode.MICROPHONE_SILENT
        assert result.suggestion is not Suggestion.NONE


@given(st.lists(TONES), TONES, st.floats(0, 1), LEVELS, st.booleans())
def test_anything_measured_has_a_judgement(
    windows: list[Tone], tone: Tone, noise_rms: float, quiet: Level, hum: bool
) -> None:
    assert howls(windows) in {True, False}
    assert hears_itself(tone, noise_rms) in {True, False}
    result = judge_unattended(quiet, tone, noise_rms, hum=hum)
    assert (result.code is None) == (result.suggestion is Suggestion.NONE)

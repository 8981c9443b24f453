"""Decides, from what was measured, whether a headset is good. Pure: no device, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drivers.errors import ErrorCode
from drivers.headset.levels import Level, Tone, decibel
from workstation.headset.contract import Result, Suggestion

TONE_AMPLITUDE: Final = 0.3
ECHO_LIMIT_DB: Final = -30.0
"""A worn headset's ear cups are 45 dB and more away from its microphone; a loudspeaker in the room is nearer."""
VOICED_MIN_S: Final = 0.4
"""Four digits are a second and more of voiced sound; half of it may be lost to a hesitant start."""
VOICE_MIN_DBFS: Final = -45.0
"""ITU-T P.56 active speech of a headset is about -26 dBFS; 20 dB below that nobody understands it."""
_HOWL_PURITY: Final = 0.6
_HOWL_GROWTH_DB: Final = 6.0
_HOWL_WINDOWS: Final = 4
_HOWL_SAME_HZ: Final = 30.0
_HOWL_LEAST_DBFS: Final = -40.0
_HOWL_LOUD_DBFS: Final = -9.0

PASSED: Final = Result()
HUMS: Final = Result(code=ErrorCode.MICROPHONE_SILENT, suggestion=Suggestion.HUM)
MUTED: Final = Result(code=ErrorCode.MICROPHONE_SILENT, suggestion=Suggestion.MUTE_SWITCH)
TOO_QUIET: Final = Result(code=ErrorCode.MICROPHONE_SILENT, suggestion=Suggestion.TOO_QUIET)
CLIPS: Final = Result(code=ErrorCode.MICROPHONE_SILENT, suggestion=Suggestion.CLIPPING)
HOWLS: Final = Result(code=ErrorCode.HEADSET_HOWLS, suggestion=Suggestion.ECHO)
NOT_HEARD: Final = Result(code=ErrorCode.HEADSET_ABSENT, suggestion=Suggestion.NOT_HEARD)


@dataclass(frozen=True, kw_only=True)
class Speech:
    """What was measured while the expert read the digits.

    Attributes:
        level: of everything that was recorded.
        voiced_level: of the parts in which somebody spoke.
        voiced_s: length of voiced sound.
    """

    level: Level
    voiced_level: Level
    voiced_s: float


def judge_speech(speech: Speech, *, hum: bool) -> Result:
    """Say whether the expert can be heard; ``hum`` is what the quiet room sounded like."""
    if speech.level.is_silent:
        return MUTED
    if hum:
        return HUMS
    if speech.voiced_s < VOICED_MIN_S or speech.voiced_level.level_dbfs < VOICE_MIN_DBFS:
        return TOO_QUIET
    return CLIPS if speech.voiced_level.is_clipping else PASSED


def hears_itself(tone: Tone, noise_rms: float) -> bool:
    """Whether the microphone hears a tone that was played with ``TONE_AMPLITUDE`` into the worn ear cups."""
    return tone.stands_out(noise_rms) and decibel(tone.amplitude / TONE_AMPLITUDE) > ECHO_LIMIT_DB


def howls(windows: Sequence[Tone]) -> bool:
    """Whether a narrow tone stays and grows, or stays and is near full scale.

    Args:
        windows: the strongest line of each 100 ms, oldest first.
    """
    for start in range(len(windows) - _HOWL_WINDOWS + 1):
        run = windows[start : start + _HOWL_WINDOWS]
        is_line = all(
            each.purity > _HOWL_PURITY
            and abs(each.hertz - run[0].hertz) <= _HOWL_SAME_HZ
            and each.level_dbfs > _HOWL_LEAST_DBFS
            for each in run
        )
        grown_db = run[-1].level_dbfs - run[0].level_dbfs
        if is_line and (grown_db >= _HOWL_GROWTH_DB or run[-1].level_dbfs > _HOWL_LOUD_DBFS):
            return True
    return False


def judge_unattended(quiet: Level, tone: Tone, noise_rms: float, *, hum: bool) -> Result:
    """Say whether a headset that nobody wears is good.

    Without an ear cup at the microphone only the microphone can be judged: that it is switched on and does not hum.

    Args:
        quiet: of the microphone before the tone.
        tone: what the microphone heard while the tone was played.
        noise_rms: of the microphone before the tone, full scale is 1.
        hum: what the quiet room sounded like.
    """
    is_looped = tone.stands_out(noise_rms)
    if hum:
        return HUMS
    if not is_looped and quiet.is_silent:
        return MUTED
    return Result(is_looped=is_looped)

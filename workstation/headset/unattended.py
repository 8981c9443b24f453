"""The morning's check of a headset that nobody wears."""

from __future__ import annotations

from drivers.contracts import HeadsetPair
from drivers.errors import DeviceError, ErrorCode
from drivers.headset.sound import open_capture, open_playback
from workstation.headset.contract import Result, Suggestion
from workstation.headset.judge import judge_unattended
from workstation.headset.listening import BLOCK, TAIL_S, Ear, nothing, probe_tone

_TRIES = 3
"""A sound device that was idle swallows the beginning of what is played, and a busy one a piece of it."""


def run_unattended(pair: HeadsetPair) -> Result:
    """Play a tone into the ear cups and listen: a headset laid down with an ear cup at the microphone hears it.

    Takes three to six seconds. Take the headset (``Headset.take``) before, or a mute of yesterday fails it.
    """
    try:
        with open_capture(pair.capture.name, BLOCK) as capture, open_playback(pair.playback.name) as playback:
            ear = Ear(capture, lambda _level, _speaking: None)
            quiet = ear.quiet()
            heard = nothing()
            for _ in range(_TRIES):
                playback.begin(probe_tone())
                for _ in ear.hear_out(playback, TAIL_S):
                    if ear.is_window():
                        heard = ear.strongest(heard)
                if heard.stands_out(quiet.noise_rms):
                    break
            ear.wipe()
    except DeviceError as error:
        return Result(code=error.code, suggestion=Suggestion.PLUG)
    except TimeoutError:
        return Result(code=ErrorCode.HEADSET_LOST, suggestion=Suggestion.PLUG)
    return judge_unattended(quiet.level, heard, quiet.noise_rms, hum=quiet.hum)

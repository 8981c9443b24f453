"""The morning's check of a headset that nobody wears."""

from __future__ import annotations

from drivers.contracts import HeadsetPair
from drivers.errors import DeviceError, ErrorCode
from drivers.headset.sound import open_capture, open_playback
from workstation.headset.contract import Result, Suggestion
from workstation.headset.judge import judge_unattended
from workstation.headset.listening import BLOCK, TAIL_S, TONE_S, Ear, nothing, probe_tone


def run_unattended(pair: HeadsetPair) -> Result:
    """Play a tone into the ear cups and listen: a headset laid down with an ear cup at the microphone hears it.

    Takes three seconds. Take the headset (``Headset.take``) before, or a mute of yesterday fails it.
    """
    try:
        with open_capture(pair.capture.name, BLOCK) as capture, open_playback(pair.playback.name) as playback:
            ear = Ear(capture, lambda _level, _speaking: None)
            quiet = ear.quiet()
            playback.begin(probe_tone())
            heard = nothing()
            for _ in ear.blocks(TONE_S + TAIL_S):
                playback.check()
                if ear.is_window():
                    heard = ear.strongest(heard)
            ear.wipe()
    except DeviceError as error:
        return Result(code=error.code, suggestion=Suggestion.PLUG)
    except TimeoutError:
        return Result(code=ErrorCode.HEADSET_LOST, suggestion=Suggestion.PLUG)
    return judge_unattended(quiet.level, heard, quiet.noise_rms, hum=quiet.hum)

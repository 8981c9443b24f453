"""The sound check with the expert: two tones, four digits read aloud, and the own voice heard back.

The voice lives in this process's memory, for seconds, and is overwritten.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from drivers.contracts import CancelToken
from drivers.errors import CancelledError
from drivers.headset.levels import RATE, Level, Samples, Tone, measure, strongest_tone
from drivers.headset.sound import Capture, Channel, Playback
from workstation.headset.contract import Result, Step
from workstation.headset.judge import HOWLS, NOT_HEARD, PASSED, Speech, hears_itself, howls, judge_speech
from workstation.headset.listening import BLOCK, TAIL_S, TONE_S, Ear, Quiet, nothing, probe_tone
from workstation.headset.wire import Again, Answer, LevelSeen, StepBegun

ANSWER_S: Final = 120.0
"""How long the tones are repeated for somebody who does not answer."""
_PAUSE_S: Final = 1.5
SPEAK_S: Final = 8.0
_ENOUGH_S: Final = 0.8
"""Voiced sound after which a pause of ``_DONE_S`` means that the expert has read to the end."""
_DONE_S: Final = 1.0

VoiceChange = Callable[[Samples], Samples]
"""Changes a block of 480 samples; stateful, so each recording takes a new one."""


class SoundCheck:
    """One sound check. ``run`` it once.

    Args:
        say: told of every step and level.
        inbox: the expert's answers.
        cancel: ends the check at the next block.
        change: how the own voice is heard back, ``None`` as it is.
    """

    def __init__(
        self,
        capture: Capture,
        playback: Playback,
        *,
        say: Callable[[StepBegun | LevelSeen], None],
        inbox: queue.SimpleQueue[Answer | Again],
        cancel: CancelToken,
        change: VoiceChange | None = None,
    ) -> None:
        self._ear = Ear(capture, self._on_level)
        self._playback = playback
        self._say = say
        self._inbox = inbox
        self._cancel = cancel
        self._change = change
        self._recording: Samples = np.zeros(int(SPEAK_S * RATE), np.int16)

    def run(self, digits: str) -> Result:
        """Check; ``digits`` are what the expert is to read.

        Raises:
            DeviceError: HEADSET_LOST.
            TimeoutError: nothing was heard from the sound server, and nobody says why.
            CancelledError: cancelled.
        """
        try:
            self._say(StepBegun(step=Step.QUIET))
            quiet = self._ear.quiet()
            sides: tuple[tuple[Step, Channel], ...] = ((Step.LEFT, "left"), (Step.RIGHT, "right"))
            for step, channel in sides:
                result = self._tone(step, channel, quiet)
                if result is not PASSED:
                    return result
            self._say(StepBegun(step=Step.SPEAK, digits=digits))
            speech, spoken = self._record()
            result = judge_speech(speech, hum=quiet.hum)
            return result if result is not PASSED else self._hear_back(spoken)
        finally:
            self._recording[:] = 0
            self._ear.wipe()
            self._playback.stop()

    def _tone(self, step: Step, channel: Channel, quiet: Quiet) -> Result:
        """Repeat the tone until the expert answers."""
        tone = probe_tone()
        echo = nothing()
        self._say(StepBegun(step=step))
        for _ in range(round(ANSWER_S / (TONE_S + _PAUSE_S))):
            self._playback.begin(tone, channel)
            answer, echo = self._await_answer(echo)
            self._playback.stop()
            if hears_itself(echo, quiet.noise_rms):
                return HOWLS
            if isinstance(answer, Answer):
                return PASSED if answer.heard else NOT_HEARD
        return NOT_HEARD

    def _await_answer(self, echo: Tone) -> tuple[Answer | Again | None, Tone]:
        """Listen for the tone's echo, and for the expert; the echo is heard out before an answer counts."""
        answer: Answer | Again | None = None
        for index, _ in enumerate(self._ear.blocks(TONE_S + _PAUSE_S)):
            self._raise_if_cancelled()
            if self._ear.is_window():
                echo = self._ear.strongest(echo)
            answer = answer or self._answer()
            if answer and index * BLOCK >= (TONE_S + TAIL_S) * RATE:
                break
        return answer, echo

    def _record(self) -> tuple[Speech, Samples]:
        """Record until the digits were read or the time is up; return what was measured, and the spoken part."""
        voiced_before_s = self._ear.detector.voiced_s
        speaking: list[bool] = []
        for index, block in enumerate(self._ear.blocks(SPEAK_S)):
            self._raise_if_cancelled()
            self._recording[index * BLOCK : (index + 1) * BLOCK] = block
            speaking.append(self._ear.detector.is_speaking)
            done = round(_DONE_S * RATE / BLOCK)
            if self._ear.detector.voiced_s - voiced_before_s >= _ENOUGH_S and not any(speaking[-done:]):
                break
        heard = self._recording[: len(speaking) * BLOCK]
        mask = np.repeat(np.array(speaking, bool), BLOCK)
        voiced_s = self._ear.detector.voiced_s - voiced_before_s
        voiced_level = measure(heard[mask])
        return Speech(level=measure(heard), voiced_level=voiced_level, voiced_s=voiced_s), _spoken(heard, mask)

    def _hear_back(self, spoken: Samples) -> Result:
        """Play the voice and listen whether that comes back."""
        self._say(StepBegun(step=Step.PLAYBACK))
        if self._change is not None:
            for start in range(0, len(spoken) - BLOCK + 1, BLOCK):
                spoken[start : start + BLOCK] = self._change(spoken[start : start + BLOCK])
        self._playback.begin(spoken)
        lines: list[Tone] = []
        for _ in self._ear.blocks(len(spoken) / RATE + TAIL_S):
            self._raise_if_cancelled()
            if self._ear.is_window():
                lines.append(strongest_tone(self._ear.window()))
        return HOWLS if howls(lines) else PASSED

    def _answer(self) -> Answer | Again | None:
        try:
            return self._inbox.get_nowait()
        except queue.Empty:
            return None

    def _raise_if_cancelled(self) -> None:
        if self._cancel.is_cancelled:
            raise CancelledError

    def _on_level(self, level: Level, speaking: bool) -> None:
        self._say(LevelSeen(level_dbfs=level.level_dbfs, peak_dbfs=level.peak_dbfs, speaking=speaking))


def _spoken(heard: Samples, mask: npt.NDArray[np.bool_]) -> Samples:
    """Return the part from 200 ms before the first to the last voiced sound; a view."""
    where = np.flatnonzero(mask)
    if not len(where):
        return heard[:0]
    return heard[max(0, int(where[0]) - RATE // 5) : int(where[-1]) + 1]

"""The sound check's thread: the headset is taken, tested with the expert by the child process, and given back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from drivers.contracts import Headset, HeadsetPair
from drivers.errors import CancelledError, DeviceError
from workstation.conference.contract import Anonymity
from workstation.headset.contract import Result, Step, Suggestion, Transform
from workstation.headset.wire import LevelSeen, StepBegun
from workstation.journey.events import SoundChecked, SoundStepped
from workstation.journey.facts import Attempt
from workstation.journey.meeting import SoundStep
from workstation.logs import log_event

from .threads import Lane

_log = logging.getLogger(__name__)

_STEPS = {
    Step.QUIET: SoundStep.STARTING,
    Step.LEFT: SoundStep.TONE_LEFT,
    Step.RIGHT: SoundStep.TONE_RIGHT,
    Step.SPEAK: SoundStep.SPEAK,
    Step.PLAYBACK: SoundStep.HEAR_BACK,
}
_NOBODY = -1


class SoundTest(Protocol):
    """What is needed of ``workstation.headset.client.SoundCheckClient``."""

    def run(self, pair: HeadsetPair, transform: Transform, on_event: Callable[[StepBegun | LevelSeen], None]) -> Result:
        """Test a headset. Raises ``CancelledError`` after ``cancel``."""

    def answer(self, *, heard: bool) -> None:
        """Say whether the expert heard the tone."""

    def again(self) -> None:
        """Play the tone once more."""

    def cancel(self) -> None:
        """End the test that runs."""


class Preview(Protocol):
    """Shows the expert's own picture as the others will see it."""

    def start(self, anonymity: Anonymity) -> None:
        """Begin; one that runs with the same protection goes on."""

    def stop(self) -> None:
        """End it and forget the pictures."""

    def close(self) -> None:
        """End it and its thread."""


class SoundBridge(QObject):
    """Called in the GUI thread; headset and test are used in the lane's thread only.

    Args:
        headset: this bridge's own connection to the sound server.
        preview: runs from the first test of an expert to the last.

    Signals (emitted in the lane's thread):
        told(SoundStepped | SoundChecked): how the test goes, for the journey.
        level_seen(int attempt, float level_dbfs, float peak_dbfs): the microphone, ten times a second.
    """

    told = Signal(object)
    level_seen = Signal(int, float, float)

    def __init__(self, test: SoundTest, headset: Headset, preview: Preview, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._test, self._headset, self._preview = test, headset, preview
        self._wanted = _NOBODY
        self.lane = Lane("sound-check", self)

    def start(self, attempt: int, *, voice: bool, mask: bool) -> None:
        """Begin, or begin again; answered by ``told`` with this attempt, once with ``SoundChecked``."""
        self._wanted = attempt
        self._test.cancel()
        self._preview.start(Anonymity(mask=mask, voice=voice))
        self.lane.submit(partial(self._run, attempt, Transform.CHANGED if voice else Transform.PLAIN))

    def answer(self, *, heard: bool) -> None:
        """Tell the test what the expert says of the tone."""
        self._test.answer(heard=heard)

    def repeat(self) -> None:
        """Play the tone once more."""
        self._test.again()

    def stop(self) -> None:
        """End the test at any moment; the headset is given back after it."""
        self._wanted = _NOBODY
        self._test.cancel()
        self._preview.stop()
        self.lane.submit(self._headset.give_back)

    def close(self) -> None:
        """End the test, the preview and their threads."""
        self.stop()
        self.lane.submit(self._headset.close)
        self.lane.drain()
        self.lane.close()
        self._preview.close()

    # --- in the lane's thread ---

    def _run(self, attempt: int, transform: Transform) -> None:
        if attempt != self._wanted:
            return
        try:
            pair = self._headset.take()
            result = self._test.run(pair, transform, partial(self._relay, attempt))
        except CancelledError:
            return
        except DeviceError as error:
            _log.info("no sound check: %s", error)
            result = Result(code=error.code, suggestion=Suggestion.PLUG)
        checked = SoundChecked(attempt=Attempt(attempt), code=result.code, suggestion=result.suggestion.value)
        self.told.emit(checked)

    def _relay(self, attempt: int, event: StepBegun | LevelSeen) -> None:
        if attempt != self._wanted:
            # Ended before the child was there to be ended.
            self._test.cancel()
        elif isinstance(event, LevelSeen):
            self.level_seen.emit(attempt, event.level_dbfs, event.peak_dbfs)
        else:
            log_event(_log, "sound_stepped", step=_STEPS[event.step].value)
            self.told.emit(SoundStepped(attempt=Attempt(attempt), step=_STEPS[event.step], digits=event.digits))

"""The microphone's way through the process: changed, proved, and out through the valve or to the expert's own ears."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from drivers.errors import DeviceError
from workstation.conference.contract import BLOCK, MediaWish, StreamPhase
from workstation.conference.media.gate import DeviceBack, DeviceLost, Passed, Proved, Refuted, Wished
from workstation.conference.media.meter import Meter
from workstation.conference.media.valve import Valve
from workstation.conference.media.voice import Sound
from workstation.conference.media.voice_proof import Changer, VoiceWatch, probe_holds

READ_S: Final = 0.2
RETRY_S: Final = 0.5
"""Between attempts to open a microphone that is not there."""


class Capture(Protocol):
    """See ``drivers.headset.sound.Capture``."""

    def read(self, timeout_s: float) -> Sound:
        """Return the next block; raises ``TimeoutError`` or ``DeviceError``."""

    def close(self) -> None:
        """Give it back."""


class Playback(Protocol):
    """See ``drivers.headset.sound.Playback``."""

    def write(self, block: Sound) -> None:
        """Play a block; raises ``DeviceError``."""

    def close(self) -> None:
        """Give it back."""


class Sounds:
    """One microphone. ``run`` owns a thread; everything else comes from others.

    The microphone is open whenever there is one, so that the meter works and unmuting takes no time; muted, it goes no
    further than the meter.

    Args:
        valve: the way out.
        make: makes changers; ``None`` when the project demands no change.
        open_capture, open_playback: by the sound server's name; raise ``DeviceError``.
    """

    def __init__(
        self,
        valve: Valve,
        *,
        make: Callable[[], Changer] | None,
        open_capture: Callable[[str], Capture],
        open_playback: Callable[[str], Playback],
    ) -> None:
        self.valve, self.meter = valve, Meter()
        self._make, self._open_capture, self._open_playback = make, open_capture, open_playback
        self._wish = MediaWish()
        self._ended = threading.Event()
        self._in_work = False
        self._changer: Changer | None = None
        self._watch = VoiceWatch()
        self._playback: Playback | None = None
        self._playback_name = ""

    def wish(self, wish: MediaWish) -> None:
        """Take what is wanted from now on."""
        self._wish = wish
        self.valve.tell(Wished(wish.microphone and not wish.preview, time.monotonic()))

    def tick(self) -> None:
        """Look at the time: a block may be stuck in here."""
        if self._in_work:
            self.valve.tell(Passed(time.monotonic()))

    def end(self) -> None:
        """Let ``run`` return, within half a second."""
        self._ended.set()

    def run(self) -> None:
        """Listen until ``end``."""
        while not self._ended.is_set():
            name = self._wish.capture
            try:
                capture = self._open_capture(name) if name else None
            except DeviceError:
                capture = None
            if capture is None:
                self.meter.silence()
                self.valve.tell(DeviceLost())
                self._ended.wait(RETRY_S)
                continue
            with contextlib.closing(capture):
                self._listen(name, capture)
        self._forget()

    def _listen(self, name: str, capture: Capture) -> None:
        """Take blocks until the microphone is gone, or another is wanted."""
        while not self._ended.is_set() and self._wish.capture == name:
            try:
                block = capture.read(READ_S)
            except TimeoutError:
                continue
            except DeviceError:
                self.valve.tell(DeviceLost())
                return
            self._in_work = True
            self._take(block, time.monotonic())
            self._in_work = False

    def _take(self, block: Sound, captured_at: float) -> None:
        self.meter.take(block)
        self.valve.tell(DeviceBack(captured_at))
        wish = self._wish
        if not (wish.microphone or wish.preview):
            self._forget()
            return
        if self._make is None:
            self._release(block, captured_at, wish)
        else:
            self._release_changed(block, captured_at, wish, self._make)

    def _release_changed(self, block: Sound, captured_at: float, wish: MediaWish, make: Callable[[], Changer]) -> None:
        if self.valve.gate.phase is StreamPhase.PROVING:
            self._forget()
            self.valve.tell(Proved(time.monotonic()) if probe_holds(make) else Refuted())
        if self._changer is None:
            self._changer = make()
        changed = self._changer.process(block)
        self._release(changed, captured_at, wish)
        # After the release, because the verdict of a second takes longer than a block; it stops the next block.
        self.valve.tell(Proved(time.monotonic()) if self._watch.holds(block, changed) else Refuted())

    def _release(self, block: Sound, captured_at: float, wish: MediaWish) -> None:
        self.valve.send_sound(BLOCK, captured_at, block.astype("<i2").tobytes())
        if wish.preview:
            self._play(block, wish.playback)

    def _play(self, block: Sound, name: str) -> None:
        if name != self._playback_name:
            self._stop_playing()
            self._playback_name = name
            with contextlib.suppress(DeviceError):
                self._playback = self._open_playback(name) if name else None
        if self._playback is not None:
            try:
                self._playback.write(block)
            except DeviceError:
                self._stop_playing()

    def _stop_playing(self) -> None:
        playback, self._playback, self._playback_name = self._playback, None, ""
        if playback is not None:
            playback.close()

    def _forget(self) -> None:
        """Overwrite what was heard, and begin with a fresh changer."""
        self._stop_playing()
        if self._changer is not None:
            self._changer.wipe()
            self._changer = None
            self._watch.wipe()

"""The sound check's bridge: in front of a scripted test, and of the real child over a real PulseAudio server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from drivers.contracts import Frame, HeadsetPair, SoundEndpoint
from drivers.errors import CancelledError, DeviceError, ErrorCode, KioskError
from drivers.headset.pulse import PulseHeadset
from drivers.simulated.pulse import CAPTURE_NAME, PLAYBACK_NAME, PulseService
from drivers.simulated.voice import digits
from workstation.bridge import preview as preview_bridge
from workstation.bridge.preview import PreviewBridge
from workstation.bridge.sound import SoundBridge
from workstation.conference.contract import Anonymity, MediaAddress, MediaWish
from workstation.headset.client import SoundCheckClient
from workstation.headset.contract import Result, Step, Suggestion, Transform
from workstation.headset.wire import LevelSeen, StepBegun
from workstation.journey.events import SoundChecked, SoundStepped
from workstation.journey.meeting import SoundStep

LIMIT_MS = 20_000
PAIR = HeadsetPair(
    playback=SoundEndpoint(name="out", description="USB"), capture=SoundEndpoint(name="in", description="USB")
)
Say = Callable[[StepBegun | LevelSeen], None]


class ScriptedHeadset:
    """Counts how often it was taken and given back; may be away."""

    def __init__(self) -> None:
        self.is_away = False
        self.log: list[str] = []

    def take(self) -> HeadsetPair:
        if self.is_away:
            raise DeviceError(ErrorCode.HEADSET_ABSENT, "no whole headset")
        self.log.append("take")
        return PAIR

    def give_back(self) -> None:
        self.log.append("give back")

    def close(self) -> None:
        self.log.append("close")


class ScriptedTest:
    """Says one step and one level, then waits for an answer or the end. A ``cancel`` that nothing hears is lost."""

    def __init__(self) -> None:
        self.transforms: list[Transform] = []
        self.result = Result()
        self.repeats = 0
        self.held = threading.Event()
        self.held.set()
        self._runs = False
        self._answered, self._cancelled = threading.Event(), threading.Event()

    def run(self, pair: HeadsetPair, transform: Transform, on_event: Say) -> Result:
        assert pair == PAIR
        self.held.wait(LIMIT_MS / 1000)
        self._runs = True
        self._answered.clear()
        self._cancelled.clear()
        self.transforms.append(transform)
        on_event(StepBegun(step=Step.SPEAK, digits="3852"))
        on_event(LevelSeen(level_dbfs=-20.0, peak_dbfs=-9.0, speaking=True))
        while not self._answered.wait(0.01):
            if self._cancelled.is_set():
                self._runs = False
                raise CancelledError
        self._runs = False
        return self.result

    def answer(self, *, heard: bool) -> None:
        assert heard
        self._answered.set()

    def again(self) -> None:
        self.repeats += 1

    def cancel(self) -> None:
        if self._runs:
            self._cancelled.set()


class ScriptedPreview:
    def __init__(self) -> None:
        self.shown: list[Anonymity | None] = []

    def start(self, anonymity: Anonymity) -> None:
        self.shown.append(anonymity)

    def stop(self) -> None:
        self.shown.append(None)

    def close(self) -> None:
        self.stop()


class Ears(QObject):
    """Hears a bridge in the test's thread."""

    def __init__(self, bridge: SoundBridge) -> None:
        super().__init__()
        self.told: list[SoundStepped | SoundChecked] = []
        self.levels: list[tuple[int, float, float]] = []
        bridge.told.connect(self.on_told)
        bridge.level_seen.connect(self.on_level_seen)

    @Slot(object)
    def on_told(self, event: SoundStepped | SoundChecked) -> None:
        self.told.append(event)

    @Slot(int, float, float)
    def on_level_seen(self, attempt: int, level_dbfs: float, peak_dbfs: float) -> None:
        self.levels.append((attempt, level_dbfs, peak_dbfs))


class Bench:
    def __init__(self) -> None:
        self.test, self.headset, self.preview = ScriptedTest(), ScriptedHeadset(), ScriptedPreview()
        self.bridge = SoundBridge(self.test, self.headset, self.preview)  # type: ignore[arg-type] - as far as it is used
        self.ears = Ears(self.bridge)


@pytest.fixture
def bench(qapp: object) -> Iterator[Bench]:
    made = Bench()
    yield made
    made.test.held.set()
    made.bridge.close()


def test_steps_levels_and_the_result_come_with_the_attempt(bench: Bench, qtbot: QtBot) -> None:
    bench.test.result = Result(code=ErrorCode.MICROPHONE_SILENT, suggestion=Suggestion.HUM)
    bench.bridge.start(4, voice=True, mask=True)
    qtbot.waitUntil(lambda: bool(bench.ears.levels), timeout=LIMIT_MS)
    bench.bridge.repeat()
    bench.bridge.answer(heard=True)
    qtbot.waitUntil(lambda: len(bench.ears.told) == 2, timeout=LIMIT_MS)
    assert bench.ears.told == [
        SoundStepped(attempt=4, step=SoundStep.SPEAK, digits="3852"),
        SoundChecked(attempt=4, code=ErrorCode.MICROPHONE_SILENT, suggestion="hum"),
    ]
    assert bench.ears.levels == [(4, -20.0, -9.0)]
    assert bench.test.transforms == [Transform.CHANGED]
    assert bench.test.repeats == 1
    assert bench.preview.shown == [Anonymity(mask=True, voice=True)]


def test_a_headset_that_is_away_is_said_without_a_test(bench: Bench, qtbot: QtBot) -> None:
    bench.headset.is_away = True
    bench.bridge.start(4, voice=False, mask=False)
    qtbot.waitUntil(lambda: bool(bench.ears.told), timeout=LIMIT_MS)
    assert bench.ears.told == [SoundChecked(attempt=4, code=ErrorCode.HEADSET_ABSENT, suggestion="plug")]
    assert bench.test.transforms == []


def test_a_test_that_is_begun_anew_ends_the_one_before(bench: Bench, qtbot: QtBot) -> None:
    bench.bridge.start(4, voice=False, mask=False)
    qtbot.waitUntil(lambda: bool(bench.ears.levels), timeout=LIMIT_MS)
    bench.bridge.start(5, voice=False, mask=False)
    qtbot.waitUntil(lambda: len(bench.ears.levels) == 2, timeout=LIMIT_MS)
    bench.bridge.answer(heard=True)
    qtbot.waitUntil(lambda: len(bench.ears.told) == 3, timeout=LIMIT_MS)
    assert [event.attempt for event in bench.ears.told] == [4, 5, 5]


def test_a_stop_before_the_child_is_there_ends_it_all_the_same(bench: Bench, qtbot: QtBot) -> None:
    bench.test.held.clear()
    bench.bridge.start(4, voice=False, mask=False)
    qtbot.waitUntil(lambda: bench.headset.log == ["take"], timeout=LIMIT_MS)
    bench.bridge.stop()
    bench.test.held.set()
    qtbot.waitUntil(lambda: bench.headset.log == ["take", "give back"], timeout=LIMIT_MS)
    assert bench.ears.told == []
    assert bench.preview.shown[-1] is None


class Listener(QObject):
    """Answers the tones, and reads the digits into the microphone."""

    def __init__(self, bridge: SoundBridge, pulse: PulseService) -> None:
        super().__init__()
        self._bridge, self._pulse = bridge, pulse
        self.told: list[SoundStepped | SoundChecked] = []
        bridge.told.connect(self.on_told)

    @Slot(object)
    def on_told(self, event: SoundStepped | SoundChecked) -> None:
        self.told.append(event)
        if isinstance(event, SoundStepped) and event.step in {SoundStep.TONE_LEFT, SoundStep.TONE_RIGHT}:
            self._bridge.answer(heard=True)
        if isinstance(event, SoundStepped) and event.step is SoundStep.SPEAK:
            self._pulse.say(digits(event.digits))


def test_the_real_test_passes_with_somebody_who_answers_and_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    with PulseService(tmp_path) as pulse:
        monkeypatch.setenv("PULSE_SERVER", pulse.server)
        pulse.plug()
        headset = PulseHeadset(PLAYBACK_NAME, CAPTURE_NAME, server=pulse.server)
        bridge = SoundBridge(SoundCheckClient(), headset, ScriptedPreview())
        expert, ears = Listener(bridge, pulse), Ears(bridge)
        try:
            bridge.start(4, voice=False, mask=False)
            qtbot.waitUntil(lambda: isinstance(expert.told[-1:] and expert.told[-1], SoundChecked), timeout=60_000)
            assert expert.told[-1] == SoundChecked(attempt=4)
            steps = [event.step for event in expert.told if isinstance(event, SoundStepped)]
            assert steps == list(SoundStep)
            assert len(ears.levels) > 20
        finally:
            bridge.close()


# --- the preview ---------------------------------------------------------------------------------------------------


class Camera:
    def __init__(self) -> None:
        self.opened = self.closed = 0

    def open(self) -> None:
        self.opened += 1

    def read(self, *, timeout_s: float) -> Frame:
        return Frame(image=np.full((48, 64, 3), 200, np.uint8), captured_at=1.0)

    def close(self) -> None:
        self.closed += 1


class Media:
    """Paints every picture green; fails as often as it is told to."""

    def __init__(self) -> None:
        self.failures = 0
        self.started: list[Anonymity] = []
        self.wishes: list[MediaWish] = []
        self.closed = 0
        self._has_picture = False

    def start(self, anonymity: Anonymity) -> MediaAddress:
        if self.failures:
            self.failures -= 1
            raise KioskError(ErrorCode.ANONYMITY_NOT_READY)
        self.started.append(anonymity)
        return MediaAddress(port=1, key="k")

    def wish(self, wish: MediaWish) -> None:
        self.wishes.append(wish)

    def offer(self, frame: Frame) -> bool:
        self._has_picture = True
        return True

    def wait_preview(self, timeout_s: float) -> np.ndarray | None:
        if not self._has_picture:
            return None
        return np.full((48, 64, 3), (0, 255, 0), np.uint8)

    def close(self) -> None:
        self.closed += 1


class Eyes(QObject):
    def __init__(self, bridge: PreviewBridge) -> None:
        super().__init__()
        self.colors: list[str] = []
        bridge.frame_taken.connect(self.on_frame_taken)

    @Slot(QImage)
    def on_frame_taken(self, frame: QImage) -> None:
        self.colors.append(frame.pixelColor(1, 1).name())


def test_the_preview_shows_processed_pictures_only_and_comes_back_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(preview_bridge, "RETRY_S", 0.05)
    camera, media = Camera(), Media()
    media.failures = 2
    bridge = PreviewBridge(media, camera)  # type: ignore[arg-type] - as far as it is used
    eyes, asked = Eyes(bridge), Anonymity(mask=True)
    try:
        bridge.start(asked)
        qtbot.waitUntil(lambda: len(eyes.colors) > 2, timeout=LIMIT_MS)
        bridge.start(asked)
        bridge.stop()
        bridge.lane.drain()
        assert set(eyes.colors) == {"#00ff00"}
        assert media.started == [asked]
        assert media.wishes == [MediaWish(preview=True)]
        assert camera.opened == 1
        assert media.closed == 3
    finally:
        bridge.close()

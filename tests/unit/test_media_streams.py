"""Camera and microphone through gate and valve, with parts that fail, hang and come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from drivers.contracts import Image
from drivers.errors import DeviceError, ErrorCode, KioskError
from tests.speech import spoken
from workstation.conference.contract import (
    BLOCK,
    HEADER,
    PROTECTED,
    Anonymity,
    MediaFault,
    MediaWish,
    PacketKind,
    StreamPhase,
)
from workstation.conference.media.mask import DOUBTFUL, FIGURE, GROUND, OPEN_AFTER, cover
from workstation.conference.media.pictures import PROOFS_NEEDED, QUIET_S, Pictures
from workstation.conference.media.sounds import Sounds
from workstation.conference.media.voice import Sound, VoiceChanger
from workstation.conference.media.voice_proof import Changer
from workstation.conference.media.worker import Parts, make_pictures, make_sounds
from workstation.face.contract import Box

FACE = Box(x=120, y=100, width=60, height=80)
SKIN = (10, 200, 250)
PERSON = np.full((240, 320, 3), 90, np.uint8)
PERSON[100:180, 120:180] = SKIN
CAMERA_ON = MediaWish(camera=True)
SPEAK = MediaWish(microphone=True, capture="mic")


class Outlet:
    def __init__(self) -> None:
        self.packets: list[tuple[PacketKind, bytes]] = []
        self.dropped: list[PacketKind] = []

    def put(self, kind: PacketKind, packet: bytes) -> None:
        self.packets.append((kind, packet))

    def drop(self, kind: PacketKind) -> None:
        self.dropped.append(kind)


class SkinDetector:
    """Finds the one colour that this file calls a face; ``blind`` finds nothing, ``broken`` raises."""

    def __init__(self) -> None:
        self.blind = self.broken = False
        self.stuck = threading.Event()
        self.stuck.set()

    def boxes(self, image: Image, threshold: float = DOUBTFUL) -> list[tuple[Box, float]]:
        assert 0 < threshold < 1
        assert self.stuck.wait(20)
        if self.broken:
            raise KioskError(ErrorCode.FACE_ENGINE_FAILED)
        rows, columns = np.nonzero((image == SKIN).all(axis=2))
        if self.blind or not rows.size:
            return []
        left, top = float(columns.min()), float(rows.min())
        return [(Box(x=left, y=top, width=columns.max() - left + 1, height=rows.max() - top + 1), 0.99)]


class Microphone:
    """Gives ``sound`` again and again, as fast as it is read, until it is pulled."""

    def __init__(self, sound: Sound) -> None:
        self._blocks = sound.reshape(-1, BLOCK)
        self._number = 0
        self.is_pulled = self.is_closed = False

    def read(self, timeout_s: float) -> Sound:
        if self.is_pulled:
            raise DeviceError(ErrorCode.HEADSET_LOST)
        time.sleep(min(timeout_s, 0.0005))
        self._number += 1
        return self._blocks[self._number % len(self._blocks)]

    def close(self) -> None:
        self.is_closed = True


class Ears:
    def __init__(self) -> None:
        self.heard: list[Sound] = []
        self.is_closed = False

    def write(self, block: Sound) -> None:
        self.heard.append(block)

    def close(self) -> None:
        self.is_closed = True


class Raw:
    """A changer that says it changes and does not."""

    pitch, formant = 0.75, 0.83

    def process(self, block: Sound) -> Sound:
        return block

    def wipe(self) -> None:
        pass


class Stage:
    """The parts of one process, and what came of them."""

    def __init__(self, *, mask: bool = True, voice: bool = True, make: Callable[[], Changer] | None = None) -> None:
        self.outlet, self.ears = Outlet(), Ears()
        self.masker_eye, self.proof_eye = SkinDetector(), SkinDetector()
        self.microphone: Microphone | None = Microphone(spoken(120, 3))
        self.previews: list[Image] = []
        eyes = iter((self.masker_eye, self.proof_eye))
        parts = Parts(
            detector=lambda: next(eyes),
            make_changer=make or (lambda: VoiceChanger(0.75, 0.83)),
            open_capture=self._open,
            open_playback=lambda _name: self.ears,
        )
        anonymity = Anonymity(mask=mask, voice=voice)
        self.pictures: Pictures = make_pictures(anonymity, parts, self.outlet, self.previews.append)
        self.sounds: Sounds = make_sounds(anonymity, parts, self.outlet)

    def _open(self, name: str) -> Microphone:
        if self.microphone is None or name != "mic":
            raise DeviceError(ErrorCode.HEADSET_ABSENT)
        return self.microphone

    def show(self, count: int, image: Image = PERSON) -> None:
        for _ in range(count):
            self.pictures.show(image, time.monotonic())

    @contextmanager
    def listening(self) -> Iterator[None]:
        thread = threading.Thread(target=self.sounds.run)
        thread.start()
        try:
            yield
        finally:
            self.sounds.end()
            thread.join(20)
            assert not thread.is_alive()


def video(stage: Stage) -> tuple[StreamPhase, MediaFault]:
    return stage.pictures.valve.gate.phase, stage.pictures.valve.gate.fault


def voice(stage: Stage) -> tuple[StreamPhase, MediaFault]:
    return stage.sounds.valve.gate.phase, stage.sounds.valve.gate.fault


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# --- camera ----------------------------------------------------------------------------------------------------------


def test_nothing_leaves_before_enough_proofs() -> None:
    stage = Stage()
    stage.show(3)
    assert video(stage) == (StreamPhase.OFF, MediaFault.NONE)
    stage.pictures.wish(CAMERA_ON)
    assert video(stage)[0] is StreamPhase.PROVING
    stage.show(PROOFS_NEEDED - 1)
    assert not stage.outlet.packets
    stage.show(20)
    assert video(stage)[0] is StreamPhase.LIVE
    assert len(stage.outlet.packets) == stage.pictures.valve.sent == 20
    kind, packet = stage.outlet.packets[-1]
    assert kind is PacketKind.VIDEO
    assert HEADER.unpack_from(packet)[:5] == (1, PROTECTED, 320, 240, 0)
    assert len(packet) == HEADER.size + 320 * 240 * 3 // 2


def test_a_picture_without_a_face_is_covered_whole_and_opens_late() -> None:
    stage = Stage()
    empty = np.full_like(PERSON, 90)
    stage.pictures.wish(MediaWish(preview=True))
    stage.show(30, empty)
    stage.show(OPEN_AFTER - 1)
    colours = {tuple(pixel) for image in stage.previews for pixel in image.reshape(-1, 3)}
    assert colours == {GROUND, FIGURE}
    stage.show(1)
    opened = stage.previews[-1]
    assert (opened[:40, :40] == 90).all()
    assert not (opened == SKIN).all(axis=2).any()
    stage.show(1, empty)
    assert stage.pictures.is_covered


def test_a_second_face_that_is_missed_stays_covered() -> None:
    stage = Stage()
    two = PERSON.copy()
    stage.pictures.wish(MediaWish(preview=True))
    other = Box(x=250, y=20, width=30, height=40)
    boxes = stage.masker_eye.boxes
    found = [True]
    stage.masker_eye.boxes = lambda image, threshold: boxes(image, threshold) + [(other, 0.4)] * found[0]
    stage.show(OPEN_AFTER, two)
    found[0] = False
    stage.show(50, two)
    assert not stage.pictures.is_covered
    assert {tuple(pixel) for pixel in stage.previews[-1][20:60, 250:280].reshape(-1, 3)} <= {GROUND, FIGURE}


@pytest.mark.parametrize("fault", ["blind", "broken"])
def test_a_failing_mask_stops_the_stream_for_good(fault: str) -> None:
    stage = Stage()
    stage.pictures.wish(CAMERA_ON)
    stage.show(40)
    sent = stage.pictures.valve.sent
    if fault == "broken":
        stage.masker_eye.broken = True
    else:  # the worst: the masker still says that it masks
        stage.pictures._masker._follow = lambda boxes: None
        stage.pictures._masker._heads = []
        stage.pictures._proof._judged_at = 0
    stage.show(5)
    assert video(stage) == (StreamPhase.STOPPED, MediaFault.MASK)
    assert stage.pictures.valve.sent == sent
    assert stage.outlet.dropped == [PacketKind.VIDEO]
    stage.masker_eye.broken = False
    stage.show(40)
    assert stage.pictures.valve.sent == sent


def test_off_and_on_after_a_failure_proves_anew() -> None:
    stage = Stage()
    stage.pictures.wish(CAMERA_ON)
    stage.masker_eye.broken = True
    stage.show(1)
    assert video(stage) == (StreamPhase.STOPPED, MediaFault.MASK)
    stage.masker_eye.broken = False
    stage.pictures.wish(MediaWish())
    stage.pictures.wish(CAMERA_ON)
    stage.show(PROOFS_NEEDED)
    assert video(stage) == (StreamPhase.LIVE, MediaFault.NONE)


@pytest.mark.parametrize("eye", ["masker_eye", "proof_eye"])
def test_a_stuck_mask_or_proof_stops_the_stream_within_two_seconds(eye: str) -> None:
    stage = Stage()
    stage.pictures.wish(CAMERA_ON)
    stage.show(20)
    stage.pictures._proof._judged_at = 0
    detector: SkinDetector = getattr(stage, eye)
    detector.stuck.clear()
    thread = threading.Thread(target=stage.show, args=(1,))
    thread.start()
    began = time.monotonic()
    while video(stage)[0] is StreamPhase.LIVE and time.monotonic() - began < 5:
        time.sleep(0.02)
        stage.pictures.tick()
    assert video(stage) == (StreamPhase.STOPPED, MediaFault.MASK)
    assert time.monotonic() - began < 2
    detector.stuck.set()
    thread.join(20)
    sent = stage.pictures.valve.sent
    stage.show(PROOFS_NEEDED)
    assert video(stage)[0] is StreamPhase.LIVE
    assert stage.pictures.valve.sent > sent


def test_a_camera_that_gives_nothing_is_its_own_fault_and_comes_back() -> None:
    stage = Stage()
    stage.pictures.wish(CAMERA_ON)
    stage.show(PROOFS_NEEDED)
    stage.pictures._last_at -= QUIET_S
    stage.pictures.tick()
    assert video(stage) == (StreamPhase.STOPPED, MediaFault.CAMERA)
    stage.show(1)
    assert video(stage)[0] is StreamPhase.PROVING
    stage.show(PROOFS_NEEDED)
    assert video(stage)[0] is StreamPhase.LIVE


def test_without_a_demand_pictures_leave_at_once_as_they_are() -> None:
    stage = Stage(mask=False)
    stage.pictures.wish(CAMERA_ON)
    stage.show(1)
    assert stage.pictures.valve.sent == 1
    assert HEADER.unpack_from(stage.outlet.packets[0][1])[1] == PROTECTED


def test_a_preview_keeps_everything_in_the_booth() -> None:
    stage = Stage(mask=False)
    stage.pictures.wish(MediaWish(camera=True, preview=True))
    stage.show(5)
    assert not stage.outlet.packets
    assert len(stage.previews) == 5
    stage.pictures.wish(CAMERA_ON)
    stage.show(5)
    assert len(stage.outlet.packets) == len(stage.previews) == 5


def test_a_cover_is_opaque_wherever_it_lies() -> None:
    random = np.random.default_rng(2)
    for _ in range(200):
        image = np.asarray(random.integers(0, 60, (60, 80, 3)), np.uint8)
        x, y, width, height = random.uniform(-60, 80, 4)
        cover(image, Box(x=x, y=y, width=abs(width) + 1, height=abs(height) + 1))
        inside = image[
            max(int(y), 0) : max(int(y + abs(height) + 1), 0), max(int(x), 0) : max(int(x + abs(width) + 1), 0)
        ]
        assert {tuple(pixel) for pixel in inside.reshape(-1, 3)} <= {GROUND, FIGURE}


# --- microphone ------------------------------------------------------------------------------------------------------


def test_a_changed_voice_leaves_after_its_probe() -> None:
    stage = Stage()
    with stage.listening():
        stage.sounds.wish(SPEAK)
        wait_for(lambda: stage.sounds.valve.sent > 250)
        assert voice(stage) == (StreamPhase.LIVE, MediaFault.NONE)
    kind, packet = stage.outlet.packets[-1]
    assert kind is PacketKind.AUDIO
    assert HEADER.unpack_from(packet)[:5] == (2, PROTECTED, 0, 0, BLOCK)
    assert len(packet) == HEADER.size + 2 * BLOCK
    assert stage.microphone is not None
    assert stage.microphone.is_closed
    raw = {block.tobytes() for block in spoken(120, 3).reshape(-1, BLOCK) if block.any()}
    assert not raw & {packet[HEADER.size :] for _, packet in stage.outlet.packets}


def test_a_changer_that_changes_nothing_never_lets_a_sound_out() -> None:
    stage = Stage(make=Raw)
    with stage.listening():
        stage.sounds.wish(SPEAK)
        wait_for(lambda: voice(stage) == (StreamPhase.STOPPED, MediaFault.VOICE))
        time.sleep(0.2)
    assert not stage.outlet.packets


def test_a_changer_that_fails_in_mid_speech_stops_the_stream() -> None:
    class Tired(VoiceChanger):
        left = 700

        def process(self, block: Sound) -> Sound:
            self.left -= 1
            changed = super().process(block)
            return changed if self.left > 0 else block

    stage = Stage(make=lambda: Tired(0.75, 0.83))
    with stage.listening():
        stage.sounds.wish(SPEAK)
        wait_for(lambda: voice(stage) == (StreamPhase.STOPPED, MediaFault.VOICE))
        sent = stage.sounds.valve.sent
        assert 600 < sent < 1000
        time.sleep(0.1)
        assert stage.sounds.valve.sent == sent


def test_a_stuck_changer_stops_the_stream() -> None:
    stuck = threading.Event()
    stuck.set()

    class Stuck(VoiceChanger):
        def process(self, block: Sound) -> Sound:
            assert stuck.wait(20)
            return super().process(block)

    stage = Stage(make=lambda: Stuck(0.75, 0.83))
    with stage.listening():
        stage.sounds.wish(SPEAK)
        wait_for(lambda: stage.sounds.valve.sent > 10)
        stuck.clear()
        began = time.monotonic()
        while voice(stage)[0] is StreamPhase.LIVE and time.monotonic() - began < 5:
            time.sleep(0.02)
            stage.sounds.tick()
        assert voice(stage) == (StreamPhase.STOPPED, MediaFault.VOICE)
        stuck.set()


def test_mute_lets_nothing_out_and_the_meter_goes_on() -> None:
    stage = Stage(voice=False)
    with stage.listening():
        stage.sounds.wish(MediaWish(capture="mic"))
        wait_for(lambda: stage.sounds.meter.reading.speaking)
        assert stage.sounds.meter.reading.level_dbfs > -40
        assert not stage.outlet.packets
        stage.sounds.wish(SPEAK)
        wait_for(lambda: stage.sounds.valve.sent > 10)
        stage.sounds.wish(MediaWish(capture="mic"))
        sent = len(stage.outlet.packets)
        time.sleep(0.1)
        assert len(stage.outlet.packets) == sent
        assert stage.outlet.dropped == [PacketKind.AUDIO]


def test_a_pulled_microphone_is_reported_and_another_goes_on() -> None:
    stage = Stage()
    first = stage.microphone
    assert first is not None
    with stage.listening():
        stage.sounds.wish(SPEAK)
        wait_for(lambda: stage.sounds.valve.sent > 10)
        stage.microphone = None
        first.is_pulled = True
        wait_for(lambda: voice(stage) == (StreamPhase.STOPPED, MediaFault.MICROPHONE))
        assert first.is_closed
        stage.microphone = Microphone(spoken(200, 1))
        wait_for(lambda: voice(stage)[0] is StreamPhase.LIVE)
        stage.sounds.wish(MediaWish(microphone=True))
        wait_for(lambda: voice(stage) == (StreamPhase.STOPPED, MediaFault.MICROPHONE))
        wait_for(lambda: stage.sounds.meter.reading.level_dbfs == -100)


def test_a_preview_is_heard_in_the_ear_cups_only() -> None:
    stage = Stage()
    with stage.listening():
        stage.sounds.wish(MediaWish(preview=True, capture="mic", playback="ears"))
        wait_for(lambda: len(stage.ears.heard) > 20)
        stage.sounds.wish(MediaWish(capture="mic"))
        wait_for(lambda: stage.ears.is_closed)
    assert not stage.outlet.packets

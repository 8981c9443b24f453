"""One camera, several readers, in as many threads: who gets which frame, what a loss and a device that hangs do."""

from __future__ import annotations

import queue
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from drivers.camera import hub as hub_module
from drivers.camera.facts import FROZEN_AFTER_S
from drivers.camera.hub import CameraHub, HubReader
from drivers.contracts import Camera, DeviceKind, DeviceState, DeviceStatus, Exposure, Frame
from drivers.errors import DeviceError, ErrorCode
from drivers.simulated.bench import BenchFile, BenchState, Scene
from drivers.simulated.camera import SimulatedCamera

LIMIT_S = 10.0


class Film:
    """A camera whose frames are released by the test, one by one. Fails when two threads have it at once."""

    def __init__(self) -> None:
        self.opened = 0
        self.is_open = False
        self.is_plugged = True
        self.shown = 0
        self.owners: set[int] = set()
        self._frames: queue.Queue[Frame | Exception] = queue.Queue()

    def present(self) -> DeviceStatus:
        state = DeviceState.READY if self.is_plugged else DeviceState.ABSENT
        return DeviceStatus(kind=DeviceKind.CAMERA, state=state, name="Film")

    def open(self) -> None:
        assert not self.is_open
        if not self.is_plugged:
            raise DeviceError(ErrorCode.CAMERA_LOST, context={"reason": "unplugged"})
        self.opened += 1
        self.is_open = True
        self.owners.add(threading.get_ident())

    def read(self, *, timeout_s: float) -> Frame:
        assert self.owners == {threading.get_ident()}
        try:
            frame = self._frames.get(timeout=timeout_s)
        except queue.Empty:
            raise DeviceError(ErrorCode.CAMERA_LOST, context={"reason": "no frame"}) from None
        if isinstance(frame, Exception):
            try:
                raise frame
            finally:
                del frame  # or error and traceback hold each other
        return frame

    def close(self) -> None:
        self.is_open = False
        self.owners.clear()

    def show(self) -> None:
        """Release a frame; its pixels are its number."""
        self.shown += 1
        image = np.full((48, 64, 3), self.shown % 256, np.uint8)
        self._frames.put(Frame(image=image, captured_at=time.monotonic()))

    def fail(self, error: Exception | None = None) -> None:
        """Let the capture fail, by default because somebody pulled the plug."""
        self.is_plugged = error is not None
        self._frames.put(error or DeviceError(ErrorCode.CAMERA_LOST, context={"reason": "unplugged"}))


class Running(Film):
    """Delivers frames by itself, a hundred a second."""

    def read(self, *, timeout_s: float) -> Frame:
        time.sleep(0.01)
        if not self.is_plugged:
            raise DeviceError(ErrorCode.CAMERA_LOST, context={"reason": "unplugged"})
        self.shown += 1
        return Frame(image=np.full((48, 64, 3), self.shown % 256, np.uint8), captured_at=time.monotonic())


class Hanging(Film):
    """Hangs in the named call until the test lets it go."""

    def __init__(self, call: str) -> None:
        super().__init__()
        self.call = call
        self.hangs = threading.Event()
        self.let_go = threading.Event()

    def _perhaps(self, call: str) -> None:
        if call == self.call and not self.let_go.is_set():
            self.hangs.set()
            assert self.let_go.wait(LIMIT_S)

    def open(self) -> None:
        self._perhaps("open")
        super().open()

    def read(self, *, timeout_s: float) -> Frame:
        self._perhaps("read")
        return super().read(timeout_s=timeout_s)

    def close(self) -> None:
        self._perhaps("close")
        super().close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=16) as pool:
        yield pool


def number(frame: Frame) -> int:
    return int(frame.image[0, 0, 0])


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def opened(hub: CameraHub, count: int) -> list[HubReader]:
    readers = [hub.reader() for _ in range(count)]
    for reader in readers:
        reader.open()
    return readers


def close_all(film: Film, readers: list[HubReader]) -> None:
    """Close them; the capture sees that nobody is left when its next frame comes."""
    closing = threading.Thread(target=lambda: [reader.close() for reader in readers])
    closing.start()
    while closing.is_alive():
        film.show()
        closing.join(0.01)


def test_a_reader_is_a_camera_and_asking_opens_nothing() -> None:
    film = Film()
    reader: Camera = CameraHub(film).reader()
    assert reader.present().state is DeviceState.READY
    film.is_plugged = False
    assert reader.present().state is DeviceState.ABSENT
    assert film.opened == 0


def test_all_readers_get_the_same_picture_that_nobody_can_change() -> None:
    film = Film()
    hub = CameraHub(film)
    readers = opened(hub, 3)
    film.show()
    frames = [reader.read(timeout_s=LIMIT_S) for reader in readers]
    assert film.opened == 1
    assert len({id(frame.image) for frame in frames}) == 1
    with pytest.raises(ValueError, match="read-only"):
        frames[0].image[0, 0, 0] = 1
    assert frames[0].facts is not None
    assert frames[0].facts.exposure is Exposure.TOO_DARK
    close_all(film, readers)


@pytest.mark.parametrize(
    ("scene", "is_black", "is_frozen"),
    [(Scene.PERSON_A, False, False), (Scene.COVERED, True, False), (Scene.FROZEN, False, True)],
)
def test_every_frame_comes_with_its_facts(tmp_path: Path, scene: Scene, is_black: bool, is_frozen: bool) -> None:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState(scene=scene))
    reader = CameraHub(SimulatedCamera(bench)).reader()
    reader.open()
    frame = first = reader.read(timeout_s=LIMIT_S)
    while frame.captured_at - first.captured_at <= FROZEN_AFTER_S + 0.2:
        frame = reader.read(timeout_s=LIMIT_S)
    reader.close()
    assert frame.facts is not None
    assert (frame.facts.is_black, frame.facts.is_frozen) == (is_black, is_frozen)


def test_open_for_the_first_closed_after_the_last() -> None:
    film = Film()
    hub = CameraHub(film)
    first, second = opened(hub, 2)
    first.close()
    first.close()
    film.show()
    assert number(second.read(timeout_s=LIMIT_S)) == 1
    assert film.is_open
    close_all(film, [second])
    assert not film.is_open
    first.open()
    assert film.opened == 2
    close_all(film, [first])


def test_a_slow_reader_gets_the_newest_and_delays_nobody() -> None:
    film = Film()
    slow, fast = opened(CameraHub(film), 2)
    for shown in range(1, 6):
        film.show()
        assert number(fast.read(timeout_s=LIMIT_S)) == shown
    assert number(slow.read(timeout_s=LIMIT_S)) == 5
    film.show()
    assert number(slow.read(timeout_s=LIMIT_S)) == 6
    close_all(film, [slow, fast])


def test_a_reader_that_comes_later_gets_no_old_frame() -> None:
    film = Film()
    hub = CameraHub(film)
    [early] = opened(hub, 1)
    film.show()
    early.read(timeout_s=LIMIT_S)
    [late] = opened(hub, 1)
    film.show()
    assert number(late.read(timeout_s=LIMIT_S)) == 2
    late.close()
    late.open()
    film.show()
    assert number(late.read(timeout_s=LIMIT_S)) == 3
    close_all(film, [early, late])


def test_no_frame_in_time_costs_that_reader_only() -> None:
    film = Film()
    impatient, patient = opened(CameraHub(film), 2)
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST) as caught:
        impatient.read(timeout_s=0.05)
    assert caught.value.context["reason"] == "no frame in 0.05 s"
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
        impatient.read(timeout_s=LIMIT_S)
    film.show()
    assert number(patient.read(timeout_s=LIMIT_S)) == 1
    close_all(film, [patient])


def test_a_reader_with_a_pace_gets_fewer_and_sleeps_in_between() -> None:
    film = Running()
    hub = CameraHub(film)
    reader, quick = hub.reader(max_fps=5), hub.reader()
    reader.open()
    quick.open()
    worked = time.thread_time()
    began = time.monotonic()
    times = [reader.read(timeout_s=LIMIT_S).captured_at for _ in range(6)]
    took = time.monotonic() - began
    worked = time.thread_time() - worked
    assert took >= 5 / 5 - 0.2
    assert all(after - before >= 0.09 for before, after in pairwise(times))
    assert worked < took / 5
    assert time.monotonic() - times[-1] < 1
    close_all(film, [reader, quick])


def test_the_time_limit_begins_when_the_pace_allows_a_frame() -> None:
    reader = CameraHub(Running()).reader(max_fps=2)
    reader.open()
    for _ in range(3):
        reader.read(timeout_s=0.2)
    reader.close()


def test_a_loss_reaches_every_reader_and_each_comes_back(
    pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "drivers.camera")
    film = Film()
    readers = opened(CameraHub(film), 4)
    waiting = [pool.submit(reader.read, timeout_s=LIMIT_S) for reader in readers]
    film.fail()
    errors = [future.exception(LIMIT_S) for future in waiting]
    assert [getattr(error, "code", None) for error in errors] == [ErrorCode.CAMERA_LOST] * 4
    assert len({id(error) for error in errors}) == 4, "each thread raises an error of its own"
    until(lambda: not film.is_open)
    for reader in readers:
        with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
            reader.read(timeout_s=LIMIT_S)
        with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
            reader.open()
    film.is_plugged = True
    for future in [pool.submit(reader.open) for reader in readers]:
        future.result(LIMIT_S)
    assert film.opened == 2
    film.show()
    assert {number(reader.read(timeout_s=LIMIT_S)) for reader in readers} == {1}
    close_all(film, readers)
    assert [record.message for record in caplog.records] == ["camera is lost: unplugged", "camera is back"]


def test_a_frame_of_before_the_loss_is_not_handed_out_after_it() -> None:
    film = Film()
    late, early = opened(CameraHub(film), 2)
    film.show()
    early.read(timeout_s=LIMIT_S)
    film.fail()
    for reader in (early, late):
        with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
            reader.read(timeout_s=LIMIT_S)


def test_after_a_loss_no_picture_is_kept() -> None:
    film = Film()
    early, late = opened(CameraHub(film), 2)
    pictures = []
    for _ in range(3):
        film.show()
        pictures.append(weakref.ref(early.read(timeout_s=LIMIT_S).image))
    film.fail()
    until(lambda: not any(picture() is not None for picture in pictures))
    early.close()
    late.close()


def test_a_defect_is_no_lost_camera() -> None:
    film = Film()
    readers = opened(CameraHub(film), 2)
    film.fail(ValueError("defect"))
    for reader in readers:
        with pytest.raises(RuntimeError) as caught:
            reader.read(timeout_s=LIMIT_S)
        assert isinstance(caught.value.__cause__, ValueError)
    readers[0].open()
    film.show()
    readers[0].read(timeout_s=LIMIT_S)
    close_all(film, readers)


def test_a_defect_that_no_reader_hears_of_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: queue.Queue[type[BaseException]] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", lambda arguments: heard.put(arguments.exc_type))
    monkeypatch.setattr(hub_module, "RELEASE_TIMEOUT_S", 0.05)
    film = Film()
    opened(CameraHub(film), 1)[0].close()
    film.fail(ValueError("defect"))
    assert heard.get(timeout=LIMIT_S) is ValueError


@pytest.mark.parametrize("call", ["read", "close"])
def test_a_device_that_hangs_holds_up_nobody(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "RELEASE_TIMEOUT_S", 0.1)
    monkeypatch.setattr(hub_module, "HANG_TIMEOUT_S", 0.2)
    film = Hanging(call)
    hub = CameraHub(film)
    [reader] = opened(hub, 1)
    film.show()
    began = time.monotonic()
    reader.close()
    assert film.hangs.wait(LIMIT_S)
    for _ in range(2):
        with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST) as caught:
            reader.open()
        assert caught.value.context["reason"] == "the capture before has not ended"
    assert time.monotonic() - began < 5
    film.let_go.set()
    until(lambda: not film.is_open)
    reader.open()
    film.show()
    film.show()
    reader.read(timeout_s=LIMIT_S)
    close_all(film, [reader])
    assert film.opened == 2


def test_a_device_that_hangs_while_opening_can_be_left(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "OPEN_TIMEOUT_S", 0.2)
    monkeypatch.setattr(hub_module, "RELEASE_TIMEOUT_S", 0.1)
    film = Hanging("open")
    hub = CameraHub(film)
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST) as caught:
        hub.reader().open()
    assert caught.value.context["reason"] == "not open in time"
    monkeypatch.setattr(hub_module, "OPEN_TIMEOUT_S", LIMIT_S)
    reader = hub.reader()
    opening = pool.submit(reader.open)
    until(lambda: reader._session)
    reader.close()
    assert isinstance(opening.exception(LIMIT_S), DeviceError)
    film.show()
    film.let_go.set()
    until(lambda: not film.is_open and threading.active_count() < 20)


def test_closing_from_another_thread_wakes_a_waiting_reader(pool: ThreadPoolExecutor) -> None:
    film = Film()
    stays, leaves = opened(CameraHub(film), 2)
    waiting = pool.submit(leaves.read, timeout_s=LIMIT_S)
    leaves.close()
    assert isinstance(waiting.exception(2), DeviceError)
    film.show()
    assert number(stays.read(timeout_s=LIMIT_S)) == 1
    close_all(film, [stays])


def test_storms_of_readers_never_open_the_device_twice(pool: ThreadPoolExecutor) -> None:
    def storm(seed: int) -> int:
        dice = random.Random(seed)
        reader = hub.reader(max_fps=dice.choice([None, 50]))
        got = 0
        while time.monotonic() < end:
            try:
                reader.open()
                before = 0.0
                for _ in range(dice.randrange(4)):
                    frame = reader.read(timeout_s=2)
                    assert frame.captured_at > before
                    before = frame.captured_at
                    got += 1
            except DeviceError as error:
                losses.add(error.code)
            if dice.random() < 0.8:
                reader.close()
        reader.close()
        return got

    film = Running()
    hub = CameraHub(film)
    losses: set[ErrorCode] = set()
    end = time.monotonic() + 3
    storms = [pool.submit(storm, seed) for seed in range(8)]
    while time.monotonic() < end - 0.5:
        time.sleep(0.1)
        film.is_plugged = not film.is_plugged
    film.is_plugged = True
    assert all(future.result(LIMIT_S) > 10 for future in storms)
    assert film.opened > 10
    assert losses == {ErrorCode.CAMERA_LOST}
    until(lambda: not film.is_open)
    reader = hub.reader()
    reader.open()
    reader.read(timeout_s=LIMIT_S)
    reader.close()
    assert not film.is_open

"""What every camera promises: the simulated one, OpenCV's on an image sequence, and a hub's reader of either."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera import opencv
from drivers.camera.hub import CameraHub
from drivers.camera.opencv import OpenCvCamera
from drivers.contracts import Camera, DeviceKind, DeviceState
from drivers.errors import DeviceError, ErrorCode
from drivers.simulated.bench import BenchFile, Gesture, Scene
from drivers.simulated.camera import SimulatedCamera


@dataclass
class Rig:
    camera: Camera
    unplug: Callable[[], object]
    plug: Callable[[], object]


def write_sequence(directory: Path) -> str:
    directory.mkdir()
    for number in range(5):
        picture = np.full((480, 640, 3), 40 * number, np.uint8)
        cv2.circle(picture, (100 + 50 * number, 240), 60, (0, 128, 255), -1)
        assert cv2.imwrite(str(directory / f"frame-{number:03d}.png"), picture)
    return str(directory / "frame-%03d.png")


@pytest.fixture(params=["simulated", "image sequence", "reader of simulated", "reader of image sequence"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    if "simulated" in request.param:
        bench = BenchFile(tmp_path / "bench.json")
        rig = Rig(
            SimulatedCamera(bench),
            unplug=lambda: bench.change(camera_plugged=False),
            plug=lambda: bench.change(camera_plugged=True),
        )
    else:
        here, away = tmp_path / "here", tmp_path / "away"
        rig = Rig(
            OpenCvCamera(write_sequence(here), fps=100),
            unplug=lambda: here.rename(away),
            plug=lambda: away.rename(here),
        )
    if "reader" in request.param:
        rig.camera = CameraHub(rig.camera).reader()
    yield rig
    rig.camera.close()


def read_until_lost(camera: Camera) -> DeviceError:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            camera.read(timeout_s=2)
        except DeviceError as error:
            return error
    pytest.fail("the camera never noticed its loss")


def test_presence_is_known_without_opening(rig: Rig) -> None:
    status = rig.camera.present()
    assert (status.kind, status.state) == (DeviceKind.CAMERA, DeviceState.READY)
    rig.unplug()
    assert rig.camera.present().state is DeviceState.ABSENT
    rig.plug()
    assert rig.camera.present().state is DeviceState.READY


def test_frames_are_bgr_pictures_in_order(rig: Rig) -> None:
    rig.camera.open()
    frames = [rig.camera.read(timeout_s=5) for _ in range(8)]
    for frame in frames:
        assert frame.image.dtype == np.uint8
        assert frame.image.shape == (480, 640, 3)
    times = [frame.captured_at for frame in frames]
    assert times == sorted(times)
    assert times[-1] <= time.monotonic()
    assert not np.array_equal(frames[0].image, frames[1].image)


def test_reading_an_unopened_or_closed_camera_is_camera_lost(rig: Rig) -> None:
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
        rig.camera.read(timeout_s=0.1)
    rig.camera.open()
    rig.camera.close()
    rig.camera.close()
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
        rig.camera.read(timeout_s=0.1)


def test_absent_camera_does_not_open(rig: Rig) -> None:
    rig.unplug()
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
        rig.camera.open()
    rig.plug()
    rig.camera.open()
    rig.camera.read(timeout_s=5)


def test_lost_camera_comes_back_with_the_next_open(rig: Rig) -> None:
    rig.camera.open()
    rig.camera.read(timeout_s=5)
    rig.unplug()
    assert read_until_lost(rig.camera).code is ErrorCode.CAMERA_LOST
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
        rig.camera.read(timeout_s=0.1)
    rig.plug()
    rig.camera.open()
    rig.camera.read(timeout_s=5)


def test_no_frame_in_time_is_camera_lost(tmp_path: Path) -> None:
    camera = OpenCvCamera(write_sequence(tmp_path / "slow"), fps=0.01)
    camera.open()
    camera.read(timeout_s=5)
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
        camera.read(timeout_s=0.1)


def test_hanging_device_does_not_hang_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencv, "OPEN_TIMEOUT_S", 0.2)
    monkeypatch.setattr(opencv, "_RELEASE_TIMEOUT_S", 0.1)
    pipe = tmp_path / "never-answers.avi"
    os.mkfifo(pipe)
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
        OpenCvCamera(str(pipe)).open()
    left_behind = [thread for thread in threading.enumerate() if thread.name == "camera-capture"]
    assert left_behind
    with pipe.open("wb") as writer:
        pipe.unlink()  # or OpenCV's next backend opens it and waits again
        writer.write(b"no video")
    for thread in left_behind:
        thread.join(10)
        assert not thread.is_alive()


def test_video_file_plays_in_a_loop(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for level in (20, 120, 220):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    camera = OpenCvCamera(str(path), fps=50)
    assert camera.present().state is DeviceState.READY
    camera.open()
    frames = [camera.read(timeout_s=5).image for _ in range(7)]
    camera.close()
    assert {frame.shape for frame in frames} == {(48, 64, 3)}


@pytest.mark.parametrize("source", ["/dev/video-none", 97, "/no/such/file.avi", "/no/such/frame-%d.png"])
def test_missing_source_is_absent(source: int | str) -> None:
    camera = OpenCvCamera(source)
    assert camera.present().state is DeviceState.ABSENT
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
        camera.open()


def test_loss_and_return_are_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "drivers.camera")
    here, away = tmp_path / "here", tmp_path / "away"
    camera = CameraHub(OpenCvCamera(write_sequence(here), fps=100)).reader()
    here.rename(away)
    for _ in range(3):
        with pytest.raises(DeviceError):
            camera.open()
    away.rename(here)
    for _ in range(2):
        camera.open()
    camera.close()
    assert [record.message.split(":")[0] for record in caplog.records] == ["camera is lost", "camera is back"]


class Booth:
    """The simulated camera and the bench beside it."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        self.bench = BenchFile(folder / "bench.json")
        self.bench.change(scene=scene)
        self._camera = SimulatedCamera(BenchFile(self.bench.path))
        self._camera.open()

    def film(self, frames: int) -> list[np.ndarray]:
        return [self._camera.read(timeout_s=1).image for _ in range(frames)]


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


@pytest.mark.parametrize("scene", [Scene.PERSON_A, Scene.PERSON_B, Scene.PRINT, Scene.DIM])
def test_a_gesture_moves_whoever_is_there_and_ends(tmp_path: Path, scene: Scene) -> None:
    still = Booth(tmp_path, scene).film(30)
    booth = Booth(tmp_path, scene)
    booth.bench.perform(Gesture.TURN_LEFT)
    moved = booth.film(30)
    assert np.array_equal(moved[0], still[0]), "it begins gently"
    assert difference(moved[11], still[11]) > (0.3 if scene is Scene.DIM else 2)
    assert np.array_equal(moved[-1], still[-1]), "it is over, and nothing of it is left"


def test_a_gesture_is_played_once_each_time_it_is_asked_for(tmp_path: Path) -> None:
    calm = Booth(tmp_path, Scene.PERSON_A).film(44)
    booth = Booth(tmp_path, Scene.PERSON_A)
    for calmly in (calm[:22], calm[22:]):
        booth.bench.perform(Gesture.OPEN_MOUTH)
        moves = [not np.array_equal(*frames) for frames in zip(booth.film(22), calmly, strict=True)]
        assert moves[1:15] == [True] * 14
        assert moves[-3:] == [False] * 3


def test_what_was_asked_before_the_camera_opened_is_over(tmp_path: Path) -> None:
    calm = Booth(tmp_path, Scene.PERSON_A).film(8)
    BenchFile(tmp_path / "bench.json").perform(Gesture.TURN_RIGHT)
    assert all(map(np.array_equal, Booth(tmp_path, Scene.PERSON_A).film(8), calm))


def test_a_frozen_camera_gives_its_last_frame_again(tmp_path: Path) -> None:
    booth = Booth(tmp_path, Scene.PERSON_B)
    last = booth.film(5)[-1]
    booth.bench.change(scene=Scene.FROZEN)
    frozen = booth.film(6)
    assert all(np.array_equal(frame, last) for frame in frozen)
    frozen[0][:] = 0
    assert booth.film(1)[0].any(), "a reader's own copy"
    booth.bench.change(scene=Scene.PERSON_B)
    assert not np.array_equal(booth.film(1)[0], last)


def test_a_covered_camera_sees_noise_and_a_dim_booth_little(tmp_path: Path) -> None:
    (covered, again), (dim, _) = (Booth(tmp_path, scene).film(2) for scene in (Scene.COVERED, Scene.DIM))
    assert covered.mean() < 5
    assert not np.array_equal(covered, again)
    assert 5 < dim.mean() < 40


def test_the_subject_is_who_is_printed_replayed_or_in_dim_light(tmp_path: Path) -> None:
    for scene in (Scene.PRINT, Scene.REPLAY, Scene.DIM, Scene.FROZEN):
        shown = []
        for subject in (Scene.PERSON_A, Scene.PERSON_B):
            BenchFile(tmp_path / "bench.json").change(subject=subject)
            shown.append(Booth(tmp_path, scene).film(1)[0])
        assert not np.array_equal(*shown)


def test_simulated_scenes_differ_and_repeat(tmp_path: Path) -> None:
    def first_frames(scene: Scene) -> list[np.ndarray]:
        bench.change(scene=scene)
        camera = SimulatedCamera(bench)
        camera.open()
        return [camera.read(timeout_s=1).image for _ in range(2)]

    bench = BenchFile(tmp_path / "bench.json")
    shown = {scene: first_frames(scene) for scene in Scene}
    assert len({b"".join(frame.tobytes() for frame in frames) for frames in shown.values()}) == len(Scene)
    again = first_frames(Scene.TWO)
    assert all(np.array_equal(one, other) for one, other in zip(shown[Scene.TWO], again, strict=True))

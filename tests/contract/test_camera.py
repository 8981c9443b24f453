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
from drivers.simulated.bench import BenchFile, Scene
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


def test_simulated_scenes_differ_and_repeat(tmp_path: Path) -> None:
    def first_frames(scene: Scene) -> list[np.ndarray]:
        bench.change(scene=scene)
        camera = SimulatedCamera(bench)
        camera.open()
        return [camera.read(timeout_s=1).image for _ in range(2)]

    bench = BenchFile(tmp_path / "bench.json")
    shown = {scene: first_frames(scene) for scene in Scene}
    assert len({frames[0].tobytes() for frames in shown.values()}) == len(Scene)
    again = first_frames(Scene.TWO)
    assert all(np.array_equal(one, other) for one, other in zip(shown[Scene.TWO], again, strict=True))

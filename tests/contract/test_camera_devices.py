"""V4L2 devices: a kernel of ours that answers as the real one does, and real nodes that are none."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera import opencv
from drivers.camera import v4l2_wire as wire
from drivers.camera.modes import Mode
from drivers.camera.opencv import OpenCvCamera
from drivers.camera.v4l2 import NotACamera, NotACameraError, VideoNodes
from drivers.contracts import DeviceState
from drivers.errors import DeviceError, ErrorCode
from kiosk_config.camera_command import CameraReport, survey
from kiosk_config.model_devices import Camera

U32 = ctypes.c_uint32
CAPTURE, METADATA, STREAMING, DEVICE_CAPS = 0x1, 0x0080_0000, 0x0400_0000, 0x8000_0000


class Capability(ctypes.Structure):
    _fields_ = [
        ("driver", ctypes.c_char * 16), ("card", ctypes.c_char * 32), ("bus_info", ctypes.c_char * 32),
        ("version", U32), ("capabilities", U32), ("device_caps", U32), ("reserved", U32 * 3),
    ]  # fmt: skip


class FormatDescription(ctypes.Structure):
    _fields_ = [
        ("index", U32), ("type", U32), ("flags", U32), ("description", ctypes.c_char * 32),
        ("pixelformat", U32), ("mbus_code", U32), ("reserved", U32 * 3),
    ]  # fmt: skip


class FrameSize(ctypes.Structure):
    _fields_ = [("index", U32), ("pixel_format", U32), ("type", U32), ("numbers", U32 * 6), ("reserved", U32 * 2)]


class FrameInterval(ctypes.Structure):
    _fields_ = [
        ("index", U32), ("pixel_format", U32), ("width", U32), ("height", U32), ("type", U32),
        ("numbers", U32 * 6), ("reserved", U32 * 2),
    ]  # fmt: skip


STRUCTURES = {0: Capability, 2: FormatDescription, 74: FrameSize, 75: FrameInterval}
Sizes = dict[tuple[int, ...], list[tuple[int, ...]]]


@dataclass
class Device:
    """A node: per pixel format the sizes, per size the intervals; six numbers are a range, two one value."""

    card: str = "HD Webcam"
    caps: int = CAPTURE | STREAMING
    formats: dict[str, Sizes] = field(default_factory=dict)
    failure: int = 0


class Kernel:
    """Answers ioctl(2) for files that stand in for device nodes, with the kernel's checks of number and size."""

    def __init__(self) -> None:
        self._devices: dict[int, Device] = {}
        self.asked = 0

    def plug(self, node: Path, device: Device) -> None:
        node.parent.mkdir(parents=True, exist_ok=True)
        node.touch()
        self._devices[node.stat().st_ino] = device

    def __call__(self, descriptor: int, request: int, buffer: bytearray) -> None:
        self.asked += 1
        device = self._devices.get(os.fstat(descriptor).st_ino)
        structure = STRUCTURES.get(request & 0xFF)
        if device is None or structure is None or request >> 8 & 0xFF != ord("V"):
            raise OSError(errno.ENOTTY, "not a typewriter")
        if device.failure:
            raise OSError(device.failure, "failure")
        assert (request >> 16 & 0x3FFF) == ctypes.sizeof(structure) == len(buffer)
        assert (request >> 30) == (2 if structure is Capability else 3)
        answer = structure.from_buffer(buffer)
        try:
            self._answer(device, answer)
        except (LookupError, StopIteration):
            raise OSError(errno.EINVAL, "no more") from None

    def _answer(self, device: Device, answer: ctypes.Structure) -> None:
        match answer:
            case Capability():
                answer.card, answer.bus_info = device.card.encode()[:31], b"usb-0000:00:14.0-1"
                answer.capabilities, answer.device_caps = device.caps | CAPTURE | METADATA | DEVICE_CAPS, device.caps
            case FormatDescription():
                assert answer.type == 1
                answer.pixelformat = number_of(list(device.formats)[answer.index])
            case FrameSize():
                sizes = self._sizes(device, answer.pixel_format)
                self._fill(answer, list(sizes)[answer.index])
            case FrameInterval():
                sizes = self._sizes(device, answer.pixel_format)
                rates = next(rates for size, rates in sizes.items() if fits((answer.width, answer.height), size))
                self._fill(answer, rates[answer.index])

    def _sizes(self, device: Device, number: int) -> Sizes:
        return next(sizes for fourcc, sizes in device.formats.items() if number_of(fourcc) == number)

    def _fill(self, answer: ctypes.Structure, numbers: tuple[int, ...]) -> None:
        answer.type = 1 if len(numbers) == 2 else 3
        for index, number in enumerate(numbers):
            answer.numbers[index] = number


def number_of(fourcc: str) -> int:
    return int.from_bytes(fourcc.encode(), "little")


def fits(size: tuple[int, int], numbers: tuple[int, ...]) -> bool:
    if len(numbers) == 2:
        return size == numbers
    return numbers[0] <= size[0] <= numbers[1] and numbers[3] <= size[1] <= numbers[4]


WEBCAM: dict[str, Sizes] = {
    "YUYV": {(640, 480): [(1, 30), (1, 15)], (1280, 720): [(1, 10)]},
    "MJPG": {(640, 480): [(1, 30)], (1280, 720): [(1, 30), (1001, 30000)]},
}
BY_ID = "dev/v4l/by-id/usb-Maker_HD_Webcam_0001-video-index0"


@dataclass
class Machine:
    root: Path
    kernel: Kernel
    nodes: VideoNodes

    def plug(self, number: int, device: Device, *links: str) -> Path:
        node = self.root / f"dev/video{number}"
        self.kernel.plug(node, device)
        name = self.root / f"sys/class/video4linux/video{number}/name"
        name.parent.mkdir(parents=True)
        name.write_text(f"{device.card}\n", encoding="utf-8")
        for link in links:
            path = self.root / link
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(f"../../video{number}")
        return node

    def unplug(self, number: int, *links: str) -> None:
        (self.root / f"dev/video{number}").unlink()
        (self.root / f"sys/class/video4linux/video{number}/name").unlink()
        (self.root / f"sys/class/video4linux/video{number}").rmdir()
        for link in links:
            (self.root / link).unlink()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    kernel = Kernel()
    (tmp_path / "dev").mkdir()
    return Machine(tmp_path, kernel, VideoNodes(tmp_path, kernel))


def usual(machine: Machine) -> None:
    """Plug a webcam, which has two nodes, and an infrared camera that was found first."""
    machine.plug(0, Device("IR Camera", formats={"GREY": {(640, 360): [(1, 30)]}}))
    machine.plug(2, Device(formats=WEBCAM), BY_ID, "dev/v4l/by-path/pci-0000:00:14.0-usb-0:1:1.0-video-index0")
    machine.plug(3, Device(caps=METADATA | STREAMING), BY_ID.replace("index0", "index1"))


# --- the wire ------------------------------------------------------------------------------------------------------


def test_layouts_and_numbers_are_those_of_the_kernels_header(tmp_path: Path) -> None:
    source, program = tmp_path / "numbers.c", tmp_path / "numbers"
    names = ("VIDIOC_QUERYCAP", "VIDIOC_ENUM_FMT", "VIDIOC_ENUM_FRAMESIZES", "VIDIOC_ENUM_FRAMEINTERVALS")
    values = ", ".join(f"(unsigned long){name}" for name in names)
    offsets = "offsetof(struct v4l2_fmtdesc, pixelformat), offsetof(struct v4l2_frmivalenum, discrete)"
    source.write_text(
        "#include <linux/videodev2.h>\n#include <stdio.h>\n#include <stddef.h>\n"
        f'int main(void) {{ printf("%lu %lu %lu %lu %zu %zu", {values}, {offsets}); return 0; }}\n',
        encoding="utf-8",
    )
    subprocess.run(["cc", "-o", str(program), str(source)], check=True, timeout=60)
    done = subprocess.run([str(program)], check=True, capture_output=True, text=True, timeout=10)
    *requests, pixelformat, discrete = map(int, done.stdout.split())
    assert requests == [wire.QUERYCAP, wire.ENUM_FMT, wire.ENUM_FRAMESIZES, wire.ENUM_FRAMEINTERVALS]
    assert FormatDescription.pixelformat.offset == pixelformat
    assert FrameInterval.numbers.offset == discrete


def exactly(structure: type[ctypes.Structure]) -> st.SearchStrategy[bytes]:
    size = ctypes.sizeof(structure)
    return st.binary(min_size=size, max_size=size)


@given(exactly(Capability))
def test_any_capability_is_text_that_steers_no_terminal(raw: bytes) -> None:
    capability = wire.parse_capability(raw)
    assert (capability.card + capability.bus).isprintable()
    assert capability.buffer_type in {0, 1, 9}


@given(exactly(FormatDescription))
def test_any_format_can_be_shown(raw: bytes) -> None:
    assert wire.parse_format(raw) == raw[44:48]
    assert wire.fourcc_text(wire.parse_format(raw)).isprintable()


def as_range(kind: int, *numbers: int) -> bytes:
    return bytes(FrameSize(type=kind, numbers=(U32 * 6)(*numbers)))


SIDE = st.integers(0, 5000)


@given(exactly(FrameSize) | st.builds(as_range, st.integers(0, 4), SIDE, SIDE, SIDE, SIDE, SIDE, SIDE))
def test_any_size_is_a_size(raw: bytes) -> None:
    answer = wire.parse_size(raw)
    given_ = FrameSize.from_buffer_copy(raw)
    for width, height in answer.values:
        assert width > 0
        assert height > 0
        if answer.is_last:
            assert fits((width, height), tuple(given_.numbers))
    assert answer.is_last == (given_.type != 1)


@given(exactly(FrameInterval))
def test_any_interval_is_a_rate(raw: bytes) -> None:
    answer = wire.parse_interval(raw)
    assert all(0 < rate <= 2**32 for rate in answer.values)


def test_a_range_of_sizes_gives_the_usual_ones_that_fit_its_steps_and_the_largest() -> None:
    answer = wire.parse_size(as_range(3, 32, 1296, 16, 32, 972, 4))
    assert (640, 480) in answer.values
    assert (1280, 720) in answer.values
    assert (1296, 972) in answer.values
    assert (1920, 1080) not in answer.values
    assert wire.parse_size(as_range(3, 30, 1300, 7, 30, 980, 7)).values == ((1300, 980),)


def test_a_range_of_intervals_gives_the_usual_rates_in_it() -> None:
    raw = FrameInterval(type=2, numbers=(U32 * 6)(1, 90, 1, 12, 0, 0))
    assert wire.parse_interval(bytes(raw)).values == (15.0, 20.0, 25.0, 30.0, 50.0, 60.0, 90.0)


# --- finding cameras -----------------------------------------------------------------------------------------------


def test_only_nodes_that_capture_are_cameras_and_their_names_last(machine: Machine) -> None:
    usual(machine)
    infrared, webcam = machine.nodes.cameras()
    assert (infrared.name, infrared.path, infrared.is_colour) == ("IR Camera", machine.root / "dev/video0", False)
    assert (webcam.name, webcam.path) == ("HD Webcam", machine.root / BY_ID)
    assert webcam.node == machine.root / "dev/video2"
    assert webcam.bus == "usb-0000:00:14.0-1"
    assert Mode(fourcc="MJPG", width=1280, height=720, fps=pytest.approx(29.97, abs=0.01)) in webcam.modes
    assert len(webcam.modes) == 6


def test_a_camera_that_answers_in_ranges_gives_the_usual_modes_in_them(machine: Machine) -> None:
    machine.plug(0, Device(formats={"YUYV": {(32, 1296, 16, 32, 972, 4): [(1, 90, 1, 12, 0, 0)]}}))
    [camera] = machine.nodes.cameras()
    assert Mode(fourcc="YUYV", width=640, height=480, fps=30) in camera.modes
    assert Mode(fourcc="YUYV", width=1296, height=972, fps=90) in camera.modes
    assert not any(mode.fps < 12 or mode.width > 1296 for mode in camera.modes)


def test_a_camera_without_a_serial_number_is_named_by_its_socket(machine: Machine) -> None:
    by_path = "dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0"
    machine.plug(0, Device(formats=WEBCAM), BY_ID)
    machine.plug(10, Device(formats=WEBCAM), by_path)
    assert [camera.path.name for camera in machine.nodes.cameras()] == [Path(BY_ID).name, Path(by_path).name]


def test_nodes_are_in_the_order_of_their_numbers(machine: Machine) -> None:
    for number in (10, 9, 0):
        machine.plug(number, Device(formats=WEBCAM))
    (machine.root / "dev/video-dec").touch()
    assert [camera.node.name for camera in machine.nodes.cameras()] == ["video0", "video9", "video10"]


def test_what_a_source_means(machine: Machine) -> None:
    usual(machine)
    node = machine.root / "dev/video2"
    assert machine.nodes.node("") == node
    assert machine.nodes.node(2) == node
    assert machine.nodes.node("/dev/video2") == node
    assert machine.nodes.node(f"/{BY_ID}") == node
    assert machine.nodes.node(7) is None
    assert machine.nodes.node("/dev/v4l/by-id/another") is None


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/proc/self/status", "/tmp"])
def test_a_real_path_that_is_no_video_device_says_so(path: str) -> None:
    with pytest.raises(NotACameraError) as caught:
        VideoNodes().inspect(Path(path))
    assert caught.value.why in {NotACamera.NO_VIDEO, NotACamera.FORBIDDEN}
    with pytest.raises(NotACameraError) as caught:
        VideoNodes().inspect(Path("/dev/video-none"))
    assert caught.value.why is NotACamera.GONE


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (errno.ENODEV, NotACamera.GONE),
        (errno.EIO, NotACamera.GONE),
        (errno.ENOTTY, NotACamera.NO_VIDEO),
        (errno.EBUSY, NotACamera.BUSY),
        (errno.EPERM, NotACamera.FORBIDDEN),
    ],
)
def test_a_device_that_does_not_answer(machine: Machine, failure: int, why: NotACamera) -> None:
    node = machine.plug(0, Device(failure=failure))
    with pytest.raises(NotACameraError) as caught:
        machine.nodes.inspect(node)
    assert caught.value.why is why
    is_told = why in {NotACamera.FORBIDDEN, NotACamera.BUSY}
    assert [camera.problem for camera in machine.nodes.cameras()] == ([why] if is_told else [])


def test_a_device_that_never_ends_its_list_is_asked_a_bounded_number_of_times(machine: Machine) -> None:
    def endless(descriptor: int, request: int, buffer: bytearray) -> None:
        asked.append(request)
        machine.kernel(descriptor, wire.QUERYCAP, buffer) if request == wire.QUERYCAP else None

    asked: list[int] = []
    node = machine.plug(0, Device())
    VideoNodes(machine.root, endless).inspect(node)
    assert len(asked) < 10_000


def test_no_descriptor_is_left_open(machine: Machine) -> None:
    usual(machine)
    machine.plug(5, Device(failure=errno.EIO))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        machine.nodes.cameras()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# --- the driver on a device ----------------------------------------------------------------------------------------


class FakeVideoCapture:
    """``cv2.VideoCapture`` as far as the driver uses it, with frames released by the test."""

    made: list[FakeVideoCapture]

    def __init__(self, source: str, backend: int) -> None:
        self.source = source
        self.settings: list[tuple[int, float]] = []
        self.frames = threading.Semaphore(0)
        self.broken = 0
        self.made.append(self)
        assert backend == cv2.CAP_V4L2

    def set(self, prop: int, value: float) -> None:
        self.settings.append((prop, value))

    def get(self, prop: int) -> float:
        return dict(self.settings)[prop]

    def grab(self) -> bool:
        return Path(self.source).exists() and self.frames.acquire(timeout=0.5)

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        if self.broken:
            self.broken -= 1
            return False, None
        width, height = (int(self.get(prop)) for prop in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        return True, np.zeros((height, width, 3), np.uint8)

    def release(self) -> None:
        self.frames.release(1000)


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> list[FakeVideoCapture]:
    class Capture(FakeVideoCapture):
        made: list[FakeVideoCapture] = []  # noqa: RUF012 - one list per test

        def __init__(self, source: str, backend: int) -> None:
            super().__init__(source, backend)
            self.frames.release(2)

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    return Capture.made


def test_the_best_mode_is_asked_for_in_the_right_order(machine: Machine, captures: list[FakeVideoCapture]) -> None:
    usual(machine)
    camera = OpenCvCamera("", 1280, 720, 30, nodes=machine.nodes)
    camera.open()
    [capture] = captures
    assert capture.source == str(machine.root / "dev/video2")
    assert [prop for prop, _ in capture.settings] == [
        cv2.CAP_PROP_FOURCC, cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS,
    ]  # fmt: skip
    assert [value for _, value in capture.settings] == [number_of("MJPG"), 1280, 720, pytest.approx(29.97, abs=0.01)]
    assert camera.read(timeout_s=5).image.shape == (720, 1280, 3)
    camera.close()


def test_unplugged_and_plugged_in_elsewhere_it_is_found_by_its_lasting_name(
    machine: Machine, captures: list[FakeVideoCapture]
) -> None:
    machine.plug(0, Device("Another", formats=WEBCAM))
    machine.plug(1, Device(formats=WEBCAM), BY_ID)
    camera = OpenCvCamera(f"/{BY_ID}", nodes=machine.nodes)
    assert (camera.present().state, camera.present().name) == (DeviceState.READY, "HD Webcam")
    camera.open()
    machine.unplug(1, BY_ID)
    for _ in range(2):  # the frames that were under way
        with contextlib.suppress(DeviceError):
            camera.read(timeout_s=5)
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST):
        camera.read(timeout_s=5)
    assert camera.present().state is DeviceState.ABSENT
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST) as caught:
        camera.open()
    assert caught.value.context["reason"] == "not there"
    machine.plug(4, Device(formats=WEBCAM), BY_ID)
    assert camera.present().state is DeviceState.READY
    camera.open()
    camera.close()
    assert [Path(capture.source).name for capture in captures] == ["video1", "video4"]


def test_the_first_camera_is_looked_for_once_and_again_when_it_is_gone(machine: Machine) -> None:
    usual(machine)
    camera = OpenCvCamera("", nodes=machine.nodes)
    assert camera.present().name == "HD Webcam"
    asked = machine.kernel.asked
    assert camera.present().name == "HD Webcam"
    assert machine.kernel.asked == asked, "a camera that was found is not opened to see that it is there"
    machine.unplug(2, BY_ID)
    assert camera.present().state is DeviceState.ABSENT
    machine.plug(7, Device("Spare", formats=WEBCAM))
    assert (camera.present().state, camera.present().name) == (DeviceState.READY, "Spare")


def test_what_may_not_be_used_is_a_failure_with_its_reason(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.plug(0, Device(failure=errno.EACCES), BY_ID)
    monkeypatch.setattr(opencv.os, "access", lambda _path, _mode: False)
    for source in ("", 0, f"/{BY_ID}"):
        camera = OpenCvCamera(source, nodes=machine.nodes)
        assert (camera.present().state, camera.present().detail) == (DeviceState.FAILED, NotACamera.FORBIDDEN)
        with pytest.raises(DeviceError) as caught:
            camera.open()
        assert caught.value.context["reason"] == NotACamera.FORBIDDEN


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (Device(caps=METADATA | STREAMING), NotACamera.NO_CAPTURE),
        (Device(formats={"GREY": {(640, 360): [(1, 30)]}}), "no mode with colour pictures"),
    ],
)
def test_a_device_that_is_no_camera_for_faces(machine: Machine, device: Device, reason: str) -> None:
    machine.plug(0, device)
    with pytest.raises(DeviceError, match=ErrorCode.CAMERA_LOST) as caught:
        OpenCvCamera(0, nodes=machine.nodes).open()
    assert caught.value.context["reason"] == reason


def test_a_driver_that_lists_no_modes_is_asked_for_what_is_wanted(
    machine: Machine, captures: list[FakeVideoCapture]
) -> None:
    machine.plug(0, Device())
    camera = OpenCvCamera(0, 800, 600, 20, nodes=machine.nodes)
    camera.open()
    camera.close()
    assert [value for _, value in captures[0].settings] == [number_of("MJPG"), 800, 600, 20]


def test_half_a_picture_is_no_loss(machine: Machine, captures: list[FakeVideoCapture]) -> None:
    machine.plug(0, Device(formats=WEBCAM))
    camera = OpenCvCamera(0, nodes=machine.nodes)
    camera.open()
    camera.read(timeout_s=5)
    captures[0].broken = 3
    captures[0].frames.release(4)
    camera.read(timeout_s=5)
    camera.close()


def test_size_format_and_rate_are_told_as_they_are(
    machine: Machine, captures: list[FakeVideoCapture], monkeypatch: pytest.MonkeyPatch
) -> None:
    def deliver(interval: float, frames: int) -> DeviceState:
        for _ in range(frames):
            clock[0] += interval
            captures[0].frames.release()
            camera.read(timeout_s=5)
        return camera.present().state

    clock = [1000.0]
    monkeypatch.setattr(opencv, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    machine.plug(0, Device(formats=WEBCAM))
    camera = OpenCvCamera(0, 640, 480, 30, nodes=machine.nodes)
    assert camera.present().detail == "640x480"
    camera.open()
    camera.read(timeout_s=5)
    assert deliver(1 / 25, 40) is DeviceState.READY
    assert camera.present().detail == "640x480 YUYV 25.0 fps"
    assert deliver(1 / 10, 40) is DeviceState.READY
    assert deliver(1 / 10, 40) is DeviceState.DEGRADED
    assert camera.present().detail == "640x480 YUYV 10.0 fps"
    assert deliver(1 / 30, 40) is DeviceState.READY
    camera.close()
    assert camera.present().detail == "640x480"


# --- kiosk-config camera list --------------------------------------------------------------------------------------


def report(machine: Machine, **camera: object) -> CameraReport:
    return survey(Camera.model_validate(camera), machine.nodes)


@pytest.mark.parametrize("source", ["", "2", "/dev/video2", f"/{BY_ID}"])
def test_the_list_says_which_camera_is_taken_and_how(machine: Machine, source: str) -> None:
    usual(machine)
    found = report(machine, source=source, width=1280, height=720, fps=30)
    assert found.problem == ""
    infrared, webcam = found.cameras
    assert (infrared.problem, infrared.taken_mode) == ("gives no colour pictures", "")
    assert (webcam.source, webcam.taken_mode) == (str(machine.root / BY_ID), "1280x720 MJPG 29.97 fps")
    assert "640x480 YUYV 30 fps" in webcam.modes


@pytest.mark.parametrize("settings", [{"source": "0"}, {"source": "9"}, {"source": "/dev/v4l/by-id/another"}])
def test_the_list_says_that_the_configured_camera_cannot_be_used(machine: Machine, settings: dict[str, str]) -> None:
    usual(machine)
    found = report(machine, **settings)
    assert found.problem.startswith("None of these cameras can be used with camera.source")
    assert not any(line.taken_mode for line in found.cameras)


def test_the_list_without_a_camera_or_with_none_wanted(machine: Machine) -> None:
    assert report(machine).problem == "No camera is connected."
    usual(machine)
    for settings in ({"driver": "simulated"}, {"source": "clip.avi"}):
        assert "uses no real camera" in report(machine, **settings).problem


def test_the_list_tells_what_may_not_be_asked(machine: Machine) -> None:
    machine.plug(0, Device(failure=errno.EACCES))
    found = report(machine)
    assert found.cameras[0].problem == NotACamera.FORBIDDEN
    assert found.problem.startswith("None of these cameras can be used")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "kiosk_config", "camera", "list", *arguments]
    return subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_agrees_with_itself_on_this_machine(tmp_path: Path) -> None:
    config = tmp_path / "booth.toml"
    config.write_text('schema_version = 1\nmode = "drill"\nplace.booth_id = "a-1"\n', encoding="utf-8")
    spoken, told = command("--config", str(config)), command("--config", str(config), "--json")
    found = CameraReport.model_validate(json.loads(told.stdout))
    assert spoken.returncode == told.returncode == (1 if found.problem else 0)
    assert found.problem in spoken.stdout
    assert all(line.source in spoken.stdout for line in found.cameras)


def test_the_command_tells_a_broken_configuration(tmp_path: Path) -> None:
    done = command("--config", str(tmp_path / "none.toml"))
    assert done.returncode == 1
    assert "none.toml" in done.stderr
    assert done.stdout == ""

"""The real media process with a real sound server: it masks and changes, and may die or hang at any moment."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from assets.build_models import ensure
from drivers.contracts import Frame, Image
from drivers.errors import ErrorCode, KioskError
from drivers.headset.sound import open_playback
from drivers.simulated.bench import BenchState, Scene
from drivers.simulated.camera import _Film
from drivers.simulated.pulse import CAPTURE_NAME, PLAYBACK_NAME, PulseService
from tests.speech import spoken
from workstation.conference.contract import (
    BLOCK,
    HEADER,
    PAGE_ORIGIN,
    PROTECTED,
    Anonymity,
    MediaAddress,
    MediaFault,
    MediaStatus,
    MediaWish,
    StreamPhase,
)
from workstation.conference.media.acoustics import measure
from workstation.conference.media.client import GONE, MediaClient
from workstation.conference.media.mask import FIGURE, GROUND, SURE
from workstation.face.detector import FaceDetector
from workstation.face.networks import load_manifest

MASKED, CHANGED, PLAIN = Anonymity(mask=True), Anonymity(voice=True), Anonymity()
TIMEOUT_S = 30.0
LIVE = StreamPhase.LIVE


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return ensure()


@pytest.fixture
def client(models_dir: Path) -> Iterator[MediaClient]:
    with MediaClient(models_dir=models_dir) as client:
        yield client


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseService]:
    with PulseService(tmp_path) as service:
        service.plug()
        monkeypatch.setenv("PULSE_SERVER", service.server)
        yield service


def opened(address: MediaAddress) -> ClientConnection:
    return connect(address.url, origin=Origin(PAGE_ORIGIN), open_timeout=TIMEOUT_S, compression=None, proxy=None)


def wait_status(client: MediaClient, condition: Callable[[MediaStatus], bool]) -> MediaStatus:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition(status := client.wait_status(1)):
        assert time.monotonic() < deadline, status
    return status


class Camera:
    """Offers the drill's film until somebody has seen enough of what comes out."""

    def __init__(self, client: MediaClient, scene: Scene = Scene.PERSON_A) -> None:
        bench = BenchState(scene=scene)
        film = _Film(bench)
        self._client = client
        self._pictures = itertools.cycle([np.ascontiguousarray(film.next(bench)[60:420]) for _ in range(5)])

    def show_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, self._client.status()
            self._client.offer(Frame(image=next(self._pictures), captured_at=time.monotonic()))
            time.sleep(0.03)


def packets(page: ClientConnection, kind: int, count: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < count:
        packet = bytes(page.recv(TIMEOUT_S, decode=False))
        assert HEADER.unpack_from(packet)[1] == PROTECTED
        if HEADER.unpack_from(packet)[0] == kind:
            found.append(packet)
    return found


def test_masked_pictures_reach_the_page(client: MediaClient, models_dir: Path) -> None:
    address = client.start(MASKED)
    detector = FaceDetector(models_dir, load_manifest(models_dir)[0].detector)
    with opened(address) as page:
        client.wish(MediaWish(camera=True))
        Camera(client).show_until(lambda: client.status().frames >= 25)
        status = wait_status(client, lambda status: status.frames >= 25)
        assert (status.video, status.video_fault, status.is_covered) == (LIVE, MediaFault.NONE, False)
        for packet in packets(page, 1, 20):
            _, _, width, height, samples, captured_us = HEADER.unpack_from(packet)
            assert (width, height, samples) == (640, 360, 0)
            assert 0 < time.monotonic() - captured_us / 1e6 < TIMEOUT_S
            assert not detector.boxes(_picture(packet), SURE)


def test_a_preview_comes_back_masked_and_nothing_leaves(client: MediaClient) -> None:
    client.start(MASKED)
    client.wish(MediaWish(camera=True, preview=True))
    seen: list[Image] = []

    def look() -> bool:
        if (image := client.wait_preview(0.01)) is not None:
            seen.append(image)
        return len(seen) >= 12

    Camera(client).show_until(look)
    assert {tuple(pixel) for pixel in seen[0].reshape(-1, 3)} == {GROUND, FIGURE}
    assert len(np.unique(seen[-1].reshape(-1, 3), axis=0)) > 100
    assert client.status().frames == 0


def test_the_changed_voice_of_a_real_microphone_reaches_the_page(client: MediaClient, pulse: PulseService) -> None:
    raw = spoken(120, 3)
    with opened(client.start(CHANGED)) as page, contextlib.closing(open_playback("hs_air")) as air:
        client.wish(MediaWish(microphone=True, capture=CAPTURE_NAME))
        status = wait_status(client, lambda status: status.packets > 5)
        assert (status.voice, status.level_dbfs < -60, status.speaking) == (LIVE, True, False)
        air.begin(raw)
        wait_status(client, lambda status: status.speaking and status.level_dbfs > -40)
        heard = np.concatenate([np.frombuffer(packet, "<i2", BLOCK, HEADER.size) for packet in packets(page, 2, 260)])
        assert client.status().voice is LIVE
    loud = np.flatnonzero(np.abs(heard) > 300)
    out = np.asarray(heard[loud[0] :], np.float32) / np.float32(32768)
    change = measure(np.asarray(raw[: len(out)], np.float32) / np.float32(32768), out[: len(raw)])
    assert change is not None
    assert abs(np.log(change.pitch)) > 0.12
    assert change.likeness < 0.5


def test_a_muted_microphone_is_silent_on_the_wire(client: MediaClient, pulse: PulseService) -> None:
    with opened(client.start(PLAIN)) as page, contextlib.closing(open_playback("hs_air")) as air:
        client.wish(MediaWish(microphone=True, capture=CAPTURE_NAME))
        packets(page, 2, 5)
        client.wish(MediaWish(capture=CAPTURE_NAME))
        air.begin(spoken(120, 2))
        muted = wait_status(client, lambda status: status.voice is StreamPhase.OFF and status.speaking)
        assert wait_status(client, lambda status: status.packets >= muted.packets).packets == muted.packets
        with contextlib.suppress(TimeoutError):
            while True:
                page.recv(0.3)
        assert client.status().packets == muted.packets


def test_a_pulled_headset_is_reported_and_comes_back(client: MediaClient, pulse: PulseService) -> None:
    client.start(CHANGED)
    client.wish(MediaWish(microphone=True, capture=CAPTURE_NAME))
    wait_status(client, lambda status: status.voice is LIVE)
    pulse.unplug()
    status = wait_status(client, lambda status: status.voice is StreamPhase.STOPPED)
    assert status.voice_fault is MediaFault.MICROPHONE
    pulse.plug()
    wait_status(client, lambda status: status.voice is LIVE)


def test_the_preview_voice_is_heard_in_the_ear_cups(client: MediaClient, pulse: PulseService) -> None:
    client.start(CHANGED)
    client.wish(MediaWish(preview=True, capture=CAPTURE_NAME, playback=PLAYBACK_NAME))
    with pulse._control() as control:
        deadline = time.monotonic() + TIMEOUT_S
        sink = control.get_sink_by_name(PLAYBACK_NAME).index
        while not any(stream.sink == sink for stream in control.sink_input_list()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert client.status().packets == 0


def test_a_camera_that_stops_is_reported(client: MediaClient) -> None:
    client.start(PLAIN)
    client.wish(MediaWish(camera=True))
    status = wait_status(client, lambda status: status.video is StreamPhase.STOPPED)
    assert status.video_fault is MediaFault.CAMERA
    Camera(client).show_until(lambda: client.status().video is LIVE)


def test_a_killed_process_is_reported_at_once_and_can_be_replaced(client: MediaClient) -> None:
    first = client.start(MASKED)
    client.wish(MediaWish(camera=True))
    assert client.wait_status(TIMEOUT_S).video is StreamPhase.PROVING
    assert client.pid is not None
    os.kill(client.pid, signal.SIGKILL)
    wait_status(client, lambda status: status == GONE)
    assert client.offer(Frame(image=np.zeros((4, 4, 3), np.uint8), captured_at=0)) is False
    client.wish(MediaWish())
    assert client.wait_preview(5) is None
    second = client.start(MASKED)
    assert second.key != first.key
    assert client.wait_status(TIMEOUT_S).video is StreamPhase.OFF


def test_a_hanging_process_is_silent_and_is_ended(client: MediaClient) -> None:
    client.start(PLAIN)
    client.wait_status(TIMEOUT_S)
    pid = client.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    wait_status(client, lambda status: status == GONE)
    client.close()
    assert not Path(f"/proc/{pid}").exists()


def test_the_process_ends_with_its_stdin(client: MediaClient) -> None:
    client.start(PLAIN)
    assert client._process is not None
    assert client._process.stdin is not None
    client._process.stdin.close()
    wait_status(client, lambda status: status == GONE)
    assert client._process.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize(
    "script",
    [
        "import time; time.sleep(60)",
        "raise SystemExit(3)",
        "print('hello')",
        r"import sys; sys.stdout.buffer.write(b'\xff' * 64)",
        r"import sys; sys.stdout.buffer.write(b'\0\0\0\2[]')",
        r"import sys; sys.stdout.buffer.write(b'\0\0\0')",
    ],
)
@pytest.mark.parametrize(("anonymity", "code"), [(MASKED, ErrorCode.ANONYMITY_NOT_READY), (PLAIN, "E-407")])
def test_a_process_that_does_not_get_ready(
    models_dir: Path, script: str, anonymity: Anonymity, code: ErrorCode
) -> None:
    with MediaClient([sys.executable, "-c", script], models_dir=models_dir, start_timeout_s=1) as client:
        with pytest.raises(KioskError) as failed:
            client.start(anonymity)
        assert failed.value.code == code
        assert client.pid is None
        assert client.status() == GONE


def test_missing_models_are_said(tmp_path: Path) -> None:
    with MediaClient(models_dir=tmp_path) as client, pytest.raises(KioskError) as failed:
        client.start(MASKED)
    assert "E-208" in str(failed.value.context["reason"])


def _picture(packet: bytes) -> Image:
    _, _, width, height, _, _ = HEADER.unpack_from(packet)
    planes = np.frombuffer(packet, np.uint8, offset=HEADER.size).reshape(height * 3 // 2, width)
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), np.uint8)

"""The real face worker as a child process: it works, it may crash or hang at any moment, and starts anew."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.build_models import ensure
from drivers.errors import CancelledError, ErrorCode, KioskError
from drivers.simulated.bench import BenchFile, Scene
from drivers.simulated.camera import SimulatedCamera
from workstation.face.client import FaceClient
from workstation.face.coaching import Coaching
from workstation.face.engines import EngineKind, make_engine
from workstation.face.frames import SharedFrame
from workstation.face.liveness import ChallengePolicy
from workstation.face.verification import Decision
from workstation.face.wire import Operation, Reply, Request, read_message, write_message
from workstation.spawn import module_command

BLANK = np.full((480, 640, 3), 90, np.uint8)


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return ensure()


@pytest.fixture
def client(models_dir: Path) -> Iterator[FaceClient]:
    with FaceClient(models_dir=models_dir) as client:
        yield client


def require_failed(call, *arguments: object) -> KioskError:
    with pytest.raises(KioskError) as caught:
        call(*arguments)
    assert caught.value.code is ErrorCode.FACE_ENGINE_FAILED
    return caught.value


def stub(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_whole_verification_in_the_child(client: FaceClient, tmp_path: Path) -> None:
    bench = BenchFile(tmp_path / "bench.json")
    bench.change(scene=Scene.PERSON_B)
    camera = SimulatedCamera(bench)
    camera.open()
    portrait = cv2.imread(str(Path(__file__).parents[2] / "assets" / "drill" / "person-b.jpg"))
    assert client.identity is not None
    assert client.set_reference(portrait) is True
    for number in range(5):
        observation = client.observe(camera.read(timeout_s=1).image, 0.4 * number)
        assert observation.kept_probes == number + 1
    assert observation.decision is Decision.MATCH
    client.reset()
    observation = client.observe(camera.read(timeout_s=1).image, 9.0)
    assert (observation.kept_probes, observation.decision) == (0, None)
    assert client.watch(camera.read(timeout_s=1).image).is_expert is True
    assert client.use_enrolled(ChallengePolicy()) is True
    client.forget()
    assert client.use_enrolled(ChallengePolicy()) is False
    assert client.watch(camera.read(timeout_s=1).image).is_expert is None
    assert client.set_reference(BLANK) is False


@pytest.mark.parametrize("engine", EngineKind)
def test_the_child_loads_the_engine_it_is_told_to(models_dir: Path, engine: EngineKind) -> None:
    with FaceClient(models_dir=models_dir, engine=engine) as client:
        assert client.identity == make_engine(engine, models_dir).identity


def test_picture_that_is_not_contiguous_is_taken(client: FaceClient) -> None:
    assert client.observe(BLANK[::2, ::-1], 0.0).coaching is Coaching.NO_FACE


def test_what_is_no_picture_is_refused_and_the_child_lives_on(client: FaceClient) -> None:
    pid = client.pid
    for image in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)):
        require_failed(client.observe, image, 0.0)
        require_failed(client.set_reference, image)
    require_failed(client.observe, BLANK, float("nan"))
    assert client.observe(BLANK, 0.0).face_count == 0
    assert client.pid == pid


def test_child_killed_during_a_request(client: FaceClient) -> None:
    pid = client.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # so that the request is surely under way
    killer = threading.Timer(0.2, os.kill, (pid, signal.SIGKILL))
    killer.start()
    error = require_failed(client.observe, BLANK, 0.0)
    killer.join()
    assert error.context["returncode"] == -signal.SIGKILL
    assert client.pid is None
    require_failed(client.observe, BLANK, 0.0)
    client.start()
    assert client.observe(BLANK, 0.0).coaching is Coaching.NO_FACE


def test_child_killed_between_requests(client: FaceClient) -> None:
    assert client.pid is not None
    os.kill(client.pid, signal.SIGKILL)
    require_failed(client.observe, BLANK, 0.0)
    client.start()
    assert client.set_reference(BLANK) is False


def test_hanging_child_misses_its_deadline_and_is_replaced(models_dir: Path) -> None:
    with FaceClient(models_dir=models_dir, request_timeout_s=0.5) as client:
        pid = client.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        error = require_failed(client.observe, BLANK, 0.0)
        assert error.context["timeout_s"] == 0.5
        client.start()
        assert client.pid != pid
        assert client.pid is not None
        os.kill(client.pid, signal.SIGSTOP)
        require_failed(client.reset)
        assert client.pid is None


def test_worker_that_never_gets_ready(models_dir: Path) -> None:
    client = FaceClient(stub("import time; time.sleep(60)"), models_dir=models_dir, start_timeout_s=0.5)
    require_failed(client.start)
    assert client.pid is None


@pytest.mark.parametrize(
    "script",
    [
        "print('hello')",
        "raise SystemExit(3)",
        r"import sys; sys.stdout.buffer.write(b'\xff' * 64)",
        r"import sys; sys.stdout.buffer.write(b'\0\0\0\2{}')",
        r"import sys; sys.stdout.buffer.write(b'\0\0\0\2[]')",
        r"import sys; sys.stdout.buffer.write(b'\0\0\1\0{')",
    ],
    ids=["prints", "exits", "garbage", "no identity", "wrong type", "cut"],
)
def test_worker_that_talks_nonsense(models_dir: Path, script: str) -> None:
    client = FaceClient(stub(script), models_dir=models_dir)
    require_failed(client.start)
    assert client.pid is None


def test_worker_that_answers_another_question(models_dir: Path) -> None:
    identity = rb'{"identity":{"name":"n","version":"1","sha256":"0","licence":"l"}}'
    script = (
        "import sys\n"
        "out = sys.stdout.buffer\n"
        f"out.write(({len(identity)}).to_bytes(4, 'big') + {identity!r})\n"
        "out.write(bytes([0, 0, 0, 2]) + b'{}')\n"
        "out.flush()\n"
        "sys.stdin.buffer.read()\n"
    )
    with FaceClient(stub(script), models_dir=models_dir) as client:
        require_failed(client.observe, BLANK, 0.0)
        assert client.pid is None


def test_command_that_cannot_be_run(models_dir: Path) -> None:
    require_failed(FaceClient(["/no/such/program"], models_dir=models_dir).start)


def test_altered_models_are_refused_at_start(models_dir: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(models_dir, tmp_path / "models"))
    (copy / "fr_feature.onnx").write_bytes(b"other")
    client = FaceClient(models_dir=copy)
    error = require_failed(client.start)
    assert "fr_feature" in str(error.context["reason"])
    assert client.pid is None


def test_cancel_ends_a_call_from_another_thread(client: FaceClient) -> None:
    assert client.pid is not None
    os.kill(client.pid, signal.SIGSTOP)
    canceller = threading.Timer(0.2, client.cancel)
    canceller.start()
    with pytest.raises(CancelledError):
        client.observe(BLANK, 0.0)
    canceller.join()
    client.start()
    assert client.observe(BLANK, 0.0).face_count == 0


def test_close_and_start_are_idempotent(client: FaceClient) -> None:
    pid = client.pid
    client.start()
    assert client.pid == pid
    client.close()
    client.close()
    client.reset()
    client.cancel()
    assert client.pid is None
    assert client.identity is None


def test_child_holds_nothing_of_ours_but_its_pipes(client: FaceClient) -> None:
    descriptors = Path(f"/proc/{client.pid}/fd")
    targets = {int(entry.name): str(entry.readlink()) for entry in descriptors.iterdir()}
    assert targets[1] == targets[2] == os.devnull  # whatever a library prints goes nowhere
    others = [target for number, target in targets.items() if number not in {1, 2}]
    assert sum("memfd:frame" in target for target in others) == 1
    assert all(target.startswith("pipe:") or "memfd:frame" in target for target in others)


class TestWorkerAlone:
    """The worker without the client: what it does with a parent that dies or talks nonsense."""

    @pytest.fixture
    def worker(self, models_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
        frame = SharedFrame()
        command = module_command("workstation.face.worker", "onnx", str(models_dir), frame.token)
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=frame.inherited
        ) as process:
            try:
                assert process.stdout is not None
                ready = read_message(process.stdout, Reply)
                assert ready is not None
                assert ready.identity is not None
                yield process
            finally:
                process.kill()
                frame.close()

    def test_ends_with_its_stdin(self, worker: subprocess.Popen[bytes]) -> None:
        assert worker.stdin is not None
        worker.stdin.close()
        assert worker.wait(10) == 0

    def test_ends_with_its_stdin_during_a_request(self, worker: subprocess.Popen[bytes]) -> None:
        assert worker.stdin is not None
        request = Request(operation=Operation.SET_REFERENCE, height=480, width=640)
        for _ in range(20):
            write_message(worker.stdin, request)
        worker.stdin.close()
        assert worker.wait(10) == 0

    def test_nonsense_is_answered_with_an_error_and_the_end(self, worker: subprocess.Popen[bytes]) -> None:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(b"\xff" * 64)
        worker.stdin.flush()
        reply = read_message(worker.stdout, Reply)
        assert reply is not None
        assert "out of range" in (reply.error or "")
        assert worker.wait(10) == 2

    def test_a_request_without_a_picture_is_an_error_only(self, worker: subprocess.Popen[bytes]) -> None:
        assert worker.stdin is not None
        assert worker.stdout is not None
        for height, fails in ((0, True), (480, False)):
            write_message(worker.stdin, Request(operation=Operation.OBSERVE, height=height, width=640))
            reply = read_message(worker.stdout, Reply)
            assert reply is not None
            assert (reply.error is not None) is fails

"""The application's side of the face worker: starts it, asks it, and puts it down when it does not answer."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from drivers.contracts import Image
from drivers.errors import CancelledError, ErrorCode, KioskError
from workstation.face.contract import ModelIdentity, ReferenceKind, require_image
from workstation.face.engines import EngineKind
from workstation.face.frames import SharedFrame
from workstation.face.liveness import ChallengePolicy
from workstation.face.seat import SeatLook
from workstation.face.verification import Observation
from workstation.face.wire import Operation, Reply, Request, WireError, read_message, write_message
from workstation.spawn import module_command

_log = logging.getLogger(__name__)

START_TIMEOUT_S = 20.0
"""Loading takes 0.5 s; a cold disk just after boot takes many times that."""
REQUEST_TIMEOUT_S = 3.0
"""A reference takes 0.1 s, a frame 0.03 s."""
_EXIT_TIMEOUT_S = 2.0


class FaceClient:
    """Face verification in a child process. One thread calls it; only ``cancel`` may come from any other.

    A child that crashed, hung or talked nonsense is put down, with everything it knew, and the call raises. Call
    ``start`` before each attempt: it does nothing while a child runs and else begins anew.

    Args:
        models_dir: the folder ``assets.build_models`` wrote.
        engine: which network describes the face.
        command: what to run instead of our worker; gets the frame's token as its last argument.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        *,
        models_dir: Path,
        engine: EngineKind = EngineKind.ONNX,
        start_timeout_s: float = START_TIMEOUT_S,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        self._command = command or module_command("workstation.face.worker", engine.value, str(models_dir))
        self._frame: SharedFrame | None = None
        self._start_timeout_s = start_timeout_s
        self._request_timeout_s = request_timeout_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_cancelled = False
        self._has_seen = False
        self._identity: ModelIdentity | None = None

    @property
    def identity(self) -> ModelIdentity | None:
        """The networks in use, ``None`` while no child runs."""
        return self._identity

    @property
    def has_seen(self) -> bool:
        """Whether the running child was ever shown a picture."""
        return self._has_seen

    @property
    def pid(self) -> int | None:
        """The child's process id, ``None`` while none runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Run the child and wait until its engine is ready. Does nothing while one runs.

        Raises:
            KioskError: FACE_ENGINE_FAILED.
            CancelledError: ``cancel`` was called meanwhile.
        """
        if self._process is not None:
            return
        self._is_cancelled = False
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        try:
            frame = self._frame = SharedFrame()
            process = subprocess.Popen(
                [*self._command, frame.token],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=frame.inherited,
            )
        except OSError as error:
            self.close()
            raise _failed("worker cannot be run", reason=type(error).__name__) from error
        with self._lock:
            self._process = process
            if self._is_cancelled:
                process.kill()
        reply = self._exchange(None, self._start_timeout_s)
        if reply.identity is None:
            raise self._give_up("worker did not get ready", reason=reply.error or "no identity")
        self._identity = reply.identity
        _log.info("face worker ready: %s %s", reply.identity.name, reply.identity.version)

    def set_reference(
        self,
        image: Image,
        kind: ReferenceKind = ReferenceKind.CARD_PHOTO,
        challenges: ChallengePolicy | None = None,
    ) -> bool:
        """Begin a verification against this photo; false when it shows no face.

        Args:
            image: the photo.
            kind: where it comes from.
            challenges: what liveness is asked for; none when left out.

        Raises:
            KioskError: FACE_ENGINE_FAILED.
            CancelledError: ``cancel`` was called meanwhile.
        """
        asked = challenges or ChallengePolicy(actions=())
        return self._begun(self._show(Operation.SET_REFERENCE, image, kind=kind, challenges=asked))

    def use_enrolled(self, challenges: ChallengePolicy) -> bool:
        """Begin a verification against the person who matched last; false when the worker knows nobody.

        Raises:
            KioskError: FACE_ENGINE_FAILED.
            CancelledError: ``cancel`` was called meanwhile.
        """
        return self._begun(self._ask(Request(operation=Operation.USE_ENROLLED, challenges=challenges)))

    def observe(self, image: Image, captured_at: float) -> Observation:
        """Show the worker one frame of a verification; ``captured_at`` in monotonic seconds.

        Raises:
            KioskError: FACE_ENGINE_FAILED.
            CancelledError: ``cancel`` was called meanwhile.
        """
        reply = self._show(Operation.OBSERVE, image, captured_at=_finite(captured_at))
        if reply.observation is None:
            raise self._give_up("worker's reply does not fit the question")
        return reply.observation

    def watch(self, image: Image) -> SeatLook:
        """Show the worker one frame of the seat.

        Raises:
            KioskError: FACE_ENGINE_FAILED.
            CancelledError: ``cancel`` was called meanwhile.
        """
        reply = self._show(Operation.WATCH, image)
        if reply.seat is None:
            raise self._give_up("worker's reply does not fit the question")
        return reply.seat

    def reset(self) -> None:
        """Let the worker overwrite the reference and the probes. Does nothing while no child runs.

        Raises:
            KioskError: FACE_ENGINE_FAILED. The child is gone then, and the data with it.
        """
        self._overwrite(Operation.RESET)

    def forget(self) -> None:
        """As ``reset``, and let it forget the person who matched."""
        self._overwrite(Operation.FORGET)

    def cancel(self) -> None:
        """End the child at once, from any thread: the call under way raises ``CancelledError``."""
        with self._lock:
            self._is_cancelled = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the child. Idempotent."""
        with self._lock:
            process, self._process = self._process, None
        self._identity = None
        self._has_seen = False
        if self._frame is not None:
            self._frame.close()
            self._frame = None
        if process is None:
            return
        with contextlib.suppress(OSError):  # unsent bytes of a request the child never took
            if process.stdin:
                process.stdin.close()
        try:
            process.wait(_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _show(
        self,
        operation: Operation,
        image: Image,
        *,
        kind: ReferenceKind = ReferenceKind.CARD_PHOTO,
        challenges: ChallengePolicy | None = None,
        captured_at: float = 0.0,
    ) -> Reply:
        image = require_image(image)
        height, width = image.shape[:2]
        request = Request(
            operation=operation,
            height=height,
            width=width,
            kind=kind,
            challenges=challenges or ChallengePolicy(actions=()),
            captured_at=captured_at,
        )
        if self._frame is not None:
            self._frame.write(image)
            self._has_seen = True
        return self._ask(request)

    def _ask(self, request: Request) -> Reply:
        if self._process is None:
            raise _failed("worker is not running")
        reply = self._exchange(request, self._request_timeout_s)
        if reply.error is not None:
            raise _failed("worker refused", reason=reply.error)
        return reply

    def _begun(self, reply: Reply) -> bool:
        if reply.begun is None:
            raise self._give_up("worker's reply does not fit the question")
        return reply.begun

    def _overwrite(self, operation: Operation) -> None:
        if self._frame is not None:
            self._frame.wipe()
            self._ask(Request(operation=operation))

    def _exchange(self, request: Request | None, timeout_s: float) -> Reply:
        """Send a request and take the reply.

        The deadline kills the child, and that ends whatever pipe call we are in: one way for a blocked write and
        a blocked read, on every system.
        """
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise _failed("worker is not running")
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            process.kill()

        deadline = threading.Timer(timeout_s, expire)
        deadline.daemon = True
        deadline.start()
        reason = "worker ended"
        reply = None
        try:
            if request is not None:
                write_message(process.stdin, request)
            reply = read_message(process.stdout, Reply)
        except (OSError, WireError) as error:
            reason = str(error) if isinstance(error, WireError) else "worker's pipe broke"
        finally:
            deadline.cancel()
            deadline.join()
        if expired.is_set():
            raise self._give_up("worker gave no answer in time", timeout_s=timeout_s)
        if reply is None:
            raise self._give_up(reason)
        return reply

    def _give_up(self, message: str, **context: str | float) -> Exception:
        """End the child and say why: what to raise."""
        process = self._process
        if process is not None:
            process.kill()
            context |= {"returncode": process.wait()}
        self.close()
        if self._is_cancelled:
            return CancelledError("face worker was cancelled")
        _log.info("face worker lost: %s", message)
        return _failed(message, **context)


def _finite(captured_at: float) -> float:
    if not math.isfinite(captured_at):
        raise _failed("frame without a capture time")
    return captured_at


def _failed(message: str, **context: str | float) -> KioskError:
    return KioskError(ErrorCode.FACE_ENGINE_FAILED, message, context=context)

"""The application's side of the media process: starts it, feeds it pictures, and knows when it does not answer."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from drivers.contracts import Frame, Image
from drivers.errors import ErrorCode, KioskError
from workstation.conference.contract import (
    SILENCE_S,
    Anonymity,
    MediaAddress,
    MediaFault,
    MediaStatus,
    MediaWish,
    StreamPhase,
)
from workstation.conference.media.wire import Order, Picture, Report
from workstation.face.contract import require_image
from workstation.face.frames import SharedFrame
from workstation.face.wire import WireError, read_message, write_message
from workstation.spawn import module_command

_log = logging.getLogger(__name__)

START_TIMEOUT_S: Final = 20.0
"""It takes 0.7 s; a cold disk just after boot takes many times that."""
_EXIT_TIMEOUT_S: Final = 2.0
GONE: Final = MediaStatus(
    video=StreamPhase.STOPPED,
    voice=StreamPhase.STOPPED,
    video_fault=MediaFault.PROCESS,
    voice_fault=MediaFault.PROCESS,
)
"""What is said of a process that ended, hangs, or talked nonsense."""


@dataclass(kw_only=True)
class _News:
    """What one process said so far. ``told`` counts its reports; ``in_work`` is set while it holds a picture."""

    address: MediaAddress | None = None
    status: MediaStatus | None = None
    preview: Picture | None = None
    error: str = ""
    told: int = 0
    heard_at: float = 0.0
    in_work: bool = False
    is_gone: bool = False


class MediaClient:
    """One media process at a time. Every method may be called from any thread, none of them on the GUI's.

    A process that is gone stays gone, with ``GONE`` as its status: ``close``, then ``start`` anew (with a new address).

    Args:
        models_dir: the folder ``assets.build_models`` wrote.
        command: what to run instead of our process; gets its four words.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        *,
        models_dir: Path,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self._command = list(command or module_command("workstation.conference.media"))
        self._models_dir, self._start_timeout_s = models_dir, start_timeout_s
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._frames: tuple[SharedFrame, SharedFrame] | None = None
        self._news, self._wish = _News(is_gone=True), MediaWish()

    @property
    def pid(self) -> int | None:
        """The process's id, ``None`` while none runs."""
        return self._process.pid if self._process else None

    def start(self, anonymity: Anonymity) -> MediaAddress:
        """Run the process and wait until it serves.

        Raises:
            KioskError: ANONYMITY_NOT_READY where a protection is demanded, else CONFERENCE_LOST.
        """
        self.close()
        code = ErrorCode.ANONYMITY_NOT_READY if anonymity.mask or anonymity.voice else ErrorCode.CONFERENCE_LOST
        try:
            process = self._spawn(anonymity)
        except OSError as error:
            self.close()
            raise KioskError(code, "media process cannot be run", context={"reason": type(error).__name__}) from error
        self._reader = threading.Thread(target=self._listen, args=(process,), name="media-client", daemon=True)
        self._reader.start()
        with self._changed:
            self._changed.wait_for(lambda: self._news.address is not None or self._news.is_gone, self._start_timeout_s)
            address, reason = self._news.address, self._news.error
        if address is None:
            self.close()
            raise KioskError(code, "media process did not get ready", context={"reason": reason or "no answer"})
        _log.info("media process ready: mask %s, voice %s", anonymity.mask, anonymity.voice)
        return address

    def wish(self, wish: MediaWish) -> None:
        """Say what is wanted from now on. Lost when the process is gone; its status says so."""
        self._wish = wish
        self._send(Order(wish=wish))

    def offer(self, frame: Frame) -> bool:
        """Give a camera picture; false when it is not wanted, or the last one is still in work.

        Raises:
            KioskError: FACE_ENGINE_FAILED when it is no picture.
        """
        image = require_image(frame.image)
        with self._sending:
            if (
                self._frames is None
                or self._news.is_gone
                or self._news.in_work
                or not (self._wish.camera or self._wish.preview)
            ):
                return False
            self._news.in_work = True
            self._frames[0].write(image)
        height, width = image.shape[:2]
        self._send(Order(camera=Picture(height=height, width=width, captured_at=frame.captured_at)))
        return True

    def status(self) -> MediaStatus:
        """Return what the process said last, or ``GONE``."""
        with self._changed:
            return self._standing()

    def wait_status(self, timeout_s: float) -> MediaStatus:
        """Wait for the next report, and return what ``status`` does then."""
        with self._changed:
            told = self._news.told
            self._changed.wait_for(lambda: self._news.told != told or self._news.is_gone, timeout_s)
            return self._standing()

    def wait_preview(self, timeout_s: float) -> Image | None:
        """Wait for the next processed picture and return a copy; ``None`` when there is none in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._news.preview is not None or self._news.is_gone, timeout_s)
            picture, self._news.preview = self._news.preview, None
        with self._sending:
            if picture is None or self._frames is None:
                return None
            image = self._frames[1].read(picture.height, picture.width).copy()
        self._send(Order(preview_seen=True))
        return image

    def close(self) -> None:
        """End the process and overwrite the pictures. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        if self._reader is not None:
            self._reader.join()
            self._reader = None
        if process is not None and process.stdout is not None:
            process.stdout.close()
        with self._sending:
            frames, self._frames = self._frames, None
            for frame in frames or ():
                frame.close()
        with self._changed:
            self._news, self._wish = _News(is_gone=True), MediaWish()
            self._changed.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _spawn(self, anonymity: Anonymity) -> subprocess.Popen[bytes]:
        camera, preview = self._frames = SharedFrame(), SharedFrame()
        self._news = _News()
        protections = ",".join(name for name in ("mask", "voice") if getattr(anonymity, name))
        self._process = subprocess.Popen(
            [*self._command, str(self._models_dir), camera.token, preview.token, protections],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            pass_fds=(*camera.inherited, *preview.inherited),
        )
        return self._process

    def _send(self, order: Order) -> None:
        with self._sending, contextlib.suppress(OSError, ValueError):  # it is gone, or its pipe was closed
            if self._process is not None and self._process.stdin is not None:
                write_message(self._process.stdin, order)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Take reports until the stream ends or makes no sense any more."""
        assert process.stdout is not None  # noqa: S101 - made with a pipe
        try:
            while (report := read_message(process.stdout, Report)) is not None:
                with self._changed:
                    self._take(report)
                    self._changed.notify_all()
        except (OSError, ValueError, WireError):
            _log.info("media process talked nonsense, or its pipe broke")
        process.kill()
        with self._changed:
            self._news.is_gone = True
            self._changed.notify_all()

    def _take(self, report: Report) -> None:
        news = self._news
        news.told += 1
        news.heard_at = time.monotonic()
        news.address = report.address or news.address
        news.error = report.error or news.error
        news.status = report.status or news.status
        news.preview = report.preview or news.preview
        if report.taken:
            news.in_work = False

    def _standing(self) -> MediaStatus:
        is_silent = time.monotonic() - self._news.heard_at > SILENCE_S
        if self._news.is_gone or is_silent:
            return GONE
        return self._news.status or MediaStatus(video=StreamPhase.OFF, voice=StreamPhase.OFF)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):  # unsent bytes of an order the process never took
        if process.stdin:
            process.stdin.close()
    try:
        process.wait(_EXIT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""The face worker: a child process that holds the engine and one session, so that native code may crash or hang.

Run as ``python -m workstation.face.worker <engine> <models folder> <frame token>``. It lives exactly as long as its
stdin is open, even while the engine computes or hangs.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import cv2

from drivers.contracts import Image
from drivers.errors import KioskError
from workstation.face.engines import EngineKind, make_engine
from workstation.face.frames import SharedFrame
from workstation.face.seat import SeatWatch
from workstation.face.verification import VerificationSession
from workstation.face.wire import PICTURED, Operation, Reply, Request, WireError, read_message, write_message

_Inbox = queue.SimpleQueue[Request | WireError]


class Desk:
    """Answers requests one after the other."""

    def __init__(self, session: VerificationSession, seat: SeatWatch, frame: SharedFrame) -> None:
        self._session, self._seat, self._frame = session, seat, frame

    def serve(self, requests: _Inbox, replies: BinaryIO) -> int:
        """Answer until the stream makes no sense any more; return the exit status."""
        while True:
            request = requests.get()
            if isinstance(request, WireError):
                write_message(replies, Reply(error=str(request)))
                return 2
            try:
                reply = self._answer(request)
            except KioskError as error:
                reply = Reply(error=f"{error} {error.context}")
            except WireError as error:
                reply = Reply(error=str(error))
            write_message(replies, reply)

    def _answer(self, request: Request) -> Reply:
        if request.operation in PICTURED:
            return self._look(request, self._picture(request))
        match request.operation:
            case Operation.USE_ENROLLED:
                return Reply(begun=self._session.use_enrolled(request.challenges))
            case Operation.RESET:
                self._session.clear()
            case _:
                self._session.forget()
        return Reply()

    def _look(self, request: Request, image: Image) -> Reply:
        session = self._session
        match request.operation:
            case Operation.SET_REFERENCE:
                return Reply(begun=session.set_reference(image, request.kind, request.challenges))
            case Operation.OBSERVE:
                return Reply(observation=session.observe(image, request.captured_at))
            case _:
                return Reply(seat=self._seat.look(image, session.enrolled))

    def _picture(self, request: Request) -> Image:
        if not request.height or not request.width:
            raise WireError("a request without a picture")
        return self._frame.read(request.height, request.width)


def _receive(stream: BinaryIO, requests: _Inbox) -> None:
    """Read on a thread of its own, so that the end of stdin ends the process at any moment."""
    while True:
        try:
            request = read_message(stream, Request)
        except WireError as error:
            requests.put(error)
            return
        if request is None:
            os._exit(0)
        requests.put(request)


def _private_stdout() -> BinaryIO:
    """Take stdout for replies; whatever a library prints from now on goes nowhere."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return replies


def main(engine_kind: str, models_dir: str, frame_token: str) -> int:
    """Load the engine, say so, and serve."""
    replies = _private_stdout()
    cv2.setNumThreads(1)
    try:
        engine = make_engine(EngineKind(engine_kind), Path(models_dir))
    except KioskError as error:
        write_message(replies, Reply(error=f"{error} {error.context}"))
        return 1
    requests: _Inbox = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, requests), daemon=True).start()
    desk = Desk(VerificationSession(engine), SeatWatch(engine), SharedFrame(frame_token))
    write_message(replies, Reply(identity=engine.identity))
    try:
        return desk.serve(requests, replies)
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    # Not a normal return: the reading thread sits in stdin and would hold the interpreter's shutdown up.
    os._exit(main(*sys.argv[1:4]))

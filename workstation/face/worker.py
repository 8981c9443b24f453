"""The face worker: a child process that holds the engine and one session, so that native code may crash or hang.

Run as ``python -m workstation.face.worker <models folder>``. It lives exactly as long as its stdin is open, even
while the engine computes or hangs.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import cv2

from drivers.errors import KioskError
from workstation.face.onnx_engine import OnnxFaceEngine
from workstation.face.verification import VerificationSession
from workstation.face.wire import Operation, Reply, Request, WireError, picture, read_message, write_message

_Inbox = queue.SimpleQueue[tuple[Request, bytes] | WireError]


def serve(session: VerificationSession, requests: _Inbox, replies: BinaryIO) -> int:
    """Answer requests until the stream makes no sense any more; return the exit status."""
    while True:
        message = requests.get()
        if isinstance(message, WireError):
            write_message(replies, Reply(error=str(message)))
            return 2
        try:
            reply = _answer(session, *message)
        except KioskError as error:
            reply = Reply(error=f"{error} {error.context}")
        except WireError as error:
            reply = Reply(error=str(error))
        write_message(replies, reply)


def _answer(session: VerificationSession, request: Request, payload: bytes) -> Reply:
    match request.operation:
        case Operation.SET_REFERENCE:
            found = session.set_reference(picture(request, payload), request.kind)
            return Reply(face_found=found)
        case Operation.OBSERVE:
            return Reply(observation=session.observe(picture(request, payload), request.captured_at))
        case Operation.RESET:
            session.clear()
            return Reply()


def _receive(stream: BinaryIO, requests: _Inbox) -> None:
    """Read on a thread of its own, so that the end of stdin ends the process at any moment."""
    while True:
        try:
            message = read_message(stream, Request)
        except WireError as error:
            requests.put(error)
            return
        if message is None:
            os._exit(0)
        requests.put(message)


def _private_stdout() -> BinaryIO:
    """Take stdout for replies; whatever a library prints from now on goes nowhere."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return replies


def main(models_dir: Path) -> int:
    """Load the engine, say so, and serve."""
    replies = _private_stdout()
    cv2.setNumThreads(1)
    try:
        engine = OnnxFaceEngine(models_dir)
    except KioskError as error:
        write_message(replies, Reply(error=f"{error} {error.context}"))
        return 1
    requests: _Inbox = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, requests), daemon=True).start()
    write_message(replies, Reply(identity=engine.identity))
    try:
        return serve(VerificationSession(engine), requests, replies)
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    # Not a normal return: the reading thread sits in stdin and would hold the interpreter's shutdown up.
    os._exit(main(Path(sys.argv[1])))

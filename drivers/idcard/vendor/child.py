"""The process that holds a vendor's library, which is closed and may hang, crash, print or leave files behind.

Run as ``python -m drivers.idcard.vendor.child`` or, with the Python of the library's word size, as a file::

    child.py <sdt|cvr|syn> <port> <library>
    child.py <GetBmp|dewlt|unpack|wlt2Bmp> <argument> <library> <folder>

It speaks the messages of ``wire`` on stdin and stdout and ends with its stdin, even while the library hangs.
"""

from __future__ import annotations

import ctypes
import os
import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import resource

if not __package__:
    # Run as a file (PEP 366): the neighbours find each other under the name of this folder.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    __package__ = "vendor"

from . import photo_forms, profiles, wire
from .native import UnfitError, load

_MAX_MEMORY_BYTES = 1 << 30
_MAX_PICTURE_FILE_BYTES = 1 << 20
_MAX_PICTURE_CPU_S = 5
_CLOSING_TIME_S = 1.0
_PR_SET_DUMPABLE = 4
_MAX_REASON_BYTES = 300


def main(name: str, number: int, path: str, folder: Path | None) -> None:
    """Load the library, say so, and serve until stdin ends.

    Args:
        name: the profile or the form.
        number: the port or the argument.
        path: the library.
        folder: where a photo library may write.
    """
    requests, replies = _private_streams()
    inbox: queue.SimpleQueue[bytearray | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(requests, inbox, folder), daemon=True).start()
    os.chdir(folder or os.path.sep)
    _confine(is_reader=folder is None)
    try:
        library = load(path)
        if folder is None:
            _serve_reader(profiles.make(name, library, number), inbox, replies)
        else:
            _serve_photo(photo_forms.decoder(name, library, number, folder), inbox, replies)
    except UnfitError as error:
        wire.write(replies, wire.UNFIT, _reason(error))
    except profiles.LostError as error:
        wire.write(replies, wire.LOST, _reason(error))
    except photo_forms.RefusedError as error:
        wire.write(replies, wire.REFUSED, _reason(error))


def _serve_reader(
    sam: profiles.SamLibrary | profiles.CvrLibrary, inbox: queue.SimpleQueue[bytearray | None], replies: BinaryIO
) -> None:
    sam.open()
    wire.write(replies, wire.READY)
    while True:
        command = inbox.get()
        if command is None:
            sam.close()
            return
        status, data = sam.answer(bytes(command))
        wire.write(replies, wire.REPLY, bytes([status]) + data)
        data[:] = bytes(len(data))


def _serve_photo(
    decode: Callable[[bytes], bytearray], inbox: queue.SimpleQueue[bytearray | None], replies: BinaryIO
) -> None:
    wire.write(replies, wire.READY)
    block = inbox.get()
    if block is not None:
        wire.write(replies, wire.PICTURE, decode(bytes(block)))


def _receive(stream: BinaryIO, inbox: queue.SimpleQueue[bytearray | None], folder: Path | None) -> None:
    """Read on a thread of its own, so that the end of stdin ends the process at any moment."""
    try:
        while True:
            message = wire.read(stream)
            if message is None:
                break
            inbox.put(message[1])
    except (OSError, wire.WireError):
        pass
    inbox.put(None)
    if folder is None:
        time.sleep(_CLOSING_TIME_S)  # for the library to close its port
    else:
        shutil.rmtree(folder, ignore_errors=True)  # nobody else is left to do it when the kiosk was killed
    os._exit(0)


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout for messages; what a library reads or prints from now on comes from and goes nowhere."""
    streams = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    return streams


def _confine(*, is_reader: bool) -> None:
    """Leave no core dump and no file with personal data behind, and take no more than a fair share.

    A limit on the size of files ends no process (Python ignores SIGXFSZ); the library's write fails.
    """
    if sys.platform == "win32":
        return
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: _MAX_MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0 if is_reader else _MAX_PICTURE_FILE_BYTES,
    }
    if not is_reader:
        limits[resource.RLIMIT_CPU] = _MAX_PICTURE_CPU_S
    for limit, value in limits.items():
        _, highest = resource.getrlimit(limit)
        allowed = value if highest == resource.RLIM_INFINITY else min(value, highest)
        resource.setrlimit(limit, (allowed, allowed))
    if sys.platform == "linux":
        # A core_pattern that is a pipe ignores RLIMIT_CORE.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _reason(error: Exception) -> bytes:
    return str(error).encode("ascii", "replace")[:_MAX_REASON_BYTES]


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]) if sys.argv[4:] else None)
    finally:
        # Not the library's destructors: they may hang, or write.
        os._exit(0)

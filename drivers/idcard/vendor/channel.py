"""A reader behind its vendor's library, as a channel that carries SDT frames."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from drivers.contracts import CancelToken
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.sdt import MIN_COMMAND_LENGTH, FrameDecoder, encode_frame, wipe
from drivers.idcard.vendor import wire
from drivers.idcard.vendor.process import PinnedLibrary, VendorError, VendorProcess, VendorUnfitError

START_TIMEOUT_S: Final = 10.0
"""Starting takes 0.1 s; opening a port takes some libraries seconds."""
_CARD_STATUS_WORD: Final = bytes(2)


class VendorChannel:
    """An ``SdtChannel`` over a vendor's library in a process of its own.

    The process starts with the first exchange and again with the first one after it was lost. A cancelled exchange
    leaves it running; what it still owes is taken and dropped before the next one.

    Args:
        command: runs ``drivers.idcard.vendor.child``, with the Python of the library's word size.
        library: the vendor's library.
        profile: which functions it has: ``sdt``, ``cvr`` or ``syn``.
        port: port number, 1 to 16 serial, 1001 to 1016 USB.
    """

    def __init__(self, command: Sequence[str], library: PinnedLibrary, *, profile: str, port: int) -> None:
        self.name = library.path.name
        self.firmware = f"sha256:{library.sha256[:12]}"
        self._command = command
        self._library = library
        self._arguments = (profile, str(port))
        self._process: VendorProcess | None = None
        self._is_owed = False

    @property
    def pid(self) -> int | None:
        """The child's process id, ``None`` while none runs."""
        return self._process.pid if self._process else None

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Let the library do what ``frame`` says; see ``SdtTransport``.

        Raises:
            DeviceError: READER_ABSENT when the port cannot be opened or the reader does not answer any more,
                CARD_UNREADABLE when the library gave no answer in time or crashed, CARD_READER_BROKEN (not retryable)
                when the library may not or cannot be used.
            CancelledError: ``cancel`` was set.
        """
        deadline = time.monotonic() + timeout_s
        process = self._process or self._start(cancel)
        try:
            if self._is_owed:
                wipe(self._take(process, deadline, cancel))
            process.send(wire.COMMAND, _command(frame))
            self._is_owed = True
            data = self._take(process, deadline, cancel)
        except VendorError as error:
            raise self._give_up(ErrorCode.CARD_UNREADABLE, error) from error
        try:
            return bytearray(encode_frame(_CARD_STATUS_WORD + data))
        finally:
            wipe(data)

    def close(self) -> None:
        """Close the port and end the process. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _start(self, cancel: CancelToken) -> VendorProcess:
        try:
            self._process = VendorProcess(self._command, self._library, self._arguments)
            self._is_owed = False
            kind, content = self._process.receive(time.monotonic() + START_TIMEOUT_S, cancel)
        except VendorUnfitError as error:
            raise self._give_up(ErrorCode.CARD_READER_BROKEN, error) from error
        except VendorError as error:
            raise self._give_up(ErrorCode.READER_ABSENT, error) from error
        except CancelledError as error:
            self._give_up(ErrorCode.READER_ABSENT, str(error))
            raise
        if kind == wire.READY:
            return self._process
        code = ErrorCode.CARD_READER_BROKEN if kind == wire.UNFIT else ErrorCode.READER_ABSENT
        raise self._give_up(code, content.decode("ascii", "replace"))

    def _take(self, process: VendorProcess, deadline: float, cancel: CancelToken) -> bytearray:
        """Return status and data of the next reply."""
        kind, content = process.receive(deadline, cancel)
        self._is_owed = False
        if kind == wire.REPLY and content:
            return content
        raise self._give_up(ErrorCode.READER_ABSENT, content.decode("ascii", "replace"))

    def _give_up(self, code: ErrorCode, reason: VendorError | str) -> DeviceError:
        """End the process: what to raise."""
        context: dict[str, str | int | float] = {"library": self.name}
        process, self._process = self._process, None
        if process is not None:
            context["exit_status"] = str(process.kill())
        return DeviceError(
            code, f"vendor library: {reason}", context=context, retryable=code is not ErrorCode.CARD_READER_BROKEN
        )


def _command(frame: bytes) -> bytes:
    """Return CMD and PARA of a command's frame."""
    payload = FrameDecoder(MIN_COMMAND_LENGTH).feed(frame)
    if payload is None:
        raise ValueError("no whole frame")
    return bytes(payload)

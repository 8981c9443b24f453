"""What the vendors' reader libraries are called with, as one table of SDT commands.

Three families of C functions are in use; all return ``int``. Windows builds are ``__stdcall``, others ``cdecl``.

``SDT_*`` (the SAM's own host library, sdtapi; documented in the open by Routon's and Potevio's SDKs)::

    SDT_OpenPort(int port)  SDT_ClosePort(int port)             0x90 ok, 1 port cannot be opened or is illegal
    SDT_GetSAMStatus(int port, int if_open)                     0x90 ok
    SDT_GetSAMID(int port, uchar id[16], int if_open)           0x90 ok
    SDT_StartFindIDCard(int port, uchar iin[4], int if_open)    0x9F found, 0x80 nothing there
    SDT_SelectIDCard(int port, uchar sn[8], int if_open)        0x90 ok, 0x81 failed
    SDT_ReadBaseMsg(int port, uchar *text, uint *text_length, uchar *photo, uint *photo_length, int if_open)
    SDT_ReadNewAppMsg(int port, uchar *text, uint *text_length, int if_open)
    SDT_ReadIINSNDN(int port, uchar number[28], int if_open)

``port`` is 1 to 16 for serial, 1001 to 1016 for USB; ``if_open`` is 1 to open and close the port around the call, 0
when it is open. Return codes from 0x10 on are SW3 of the SAM; 1, 2, 3, 5 and 9 are the library's own (port, timeout,
transmission, COM, file).

``Syn_*`` (Synjones, SynIDCardAPI): the same functions with the same arguments; 0 is ok, others as above.

``CVR_*`` (China Vision, termb)::

    CVR_InitComm(int port)  CVR_CloseComm()     1 ok
    CVR_Authenticate()                          1 found and selected; 2 or -1 not found; 3 or -2 not selected
    CVR_ReadBaseMsg(uchar *text, uint *text_length, uchar *photo, uint *photo_length, int mode)     1 ok
    CVR_GetSAMID(uchar *text)                   1 ok, the number as printed on the reader

Mode 1 gives the text in UCS-2 and the photo undecoded. The functions that give single fields in GBK are left alone:
they lose rare characters. Builds of termb for boards (``CVR_InitComm`` with a device name, ``CVR_ReadBaseMsg`` with
fingerprint buffers) are another interface and are not supported.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable

from .native import function, wipe

FOUND = 0x9F
SUCCESS = 0x90
NO_CARD = 0x80
SELECT_FAILED = 0x81
READ_FAILED = 0x41
UNRECOGNISED = 0x24
CHECKSUM_ERROR = 0x10

SAM_STATUS = b"\x11\xff"
SAM_ID = b"\x12\xff"
FIND = b"\x20\x01"
SELECT = b"\x20\x02"
READ_BASE = b"\x30\x01"
READ_NEWEST_ADDRESS = b"\x30\x03"
READ_MANAGEMENT_NUMBER = b"\x30\x05"

_FAILED = {FIND: NO_CARD, SELECT: SELECT_FAILED}
_LIBRARY_TIMEOUT = 2
_LIBRARY_TRANSMISSION = 3
_CAPACITY = 4096
"""Bytes of every buffer a library writes to: many times what belongs into it."""
_SAM_NUMBER = re.compile(rb"(\d\d)\.?(\d\d)-?(\d{8})-?(\d{10})-?(\d{10})")


class LostError(Exception):
    """The port cannot be opened, or the SAM behind it does not answer any more."""


class SamLibrary:
    """A library of the ``SDT_*`` or ``Syn_*`` family as a SAM.

    Args:
        library: the loaded library.
        port: port number.
        prefix: what its functions' names begin with.
        ok: the return code for success.
        found: the return code for a found card.

    Raises:
        UnfitError: a function is missing.
    """

    def __init__(self, library: ctypes.CDLL, port: int, *, prefix: str, ok: int, found: int) -> None:
        self._port = port
        self._ok = ok
        self._found = found
        self._open = function(library, prefix + "OpenPort")
        self._close = function(library, prefix + "ClosePort")
        self._status = function(library, prefix + "GetSAMStatus")
        self._read_base = function(library, prefix + "ReadBaseMsg")
        self._newest_address = function(library, prefix + "ReadNewAppMsg")
        self._fixed = {
            SAM_ID: (function(library, prefix + "GetSAMID"), 16),
            FIND: (function(library, prefix + "StartFindIDCard"), 4),
            SELECT: (function(library, prefix + "SelectIDCard"), 8),
            READ_MANAGEMENT_NUMBER: (function(library, prefix + "ReadIINSNDN"), 28),
        }

    def open(self) -> None:
        """Open the port. Raises ``LostError``."""
        code = self._open(self._port)
        if code != self._ok:
            raise LostError(f"port {self._port} cannot be opened: {code}")

    def close(self) -> None:
        """Close the port."""
        self._close(self._port)

    def answer(self, command: bytes) -> tuple[int, bytearray]:
        """Return SW3 and the data after it.

        Raises:
            LostError: the reader does not answer any more.
        """
        if command in self._fixed:
            return self._ask_fixed(command)
        if command == READ_BASE:
            return self._ask_blocks(command, self._read_base, 2)
        if command == READ_NEWEST_ADDRESS:
            return self._ask_blocks(command, self._newest_address, 1)
        if command == SAM_STATUS:
            return self._judge(command, self._status(self._port, 0)), bytearray()
        return UNRECOGNISED, bytearray()

    def _ask_fixed(self, command: bytes) -> tuple[int, bytearray]:
        call, length = self._fixed[command]
        buffer = ctypes.create_string_buffer(_CAPACITY)
        status = self._judge(command, call(self._port, buffer, 0))
        return status, bytearray(buffer.raw[:length] if status in (FOUND, SUCCESS) else b"")

    def _ask_blocks(self, command: bytes, call: Callable[..., int], count: int) -> tuple[int, bytearray]:
        blocks = [_Block(0) for _ in range(count)]
        arguments = [argument for block in blocks for argument in block.arguments]
        return _reply(self._judge(command, call(self._port, *arguments, 0)), blocks)

    def _judge(self, command: bytes, code: int) -> int:
        """Turn a return code into SW3."""
        if command == FIND and code == self._found:
            return FOUND
        if code == self._ok:
            return SUCCESS
        if CHECKSUM_ERROR <= code <= 0xFF:
            return code
        if self._status(self._port, 0) != self._ok:
            raise LostError(f"library's code {code}")
        if code in (_LIBRARY_TIMEOUT, _LIBRARY_TRANSMISSION):
            return CHECKSUM_ERROR
        return _FAILED.get(command, READ_FAILED)


class CvrLibrary:
    """A library of the ``CVR_*`` family as a SAM.

    It finds and selects in one call, and does not say why a read failed. It tells nothing of the management number,
    by which a SAM is asked whether a card that was read still lies there; that is answered by reading again.

    Args:
        library: the loaded library.
        port: port number.

    Raises:
        UnfitError: a function is missing.
    """

    _OK = 1
    _NOT_FOUND = (2, -1)
    _NOT_SELECTED = (3, -2)
    _RAW = 1

    def __init__(self, library: ctypes.CDLL, port: int) -> None:
        self._port = port
        self._open = function(library, "CVR_InitComm")
        self._close = function(library, "CVR_CloseComm")
        self._authenticate = function(library, "CVR_Authenticate")
        self._read = function(library, "CVR_ReadBaseMsg")
        self._sam_id = function(library, "CVR_GetSAMID")
        self._is_selected = False

    def open(self) -> None:
        """Open the port. Raises ``LostError``."""
        code = self._open(self._port)
        if code != self._OK:
            raise LostError(f"port {self._port} cannot be opened: {code}")

    def close(self) -> None:
        """Close the port."""
        self._close()

    def answer(self, command: bytes) -> tuple[int, bytearray]:
        """Return SW3 and the data after it.

        Raises:
            LostError: the reader does not answer any more.
        """
        if command == FIND:
            return self._find(), bytearray()
        if command == SELECT:
            return (SUCCESS if self._is_selected else SELECT_FAILED), bytearray()
        if command == READ_BASE:
            return self._read_blocks()
        if command == READ_MANAGEMENT_NUMBER:
            status, data = self._read_blocks()
            data[:] = bytes(len(data))
            return status, bytearray()
        if command == SAM_ID:
            return self._read_sam_id()
        if command == SAM_STATUS:
            self._require_sam(self._OK)
            return SUCCESS, bytearray()
        return UNRECOGNISED, bytearray()

    def _find(self) -> int:
        code = self._authenticate()
        self._is_selected = code == self._OK
        if self._is_selected or code in self._NOT_SELECTED:
            return FOUND
        if code not in self._NOT_FOUND:
            self._require_sam(code)
        return NO_CARD

    def _read_blocks(self) -> tuple[int, bytearray]:
        text, photo = _Block(256), _Block(1024)
        code = self._read(*text.arguments, *photo.arguments, self._RAW)
        if code != self._OK:
            self._require_sam(code)
        return _reply(SUCCESS if code == self._OK else READ_FAILED, [text, photo])

    def _read_sam_id(self) -> tuple[int, bytearray]:
        number = _SAM_NUMBER.fullmatch(self._identify())
        if number is None:
            self._require_sam(0)
            return UNRECOGNISED, bytearray()
        raw = bytearray()
        try:
            for index, size in enumerate((2, 2, 4, 4, 4), start=1):
                raw += int(number[index]).to_bytes(size, "little")
        except OverflowError:
            return UNRECOGNISED, bytearray()
        return SUCCESS, raw

    def _identify(self) -> bytes:
        """Return the SAM's number as printed, nothing when it does not tell."""
        buffer = ctypes.create_string_buffer(_CAPACITY)
        return buffer.value if self._sam_id(buffer) == self._OK else b""

    def _require_sam(self, code: int) -> None:
        """Raise ``LostError`` when the SAM neither tells its number nor looks for a card. ``code`` is the reason."""
        if not self._identify() and self._authenticate() not in (self._OK, *self._NOT_FOUND, *self._NOT_SELECTED):
            raise LostError(f"library's code {code}")


class _Block:
    """A buffer and the length a library says it wrote there."""

    def __init__(self, length: int) -> None:
        self._buffer = ctypes.create_string_buffer(_CAPACITY)
        self._length = ctypes.c_uint(length)
        self.arguments = (self._buffer, ctypes.byref(self._length))

    def take(self) -> bytearray | None:
        """Return what the library wrote and overwrite the buffer; ``None`` when it claims more than there is room."""
        length = self._length.value
        data = bytearray(memoryview(self._buffer)[:length]) if length <= _CAPACITY else None
        wipe(self._buffer)
        return data


def _reply(status: int, blocks: list[_Block]) -> tuple[int, bytearray]:
    """Return the reply with what the library wrote: alone, or as text and photo with their lengths before them."""
    written = [block.take() for block in blocks]
    if status != SUCCESS:
        return status, bytearray()
    data = bytearray()
    for part in written:
        if part is None:
            return READ_FAILED, bytearray()
        if len(written) > 1:
            data += len(part).to_bytes(2, "big")
    for part in written:
        data += part or b""
    return status, data


def make(profile: str, library: ctypes.CDLL, port: int) -> SamLibrary | CvrLibrary:
    """Return the library as a SAM.

    Raises:
        UnfitError: a function is missing.
    """
    if profile == "cvr":
        return CvrLibrary(library, port)
    if profile == "syn":
        return SamLibrary(library, port, prefix="Syn_", ok=0, found=0)
    return SamLibrary(library, port, prefix="SDT_", ok=SUCCESS, found=FOUND)

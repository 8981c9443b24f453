"""The ways in which vendors' libraries are asked for the picture in a photo block.

All return ``int``, 1 for success. Windows builds are ``__stdcall``, others ``cdecl``::

    GetBmp(char *path, int interface)           x.wlt -> x.bmp (WltRS, libwltu). 0 sdtapi failed, -1 decoding,
                                                -2 suffix, -3 opening, -4 format, -5 not authorised,
                                                -6 no licensed reader attached
    dewlt(char *path)                           x.wlt -> x.bmp (Routon)
    unpack(char *block, char *pixels, int arg)  38 556 bytes (libwlt; also under its C++ name, _Z6unpackPcS_i).
                                                arg is the vendor's code, or whether to save a file
    wlt2Bmp(char *block, char *picture)         38 556 bytes in the builds seen, 38 862 where it is a BMP file
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

from .native import function, wipe

_RAW_LENGTH = 102 * 126 * 3
_BMP_LENGTH = 54 + 126 * 308
_BMP_HEAD = b"BM" + _BMP_LENGTH.to_bytes(4, "little")
_CAPACITY = 1 << 16


class RefusedError(Exception):
    """The library ran and gave no picture."""


def decoder(form: str, library: ctypes.CDLL, argument: int, folder: Path) -> Callable[[bytes], bytearray]:
    """Return what turns a photo block into raw pixels or a BMP file, unchecked; it raises ``RefusedError``.

    Args:
        form: name of the function.
        library: the loaded library.
        argument: last argument of ``GetBmp`` and ``unpack``.
        folder: where the library may write, for ``GetBmp`` and ``dewlt``.

    Raises:
        UnfitError: the library has no such function.
    """
    if form == "unpack":
        unpack = function(library, "unpack", "_Z6unpackPcS_i")
        return lambda block: _by_memory(block, lambda source, picture: unpack(source, picture, argument))
    call = function(library, form)
    if form == "wlt2Bmp":
        return lambda block: _by_memory(block, call)
    if form == "GetBmp":
        return lambda block: _by_file(folder, block, lambda path: call(path, argument))
    return lambda block: _by_file(folder, block, call)


def _by_memory(block: bytes, call: Callable[..., int]) -> bytearray:
    source = ctypes.create_string_buffer(block, _CAPACITY)
    picture = ctypes.create_string_buffer(_CAPACITY)
    try:
        _require_success(call(source, picture))
        length = _BMP_LENGTH if picture.raw.startswith(_BMP_HEAD) else _RAW_LENGTH
        return bytearray(memoryview(picture)[:length])
    finally:
        wipe(source)
        wipe(picture)


def _by_file(folder: Path, block: bytes, call: Callable[[bytes], int]) -> bytearray:
    source = folder / "photo.wlt"
    source.write_bytes(block)
    _require_success(call(bytes(source)))
    pictures = [path for path in folder.iterdir() if path.suffix.lower() == ".bmp" and path.is_file()]
    if len(pictures) != 1:
        raise RefusedError(f"{len(pictures)} pictures written")
    with pictures[0].open("rb") as stream:
        return bytearray(stream.read(_CAPACITY))


def _require_success(code: int) -> None:
    if code != 1:
        raise RefusedError(f"library's code {code}")

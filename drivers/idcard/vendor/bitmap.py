"""The picture a vendor's library makes of a photo block, checked before anybody believes it."""

from __future__ import annotations

import struct
from typing import Final, Literal

import numpy as np

from drivers.contracts import Image

WIDTH: Final = 102
HEIGHT: Final = 126
RAW_LENGTH: Final = WIDTH * HEIGHT * 3
_STRIDE: Final = (WIDTH * 3 + 3) // 4 * 4
_HEADERS: Final = struct.Struct("<2sI4xI" + "IiiHHI")
"""BITMAPFILEHEADER, and BITMAPINFOHEADER up to biCompression."""
_FILE_HEADER_LENGTH: Final = 14
_INFO_HEADER_LENGTH: Final = 40

ChannelOrder = Literal["BGR", "RGB"]
Flip = Literal["none", "vertical", "horizontal", "both"]


class PictureError(Exception):
    """This is no portrait. The text names the defect and never quotes the bytes."""


def portrait(data: bytes | bytearray, channel_order: ChannelOrder, flip: Flip) -> Image:
    """Return the portrait in raw pixels (38 556 bytes, from the top) or a BMP file.

    Args:
        data: what the library wrote.
        channel_order: order of the colours in it.
        flip: how it has to be turned over.

    Returns:
        A picture of its own memory, 126 rows, 102 columns.

    Raises:
        PictureError: another size or format, headers that do not fit each other, or one colour only.
    """
    rows = _raw(data) if len(data) == RAW_LENGTH else _bmp(data)
    if channel_order == "RGB":
        rows = rows[:, :, ::-1]
    if flip in {"vertical", "both"}:
        rows = rows[::-1]
    if flip in {"horizontal", "both"}:
        rows = rows[:, ::-1]
    if (rows == rows[0, 0]).all():
        raise PictureError("picture of one colour")
    return np.array(rows, order="C")


def _raw(data: bytes | bytearray) -> Image:
    return np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH, 3)


def _bmp(data: bytes | bytearray) -> Image:
    if len(data) < _FILE_HEADER_LENGTH + _INFO_HEADER_LENGTH:
        raise PictureError(f"picture of {len(data)} bytes")
    magic, file_length, start, info_length, width, height, planes, depth, compression = _HEADERS.unpack_from(data)
    if magic != b"BM":
        raise PictureError(f"neither raw pixels nor a BMP file: {len(data)} bytes")
    if (width, abs(height)) != (WIDTH, HEIGHT):
        raise PictureError(f"BMP of {width} x {height}")
    if (planes, depth, compression) != (1, 24, 0):
        raise PictureError(f"BMP of {planes} planes, {depth} bits, compression {compression}")
    if info_length < _INFO_HEADER_LENGTH or start < _FILE_HEADER_LENGTH + info_length:
        raise PictureError("BMP whose pixels begin in its headers")
    if file_length != len(data) or len(data) != start + _STRIDE * HEIGHT:
        raise PictureError("BMP whose length does not fit its headers")
    lines = np.frombuffer(data, np.uint8, offset=start).reshape(HEIGHT, _STRIDE)
    rows = lines[:, : WIDTH * 3].reshape(HEIGHT, WIDTH, 3)
    return rows[::-1] if height > 0 else rows

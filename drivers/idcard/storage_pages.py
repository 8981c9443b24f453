"""The pages of a reader that shows an opened ID card as a memory card: ``FF B0 <page> 00 00``, pages 0 to 5.

Joined they are what the SAM answers to reading the card: lengths of text and photo (01 00 04 00), text, photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

READ_PAGE: Final = bytes.fromhex("FF B0 00 00 00")
"""READ BINARY (PC/SC part 3, 3.2.2.1.8); its third byte is the page."""
PAGE_COUNT: Final = 6
PAGE_LENGTH: Final = 256
_LENGTHS: Final = 4


def join_pages(pages: Sequence[bytes | bytearray]) -> bytearray | None:
    """Return lengths, text and photo, ``None`` when the pages are not whole. Bytes after the photo are dropped."""
    data = bytearray().join(pages)
    total = _LENGTHS + int.from_bytes(data[0:2], "big") + int.from_bytes(data[2:4], "big")
    if len(data) < max(total, _LENGTHS + 1):
        return None
    data[total:] = b""
    return data


def split_pages(data: bytes) -> list[bytes]:
    """Return the pages of lengths, text and photo."""
    return [data[start : start + PAGE_LENGTH] for start in range(0, len(data), PAGE_LENGTH)]

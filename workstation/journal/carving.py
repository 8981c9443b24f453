"""Events in the pages of a damaged SQLite file, without its tables: every event proves by its hash that it is one.

Reads table leaf pages as https://www.sqlite.org/fileformat2.html sections 1.6, 2.1 and 4.1 state them: of the database
and of all frames of the write-ahead log. What is not an event, or no longer sound, is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from workstation.journal.rows import COLUMNS, Row, is_sound

PAGE: Final = 4096
HEADER: Final = 100
"""Bytes of the file's header, at the start of the first page."""

_LEAF: Final = 0x0D
_LOG_HEADER: Final = 32
_FRAME_HEADER: Final = 24
_MAX_PAYLOAD: Final = 1 << 16
_MAX_LOCAL: Final = PAGE - 35
_MIN_LOCAL: Final = (PAGE - 12) * 32 // 255 - 23
_TEXT_FROM: Final = 13


def carve(database: Path, log: Path) -> Iterator[Row]:
    """Yield every sound event in the files, in any order, perhaps several times.

    Args:
        database: the file; may be damaged anywhere, or missing.
        log: its write-ahead log; the same.

    Raises:
        OSError: the disk cannot read.
    """
    pages = _Pages(database, log)
    for page in pages.all():
        yield from _events_of(page, pages)


class _Pages:
    """The pages of a database; a later version in the log stands for the one in the file."""

    def __init__(self, database: Path, log: Path) -> None:
        self._base = database.read_bytes() if database.exists() else b""
        self._log = log.read_bytes() if log.exists() else b""
        self._newest: dict[int, int] = {}
        for at in range(_LOG_HEADER, len(self._log) - _FRAME_HEADER - PAGE + 1, _FRAME_HEADER + PAGE):
            self._newest[int.from_bytes(self._log[at : at + 4], "big")] = at + _FRAME_HEADER

    def all(self) -> Iterator[bytes]:
        for at in range(0, len(self._base) - PAGE + 1, PAGE):
            yield self._base[at : at + PAGE]
        for at in range(_LOG_HEADER, len(self._log) - _FRAME_HEADER - PAGE + 1, _FRAME_HEADER + PAGE):
            yield self._log[at + _FRAME_HEADER : at + _FRAME_HEADER + PAGE]

    def get(self, number: int) -> bytes:
        if number in self._newest:
            return self._log[self._newest[number] : self._newest[number] + PAGE]
        return self._base[(number - 1) * PAGE : number * PAGE] if number > 0 else b""


def _events_of(page: bytes, pages: _Pages) -> Iterator[Row]:
    if page[0] != _LEAF:
        return  # the first page, with the file's header, is the schema's: no event is in it
    cells = int.from_bytes(page[3:5], "big")
    for index in range(min(cells, (PAGE - 8) // 2)):
        start = int.from_bytes(page[8 + 2 * index : 10 + 2 * index], "big")
        try:
            row = _event_at(page, start, pages)
        except (IndexError, ValueError):
            continue
        if row is not None and is_sound(row):
            yield row


def _event_at(page: bytes, start: int, pages: _Pages) -> Row | None:
    length, at = _varint(page, start)
    seq, at = _varint(page, at)
    if length > _MAX_PAYLOAD:
        return None
    payload = _payload(page, at, length, pages)
    header_end, at = _varint(payload, 0)
    lengths: list[int] = []
    while at < header_end:
        serial, at = _varint(payload, at)
        lengths.append((serial - _TEXT_FROM) // 2 if serial >= _TEXT_FROM and serial % 2 else 0)
    if len(lengths) != len(COLUMNS):
        return None
    texts: list[bytes] = []
    at = header_end
    for size in lengths[1:]:  # the first is the key, which stands outside the record
        texts.append(payload[at : at + size])
        at += size
    event_id, moment, kind, session_id, data, previous_hash, chain_hash = texts
    return seq, event_id, moment, kind, session_id, data, previous_hash, chain_hash


def _payload(page: bytes, at: int, length: int, pages: _Pages) -> bytes:
    if length <= _MAX_LOCAL:
        return page[at : at + length]
    local = _MIN_LOCAL + (length - _MIN_LOCAL) % (PAGE - 4)
    if local > _MAX_LOCAL:
        local = _MIN_LOCAL
    content = page[at : at + local]
    following = int.from_bytes(page[at + local : at + local + 4], "big")
    while len(content) < length:
        overflow = pages.get(following)
        if len(overflow) < PAGE:
            raise ValueError("an overflow page is missing")
        content += overflow[4 : 4 + length - len(content)]
        following = int.from_bytes(overflow[:4], "big")
    return content


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = data[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    return value << 8 | data[at + 8], at + 9

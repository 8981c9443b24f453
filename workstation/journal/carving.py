"""Events in the pages of a damaged SQLite file, without its tables: every event proves by its hash that it is one.

Reads table leaf pages as https://www.sqlite.org/fileformat2.html sections 1.6, 2.1 and 4.1 state them: of the database
and of all frames of the write-ahead log. What is not an event, or no longer sound, is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

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
        database: the file; may be damaged anywhere, unreadable in places, or missing.
        log: its write-ahead log; the same.
    """
    with _Pages(database, log) as pages:
        for page in pages.all():
            yield from _events_of(page, pages)


def carve_log(log: Path, above: int) -> Iterator[Row]:
    """Yield the sound events in the log whose ``seq`` is above ``above``."""
    with _Pages(None, log) as pages:
        for page in pages.logged():
            yield from _events_of(page, pages, above)


class _Pages:
    """The pages of a database; a later version in the log stands for the one in the file."""

    def __init__(self, database: Path | None, log: Path) -> None:
        self._file = database.open("rb") if database is not None and database.exists() else None
        self._size = database.stat().st_size if self._file is not None and database is not None else 0
        try:
            self._log = log.read_bytes()
        except OSError:
            self._log = b""
        self._newest = {self._number(frame): frame for frame in self._frames()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def all(self) -> Iterator[bytes]:
        for number in range(1, self._size // PAGE + 1):
            yield self._in_file(number)
        yield from self.logged()

    def logged(self) -> Iterator[bytes]:
        for frame in self._frames():
            yield self._log[frame + _FRAME_HEADER : frame + _FRAME_HEADER + PAGE]

    def get(self, number: int) -> bytes:
        if (frame := self._newest.get(number)) is not None:
            return self._log[frame + _FRAME_HEADER : frame + _FRAME_HEADER + PAGE]
        return self._in_file(number)

    def _frames(self) -> range:
        step = _FRAME_HEADER + PAGE
        return range(_LOG_HEADER, len(self._log) - step + 1, step)

    def _number(self, frame: int) -> int:
        return int.from_bytes(self._log[frame : frame + 4], "big")

    def _in_file(self, number: int) -> bytes:
        if self._file is None or not 0 < number <= self._size // PAGE:
            return bytes(PAGE)
        try:
            self._file.seek((number - 1) * PAGE)
            return self._file.read(PAGE)
        except OSError:  # a bad place on the disk
            return bytes(PAGE)


def _events_of(page: bytes, pages: _Pages, above: int = 0) -> Iterator[Row]:
    if page[0] != _LEAF:
        return  # the first page, with the file's header, is the schema's: no event is in it
    cells = int.from_bytes(page[3:5], "big")
    for index in range(min(cells, (PAGE - 8) // 2)):
        start = int.from_bytes(page[8 + 2 * index : 10 + 2 * index], "big")
        try:
            row = _event_at(page, start, pages, above)
        except (IndexError, ValueError):
            continue
        if row is not None and is_sound(row):
            yield row


def _event_at(page: bytes, start: int, pages: _Pages, above: int) -> Row | None:
    length, at = _varint(page, start)
    seq, at = _varint(page, at)
    if length > _MAX_PAYLOAD or seq <= above:
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

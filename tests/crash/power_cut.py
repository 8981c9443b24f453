"""What a power cut leaves: the calls that ``shim.c`` recorded, replayed up to any of them on a disk that may lose.

The disk of this model keeps its word about syncs and nothing else. Of what was not synced it keeps any part: writes
whole, torn at sectors of 512 bytes, none, or as zeros; of names made, moved and removed since the last sync of their
folder, the first few. That is harsher than ext4 or NTFS, and what POSIX allows.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
PROMISES = "promises"
"""A file to which a program under test writes, one line each, what it was told by the code under test."""

_RECORD = struct.Struct("=6q")
_CONTROL = struct.Struct("=6q")


def build_shim(folder: Path) -> Path:
    """Compile the recorder and return its path."""
    target = folder / "shim.so"
    source = Path(__file__).with_name("shim.c")
    command = ["gcc", "-shared", "-fPIC", "-O2", "-o", str(target), str(source), "-ldl", "-pthread"]
    subprocess.run(command, check=True, timeout=60)
    return target


class Control:
    """The switches of the shim, in a file that it maps. ``environment`` is what the program under test needs."""

    def __init__(self, shim: Path, root: Path, scratch: Path) -> None:
        self.root, self.log, self._path = root, scratch / "calls", scratch / "control"
        self._path.write_bytes(bytes(_CONTROL.size))
        self.set()
        self.environment = {
            "LD_PRELOAD": str(shim),
            "CRASH_ROOT": str(root),
            "CRASH_LOG": str(self.log),
            "CRASH_CONTROL": str(self._path),
        }

    def set(
        self, *, space: int = -1, die_at: int = -1, half: bool = False, write_error: int = 0, sync_error: int = 0
    ) -> None:
        """Set all switches; the calls count from 0 again."""
        with self._path.open("r+b") as file:
            file.write(_CONTROL.pack(space, 0, die_at, int(half), write_error, sync_error))

    @property
    def calls(self) -> int:
        """How many calls were made since ``set``."""
        return int(_CONTROL.unpack(self._path.read_bytes())[1])

    @property
    def space(self) -> int:
        """How many bytes the disk still has."""
        return int(_CONTROL.unpack(self._path.read_bytes())[0])


@dataclass
class Call:
    """One record of the shim."""

    kind: str
    file: int
    at: int
    path: str
    data: bytes


def read_calls(log: Path) -> list[Call]:
    """Return what was recorded, oldest first. Whoever records must be dead.

    A kill in the middle of a record leaves a part of it: that call was not made, and the part is cut off the log.
    """
    content = log.read_bytes() if log.exists() else b""
    calls, at = [], 0
    while at + _RECORD.size <= len(content):
        kind, file, first, _, path_length, data_length = _RECORD.unpack_from(content, at)
        path_at = at + _RECORD.size
        data_at, end = path_at + path_length, path_at + path_length + data_length
        if end > len(content):
            break
        calls.append(Call(chr(kind), file, first, content[path_at:data_at].decode(), content[data_at:end]))
        at = end
    if at < len(content):
        os.truncate(log, at)
    return calls


@dataclass(eq=False)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)

    def sync(self) -> None:
        for call in self.pending:
            _apply(self.durable, call)
        self.pending.clear()

    def after_cut(self, chance: random.Random) -> bytes:
        content = bytearray(self.durable)
        how = chance.choice(["none", "all", "some", "torn", "zeros"])
        for call in self.pending:
            if how == "all" or (how != "none" and chance.random() < 0.5):
                _apply(content, call, chance if how in {"torn", "zeros"} else None, zeros=how == "zeros")
        return bytes(content)


def _apply(content: bytearray, call: Call, chance: random.Random | None = None, *, zeros: bool = False) -> None:
    if call.kind == "T":
        del content[call.at :]
        content.extend(bytes(call.at - len(content)))
        return
    end = call.at + len(call.data)
    is_new = end > len(content)
    content.extend(bytes(max(0, end - len(content))))
    for start, stop in _sectors(call.at, end):
        if chance is None or chance.random() < 0.5:
            content[start:stop] = call.data[start - call.at : stop - call.at]
        elif zeros and is_new:
            content[start:stop] = bytes(stop - start)


def _sectors(start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        yield start, stop
        start = stop


class Disk:
    """The files below a folder: what is durable, and what a cut may take.

    Args:
        root: its files now are durable: call it before the program under test runs.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._files: dict[int, _File] = {}
        self._names: dict[str, _File | None] = {}
        self._moves: list[Call] = []
        self._moved: list[_File | None] = []
        self.promises: list[bytes] = []
        self._promises: _File | None = None
        for path in sorted(root.rglob("*")):
            if path.is_dir():
                self._names[str(path)] = None
            elif path.name != PROMISES and not path.name.endswith("-shm"):
                file = _File(bytearray(path.read_bytes()))
                self._files[path.stat().st_ino] = self._names[str(path)] = file

    def play(self, call: Call) -> None:
        """Take note of a call."""
        if call.kind in "CRULM":
            self._move(call)
        elif call.kind == "D":
            self._sync_folder(call.path)
        else:
            file = self._files.setdefault(call.file, _File())
            if call.kind == "S":
                file.sync()
            elif file is self._promises:
                self.promises.append(call.data)
            else:
                file.pending.append(call)

    def cut(self, target: Path, chance: random.Random) -> None:
        """Make ``target`` what a power cut now may leave of the folder."""
        names = dict(self._names)
        for index in range(chance.choice([0, len(self._moves), chance.randint(0, len(self._moves))])):
            _rename(names, self._moves[index], self._moved[index])
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in sorted(name for name, file in names.items() if file is None):
            if os.path.dirname(name) == self._root or os.path.dirname(name) in names:  # noqa: PTH120 - strings
                (target / os.path.relpath(name, self._root)).mkdir(exist_ok=True)
        contents: dict[int, bytes] = {}
        for name, file in names.items():
            path = target / os.path.relpath(name, self._root)
            if file is not None and file is not self._promises and path.parent.is_dir():
                path.write_bytes(contents.setdefault(id(file), file.after_cut(chance)))

    def _move(self, call: Call) -> None:
        if call.kind == "C":
            self._files[call.file] = _File()
            if call.path.endswith(f"/{PROMISES}"):
                self._promises = self._files[call.file]
        self._moves.append(call)
        self._moved.append(self._files.get(call.file))

    def _sync_folder(self, path: str) -> None:
        left: list[Call] = []
        files: list[_File | None] = []
        for call, file in zip(self._moves, self._moved, strict=True):
            if call.path.rpartition("/")[0] == path:
                _rename(self._names, call, file)
            else:
                left.append(call)
                files.append(file)
        self._moves, self._moved = left, files


def _rename(names: dict[str, _File | None], call: Call, file: _File | None) -> None:
    if call.kind in "CM":
        names[call.path] = file if call.kind == "C" else None
    elif call.kind == "U":
        names.pop(call.path, None)
    else:
        names[call.data.decode()] = file
        if call.kind == "R":
            names.pop(call.path, None)

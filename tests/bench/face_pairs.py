"""Reads lists of face pairs: CSV with the columns ``a,b,label``, paths relative to the file."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from drivers.contracts import Image
from tests.bench.det_curve import groups

COLUMNS = ["a", "b", "label"]
LABELS = {"same": True, "different": False}
_FAULTS_SHOWN = 20


class PairsError(Exception):
    """A list that cannot be measured. The message names file and line of every fault."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two pictures and whether they show one person; ``a`` is the reference, ``b`` the probe."""

    a: Path
    b: Path
    is_same: bool


@dataclass(frozen=True, kw_only=True)
class PairList:
    """One file.

    Attributes:
        people: number of the person in each picture, as far as ``same`` pairs tell.
    """

    name: str
    pairs: tuple[Pair, ...]
    people: dict[Path, int]

    @property
    def count_same(self) -> int:
        """How many pairs show one person."""
        return sum(pair.is_same for pair in self.pairs)


def read_pairs(file: Path) -> PairList:
    """Read a list; every picture it names was opened once.

    Raises:
        PairsError: with every fault; a list with one is not used in part.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise PairsError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PairsError(f"{file}: not UTF-8 at byte {error.start}") from error
    pairs, faults = _parse(file, text)
    if not faults and len({pair.is_same for pair in pairs}) < 2:
        faults = [f"{file}: needs pairs of both labels, same and different"]
    if faults:
        more = [f"and {len(faults) - _FAULTS_SHOWN} more"] if len(faults) > _FAULTS_SHOWN else []
        raise PairsError("\n".join([*faults[:_FAULTS_SHOWN], *more]))
    pictures = list(dict.fromkeys(picture for pair in pairs for picture in (pair.a, pair.b)))
    index = {picture: number for number, picture in enumerate(pictures)}
    numbers = groups(len(pictures), [(index[pair.a], index[pair.b]) for pair in pairs if pair.is_same])
    return PairList(name=file.stem, pairs=tuple(pairs), people=dict(zip(pictures, numbers, strict=True)))


def read_picture(path: Path) -> Image | None:
    """Return the picture, ``None`` when it is none."""
    content = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    return None if picture is None else np.asarray(picture, np.uint8)


def _parse(file: Path, text: str) -> tuple[list[Pair], list[str]]:
    lines = csv.reader(text.splitlines(keepends=True), strict=True)
    seen: dict[Path, str | None] = {}
    pairs: list[Pair] = []
    faults: list[str] = []
    try:
        head = next(lines, None)
        if head != COLUMNS:
            return [], [f"{file}, line 1: the columns must be {','.join(COLUMNS)}"]
        for cells in lines:
            if not cells:
                continue
            found = _pair(file.parent, cells, seen)
            if isinstance(found, Pair):
                pairs.append(found)
            else:
                faults += [f"{file}, line {lines.line_num}: {fault}" for fault in found]
    except csv.Error as error:
        faults.append(f"{file}, line {lines.line_num}: {error}")
    return pairs, faults


def _pair(folder: Path, cells: list[str], seen: dict[Path, str | None]) -> Pair | list[str]:
    if len(cells) != len(COLUMNS):
        return [f"{len(cells)} cells instead of {len(COLUMNS)}"]
    faults = [] if cells[2] in LABELS else [f"label {cells[2]!r} is neither same nor different"]
    a, b = (Path(os.path.normpath(folder / cell)) for cell in cells[:2])
    for path in (a, b):
        if path not in seen:
            seen[path] = _fault_of(path)
        if fault := seen[path]:
            faults.append(f"{path.name}: {fault}")
    return faults or Pair(a=a, b=b, is_same=LABELS[cells[2]])


def _fault_of(path: Path) -> str | None:
    try:
        return None if read_picture(path) is not None else "cannot be opened as a picture"
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or 'no file name'})"
    except cv2.error:
        return "cannot be opened as a picture"

"""Scores every pair of a list: each picture is described once for each engine and form, on all cores."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from tests.bench.det_curve import Scores
from tests.bench.face_describers import Describer, Form, ReferenceMaker, Vector, make_describer, score
from tests.bench.face_pairs import PairList, read_picture
from workstation.face.contract import DecisionPolicy, ReferenceKind

PROBE = "probe"
Job = tuple[Path, frozenset[str]]
"""A picture, and what it is needed as: a form of reference or PROBE."""
Described = dict[str, dict[str, Vector | None]]
"""By engine, then by what the picture is needed as."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One engine on one list with one form of reference.

    Attributes:
        policies: the engine's own thresholds; the peer has none.
        rows: number of the pair, whether it shows one person, score; no score where no face was found.
    """

    engine: str
    form: Form
    data: str
    scores: Scores
    policies: Mapping[ReferenceKind, DecisionPolicy]
    rows: tuple[tuple[int, bool, float | None], ...] = field(repr=False)

    @property
    def not_acquired(self) -> int:
        """Pairs that could not be compared; not part of any rate."""
        return sum(compared is None for _, _, compared in self.rows)


class Describing:
    """What a process of the pool keeps: its engines, loaded once."""

    def __init__(self, engines: Sequence[str], models_dir: Path) -> None:
        cv2.setNumThreads(1)
        self._maker = ReferenceMaker(models_dir)
        self._describers: dict[str, Describer] = {name: make_describer(name, models_dir) for name in engines}

    def describe(self, job: Job) -> tuple[Path, Described]:
        """Describe one picture with every engine."""
        path, needs = job
        picture = read_picture(path)
        found: Described = {name: {} for name in self._describers}
        for need in sorted(needs):
            shown = picture if need == PROBE or picture is None else self._maker.make(picture, Form(need))
            for name, describer in self._describers.items():
                ask = describer.probe if need == PROBE else describer.reference
                found[name][need] = None if shown is None else ask(shown)
        return path, found


def describe_all(
    lists: Iterable[PairList], engines: Sequence[str], models_dir: Path, processes: int | None = None
) -> dict[Path, Described]:
    """Describe every picture of the lists, as reference where it is ``a`` and as probe where it is ``b``."""
    needs: dict[Path, set[str]] = {}
    for pair in (pair for each in lists for pair in each.pairs):
        needs.setdefault(pair.a, set()).update(Form)
        needs.setdefault(pair.b, set()).add(PROBE)
    jobs = [(path, frozenset(wanted)) for path, wanted in needs.items()]
    pool = ProcessPoolExecutor(
        processes or os.cpu_count(),
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(tuple(engines), models_dir),
    )
    with pool:
        return dict(pool.map(_describe, jobs, chunksize=8))


def outcome(
    data: PairList,
    engine: str,
    form: Form,
    described: Mapping[Path, Described],
    policies: Mapping[ReferenceKind, DecisionPolicy],
) -> Outcome:
    """Compare every pair."""
    rows: list[tuple[int, bool, float | None]] = []
    people: list[tuple[int, int]] = []
    for number, pair in enumerate(data.pairs):
        reference, probe = described[pair.a][engine][form], described[pair.b][engine][PROBE]
        compared = None if reference is None or probe is None else score(engine, reference, probe)
        rows.append((number, pair.is_same, compared))
        people.append((data.people[pair.a], data.people[pair.b]))
    return Outcome(
        engine=engine, form=form, data=data.name, scores=_scores(rows, people), policies=policies, rows=tuple(rows)
    )


def _scores(rows: Sequence[tuple[int, bool, float | None]], people: Sequence[tuple[int, int]]) -> Scores:
    genuine = [(value, people[number][0]) for number, is_same, value in rows if is_same and value is not None]
    impostor = [(value, people[number]) for number, is_same, value in rows if not is_same and value is not None]
    return Scores(
        genuine=np.array([value for value, _ in genuine], np.float64),
        impostor=np.array([value for value, _ in impostor], np.float64),
        genuine_people=np.array([person for _, person in genuine], np.intp),
        impostor_people=np.array([both for _, both in impostor], np.intp).reshape(-1, 2),
    )


_mine: list[Describing] = []
"""In a process of the pool: the one thing it was begun with."""


def _begin(engines: Sequence[str], models_dir: Path) -> None:
    _mine[:] = [Describing(engines, models_dir)]


def _describe(job: Job) -> tuple[Path, Described]:
    return _mine[0].describe(job)

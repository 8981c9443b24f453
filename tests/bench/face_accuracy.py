"""``./dev bench face-accuracy``: error rates of face engines on lists of pairs, with what the lists can show.

Pictures are read where they lie and never copied; a report holds scores by the number of the pair, no names.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from assets.build_models import MODELS_DIR
from tests.bench.det_curve import impostors_needed, threshold_at
from tests.bench.face_describers import ENGINES, Form, policies_of
from tests.bench.face_pairs import PairList, PairsError, read_pairs
from tests.bench.face_report import markdown, write
from tests.bench.face_scores import Outcome, describe_all, outcome


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 0 when measured, 2 with the faults on stderr when a list cannot be used."""
    options = _parser().parse_args(arguments)
    engines = ENGINES if options.engine == "all" else (options.engine,)
    try:
        lists = [read_pairs(file) for file in options.pairs]
        _require_distinct(lists)
    except PairsError as error:
        print(error, file=sys.stderr)
        return 2
    outcomes = measure(lists, engines, MODELS_DIR)
    print(markdown(outcomes))
    for each in outcomes:
        if each.data == lists[0].name:
            print(chosen_threshold(each, options.fmr))
    if options.report:
        write(options.report, outcomes)
        print(f"report: {options.report}")
    return 0


def measure(
    lists: Sequence[PairList], engines: Sequence[str], models_dir: Path, processes: int | None = None
) -> list[Outcome]:
    """Return an outcome for each list, engine and form of reference."""
    began = time.monotonic()
    described = describe_all(lists, engines, models_dir, processes)
    print(f"{len(described)} pictures described in {time.monotonic() - began:.0f} s", file=sys.stderr)
    policies = {engine: policies_of(engine, models_dir) for engine in engines}
    return [
        outcome(data, engine, form, described, policies[engine])
        for data in lists
        for engine in engines
        for form in Form
    ]


def chosen_threshold(each: Outcome, fmr: float) -> str:
    """Return the threshold for a false match rate in words, or why there is none."""
    what = f"{each.engine}, {each.form.title}, FMR {fmr:g}"
    impostors = each.scores.impostor.size
    if not impostors:
        return f"{what}: no threshold. No impostor pair could be compared."
    threshold = threshold_at(each.scores, fmr)
    if threshold is None:
        shown = min(3 / impostors, 1)
        return (
            f"{what}: no threshold. {impostors} impostor pairs cannot show this rate: even without one false match "
            f"they only show a rate below {shown:.2g} (rule of three, 95 %); it takes {impostors_needed(fmr)}."
        )
    missed = each.scores.false_non_matches(threshold)
    return f"{what}: threshold {threshold:.4f} ({impostors} impostor pairs), FNMR {missed.errors} of {missed.trials}"


def _require_distinct(lists: Sequence[PairList]) -> None:
    names = [each.name for each in lists]
    if len(set(names)) < len(names):
        raise PairsError("every list needs a file name of its own: results are reported by it")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev bench face-accuracy", description=__doc__)
    parser.add_argument(
        "--pairs",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="CSV a,b,label (same or different), paths relative to the file; may be given again: each list is reported "
        "apart, and the thresholds of the first are tried on the others",
    )
    parser.add_argument("--fmr", type=_rate, default=1e-3, help="false match rate to print a threshold for (1e-3)")
    parser.add_argument("--report", type=Path, metavar="DIR", help="folder for the report, its plots and the scores")
    parser.add_argument("--engine", choices=(*ENGINES, "all"), default=ENGINES[0], help=f"default: {ENGINES[0]}")
    return parser


def _rate(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and 0 < value < 1):
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value

"""What ``./dev bench face-accuracy`` says: tables in Markdown, plots as PNG and SVG, scores as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from tests.bench.det_curve import Interval, Rate, curve, equal_error_interval, equal_error_rate, threshold_at
from tests.bench.face_describers import PEER, PEER_THRESHOLD, Form
from tests.bench.face_scores import Outcome
from workstation.face.contract import ReferenceKind

FMRS = (1e-2, 1e-3, 1e-4)
_NOTES = """\
A score of at least the threshold is a match. FMR: impostor pairs that match; FNMR: genuine pairs that do not; pairs in
which no face was found are counted apart. In brackets: 95 % intervals, of rates after Wilson, of the EER by a
bootstrap over people. "Too few": even without one false match so many impostor pairs do not show the rate (rule
of three). Pairs share people, so the truth is wider still. Single pictures, no fusion of probes."""


def markdown(outcomes: Sequence[Outcome]) -> str:
    """Return the report's text."""
    parts = [_NOTES]
    for name, group in groupby(outcomes, lambda each: each.data):
        mine = list(group)
        parts.append(f"## {name}\n\n{_own_thresholds(mine)}")
        parts.append(f"### At thresholds in use\n\n{_in_use(mine)}")
        if mine[0].data != outcomes[0].data:
            first = [each for each in outcomes if each.data == outcomes[0].data]
            parts.append(f"### At the thresholds of {outcomes[0].data}\n\n{_foreign_thresholds(mine, first)}")
    return "\n\n".join(parts) + "\n"


def write(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Write report.md, scores.csv, and for each list its plots."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text("# Face accuracy\n\n" + markdown(outcomes), encoding="utf-8")
    with (folder / "scores.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["list", "engine", "reference", "pair", "label", "score"])
        for each in outcomes:
            for number, is_same, score in each.rows:
                label = "same" if is_same else "different"
                shown = "" if score is None else f"{score:.6f}"
                writer.writerow([each.data, each.engine, each.form, number + 1, label, shown])
    for name, group in groupby(outcomes, lambda each: each.data):
        mine = list(group)
        for kind, figure in (("det", _det_figure(mine)), ("scores", _histograms(mine))):
            for ending in ("png", "svg"):
                figure.savefig(folder / f"{name}-{kind}.{ending}", dpi=150)


def rate_cell(rate: Rate) -> str:
    """Return a rate with its errors, trials and interval."""
    if not rate.trials:
        return "no pair"
    return f"{rate.errors} of {rate.trials} = {100 * rate.value:.2f} % {_interval(rate.interval)}"


def _interval(interval: Interval) -> str:
    return f"({100 * interval.low:.2f}..{100 * interval.high:.2f})"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _title(each: Outcome) -> list[str]:
    return [each.engine, each.form.title]


def _own_thresholds(outcomes: Sequence[Outcome]) -> str:
    lines = []
    for each in outcomes:
        scores = each.scores
        counts = f"{scores.genuine.size} + {scores.impostor.size}"
        cells = [*_title(each), counts, str(each.not_acquired)]
        if not (scores.genuine.size and scores.impostor.size):
            lines.append([*cells, *["no pairs"] * (1 + len(FMRS))])
            continue
        eer = equal_error_rate(scores.genuine, scores.impostor)
        cells.append(f"{100 * eer:.2f} % {_interval(equal_error_interval(scores))}")
        for fmr in FMRS:
            threshold = threshold_at(scores, fmr)
            missed = "" if threshold is None else rate_cell(scores.false_non_matches(threshold))
            cells.append("too few" if threshold is None else f"{missed} at {threshold:.4f}")
        lines.append(cells)
    head = ["engine", "reference", "genuine + impostor pairs", "no face", "EER", *(f"FNMR at FMR {f:g}" for f in FMRS)]
    return _table(head, lines)


def thresholds_in_use(each: Outcome) -> dict[str, float]:
    """Return by name what a booth (or a plain caller of the peer) would decide at with this reference."""
    if each.engine == PEER:
        return {"default": PEER_THRESHOLD}
    is_like_a_card = each.form in {Form.CARD_1KB, Form.WHITE_1KB}
    kind = ReferenceKind.CARD_PHOTO if is_like_a_card else ReferenceKind.ROSTER_PHOTO
    policy = each.policies[kind]
    return {"match": policy.match_threshold, "grey": policy.grey_threshold}


def _in_use(outcomes: Sequence[Outcome]) -> str:
    lines = [
        [
            *_title(each),
            f"{name} {threshold:.3f}",
            rate_cell(each.scores.false_matches(threshold)),
            rate_cell(each.scores.false_non_matches(threshold)),
        ]
        for each in outcomes
        for name, threshold in thresholds_in_use(each).items()
    ]
    return _table(["engine", "reference", "threshold", "FMR", "FNMR"], lines)


def _foreign_thresholds(outcomes: Sequence[Outcome], first: Sequence[Outcome]) -> str:
    lines = []
    for each, other in zip(outcomes, first, strict=True):
        for fmr in FMRS:
            threshold = threshold_at(other.scores, fmr)
            if threshold is not None:
                rates = each.scores.false_matches(threshold), each.scores.false_non_matches(threshold)
                lines.append([*_title(each), f"FMR {fmr:g}: {threshold:.4f}", *map(rate_cell, rates)])
    if not lines:
        return "None: those pairs are too few for any of the rates."
    return _table(["engine", "reference", "threshold there", "FMR here", "FNMR here"], lines)


def _det_figure(outcomes: Sequence[Outcome]) -> Figure:
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.subplots()
    for each in outcomes:
        if each.scores.genuine.size and each.scores.impostor.size:
            _, fmr, fnmr = curve(each.scores.genuine, each.scores.impostor)
            # A rate of 0 has no place on a logarithmic axis: it is drawn below all that could be measured.
            shown = np.maximum(fmr, 0.3 / each.scores.impostor.size), np.maximum(fnmr, 0.3 / each.scores.genuine.size)
            axes.step(*shown, label=", ".join(_title(each)))
    fewest = min(each.scores.impostor.size for each in outcomes) or 1
    axes.axvline(3 / fewest, color="grey", linestyle=":", label=f"3 / {fewest}: left of it the pairs are too few")
    axes.set(xscale="log", yscale="log", xlabel="FMR", ylabel="FNMR", title=f"{outcomes[0].data}: DET")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend(fontsize="small")
    return figure


def _histograms(outcomes: Sequence[Outcome]) -> Figure:
    figure = Figure(figsize=(7, 2.2 * len(outcomes)), layout="constrained")
    for axes, each in zip(figure.subplots(len(outcomes), squeeze=False)[:, 0], outcomes, strict=True):
        bins = np.linspace(-0.4, 1, 71)
        axes.hist(each.scores.impostor, bins, density=True, alpha=0.6, label=f"{each.scores.impostor.size} impostor")
        axes.hist(each.scores.genuine, bins, density=True, alpha=0.6, label=f"{each.scores.genuine.size} genuine")
        for name, threshold in thresholds_in_use(each).items():
            axes.axvline(threshold, color="black", linestyle="--" if name == "grey" else "-", linewidth=1)
        axes.set(title=", ".join(_title(each)), xlabel="score", yticks=[])
        axes.legend(fontsize="small")
    return figure


mpl.rcParams["svg.hashsalt"] = "face-accuracy"

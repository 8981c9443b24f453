"""Error rates of a comparison from its scores, and what so many scores can show (ISO/IEC 19795-1).

A score of at least the threshold is a match. FMR: impostor comparisons that match. FNMR: genuine ones that do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

BOOTSTRAP_ROUNDS = 1000
_SEED = 20_261_127
_Z = 1.959964
"""Of the normal distribution, for 95 % two-sided."""
_STEP = 1e-4
"""Thresholds are multiples of this, so that the printed one is the one that was measured."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where a rate lies with 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Errors among trials."""

    errors: int
    trials: int

    @property
    def value(self) -> float:
        """The share of errors; not a number without trials."""
        return self.errors / self.trials if self.trials else math.nan

    @property
    def interval(self) -> Interval:
        """Wilson's score interval: right for few errors too, where the normal one would go below zero."""
        if not self.trials:
            return Interval(low=0, high=1)
        n, share = self.trials, self.value
        middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
        return Interval(low=max(middle - half, 0.0), high=min(middle + half, 1.0))


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a list of pairs scored.

    Attributes:
        genuine_people: index of the person of each genuine pair.
        impostor_people: indices of the two people of each impostor pair, shape (n, 2).
    """

    genuine: Values = field(repr=False)
    impostor: Values = field(repr=False)
    genuine_people: npt.NDArray[np.intp] = field(repr=False)
    impostor_people: npt.NDArray[np.intp] = field(repr=False)

    def false_matches(self, threshold: float) -> Rate:
        """Return the FMR at a threshold."""
        return Rate(errors=int((self.impostor >= threshold).sum()), trials=self.impostor.size)

    def false_non_matches(self, threshold: float) -> Rate:
        """Return the FNMR at a threshold."""
        return Rate(errors=int((self.genuine < threshold).sum()), trials=self.genuine.size)


def impostors_needed(fmr: float) -> int:
    """Return how many impostor comparisons without one error show this FMR (rule of three, 95 %)."""
    return math.ceil(3 / fmr - 1e-9)


def threshold_at(scores: Scores, fmr: float) -> float | None:
    """Return the lowest threshold that keeps the FMR, ``None`` when the impostors are too few to show it."""
    if scores.impostor.size < impostors_needed(fmr):
        return None
    falling = np.sort(scores.impostor)[::-1]
    highest_refused = float(falling[int(fmr * falling.size + 1e-9)])
    above = (math.floor(highest_refused / _STEP) + 1) * _STEP
    return max(round(above, 4), math.nextafter(highest_refused, math.inf))


def curve(
    genuine: Values, impostor: Values, weights: tuple[Values, Values] | None = None
) -> tuple[Values, Values, Values]:
    """Return thresholds (every score, and one above all), FMR and FNMR at each.

    Args:
        genuine: scores of the genuine pairs.
        impostor: scores of the impostor pairs.
        weights: how much each genuine and each impostor pair counts.
    """
    genuine_weights, impostor_weights = weights or (np.ones(genuine.size), np.ones(impostor.size))
    thresholds = np.append(np.unique(np.concatenate([genuine, impostor])), np.inf)
    return (
        thresholds,
        1 - _share_below(impostor, impostor_weights, thresholds),
        _share_below(genuine, genuine_weights, thresholds),
    )


def equal_error_rate(genuine: Values, impostor: Values, weights: tuple[Values, Values] | None = None) -> float:
    """Return the mean of FMR and FNMR where they lie closest together."""
    _, fmr, fnmr = curve(genuine, impostor, weights)
    nearest = int(np.argmin(np.abs(fmr - fnmr)))
    return float(fmr[nearest] + fnmr[nearest]) / 2


def equal_error_interval(scores: Scores, rounds: int = BOOTSTRAP_ROUNDS) -> Interval:
    """Return the 95 % interval of the EER: percentile bootstrap over people.

    People are drawn with replacement, and a pair counts as often as both its people were drawn: pairs that share a
    person are not independent, and a bootstrap over pairs would promise too much.
    """
    random = np.random.default_rng(_SEED)
    people = 1 + int(max(scores.genuine_people.max(), scores.impostor_people.max()))
    drawn = []
    for _ in range(rounds):
        times = np.bincount(random.integers(0, people, people), minlength=people).astype(np.float64)
        weights = times[scores.genuine_people], times[scores.impostor_people].prod(axis=1)
        if weights[0].any() and weights[1].any():
            drawn.append(equal_error_rate(scores.genuine, scores.impostor, weights))
    if not drawn:
        return Interval(low=0, high=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(low=float(low), high=float(high))


def groups(count: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """Return for each of ``count`` things the number of its group; linked things share one."""
    parent = list(range(count))

    def root(thing: int) -> int:
        while parent[thing] != thing:
            parent[thing] = parent[parent[thing]]
            thing = parent[thing]
        return thing

    for one, other in links:
        parent[root(one)] = root(other)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(thing), len(numbers)) for thing in range(count)]


def _share_below(values: Values, weights: Values, thresholds: Values) -> Values:
    order = np.argsort(values, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(weights[order])])
    below = sums[np.searchsorted(values[order], thresholds, side="left")]
    return np.asarray(below / sums[-1], np.float64)

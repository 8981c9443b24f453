"""What a battery's falling charge says of the time left: a robust line of charge over work done. Pure.

Work is load in percent times seconds, so that a load that changes half way does not bend the line: a battery that loses
one percent per 3000 percent-seconds does so at any load, near enough. Where the load is not known, work is seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WINDOW_S = 30 * 60.0
"""How far back the line looks: what a battery did an hour ago, at another charge, says less of what it does now."""
KEPT_S = 2 * 3600.0
"""How far back it looks when the window holds too few steps of the charge."""
MIN_SPAN_S = 3 * 60.0
MIN_GAP_S = 10.0
"""Closer samples than this add nothing."""
MOST_SAMPLES = 180
MIN_STEPS = 3
"""A charge is told in steps, mostly of 1 %; a line through fewer of them could be of almost any slope."""
COARSEST_STEP_PERCENT = 5.0
_BAND = (0.1, 0.5, 0.9)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One poll on battery. ``work`` is counted from the beginning of the discharge."""

    at_s: float
    work: float
    charge_percent: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """Charge over work, as far as it was seen.

    Attributes:
        charge_percent: what the line says of now.
        cost: work that takes one percent of the charge; ``least_cost`` and ``most_cost`` are its band.
        drop_percent: the charge that was lost in what was seen.
    """

    charge_percent: float
    cost: float
    least_cost: float
    most_cost: float
    drop_percent: float


class Discharge:
    """The samples of one discharge, from the first poll on battery to the last."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()
        self._work = 0.0
        self._last: tuple[float, float] | None = None

    @property
    def work(self) -> float:
        """Work done since the discharge began."""
        return self._work

    def observe(self, at_s: float, charge_percent: float | None, load: float) -> None:
        """Take one poll.

        Args:
            at_s: monotonic seconds.
            charge_percent: ``None`` where the UPS does not tell.
            load: percent, or 1 where it is not known.
        """
        if self._last is not None:
            before_s, before_load = self._last
            self._work += max(0.0, at_s - before_s) * (before_load + load) / 2
        self._last = (at_s, load)
        samples = self._samples
        if charge_percent is None or (samples and at_s - samples[-1].at_s < MIN_GAP_S):
            return
        samples.append(Sample(at_s=at_s, work=self._work, charge_percent=charge_percent))
        while samples[0].at_s < at_s - KEPT_S:
            samples.popleft()

    def line(self) -> Line | None:
        """Return the line through the charge, ``None`` while too little of it was seen, or it does not fall."""
        samples = list(self._samples)
        if not samples:
            return None
        recent = [sample for sample in samples if sample.at_s >= samples[-1].at_s - WINDOW_S]
        return _fit(recent, self._work) or (_fit(samples, self._work) if len(samples) > len(recent) else None)


def _fit(samples: list[Sample], work_now: float) -> Line | None:
    """Fit by Theil-Sen, with pairs that are far apart only: near ones see nothing but the steps and the noise."""
    if len(samples) < 2 * MIN_STEPS or samples[-1].at_s - samples[0].at_s < MIN_SPAN_S:
        return None
    samples = samples[:: 1 + len(samples) // MOST_SAMPLES]
    work = np.array([sample.work for sample in samples])
    charge = np.array([sample.charge_percent for sample in samples])
    slopes = _far_slopes(work, charge)
    if slopes.size == 0:
        return None
    steepest, slope, flattest = (float(value) for value in np.quantile(slopes, _BAND))
    span, step = float(work[-1] - work[0]), _step(charge)
    if slope >= 0 or -slope * span < MIN_STEPS * step:
        return None
    # The ends of the line are known to half a step each, whatever the pairs agree on.
    unsure = step / span
    return Line(
        charge_percent=float(np.median(charge - slope * work)) + slope * work_now,
        cost=-1 / slope,
        least_cost=-1 / min(steepest, slope - unsure),
        most_cost=-1 / min(max(flattest, slope + unsure), slope / 4),
        drop_percent=-slope * span,
    )


def _far_slopes(work: Floats, charge: Floats) -> Floats:
    """Return the slopes of all pairs of a sample of the first third and one of the last."""
    third = max(1, len(work) // 3)
    first, last = slice(None, third), slice(-third, None)
    run = work[last][:, None] - work[first][None, :]
    rise = charge[last][:, None] - charge[first][None, :]
    slopes: Floats = (rise[run > 0] / run[run > 0]).ravel()
    return slopes


def _step(charge: Floats) -> float:
    """Return the smallest step in which the charge is told, percent."""
    steps = np.diff(np.unique(np.round(charge, 3)))
    return float(min(steps.min(), COARSEST_STEP_PERCENT)) if steps.size else 1.0

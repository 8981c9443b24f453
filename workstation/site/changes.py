"""What of a booth's readings is news: the rest needs no telling until the next full report."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from workstation.site.contract import MAX_READINGS
from workstation.site.readings import ReadingKind, ReadingReport, unit_of

FULL_INTERVAL_S = 60.0
"""At least this often everything is told, whether it changed or not."""

SIGNIFICANT_DIGITS = 4
"""A figure with a unit is told so exactly: ten times finer than any dead band. A bare count is told as it is."""


@dataclass(frozen=True, kw_only=True)
class DeadBand:
    """How much a figure may move without being news.

    Attributes:
        absolute: in the figure's unit.
        share: of the figure told last. The wider of the two counts.
    """

    absolute: float = 0.0
    share: float = 0.0

    def holds(self, told: float, now: float) -> bool:
        """Tell whether ``now`` is no news after ``told``."""
        return abs(now - told) <= max(self.absolute, self.share * abs(told))


DEAD_BANDS = {
    "s": DeadBand(absolute=0.05, share=0.05),
    "ms": DeadBand(absolute=10.0, share=0.25),
    "By": DeadBand(absolute=16 * 2.0**20, share=0.01),
    "%": DeadBand(absolute=1.0),
    "V": DeadBand(share=0.01),
    "W": DeadBand(absolute=2.0, share=0.05),
    "Cel": DeadBand(absolute=1.0),
    "kbit/s": DeadBand(absolute=50.0, share=0.2),
    "dB": DeadBand(absolute=3.0),
}
"""By unit (``unit_of``). Without one, every change is news."""

_EXACT = DeadBand()

_Key = tuple[ReadingKind, str]


def is_news(told: ReadingReport, now: ReadingReport) -> bool:
    """Tell whether a reading differs from what was told of it. A newer ``observed_at`` alone is no difference."""
    if told.model_copy(update={"observed_at": now.observed_at, "values": now.values}) != now:
        return True
    if told.values.keys() != now.values.keys():
        return True
    return not all(
        DEAD_BANDS.get(unit_of(figure), _EXACT).holds(told.values[figure], value)
        for figure, value in now.values.items()
    )


class Changes:
    """Chooses the readings of each report. One thread uses it.

    ``next_report`` gives them, then ``was_taken`` or ``was_lost`` says what became of that report. After one that may
    not have arrived the next is a full one, and so is the first.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[_Key, ReadingReport] = {}
        self._full_due = clock()
        self._pending: dict[_Key, ReadingReport] = {}

    def next_report(self, readings: Iterable[ReadingReport]) -> tuple[list[ReadingReport], bool]:
        """Return what to tell, and whether that is all there is. Beyond ``MAX_READINGS`` nothing is told."""
        first = itertools.islice(readings, MAX_READINGS)
        now = {(reading.kind, reading.subject): _rounded(reading) for reading in first}
        is_full = self._clock() >= self._full_due or not self._told.keys() <= now.keys()
        if is_full:
            self._told.clear()
        news = {
            key: reading for key, reading in now.items() if key not in self._told or is_news(self._told[key], reading)
        }
        self._pending = news
        if is_full:
            self._full_due = self._clock() + FULL_INTERVAL_S
        return list(news.values()), is_full

    def was_taken(self, *, full_wanted: bool) -> None:
        """Note that the site has the report, and whether it wants a full one next."""
        self._told.update(self._pending)
        if full_wanted:
            self._full_due = self._clock()

    def was_lost(self) -> None:
        """Note that the site may not have the report."""
        self._full_due = self._clock()


def _rounded(reading: ReadingReport) -> ReadingReport:
    """Drop digits that say nothing: they are most of what a report weighs."""
    values = {figure: _round(figure, value) for figure, value in reading.values.items()}
    observed_at = reading.observed_at.replace(microsecond=reading.observed_at.microsecond // 1000 * 1000)
    return reading.model_copy(update={"values": values, "observed_at": observed_at})


def _round(figure: str, value: float) -> float:
    return value if unit_of(figure) == "1" else float(f"{value:.{SIGNIFICANT_DIGITS}g}")

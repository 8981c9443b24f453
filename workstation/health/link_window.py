"""How good a link is: delay, jitter and loss over the last probes. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import pairwise
from statistics import fmean, median

from drivers.errors import ErrorCode
from workstation.health.readings import Reading
from workstation.site.readings import ReadingState

PROBES = 20
"""How many count: a minute of the main site's, three of the site server's reports."""

LOSS_LIMIT_PERCENT = 10.0
"""Share of unanswered probes from which a link that answers now is unsteady: two of twenty."""

DELAY_LIMIT_MS = 1000.0
"""Median delay from which work on the other side feels broken (Nielsen's limit for an uninterrupted thought)."""

_UNREACHED = frozenset({ErrorCode.MAIN_SITE_UNREACHABLE, ErrorCode.SITE_SERVER_UNREACHABLE})


class LinkWindow:
    """Follows one link; one thread owns it. A new one for each new peer."""

    def __init__(self) -> None:
        self._round_trips_ms: deque[float | None] = deque(maxlen=PROBES)

    def smooth(self, reading: Reading) -> Reading:
        """Return a probe's reading with the figures of the window in place of its own.

        A refusal by a peer that was reached (a wrong certificate) says nothing about the way to it and is not counted.
        An answer over an unsteady way is a WARN.
        """
        own_ms = reading.values.get("round_trip_ms")
        if own_ms is not None:
            self._round_trips_ms.append(own_ms)
        elif reading.code in _UNREACHED or (reading.code is None and reading.state is ReadingState.BAD):
            self._round_trips_ms.append(None)
        values = self.figures()
        is_poor = (
            values.get("loss_percent", 0.0) >= LOSS_LIMIT_PERCENT or values.get("round_trip_ms", 0.0) >= DELAY_LIMIT_MS
        )
        if reading.state is ReadingState.OK and is_poor:
            return replace(reading, state=ReadingState.WARN, values=values, detail="loss or delay")
        return replace(reading, values=values)

    def figures(self) -> dict[str, float]:
        """Return loss, median and 95th percentile of the delay, and jitter: the mean step from probe to probe.

        Only what was measured: no delay when nothing answered, no jitter before two answers in a row.
        """
        probes = list(self._round_trips_ms)
        answers = sorted(probe for probe in probes if probe is not None)
        if not probes:
            return {}
        figures = {"loss_percent": 100.0 * (len(probes) - len(answers)) / len(probes)}
        if answers:
            figures["round_trip_ms"] = median(answers)
            figures["round_trip_p95_ms"] = answers[-(-95 * len(answers) // 100) - 1]
        steps = [abs(after - before) for before, after in pairwise(probes) if before is not None and after is not None]
        if steps:
            figures["jitter_ms"] = fmean(steps)
        return {name: round(value, 2) for name, value in figures.items()}

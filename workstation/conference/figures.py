"""What the page measures of the meeting, as a reading for the board. Pure."""

from __future__ import annotations

import math

from workstation.health.readings import Moment, Reading
from workstation.site.readings import ReadingKind, ReadingState

from .messages import Statistics

LOSS_LIMIT = 0.03
"""Share of lost packets beyond which talk suffers (ITU-T G.1010, conversational voice)."""

RTT_LIMIT_MS = 400.0
"""Round trip beyond which people begin to talk over each other (ITU-T G.114 asks for 150 ms one way)."""

_FIGURES = ("rtt_ms", "jitter_ms", "loss", "sent_kbps", "received_kbps", "width", "height", "fps")
_HIGHEST = 1e6
"""Figures come from the page: what no network has is none."""


def read_conference(statistics: Statistics, at: Moment) -> Reading:
    """Judge one set of figures. Those that the page does not have yet (-1) are left out."""
    values = {name: float(getattr(statistics, name)) for name in _FIGURES}
    values = {name: value for name, value in values.items() if math.isfinite(value) and 0 <= value < _HIGHEST}
    is_poor = values.get("loss", 0.0) > LOSS_LIMIT or values.get("rtt_ms", 0.0) > RTT_LIMIT_MS
    return Reading(
        kind=ReadingKind.CONFERENCE,
        state=ReadingState.WARN if is_poor else ReadingState.OK,
        observed=at,
        values=values,
        detail="loss or delay" if is_poor else "",
    )

"""Which figures and which kinds of events become series. What is not listed here cannot be made one by a booth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

MAX_SUBJECTS = 8
"""How many of a kind a booth may have, such as UPSes, and how many versions in the life of the server."""

OTHER = "other"
"""Label of everything that has none of its own."""


@dataclass(frozen=True)
class Unit:
    """A base unit.

    Attributes:
        name: as Prometheus' naming rules have it at the end of a metric's name; "" for a bare count.
        ucum: as OTLP has it; Prometheus makes ``name`` of it again.
    """

    name: str
    ucum: str


_SECONDS = Unit("seconds", "s")
_BARE = Unit("", "{count}")
_ENDINGS: Mapping[str, tuple[Unit, float]] = {
    "_s": (_SECONDS, 1),
    "_ms": (_SECONDS, 1e-3),
    "_bytes": (Unit("bytes", "By"), 1),
    "_percent": (Unit("ratio", "1"), 1e-2),
    "_v": (Unit("volts", "V"), 1),
    "_w": (Unit("watts", "W"), 1),
    "_celsius": (Unit("celsius", "Cel"), 1),
    "_kbps": (Unit("bytes_per_second", "By/s"), 125),
    "_dbfs": (Unit("decibels", "dB"), 1),
}
"""Base unit and factor by the endings of ``readings.unit_of``."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of readings as a metric.

    Attributes:
        stem: its name without the unit.
        factor: how many base units one unit of the reading is.
        text: what it is, for people.
    """

    stem: str
    unit: Unit
    factor: float
    text: str

    @classmethod
    def of(cls, name: str, text: str) -> Figure:
        """Return the metric of the figure ``name``, by its ending."""
        for ending, (unit, factor) in _ENDINGS.items():
            if name.endswith(ending):
                return cls(stem=name.removesuffix(ending), unit=unit, factor=factor, text=text)
        return cls(stem=name, unit=_BARE, factor=1, text=text)

    @property
    def metric(self) -> str:
        """The name of its metric family in OpenMetrics."""
        return "_".join(part for part in ("booth", self.stem, self.unit.name) if part)

    def in_base_units(self, value: float) -> float | None:
        """Convert a value; ``None`` when it is too large for that."""
        converted = value * self.factor if self.factor >= 1 else value / round(1 / self.factor)
        return converted if math.isfinite(converted) else None


_TEXTS = {
    "charge_percent": "Charge of a battery.",
    "runtime_s": "How long a UPS lasts at the present load.",
    "load_percent": "Load of a UPS.",
    "input_voltage_v": "Voltage of the mains at a UPS.",
    "free_bytes": "Space that is free.",
    "offset_s": "How far a booth's clock is ahead of the right time.",
    "uncertainty_s": "How far the offset of the clock may be wrong.",
    "round_trip_s": "Time of a question and its answer over a line.",
}

FIGURES: Mapping[str, Figure] = {name: Figure.of(name, text) for name, text in _TEXTS.items()}
"""By the names in ``ReadingReport.values``. A figure that is not here is left out of all series, and counted."""

EVENT_KINDS = frozenset({
    "arrival_recorded", "card_failed", "card_read", "checks_done", "clock_off", "clock_right", "crashed",
    "disk_freed", "disk_nearly_full", "evaluation_ended", "evaluation_interrupted", "evaluation_opened",
    "expert_matched", "face_failed", "face_mismatch", "face_uncertain", "health_back", "health_lost", "help_called",
    "launch_failed", "match_pending", "message_read", "pack_installed", "pack_refused", "photo_missing",
    "power_battery_low", "power_mains_back", "power_on_battery", "presence_verified", "review_again", "review_needed",
    "review_on_site", "review_rejected", "seat_alarm", "seat_leave", "seat_locked", "seat_notice",
    "seat_notice_cleared", "seat_unlocked", "signed_out", "sound_check_alarm", "sound_check_failed",
    "sound_check_skipped", "sound_checked", "task_confirmed", "unlock_mismatch", "visit_cancelled", "visit_refused",
})  # fmt: skip
"""Events that are counted by their kind; all others together are ``other``."""

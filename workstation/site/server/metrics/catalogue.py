"""Which figures and which kinds of events become series. What is not listed here cannot be made one by a booth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

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
                return cls(stem=_STEMS.get(name, name.removesuffix(ending)), unit=unit, factor=factor, text=text)
        return cls(stem=_STEMS.get(name, name), unit=_BARE, factor=1, text=text)

    @cached_property
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
    "runtime_low_s": "Low end of what a UPS may last.",
    "runtime_high_s": "High end of what a UPS may last.",
    "required_s": "How long a UPS has to last.",
    "load_percent": "Load of a UPS.",
    "power_w": "Power that a UPS gives.",
    "input_voltage_v": "Voltage of the mains at a UPS.",
    "battery_voltage_v": "Voltage of a battery.",
    "temperature_celsius": "Temperature of a UPS.",
    "free_bytes": "Space that is free.",
    "used_percent": "Space that is used.",
    "available_bytes": "Memory that programs can still get.",
    "available_percent": "Part of the memory that programs can still get.",
    "swap_used_percent": "Part of the swap space that is used.",
    "highest_celsius": "Temperature of the hottest sensor.",
    "offset_s": "How far a booth's clock is ahead of the right time.",
    "uncertainty_s": "How far the offset of the clock may be wrong.",
    "site_offset_s": "How far a booth's clock is ahead of the site server's.",
    "round_trip_ms": "Time of a question and its answer over a line, at the median.",
    "round_trip_p95_ms": "The same, that 19 of 20 do not exceed.",
    "jitter_ms": "Mean step of that time from one question to the next.",
    "loss_percent": "Part of the questions that no answer came to.",
    "stratum": "How far a time service is from a reference clock.",
    "source_count": "Time sources that a booth has.",
    "reachable_count": "Time sources that answer.",
    "sensor_count": "Sensors of temperature.",
    "screen_count": "Screens that are connected.",
    "device_count": "USB devices.",
    "storage_count": "USB devices that can hold files.",
    "foreign_count": "Of these, the ones that nobody registered.",
    "present_count": "Pieces that are plugged in.",
}

_STEMS = {
    "available_bytes": "memory_available",
    "source_count": "time_sources",
    "reachable_count": "time_sources_reachable",
    "sensor_count": "temperature_sensors",
    "screen_count": "screens",
    "device_count": "usb_devices",
    "storage_count": "usb_storage_devices",
    "foreign_count": "usb_foreign_devices",
    "present_count": "devices_present",
}
"""Where two would have one name, and for counts: only a histogram may have a series that ends in _count."""

FIGURES: Mapping[str, Figure] = {name: Figure.of(name, text) for name, text in _TEXTS.items()}
"""By the names in ``ReadingReport.values``. A figure that is not here is left out of all series, and counted."""

EVENT_KINDS = frozenset({
    "arrival_recorded", "battery_test_refused", "battery_test_started", "battery_tested", "card_failed",
    "card_read", "checks_done", "checkup_begun", "checkup_done", "checkup_refused", "checkup_stopped",
    "clock_off", "clock_right", "crashed", "disk_freed", "disk_nearly_full", "evaluation_ended",
    "evaluation_interrupted", "evaluation_opened", "expert_matched", "face_compared", "face_failed",
    "face_mismatch", "face_uncertain", "foreign_device_found", "foreign_device_gone", "health_back",
    "health_lost", "help_called", "journal_set_aside", "launch_failed", "match_pending", "memory_freed",
    "memory_low", "message_read", "navigation_refused", "outage_began", "outage_ended", "outage_lasts",
    "outage_rule_reached", "pack_installed", "pack_refused", "photo_missing", "power_battery_low",
    "power_closing", "power_closing_cancelled", "power_off_failed", "power_sealed", "preflight_done",
    "preflight_refused", "presence_verified", "restarted", "review_again", "review_needed", "review_on_site",
    "review_rejected", "review_sent", "seat_alarm", "seat_leave", "seat_locked", "seat_notice",
    "seat_notice_cleared", "seat_unlocked", "seat_watch_failed", "signed_out", "software_changed",
    "sound_check_alarm", "sound_check_failed", "sound_check_skipped", "sound_checked", "task_confirmed",
    "temperature_high", "temperature_normal", "unlock_mismatch", "usb_changed", "visit_cancelled",
    "visit_refused",
})  # fmt: skip
"""Events that are counted by their kind; all others together are ``other``."""

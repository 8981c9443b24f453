"""Judges memory and temperature as the operating system counts them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import psutil

from workstation.health.readings import Moment, Reading
from workstation.site.readings import ReadingKind, ReadingState


@dataclass(frozen=True, kw_only=True)
class MemoryLimits:
    """Available memory in percent of all, below which the booth gets slow (WARN) or its browser ends (BAD)."""

    warn_percent: float = 12.0
    bad_percent: float = 5.0


@dataclass(frozen=True, kw_only=True)
class HeatLimits:
    """Degrees Celsius of sensors that do not say what is too hot for them."""

    warn_celsius: float = 85.0
    bad_celsius: float = 95.0


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """One temperature, degrees Celsius. ``high`` and ``critical`` are the chip's own limits, ``None`` without."""

    name: str
    celsius: float
    high_celsius: float | None = None
    critical_celsius: float | None = None


_LOWEST_CELSIUS, _HIGHEST_CELSIUS = -40.0, 150.0
"""What a sensor says beyond is no temperature: unconnected inputs read -128 or 255."""

_SEVERITY = (ReadingState.OK, ReadingState.WARN, ReadingState.BAD)


def read_memory(at: Moment, limits: MemoryLimits | None = None) -> Reading:
    """Judge what programs can still get without swapping."""
    limits = limits or MemoryLimits()
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    available_percent = 100.0 * memory.available / memory.total
    if available_percent < limits.bad_percent:
        state = ReadingState.BAD
    elif available_percent < limits.warn_percent:
        state = ReadingState.WARN
    else:
        state = ReadingState.OK
    values = {"available_bytes": float(memory.available), "available_percent": round(available_percent, 1)}
    if swap.total:
        values["swap_used_percent"] = round(100.0 * swap.used / swap.total, 1)
    return Reading(kind=ReadingKind.MEMORY, state=state, observed=at, values=values)


def sensors() -> tuple[Sensor, ...]:
    """Return the temperatures of this machine; ``()`` where none are told (Windows, most virtual machines)."""
    ask = getattr(psutil, "sensors_temperatures", None)
    if ask is None:
        return ()
    return tuple(
        Sensor(
            name=f"{chip} {entry.label}".strip(),
            celsius=entry.current,
            high_celsius=entry.high,
            critical_celsius=entry.critical,
        )
        for chip, entries in ask().items()
        for entry in entries
        if entry.current is not None
    )


def read_temperature(
    at: Moment, limits: HeatLimits | None = None, measured: tuple[Sensor, ...] | None = None
) -> Reading:
    """Judge each sensor by its own limits and return the worst; among equals, the hottest. UNKNOWN without any.

    ``measured`` stands for the sensors of this machine where it is given.
    """
    limits = limits or HeatLimits()
    found = [each for each in (sensors() if measured is None else measured) if _is_temperature(each.celsius)]
    if not found:
        return Reading(kind=ReadingKind.TEMPERATURE, state=ReadingState.UNKNOWN, observed=at, detail="no sensor")
    judged = [(_judge_heat(sensor, limits), sensor) for sensor in found]
    state, worst = max(judged, key=lambda each: (_SEVERITY.index(each[0]), each[1].celsius))
    return Reading(
        kind=ReadingKind.TEMPERATURE,
        state=state,
        observed=at,
        values={"highest_celsius": worst.celsius, "sensor_count": float(len(found))},
        detail=worst.name,
    )


def _judge_heat(sensor: Sensor, limits: HeatLimits) -> ReadingState:
    if sensor.celsius >= _limit(sensor.critical_celsius, limits.bad_celsius):
        return ReadingState.BAD
    if sensor.celsius >= _limit(sensor.high_celsius, limits.warn_celsius):
        return ReadingState.WARN
    return ReadingState.OK


def _limit(own: float | None, otherwise: float) -> float:
    """Chips say 0 or nonsense for a limit that they do not have."""
    return own if own is not None and 0 < own <= _HIGHEST_CELSIUS else otherwise


def _is_temperature(celsius: float) -> bool:
    return math.isfinite(celsius) and _LOWEST_CELSIUS <= celsius <= _HIGHEST_CELSIUS

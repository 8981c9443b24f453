"""The machine's disk, memory and temperature."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from workstation.health.machine import read_memory, read_temperature
from workstation.health.probes import DiskLimits, read_disk
from workstation.health.readings import Moment, Reading


class DiskCoordinator:
    """The file system that holds ``path``."""

    name = "disk"
    period_s = 10.0

    def __init__(self, path: Path, limits: DiskLimits) -> None:
        self._path, self._limits = path, limits

    def observe(self) -> Iterable[Reading]:
        """Look once."""
        return [read_disk(self._path, Moment.now(), self._limits)]


class MemoryCoordinator:
    """Main memory and swap."""

    name = "memory"
    period_s = 30.0

    def observe(self) -> Iterable[Reading]:
        """Look once."""
        return [read_memory(Moment.now())]


class TemperatureCoordinator:
    """The hottest sensor."""

    name = "temperature"
    period_s = 60.0

    def observe(self) -> Iterable[Reading]:
        """Look once."""
        return [read_temperature(Moment.now())]

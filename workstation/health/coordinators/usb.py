"""What is plugged into the booth: every change, and storage that does not belong here (E-706)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from drivers.errors import ErrorCode
from drivers.machine_facts import UsbBus, UsbDevice
from workstation.health.readings import Moment, Reading
from workstation.site.readings import ReadingKind, ReadingState

FILE_CLASSES = frozenset({"06", "08"})
"""USB classes that carry files away: still image (phones and cameras in transfer mode) and mass storage."""

_MAX_CHANGES = 8


class UsbCoordinator:
    """Compares each look with the one before. What was there at the start is no change, but may be foreign.

    Args:
        allowed: ``vendor:product`` of devices that carry files and belong here: keys that show a virtual disk, say.
        guard: whether others are a fault; else they are only counted.
    """

    name = "usb"
    period_s = 10.0

    def __init__(self, bus: UsbBus, allowed: Collection[str] = (), *, guard: bool = True) -> None:
        self._bus, self._allowed, self._guard = bus, frozenset(allowed), guard
        self._before: Counter[str] | None = None

    def observe(self) -> Iterable[Reading]:
        """Look once."""
        devices, at = self._bus.devices(), Moment.now()
        if devices is None:
            unknown = Reading(kind=ReadingKind.USB, state=ReadingState.UNKNOWN, observed=at, detail="no USB bus to see")
            return [unknown]
        storage = [device for device in devices if device.classes & FILE_CLASSES]
        foreign = [device for device in storage if device.ids not in self._allowed]
        is_bad = self._guard and bool(foreign)
        return [
            Reading(
                kind=ReadingKind.USB,
                state=ReadingState.BAD if is_bad else ReadingState.OK,
                observed=at,
                values={
                    "device_count": float(len(devices)),
                    "storage_count": float(len(storage)),
                    "foreign_count": float(len(foreign)),
                },
                code=ErrorCode.DEVICE_NOT_REGISTERED if is_bad else None,
                detail=" ".join(sorted(device.kind for device in foreign)),
                changes=self._changes(devices),
            )
        ]

    def _changes(self, devices: Sequence[UsbDevice]) -> tuple[str, ...]:
        now = Counter(device.kind for device in devices)
        before, self._before = self._before, now
        if before is None:
            return ()
        gone = (f"-{kind}" for kind in sorted((before - now).elements()))
        come = (f"+{kind}" for kind in sorted((now - before).elements()))
        changes = tuple(chain(gone, come))
        if len(changes) > _MAX_CHANGES:
            return (*changes[:_MAX_CHANGES], f"and {len(changes) - _MAX_CHANGES} more")
        return changes

"""What is seen only by being plugged in: the CA's USB key (U 盾) and the signature pad. Neither is ever opened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from drivers.machine_facts import UsbBus, UsbDevice
from workstation.health.readings import Moment, Reading
from workstation.site.readings import DeviceIdentity, ReadingKind, ReadingState


class PluggedCoordinator:
    """Looks for devices by their USB ids, and for PC/SC readers by name: many keys are both.

    Args:
        kind: what it is, ``TOKEN`` or ``SIGNATURE_PAD``.
        ids: ``vendor:product``; any of them will do.
        reader: expression for the name of a PC/SC reader that counts too.
        readers: gives the names of the PC/SC readers; ``None`` where nobody asks for them.
        stays: it belongs to the booth; its absence is then a fault (BAD), else a fact (OK, ``present_count`` 0).
    """

    period_s = 5.0

    def __init__(
        self,
        kind: ReadingKind,
        bus: UsbBus,
        ids: Sequence[str],
        *,
        reader: re.Pattern[str] | None = None,
        readers: Callable[[], Sequence[str]] | None = None,
        stays: bool = True,
    ) -> None:
        self.name = kind.value
        self._kind, self._bus, self._ids, self._stays = kind, bus, frozenset(ids), stays
        self._reader, self._readers = reader, readers

    def observe(self) -> Iterable[Reading]:
        """Look once."""
        devices, names = self._bus.devices() if self._ids else (), self._matching_readers()
        present = [device for device in devices or () if device.ids in self._ids]
        if devices is None and not names:
            return [
                Reading(kind=self._kind, state=ReadingState.UNKNOWN, observed=Moment.now(), detail="no USB bus to see")
            ]
        # A key that is a card reader to PC/SC too is one key.
        count = max(len(present), len(names))
        is_missed = count == 0 and self._stays
        return [
            Reading(
                kind=self._kind,
                state=ReadingState.BAD if is_missed else ReadingState.OK,
                observed=Moment.now(),
                values={"present_count": float(count)},
                detail="" if count else "not plugged in",
                device=_identity(present, names),
            )
        ]

    def _matching_readers(self) -> list[str]:
        if self._reader is None or self._readers is None:
            return []
        return [name for name in self._readers() if self._reader.search(name)]


def _identity(present: Sequence[UsbDevice], names: Sequence[str]) -> DeviceIdentity | None:
    """Return the first one's name. No serial number: it tells whose key it is."""
    if present:
        return DeviceIdentity(name=f"{present[0].product} {present[0].ids}".strip())
    return DeviceIdentity(name=names[0][:200]) if names else None

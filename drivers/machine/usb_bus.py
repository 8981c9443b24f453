"""The USB bus as Linux shows it in sysfs. Reads a few small files; opens no device and sends nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from drivers.machine_facts import UsbDevice

SYSFS = Path("/sys/bus/usb/devices")

_DEVICE = re.compile(r"[0-9]+-[0-9]+(?:\.[0-9]+)*")
_INTERFACE = re.compile(rf"({_DEVICE.pattern}):[0-9]+\.[0-9]+")
_ID = re.compile(r"[0-9a-f]{4}")
_CLASS = re.compile(r"[0-9a-f]{2}")
_PER_INTERFACE = "00"
"""A device class that says: look at the interfaces."""
_MAX_PRODUCT = 100


class SysfsUsbBus:
    """Every look reads sysfs anew: about forty files for ten devices.

    Args:
        root: the folder; another one in tests.
    """

    def __init__(self, root: Path = SYSFS) -> None:
        self._root = root

    def devices(self) -> tuple[UsbDevice, ...] | None:
        """See ``UsbBus``. A device that is unplugged while it is read is left out."""
        try:
            names = [entry.name for entry in self._root.iterdir()]
        except OSError:
            return None
        found = (self._read(name, interfaces) for name, interfaces in group_names(names).items())
        return tuple(device for device in found if device is not None)

    def _read(self, name: str, interfaces: Iterable[str]) -> UsbDevice | None:
        vendor_id, product_id = self._field(name, "idVendor", _ID), self._field(name, "idProduct", _ID)
        if not vendor_id or not product_id:
            return None
        classes = {self._field(name, "bDeviceClass", _CLASS)}
        classes |= {self._field(interface, "bInterfaceClass", _CLASS) for interface in interfaces}
        return UsbDevice(
            vendor_id=vendor_id,
            product_id=product_id,
            classes=frozenset(classes - {"", _PER_INTERFACE}),
            product=self._text(name, "product")[:_MAX_PRODUCT],
        )

    def _field(self, name: str, field: str, pattern: re.Pattern[str]) -> str:
        text = self._text(name, field).lower()
        return text if pattern.fullmatch(text) else ""

    def _text(self, name: str, field: str) -> str:
        """Return a file's text, "" where there is none (any more). Devices choose their names: no byte is believed."""
        try:
            text = (self._root / name / field).read_bytes().decode("utf-8", "replace")
        except OSError:
            return ""
        return "".join(letter for letter in text if letter.isprintable()).strip()


def group_names(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the devices (``1-1.2``) among sysfs' names, each with its interfaces (``1-1.2:1.0``).

    Root hubs (``usb1``) are the machine's own and left out; so is whatever has another name.
    """
    devices: dict[str, list[str]] = {}
    interfaces: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        if _DEVICE.fullmatch(name):
            devices[name] = interfaces[name]
        elif match := _INTERFACE.fullmatch(name):
            interfaces[match[1]].append(name)
    return devices

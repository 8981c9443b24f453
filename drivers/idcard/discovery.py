"""What is plugged in that could be an ID card reader. Lists only; nothing here sends a byte to a device."""

from __future__ import annotations

import os
from dataclasses import dataclass

import usb.core
from serial.tools import list_ports
from smartcard import scard

from drivers.idcard.pcsc_status import NO_READERS, SUCCESS, absence_detail, masked


@dataclass(frozen=True, kw_only=True)
class PcscSeen:
    """The readers PC/SC knows by name; ``problem`` says why it knows none when the service is away, "" otherwise."""

    names: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class PortSeen:
    """A serial port, or a USB device by its ids."""

    name: str
    description: str


def pcsc_readers() -> PcscSeen:
    """Return the readers of the PC/SC service."""
    hresult, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    if masked(hresult) != SUCCESS:
        return PcscSeen(problem=_why(hresult))
    hresult, names = scard.SCardListReaders(context, [])
    scard.SCardReleaseContext(context)
    if masked(hresult) not in {SUCCESS, NO_READERS}:
        return PcscSeen(problem=_why(hresult))
    return PcscSeen(names=tuple(names))


def serial_ports() -> tuple[PortSeen, ...]:
    """Return the serial ports of this machine."""
    return tuple(PortSeen(name=port.device, description=port.description) for port in list_ports.comports())


def usb_devices(vendor_id: int, product_id: int) -> tuple[PortSeen, ...]:
    """Return the USB devices with these ids, ``()`` where libusb is not installed."""
    try:
        found = list(usb.core.find(find_all=True, idVendor=vendor_id, idProduct=product_id))
    except (usb.core.USBError, usb.core.NoBackendError):
        return ()
    return tuple(
        PortSeen(name=f"{vendor_id:04x}:{product_id:04x}", description=f"bus {device.bus} address {device.address}")
        for device in found
    )


def _why(hresult: int) -> str:
    return absence_detail(masked(hresult), os.environ.get("SESSIONNAME", ""))

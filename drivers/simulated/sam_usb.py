"""The drill SAM as a USB device: a pyusb backend with the rules of a bus."""

# ruff: noqa: ARG002 - pyusb passes everything a backend could want, by position
from __future__ import annotations

import array
import errno
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Final, Literal

from usb.backend import IBackend
from usb.core import USBError, USBTimeoutError

from drivers.idcard.sdt import PREAMBLE, SamStatus, encode_frame
from drivers.simulated.bench import BenchFile
from drivers.simulated.sam import PIECE_INTERVAL_S, PIECE_LENGTH, CardCutError, SamEmulator

VENDOR_ID: Final = 0x0400
PRODUCT_ID: Final = 0xC35A
PRODUCT: Final = "演练身份证阅读机具"
_HEAD: Final = len(PREAMBLE) + 2
_PACKET: Final = 64
_INTERFACE: Final = 0
_CONFIGURATION: Final = 1
_BULK: Final = 2
_DEVICE_TO_HOST: Final = 0x80
_GET_DESCRIPTOR: Final = 6
_STRING: Final = 3
_LANGUAGE: Final = 0x0409
_LOOK_INTERVAL_S: Final = 0.005
_LIFTED: Final = encode_frame(bytes([0, 0, SamStatus.READ_FAILED]))
_ENDPOINTS: Final = {"split": (0x02, 0x81, 0x06, 0x85), "whole": (0x01, 0x82)}

Descriptor = SimpleNamespace
Handle = object


class SimulatedUsbBackend(IBackend):
    """One reader on the bus while the bench says that it is plugged in.

    Enforces what a bus does: unclaimed interfaces, endpoints that are not there, wrong directions and lost devices are
    errors; a transfer ends with a short packet, and one that is too small for a packet overflows.

    Attributes:
        refusal: ``errno`` of the next openings, 0 for none.
        has_kernel_driver: whether a kernel driver sits on the interface.
        halted: endpoints that are halted; clearing them sets them going again.
        is_configured: whether the device has its configuration.
    """

    def __init__(self, bench: BenchFile, sam: SamEmulator, framing: Literal["split", "whole"] = "split") -> None:
        self.refusal = 0
        self.has_kernel_driver = False
        self.halted: set[int] = set()
        self.is_configured = True
        self._bench = bench
        self._sam = sam
        self._endpoints = _ENDPOINTS[framing]
        self._outgoing = [address for address in self._endpoints if not address & _DEVICE_TO_HOST]
        self._incoming = [address for address in self._endpoints if address & _DEVICE_TO_HOST]
        self._packets: dict[int, deque[tuple[float, bytes]]] = {address: deque() for address in self._incoming}
        self._handles: set[Handle] = set()
        self._owner: Handle | None = None
        self._head = b""

    def enumerate_devices(self) -> Iterator[str]:
        """Yield the reader, if it is plugged in."""
        if self._bench.read().reader_plugged:
            yield "reader"

    def get_device_descriptor(self, dev: str) -> Descriptor:
        """Return the device descriptor (USB 2.0, 9.6.1)."""
        return Descriptor(
            bLength=18, bDescriptorType=1, bcdUSB=0x0110, bDeviceClass=0xFF, bDeviceSubClass=0, bDeviceProtocol=0,
            bMaxPacketSize0=8, idVendor=VENDOR_ID, idProduct=PRODUCT_ID, bcdDevice=0x0102, iManufacturer=0, iProduct=1,
            iSerialNumber=0, bNumConfigurations=1, bus=1, address=2, port_number=1, port_numbers=(1,), speed=2,
        )  # fmt: skip

    def get_configuration_descriptor(self, dev: str, config: int) -> Descriptor:
        """Return the only configuration (USB 2.0, 9.6.3)."""
        _require_index(config, 1)
        return Descriptor(
            bLength=9, bDescriptorType=2, wTotalLength=18 + 7 * len(self._endpoints), bNumInterfaces=1,
            bConfigurationValue=_CONFIGURATION, iConfiguration=0, bmAttributes=0x80, bMaxPower=250,
            extra_descriptors=[],
        )  # fmt: skip

    def get_interface_descriptor(self, dev: str, intf: int, alt: int, config: int) -> Descriptor:
        """Return the only interface (USB 2.0, 9.6.5)."""
        _require_index(intf, 1)
        _require_index(alt, 1)
        return Descriptor(
            bLength=9, bDescriptorType=4, bInterfaceNumber=_INTERFACE, bAlternateSetting=0,
            bNumEndpoints=len(self._endpoints), bInterfaceClass=0xFF, bInterfaceSubClass=0, bInterfaceProtocol=0,
            iInterface=0, extra_descriptors=[],
        )  # fmt: skip

    def get_endpoint_descriptor(self, dev: str, ep: int, intf: int, alt: int, config: int) -> Descriptor:
        """Return an endpoint (USB 2.0, 9.6.6)."""
        _require_index(ep, len(self._endpoints))
        return Descriptor(
            bLength=7, bDescriptorType=5, bEndpointAddress=self._endpoints[ep], bmAttributes=_BULK,
            wMaxPacketSize=_PACKET, bInterval=0, bRefresh=0, bSynchAddress=0, extra_descriptors=[],
        )  # fmt: skip

    def open_device(self, dev: str) -> Handle:
        """Open the device."""
        self._look()
        if self.refusal:
            raise _error(self.refusal)
        handle = object()
        self._handles.add(handle)
        return handle

    def close_device(self, dev_handle: Handle) -> None:
        """Close the handle and give up what it claimed."""
        self._handles.discard(dev_handle)
        if self._owner is dev_handle:
            self._owner = None

    def set_configuration(self, dev_handle: Handle, config_value: int) -> None:
        """Configure the device."""
        self._look()
        self.is_configured = config_value == _CONFIGURATION

    def get_configuration(self, dev_handle: Handle) -> int:
        """Return the active configuration, 0 for none."""
        self._look()
        return _CONFIGURATION if self.is_configured else 0

    def is_kernel_driver_active(self, dev_handle: Handle, intf: int) -> bool:
        """Whether a kernel driver sits on the interface."""
        self._look()
        return self.has_kernel_driver

    def detach_kernel_driver(self, dev_handle: Handle, intf: int) -> None:
        """Take the kernel driver off the interface."""
        self._look()
        self.has_kernel_driver = False

    def claim_interface(self, dev_handle: Handle, intf: int) -> None:
        """Claim the interface for one handle."""
        self._look()
        if self.has_kernel_driver or self._owner not in {None, dev_handle}:
            raise _error(errno.EBUSY)
        self._owner = dev_handle

    def release_interface(self, dev_handle: Handle, intf: int) -> None:
        """Give the interface back."""
        self._look()
        self._owner = None

    def clear_halt(self, dev_handle: Handle, ep: int) -> None:
        """Set a halted endpoint going again."""
        self._look()
        self.halted.discard(ep)

    def ctrl_transfer(  # noqa: PLR0917 - pyusb's signature
        self,
        dev_handle: Handle,
        bmRequestType: int,  # noqa: N803 - names of the USB standard
        bRequest: int,  # noqa: N803
        wValue: int,  # noqa: N803
        wIndex: int,  # noqa: N803
        data: array.array[int],
        timeout: int,
    ) -> int:
        """Answer GET_DESCRIPTOR for strings (USB 2.0, 9.6.7)."""
        self._look()
        if (bmRequestType, bRequest, wValue >> 8) != (_DEVICE_TO_HOST, _GET_DESCRIPTOR, _STRING):
            raise _error(errno.EPIPE)
        text = PRODUCT.encode("utf-16-le") if wValue & 0xFF else _LANGUAGE.to_bytes(2, "little")
        return _fill(data, bytes([2 + len(text), _STRING]) + text)

    def bulk_write(self, dev_handle: Handle, ep: int, intf: int, data: array.array[int], timeout: int) -> int:
        """Take a transfer; a complete command is answered at once."""
        self._require_usable(dev_handle, ep, self._outgoing)
        part = data.tobytes()
        if ep == self._outgoing[0]:
            self._head = part
        if ep == self._outgoing[-1]:
            self._answer(self._head + part if len(self._outgoing) > 1 else part)
            self._head = b""
        return len(part)

    def bulk_read(self, dev_handle: Handle, ep: int, intf: int, buff: array.array[int], timeout: int) -> int:
        """Give packets until one is short, the buffer is full, or the time is up."""
        self._require_usable(dev_handle, ep, self._incoming)
        deadline = time.monotonic() + timeout / 1000
        received = b""
        while len(received) < len(buff):
            packet = self._next_packet(ep, deadline)
            if packet is None:
                if received:
                    break  # libusb says so too: a timeout with data is data.
                raise USBTimeoutError("Operation timed out", errno=errno.ETIMEDOUT)
            if len(received) + len(packet) > len(buff):
                raise _error(errno.EOVERFLOW)
            received += packet
            if len(packet) < _PACKET:
                break
        return _fill(buff, received)

    def _next_packet(self, ep: int, deadline: float) -> bytes | None:
        packets = self._packets[ep]
        while not packets or time.monotonic() < packets[0][0]:
            if time.monotonic() >= deadline:
                return None
            time.sleep(_LOOK_INTERVAL_S)
            self._look()
        return packets.popleft()[1]

    def _answer(self, frame: bytes) -> None:
        self._sam.follow(self._bench.read().card)
        try:
            reply = self._sam.handle(frame)
        except CardCutError:
            reply = _LIFTED
        if reply is None:
            return
        parts = (reply,) if len(self._incoming) == 1 else (reply[:_HEAD], reply[_HEAD:])
        due = time.monotonic()
        for endpoint, part in zip(self._incoming, parts, strict=True):
            length = PIECE_LENGTH if self._sam.dribbles else _PACKET
            for start in range(0, max(1, len(part)), length):
                self._packets[endpoint].append((due, part[start : start + length]))
                due += PIECE_INTERVAL_S if self._sam.dribbles else 0.0
            if part and len(part) % _PACKET == 0:
                self._packets[endpoint].append((due, b""))

    def _require_usable(self, handle: Handle, ep: int, endpoints: Sequence[int]) -> None:
        self._look()
        if handle not in self._handles or handle is not self._owner:
            raise _error(errno.EIO)
        if ep not in endpoints:
            raise _error(errno.ENOENT)
        if ep in self.halted:
            raise _error(errno.EPIPE)

    def _look(self) -> None:
        """A device that is gone takes its handles and what it had to say with it."""
        if not self._bench.read().reader_plugged:
            self._handles.clear()
            self._owner = None
            self._sam.follow(None)
            for packets in self._packets.values():
                packets.clear()
            raise _error(errno.ENODEV)


def _require_index(index: int, count: int) -> None:
    if index >= count:
        raise IndexError


def _fill(buffer: array.array[int], data: bytes) -> int:
    given = data[: len(buffer)]
    buffer[: len(given)] = array.array("B", given)
    return len(given)


def _error(number: int) -> USBError:
    return USBError(os.strerror(number), errno=number)

"""SDT frames over the pipes of a USB device that is no PC/SC reader.

The SAM's own USB interface (0400:c35a) splits a frame: preamble and LEN go through one pipe, the rest through another,
in both directions (OUT 0x02 and 0x06, IN 0x81 and 0x85). Other firmware sends whole frames through one pair of pipes.
"""

from __future__ import annotations

import array
import contextlib
import errno
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import usb.core
import usb.util
from usb.backend import IBackend

from drivers.contracts import CancelToken
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.sdt import PREAMBLE
from drivers.idcard.stream import CANCEL_CHECK_S, collect_reply

Framing = Literal["split", "whole"]

UDEV_RULE: Final = "60-evaluation-workstation.rules"
_HEAD: Final = len(PREAMBLE) + 2
_SPLIT_OUT: Final = (0x02, 0x06)
_SPLIT_IN: Final = (0x81, 0x85)
_PIPE_TYPES: Final = frozenset({usb.util.ENDPOINT_TYPE_BULK, usb.util.ENDPOINT_TYPE_INTR})
_TIMEOUT_MS: Final = int(1000 * CANCEL_CHECK_S)
_QUIET_MS: Final = 30
_BUFFER_LENGTH: Final = 4096
"""A multiple of every packet length: libusb fails a transfer whose last packet does not fit."""
_NAME_LENGTH: Final = 64


@dataclass(frozen=True, kw_only=True)
class UsbDevice:
    """Which USB device is the reader, and how it cuts frames.

    Attributes:
        backend: a pyusb backend, ``None`` for the installed libusb.
    """

    vendor_id: int
    product_id: int
    framing: Framing = "split"
    backend: IBackend | None = None

    def open(self) -> UsbChannel:
        """Find the device and claim it.

        Raises:
            DeviceError: READER_ABSENT.
        """
        try:
            device = usb.core.find(backend=self.backend, idVendor=self.vendor_id, idProduct=self.product_id)
        except usb.core.NoBackendError as error:
            raise DeviceError(ErrorCode.READER_ABSENT, "libusb 1.0 is not installed") from error
        except usb.core.USBError as error:
            raise _failed(error) from error
        if device is None:
            raise DeviceError(ErrorCode.READER_ABSENT, f"{self} is not plugged in")
        try:
            return UsbChannel(device, self.framing, str(self))
        except usb.core.USBError as error:
            raise _failed(error) from error

    def __str__(self) -> str:
        return f"USB {self.vendor_id:04x}:{self.product_id:04x}"


@dataclass(frozen=True, kw_only=True)
class Pipes:
    """Endpoint addresses, in the order in which the parts of a frame pass through them."""

    interface: int
    outgoing: tuple[int, ...]
    incoming: tuple[int, ...]


class UsbChannel:
    """An ``SdtChannel`` over a claimed USB interface."""

    def __init__(self, device: usb.core.Device, framing: Framing, fallback_name: str) -> None:
        self._device = device
        self._buffer = array.array("B", bytes(_BUFFER_LENGTH))
        self._is_in_step = False
        self._was_halted = False
        with contextlib.ExitStack() as undo:
            undo.callback(usb.util.dispose_resources, device)
            self._pipes = _choose_pipes(_configuration(device), framing)
            _claim(device, self._pipes.interface)
            undo.pop_all()
        self.name = _product(device) or fallback_name
        self.firmware = f"{device.bcdDevice >> 8:x}.{device.bcdDevice & 0xFF:02x}"

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Send one frame and return the raw reply; see ``SdtTransport``."""
        deadline = time.monotonic() + timeout_s
        try:
            self._was_halted = False
            if not self._is_in_step:
                self._drain(deadline)
            self._is_in_step = False
            self._send(frame, deadline, cancel)
            incoming = _Incoming(self._receive, self._pipes.incoming)
            reply, self._is_in_step = collect_reply(incoming, deadline=deadline, cancel=cancel)
        except usb.core.USBError as error:
            raise _failed(error) from error
        return reply

    def close(self) -> None:
        """Release the interface. Idempotent."""
        usb.util.dispose_resources(self._device)

    def _send(self, frame: bytes, deadline: float, cancel: CancelToken) -> None:
        parts = (frame,) if len(self._pipes.outgoing) == 1 else (frame[:_HEAD], frame[_HEAD:])
        for endpoint, part in zip(self._pipes.outgoing, parts, strict=True):
            rest = part
            while rest:
                sent = self._transfer(endpoint, functools.partial(self._device.write, endpoint, rest, _TIMEOUT_MS))
                rest = rest[sent:]
                if cancel.is_cancelled:
                    raise CancelledError
                if rest and time.monotonic() >= deadline:
                    raise DeviceError(ErrorCode.CARD_UNREADABLE, "the reader takes no command")

    def _receive(self, endpoint: int) -> bytes:
        count = self._transfer(endpoint, functools.partial(self._device.read, endpoint, self._buffer, _TIMEOUT_MS))
        portion = self._buffer[:count].tobytes()
        self._buffer[:count] = array.array("B", bytes(count))
        return portion

    def _transfer(self, endpoint: int, transfer: Callable[[], int]) -> int:
        """Return how many bytes moved: none when the time was up, or when a halted pipe was set going again."""
        try:
            return transfer()
        except usb.core.USBTimeoutError:
            return 0
        except usb.core.USBError as error:
            self._set_going(endpoint, error)
            return 0

    def _set_going(self, endpoint: int, error: usb.core.USBError) -> None:
        """Clear a pipe that is halted, once per exchange; other errors go on their way."""
        if error.errno != errno.EPIPE or self._was_halted:
            raise error
        self._was_halted = True
        self._device.clear_halt(endpoint)

    def _drain(self, deadline: float) -> None:
        """Let the rest of a broken reply pass, so that it is not taken for the answer to the next command."""
        for endpoint in self._pipes.incoming:
            while True:
                try:
                    self._device.read(endpoint, self._buffer, _QUIET_MS)
                except usb.core.USBTimeoutError:
                    break
                except usb.core.USBError as error:
                    self._set_going(endpoint, error)
                if time.monotonic() >= deadline:
                    raise DeviceError(ErrorCode.CARD_UNREADABLE, "the reader never stops talking")
        self._buffer[:] = array.array("B", bytes(_BUFFER_LENGTH))


class _Incoming:
    """Reads one reply: its head from the first pipe, then the rest from the last."""

    def __init__(self, receive: Callable[[int], bytes], endpoints: Sequence[int]) -> None:
        self._receive = receive
        self._endpoints = endpoints
        self._has_head = False

    def __call__(self) -> bytes:
        portion = self._receive(self._endpoints[-1 if self._has_head else 0])
        self._has_head = self._has_head or bool(portion)
        return portion


def _configuration(device: usb.core.Device) -> usb.core.Configuration:
    try:
        return device.get_active_configuration()
    except usb.core.USBError as error:
        if error.errno is not None:
            raise
    device.set_configuration()  # Nobody has configured it yet. A device in use is left as it is.
    return device.get_active_configuration()


def _choose_pipes(configuration: usb.core.Configuration, framing: Framing) -> Pipes:
    for interface in configuration:
        if interface.bAlternateSetting != 0:
            continue
        addresses = [e.bEndpointAddress for e in interface if usb.util.endpoint_type(e.bmAttributes) in _PIPE_TYPES]
        incoming = [a for a in addresses if usb.util.endpoint_direction(a) == usb.util.ENDPOINT_IN]
        outgoing = [a for a in addresses if a not in incoming]
        count = len(_SPLIT_OUT) if framing == "split" else 1
        if len(incoming) < count or len(outgoing) < count:
            continue
        if framing == "split" and set(addresses) >= {*_SPLIT_OUT, *_SPLIT_IN}:
            outgoing, incoming = list(_SPLIT_OUT), list(_SPLIT_IN)
        return Pipes(
            interface=interface.bInterfaceNumber, outgoing=tuple(outgoing[:count]), incoming=tuple(incoming[:count])
        )
    raise DeviceError(ErrorCode.READER_ABSENT, f'the USB device has no pipes for framing "{framing}"')


def _claim(device: usb.core.Device, interface: int) -> None:
    with contextlib.suppress(NotImplementedError):  # Only Linux has kernel drivers to detach.
        if device.is_kernel_driver_active(interface):
            device.detach_kernel_driver(interface)
    usb.util.claim_interface(device, interface)


def _product(device: usb.core.Device) -> str:
    try:
        text_untrusted = device.product or ""
    except (usb.core.USBError, ValueError, IndexError):
        return ""
    return "".join(filter(str.isprintable, text_untrusted))[:_NAME_LENGTH].strip()


def _failed(error: usb.core.USBError) -> DeviceError:
    """Return what a USB error means. Whatever is not known is a reader to be opened anew."""
    match error.errno:
        case errno.EPIPE | errno.EOVERFLOW:
            return DeviceError(ErrorCode.CARD_UNREADABLE, f"USB: {error.strerror}")
        case errno.EACCES:
            detail = f"no permission for the USB device; is the udev rule {UDEV_RULE} installed?"
        case errno.EBUSY:
            detail = "another program uses the USB device"
        case _:
            detail = f"USB: {error.strerror}"
    return DeviceError(ErrorCode.READER_ABSENT, detail)

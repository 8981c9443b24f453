"""PC/SC result codes (PC/SC part 5; pcsc-lite and winscard) and what they mean for a card reader."""

from __future__ import annotations

from typing import Final

from drivers.errors import DeviceError, ErrorCode

SUCCESS: Final = 0x00000000
CANCELLED: Final = 0x80100002
TIMEOUT: Final = 0x8010000A
NO_READERS: Final = 0x8010002E
UNKNOWN_READER: Final = 0x80100009
NO_SERVICE: Final = 0x8010001D

READER_AWAY: Final = frozenset({
    0x80100003,  # INVALID_HANDLE: the context died with the service
    UNKNOWN_READER,
    0x80100013,  # COMM_ERROR: the service ended during the call
    0x80100017,  # READER_UNAVAILABLE
    NO_SERVICE,
    0x8010001E,  # SERVICE_STOPPED: Windows, when its last reader is unplugged
    NO_READERS,
})  # fmt: skip
_CARD_AWAY: Final = frozenset({0x8010000C, 0x80100069})  # NO_SMARTCARD, REMOVED_CARD


def masked(hresult: int) -> int:
    """Return the result as unsigned; pyscard's sign differs between platforms and versions."""
    return hresult & 0xFFFFFFFF


def describe(hresult: int) -> str:
    """Return the result in the form administrators search for."""
    return f"SCARD 0x{hresult:08X}"


def device_error(hresult: int) -> DeviceError:
    """Map a failed connect or transmit to our codes."""
    if hresult in READER_AWAY:
        code = ErrorCode.READER_ABSENT
    elif hresult in _CARD_AWAY:
        code = ErrorCode.CARD_LIFTED
    else:
        code = ErrorCode.CARD_UNREADABLE
    return DeviceError(code, describe(hresult), context={"scard": describe(hresult)})

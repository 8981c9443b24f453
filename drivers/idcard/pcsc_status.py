"""PC/SC result codes (PC/SC part 5; pcsc-lite and winscard) and what they mean for a card reader."""

from __future__ import annotations

from typing import Final

from drivers.errors import DeviceError, ErrorCode

SUCCESS: Final = 0x00000000
CANCELLED: Final = 0x80100002
TIMEOUT: Final = 0x8010000A
SHARING_VIOLATION: Final = 0x8010000B
NO_READERS: Final = 0x8010002E
UNKNOWN_READER: Final = 0x80100009
NO_SERVICE: Final = 0x8010001D
MUTE_CARD: Final = frozenset({0x80100066, 0x80100067})
"""W_UNRESPONSIVE_CARD, and W_UNPOWERED_CARD, as pcsc-lite says it: gone, or silent when it is still there."""
ACCESS_DENIED: Final = 0x00000005
"""Windows' own ERROR_ACCESS_DENIED: the service does not talk to session 0."""

REFUSED: Final = frozenset({0x80100027, 0x8010006A})  # E_NO_ACCESS, W_SECURITY_VIOLATION: pcscd asked polkit
READER_AWAY: Final = frozenset({
    0x80100003,  # INVALID_HANDLE: the context died with the service
    UNKNOWN_READER,
    0x80100013,  # COMM_ERROR: the service ended during the call
    0x80100017,  # READER_UNAVAILABLE
    NO_SERVICE,
    0x8010001E,  # SERVICE_STOPPED: Windows, when its last reader is unplugged
    NO_READERS,
    ACCESS_DENIED,
    *REFUSED,
})  # fmt: skip
_CARD_AWAY: Final = frozenset({
    0x8010000C,  # NO_SMARTCARD
    *MUTE_CARD,
    0x80100068,  # RESET_CARD
    0x80100069,  # REMOVED_CARD
})  # fmt: skip
_UNSUPPORTED: Final = frozenset({0x8010001F, 0x80100022})
"""UNSUPPORTED_FEATURE of pcsc-lite and of Windows; each is the other's UNEXPECTED, which is no better."""


def masked(hresult: int) -> int:
    """Return the result as unsigned; pyscard's sign differs between platforms and versions."""
    return hresult & 0xFFFFFFFF


def describe(hresult: int) -> str:
    """Return the result in the form administrators search for."""
    return f"SCARD 0x{hresult:08X}"


def absence_detail(hresult: int, session_name: str) -> str:
    """Say why there is no reader, with the cause where the result alone misleads.

    Args:
        hresult: unsigned result of the call that failed.
        session_name: Windows' ``SESSIONNAME``, "" elsewhere.
    """
    if hresult in REFUSED:
        return f"{describe(hresult)}: refused by polkit"
    if hresult == ACCESS_DENIED:
        return f"{describe(hresult)}: session 0 (a Windows service) has no readers"
    if session_name.upper().startswith("RDP-"):
        return f"{describe(hresult)}: a remote desktop session has the readers of the machine it is shown on"
    if hresult == NO_SERVICE:
        return f"{describe(hresult)}: the smart card service does not run"
    return describe(hresult)


def device_error(hresult: int) -> DeviceError:
    """Map a failed connect, transmit or control call to our codes."""
    message, retryable = describe(hresult), True
    if hresult in READER_AWAY:
        code, message, retryable = ErrorCode.READER_ABSENT, absence_detail(hresult, ""), hresult not in REFUSED
    elif hresult in _CARD_AWAY:
        code = ErrorCode.CARD_LIFTED
    elif hresult == SHARING_VIOLATION:
        code, message = ErrorCode.CARD_READER_BROKEN, f"{message}: in use by another program"
    elif hresult in _UNSUPPORTED:
        code, message, retryable = ErrorCode.CARD_READER_BROKEN, f"{message}: not supported by the reader", False
    else:
        code = ErrorCode.CARD_UNREADABLE
    return DeviceError(code, message, context={"scard": describe(hresult)}, retryable=retryable)

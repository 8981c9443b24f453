"""Which other card lies on the reader: asked by harmless SELECTs, so that the expert is told by name.

Nothing is read from it, no PIN is sent, and what it answers beyond a status word is dropped. The order decides where
cards look alike: a passport's chip also has a random number, and a phone carries bank and transit cards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from drivers.errors import OtherCard
from drivers.idcard.atr import is_stored_value_card

Transmit = Callable[[bytes], bytes]
"""Sends an APDU to the card and returns its reply; raises ``DeviceError``."""

EPASSPORT: Final = bytes.fromhex("A0 00 00 02 47 10 01")
"""ICAO Doc 9303-10, 3.4.2."""
SOCIAL_SECURITY: Final = b"sx1.sh." + "社会保障".encode("gbk")
T_UNION: Final = bytes.fromhex("A0 00 00 06 32 01 01 05")
"""JT/T 978, the transit cards of all cities."""
PAYMENT_CONTACTLESS: Final = b"2PAY.SYS.DDF01"
PAYMENT_CONTACT: Final = b"1PAY.SYS.DDF01"

_BEFORE_PHONES: Final = ((EPASSPORT, OtherCard.PASSPORT), (SOCIAL_SECURITY, OtherCard.SOCIAL_SECURITY))
_ON_PHONES_TOO: Final = (
    (T_UNION, OtherCard.TRANSIT),
    (PAYMENT_CONTACTLESS, OtherCard.BANK),
    (PAYMENT_CONTACT, OtherCard.BANK),
)
_SELECT_BY_NAME: Final = bytes.fromhex("00 A4 04 00")
_GET_UID: Final = bytes.fromhex("FF CA 00 00 00")
"""PC/SC part 3, 3.2.2.1.3."""
_ID_CARD_UID: Final = bytes.fromhex("00 36 00 00 08")
"""Answered by resident identity cards, whose type B number is always zero."""
_SW_OK: Final = b"\x90\x00"
_RANDOM_UID_LENGTH: Final = 4
_RANDOM_UID: Final = 0x08
"""ISO/IEC 14443-3, 6.5.4: a four-byte UID that begins so is drawn anew each time."""


def name_card(transmit: Transmit, atr: bytes) -> OtherCard | None:
    """Return what the card is, ``None`` when it is nothing known.

    Raises:
        DeviceError: as ``transmit``.
    """
    if is_stored_value_card(atr):
        return OtherCard.TRANSIT
    for name, card in _BEFORE_PHONES:
        if _has_application(transmit, name):
            return card
    uid = read_uid(transmit)
    if len(uid) == _RANDOM_UID_LENGTH and uid[0] == _RANDOM_UID:
        return OtherCard.PHONE
    for name, card in _ON_PHONES_TOO:
        if _has_application(transmit, name):
            return card
    return None


def read_uid(transmit: Transmit) -> bytes:
    """Return the chip's number as the reader or the card tells it, ``b""`` when neither does.

    Raises:
        DeviceError: as ``transmit``.
    """
    for apdu in (_GET_UID, _ID_CARD_UID):
        reply = transmit(apdu)
        if reply.endswith(_SW_OK) and any(reply[:-2]):
            return reply[:-2]
    return b""


def _has_application(transmit: Transmit, name: bytes) -> bool:
    """Whether selecting an application by name works (ISO 7816-4, 11.2.2)."""
    apdu = _SELECT_BY_NAME + bytes([len(name)]) + name
    reply = transmit(apdu + b"\x00")
    if reply[-2:-1] in {b"\x67", b"\x6c"}:  # T=0 cards want no Le
        reply = transmit(apdu)
    return reply.endswith(_SW_OK) or reply[-2:-1] == b"\x61"

"""What else people lay on an ID card reader: cards that answer a few APDUs. All data are invented."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.errors import OtherCard
from drivers.idcard.other_cards import (
    EPASSPORT,
    PAYMENT_CONTACT,
    PAYMENT_CONTACTLESS,
    SOCIAL_SECURITY,
    T_UNION,
)

_OK: Final = bytes.fromhex("90 00")
_WRONG_LENGTH: Final = bytes.fromhex("67 00")
_NOT_FOUND: Final = bytes.fromhex("6A 82")
_NO_SUCH_FUNCTION: Final = bytes.fromhex("6A 81")
_NO_SUCH_INSTRUCTION: Final = bytes.fromhex("6D 00")
_NO_SUCH_CLASS: Final = bytes.fromhex("6E 00")
_SELECT_BY_NAME: Final = bytes.fromhex("00 A4 04 00")


@dataclass(frozen=True, kw_only=True)
class ScriptedCard:
    """A card as a function from APDU to reply.

    Attributes:
        atr: answer to reset.
        uid: what the reader tells as its number, ``b""`` for contact cards.
        serial: what an ID card tells as its number, ``b""`` for others.
        applications: names that can be selected.
        is_contact: speaks T=0, so that a command has data or wants some, never both (ISO 7816-3, 12.2.1).
    """

    atr: bytes
    uid: bytes = b""
    serial: bytes = b""
    applications: frozenset[bytes] = frozenset()
    is_contact: bool = False

    def answer(self, apdu: bytes) -> bytes:
        """Answer one APDU."""
        if apdu == bytes.fromhex("FF CA 00 00 00"):
            return self.uid + _OK if self.uid else _NO_SUCH_FUNCTION
        if apdu == bytes.fromhex("00 36 00 00 08") and self.serial:
            return self.serial + _OK
        if apdu.startswith(_SELECT_BY_NAME) and len(apdu) > 5:
            return self._select(apdu[5:])
        return _NO_SUCH_CLASS if apdu[:1] != b"\x00" else _NO_SUCH_INSTRUCTION

    def _select(self, name_and_le: bytes) -> bytes:
        name = name_and_le.removesuffix(b"\x00")
        if name != name_and_le and self.is_contact:
            return _WRONG_LENGTH
        if name not in self.applications:
            return _NOT_FOUND
        if self.is_contact:
            return bytes([0x61, len(name) + 4])
        return bytes([0x6F, len(name) + 2, 0x84, len(name)]) + name + _OK


def _contactless_atr(historical: str) -> bytes:
    """Return the ATR of a contactless card (PC/SC part 3, 3.1.3.2.3.1)."""
    historical_bytes = bytes.fromhex(historical)
    body = bytes([0x80 | len(historical_bytes), 0x80, 0x01]) + historical_bytes
    return b"\x3b" + body + bytes([functools.reduce(operator.xor, body)])


OTHER_CARDS: Final[Mapping[str, ScriptedCard]] = {
    OtherCard.BANK: ScriptedCard(
        atr=_contactless_atr("80 31 80 66 B0 07 00 00 81 90 00"),
        uid=bytes.fromhex("5A 11 22 33"),
        applications=frozenset({PAYMENT_CONTACTLESS}),
    ),
    OtherCard.SOCIAL_SECURITY: ScriptedCard(
        atr=bytes.fromhex("3B 6D 00 00 00 81 54 44 86 00 11 22 33 44 55 66 77"),
        applications=frozenset({SOCIAL_SECURITY, PAYMENT_CONTACT}),
        is_contact=True,
    ),
    OtherCard.TRANSIT: ScriptedCard(
        atr=_contactless_atr("20 90 00 00 00 00 00 01"),
        uid=bytes.fromhex("5B 11 22 33"),
        applications=frozenset({T_UNION, PAYMENT_CONTACTLESS}),
    ),
    OtherCard.PASSPORT: ScriptedCard(
        atr=_contactless_atr("80 31 C0 73 F6 21 C0 90 00"),
        uid=bytes.fromhex("08 11 22 33"),
        applications=frozenset({EPASSPORT}),
    ),
    OtherCard.PHONE: ScriptedCard(
        atr=_contactless_atr(""),
        uid=bytes.fromhex("08 44 55 66"),
        applications=frozenset({PAYMENT_CONTACTLESS, T_UNION}),
    ),
}
"""The other cards of the drill, by the names used on the bench (``BenchState.card``)."""

BARE_ID_CARD: Final = ScriptedCard(
    atr=_contactless_atr("D1 03 86 05 00 80 80 00"),
    uid=bytes(4),
    serial=bytes.fromhex("12 34 56 78 9A BC DE F0"),
)
"""An ID card as a reader without a SAM sees it: "Resident Identity Card of PRC" in pcsc-tools' list of ATRs."""

"""What a card's answer to reset says about it (PC/SC part 3, 3.1.3.2.3)."""

from __future__ import annotations

from typing import Final

# Type B: the historical bytes are the ATQB's application data and protocol info, whose end varies between cards.
_ID_CARD: Final = bytes.fromhex("3B 88 80 01 D1 03 86")
_STORAGE_CARD: Final = bytes.fromhex("3B 8F 80 01 80 4F 0C A0 00 00 03 06")
"""Memory card; its standard SS and its name NN NN follow."""
_STANDARD: Final = 12
_NAME: Final = slice(13, 15)
_OPENED: Final = bytes.fromhex("90 00")
_ID_CARD_NAMES: Final = frozenset({bytes.fromhex("FF B0"), _OPENED})
_TYPE_B_PART_3: Final = 0x07
_TYPE_A_PART_3: Final = 0x03
_FELICA: Final = 0x11


def is_id_card(atr: bytes) -> bool:
    """Whether only a resident identity card answers like this, opened by its reader or not."""
    if atr.startswith(_ID_CARD):
        return True
    return _standard(atr) == _TYPE_B_PART_3 and atr[_NAME] in _ID_CARD_NAMES


def has_storage_pages(atr: bytes) -> bool:
    """Whether a reader that opens ID cards by itself may show one here (see ``storage_pages``)."""
    return atr[_NAME] == _OPENED


def is_stored_value_card(atr: bytes) -> bool:
    """Whether it is a MIFARE or FeliCa memory card: tickets and door cards, never a document."""
    return _standard(atr) in {_TYPE_A_PART_3, _FELICA}


def _standard(atr: bytes) -> int | None:
    return atr[_STANDARD] if atr.startswith(_STORAGE_CARD) and len(atr) >= _NAME.stop else None

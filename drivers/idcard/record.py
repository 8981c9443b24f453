"""From the blocks of an ID card to a record: four layouts, and what must agree in them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Final

from drivers.contracts import Assurance, IdCardRecord
from drivers.errors import DeviceError, ErrorCode, WrongCardError
from drivers.idcard import number as id_number
from drivers.idcard.codes import calendar_day
from drivers.idcard.layouts import (
    ADDRESS_LENGTH,
    LAYOUTS,
    MAX_NEWER_ADDRESSES,
    NO_END,
    PHOTO_LENGTH,
    TEXT_LENGTH,
    TYPE_FLAG,
    Field,
    Layout,
)
from drivers.idcard.sdt import wipe

_MALE, _FEMALE = "1", "2"
_CODES: Final[Mapping[Field, re.Pattern[str]]] = {
    Field.SEX: re.compile(r"[0129]"),
    Field.NATION: re.compile(r"([0-9]{2})?"),
    Field.NATIONALITY: re.compile(r"[A-Z]{3}"),
    Field.PASS_NUMBER: re.compile(r"[0-9A-Z]*"),
    Field.ISSUE_COUNT: re.compile(r"[0-9]{0,2}"),
}
"""GB/T 2261.1, GB/T 3304 (blank on permits of HK, Macao and Taiwan residents), GB/T 2659; the rest as printed."""

_INVISIBLE: Final = "Cf"
_REFUSED: Final = frozenset({"Cc", "Zl", "Zp"})
"""Controls, line and paragraph separators."""


def parse_record(
    text_untrusted: bytearray, photo_untrusted: bytes, assurance: Assurance, address_untrusted: bytearray
) -> IdCardRecord:
    """Read a card's blocks, and overwrite the text block and the newer addresses.

    An expired card is a record like any other; what to do with it is decided above.

    Args:
        text_untrusted: 256 bytes.
        photo_untrusted: 1024 bytes, kept as they are.
        assurance: who vouches for the blocks.
        address_untrusted: what the SAM said of addresses written after a move, up to four of 70 bytes; empty for none.

    Raises:
        WrongCardError: the type flag is none of the four; a layout is never guessed.
        DeviceError: CARD_NUMBER_MISMATCH (number invalid, or against birth or sex), CARD_UNREADABLE (anything else).
    """
    try:
        if len(text_untrusted) != TEXT_LENGTH or len(photo_untrusted) != PHOTO_LENGTH:
            raise _unreadable("block size")
        flag = text_untrusted[TYPE_FLAG]
        layout = LAYOUTS.get(chr(int.from_bytes(flag, "little")))
        if layout is None:
            raise WrongCardError(None, "unknown type flag", type_flag=flag.hex())
        return _parse(layout, text_untrusted, photo_untrusted, assurance, _newest_address(address_untrusted))
    finally:
        wipe(text_untrusted)
        wipe(address_untrusted)


def _parse(
    layout: Layout, block: bytearray, photo_block: bytes, assurance: Assurance, newest_address: str
) -> IdCardRecord:
    code = {field: _code(layout, block, field) for field in _CODES}
    number = _raw(layout, block, Field.NUMBER)
    birth = _raw(layout, block, Field.BIRTH)
    _require_consistent(layout, number, birth, code[Field.SEX])
    english_name = _text(layout, block, Field.ENGLISH_NAME)
    name = _text(layout, block, Field.NAME) or english_name
    if not name:
        raise _unreadable("name")
    valid_until = _raw(layout, block, Field.VALID_UNTIL)
    return IdCardRecord(
        card_type=layout.card_type,
        assurance=assurance,
        name=name,
        sex=code[Field.SEX],
        nation=code[Field.NATION],
        birth_date=_day(birth, "birth"),
        address=_text(layout, block, Field.ADDRESS),
        id_number=number,
        issuer=_text(layout, block, Field.ISSUER),
        valid_from=_day(_raw(layout, block, Field.VALID_FROM), "valid from"),
        valid_until=None if valid_until == NO_END else _day(valid_until, "valid until"),
        photo_block=photo_block,
        newest_address=newest_address,
        english_name=english_name,
        nationality=code[Field.NATIONALITY],
        pass_number=code[Field.PASS_NUMBER],
        issue_count=code[Field.ISSUE_COUNT],
    )


def _require_consistent(layout: Layout, number: str, birth: str, sex: str) -> None:
    """GB 11643: digits 7 to 14 are the birth date, digit 17 is odd for men."""
    if not layout.number_form.fullmatch(number):
        raise _mismatch("card type")
    if not layout.has_citizen_number:
        return
    if not id_number.is_valid(number):
        raise _mismatch("GB 11643")
    if id_number.birth_digits(number) != birth:
        raise _mismatch("birth")
    if layout.number_tells_sex and sex in {_MALE, _FEMALE} and id_number.is_male(number) != (sex == _MALE):
        raise _mismatch("sex")


def _newest_address(data: bytearray) -> str:
    """Return the last address that is not blank; "" when there is none.

    Damaged data are no address either: nobody signs in by address, so it must not turn the expert away. An older
    address never stands in for a damaged newer one.
    """
    addresses, rest = divmod(len(data), ADDRESS_LENGTH)
    if rest or addresses > MAX_NEWER_ADDRESSES:
        return ""
    for start in range(len(data) - ADDRESS_LENGTH, -1, -ADDRESS_LENGTH):
        text = _decoded(data[start : start + ADDRESS_LENGTH])
        if text is None:
            return ""
        if address := _visible(text):
            return address
    return ""


def _raw(layout: Layout, block: bytearray, field: Field) -> str:
    """Return a field to the letter, without its padding; "" when this kind of card has none."""
    text = _decoded(b"".join(block[place] for place in layout.places.get(field, ())))
    if text is None:
        raise _unreadable(_label(field))
    return text


def _text(layout: Layout, block: bytearray, field: Field) -> str:
    return _visible(_raw(layout, block, field))


def _code(layout: Layout, block: bytearray, field: Field) -> str:
    text = _raw(layout, block, field)
    if field in layout.places and not _CODES[field].fullmatch(text):
        raise _unreadable(_label(field))
    return text


def _decoded(data: bytes | bytearray) -> str | None:
    """Decode UTF-16LE without its padding; ``None`` for controls and line breaks, which no card has.

    Lone surrogates (seen on cards with rare characters) become U+FFFD.
    """
    text = data.decode("utf-16-le", errors="replace").rstrip(" \0")
    return None if any(unicodedata.category(character) in _REFUSED for character in text) else text


def _visible(text: str) -> str:
    """Drop what has no shape: direction marks would reorder a screen, zero-width characters make two names look alike.

    They are dropped and not refused: the number identifies, and a careless issuing system must not turn an expert
    away. Variation selectors are marks, belong to their character and stay, and so do characters of private use or
    too new for this Python.
    """
    return "".join(character for character in text if unicodedata.category(character) != _INVISIBLE).strip()


def _day(text: str, field: str) -> date:
    day = calendar_day(text)
    if day is None:
        raise _unreadable(field)
    return day


def _label(field: Field) -> str:
    return field.name.lower().replace("_", " ")


def _unreadable(field: str) -> DeviceError:
    return DeviceError(ErrorCode.CARD_UNREADABLE, f"malformed {field}", context={"field": field})


def _mismatch(field: str) -> DeviceError:
    return DeviceError(ErrorCode.CARD_NUMBER_MISMATCH, f"number against {field}", context={"field": field})

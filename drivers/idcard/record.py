"""The 256 byte text block of an ID card, and what must agree in it."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final

from drivers.contracts import Assurance, CardType, IdCardRecord
from drivers.errors import DeviceError, ErrorCode
from drivers.idcard import number as id_number
from drivers.idcard.sdt import wipe

TEXT_LENGTH: Final = 256
PHOTO_LENGTH: Final = 1024

# Resident card, offset and length in bytes (GA/T 490 data items in the order of the block).
NAME: Final = slice(0, 30)
SEX: Final = slice(30, 32)
NATION: Final = slice(32, 36)
BIRTH: Final = slice(36, 52)
ADDRESS: Final = slice(52, 122)
NUMBER: Final = slice(122, 158)
ISSUER: Final = slice(158, 188)
VALID_FROM: Final = slice(188, 204)
VALID_UNTIL: Final = slice(204, 220)
TYPE_FLAG: Final = slice(248, 250)

NO_END: Final = "长期"
_RESIDENT_FLAG: Final = " ".encode("utf-16-le")
_MALE, _FEMALE = "1", "2"
_SEX_CODES: Final = frozenset({"0", _MALE, _FEMALE, "9"})
_NATION: Final = re.compile(r"[0-9]{2}")
_DAY: Final = re.compile(r"[0-9]{8}")


def parse_record(text_untrusted: bytearray, photo_untrusted: bytes, assurance: Assurance) -> IdCardRecord:
    """Read a resident card's blocks, and overwrite the text block.

    An expired card is a record like any other; what to do with it is decided above.

    Raises:
        DeviceError: CARD_WRONG_TYPE (type flag at offset 248 is not a resident's, other layouts are never guessed),
            CARD_NUMBER_MISMATCH (number invalid, or against birth or sex), CARD_UNREADABLE (anything else).
    """
    try:
        if len(text_untrusted) != TEXT_LENGTH or len(photo_untrusted) != PHOTO_LENGTH:
            raise _unreadable("block size")
        flag = bytes(text_untrusted[TYPE_FLAG])
        if flag != _RESIDENT_FLAG:
            raise DeviceError(ErrorCode.CARD_WRONG_TYPE, context={"type_flag": flag.hex()})
        return _parse_resident(text_untrusted, photo_untrusted, assurance)
    finally:
        wipe(text_untrusted)


def _parse_resident(block: bytearray, photo_block: bytes, assurance: Assurance) -> IdCardRecord:
    sex = _text(block, SEX)
    birth = _text(block, BIRTH)
    number = _text(block, NUMBER)
    _require_consistent(number, birth, sex)
    nation = _text(block, NATION)
    if nation and not _NATION.fullmatch(nation):
        raise _unreadable("nation")
    name = _text(block, NAME)
    if not name:
        raise _unreadable("name")
    valid_until = _text(block, VALID_UNTIL)
    return IdCardRecord(
        card_type=CardType.RESIDENT,
        assurance=assurance,
        name=name,
        sex=sex,
        nation=nation,
        birth_date=_day(birth, "birth"),
        address=_text(block, ADDRESS),
        id_number=number,
        issuer=_text(block, ISSUER),
        valid_from=_day(_text(block, VALID_FROM), "valid from"),
        valid_until=None if valid_until == NO_END else _day(valid_until, "valid until"),
        photo_block=photo_block,
    )


def _require_consistent(number: str, birth: str, sex: str) -> None:
    """GB 11643: digits 7 to 14 are the birth date, digit 17 is odd for men."""
    if sex not in _SEX_CODES:
        raise _unreadable("sex")
    if not id_number.is_valid(number):
        raise _mismatch("check character")
    if id_number.birth_digits(number) != birth:
        raise _mismatch("birth")
    if sex in {_MALE, _FEMALE} and id_number.is_male(number) != (sex == _MALE):
        raise _mismatch("sex")


def _text(block: bytearray, field: slice) -> str:
    """Decode a field. Lone surrogates (seen on cards with rare characters) become U+FFFD."""
    text = block[field].decode("utf-16-le", errors="replace").rstrip(" \0")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise _unreadable("control character")
    return text


def _day(text: str, field: str) -> date:
    if not _DAY.fullmatch(text):
        raise _unreadable(field)
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        # "from None": the ValueError's frame holds a personal date.
        raise _unreadable(field) from None


def _unreadable(field: str) -> DeviceError:
    return DeviceError(ErrorCode.CARD_UNREADABLE, f"malformed {field}", context={"field": field})


def _mismatch(field: str) -> DeviceError:
    return DeviceError(ErrorCode.CARD_NUMBER_MISMATCH, f"number against {field}", context={"field": field})

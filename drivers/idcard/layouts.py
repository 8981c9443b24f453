"""Where the text block of each kind of card keeps what.

256 bytes of UTF-16, little-endian, padded with blanks. The type flag at offset 248 says which layout it is: the
resident card's and the HK, Macao and Taiwan permit's follow the data items of GA/T 490, the foreigners' the
machine-readable rules of 2017 and 2023.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from drivers.contracts import CardType

TEXT_LENGTH: Final = 256
PHOTO_LENGTH: Final = 1024
ADDRESS_LENGTH: Final = 70
"""Of one address; a card has room for four newer ones, which the SAM reads on their own."""
MAX_NEWER_ADDRESSES: Final = 4
TYPE_FLAG: Final = slice(248, 250)
NO_END: Final = "长期"


class Field(Enum):
    """What a text block can hold."""

    NAME = auto()
    ENGLISH_NAME = auto()
    SEX = auto()
    NATION = auto()
    NATIONALITY = auto()
    BIRTH = auto()
    ADDRESS = auto()
    NUMBER = auto()
    ISSUER = auto()
    VALID_FROM = auto()
    VALID_UNTIL = auto()
    PASS_NUMBER = auto()
    ISSUE_COUNT = auto()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One kind of card.

    Attributes:
        places: bytes of the block; a field in two places is read as one text.
        number_form: what its numbers look like.
        has_citizen_number: whether GB 11643 applies to the number: calendar date of birth and check character.
        number_tells_sex: whether an odd sequence code is a man's. Nobody published that for foreigners' numbers.
    """

    card_type: CardType
    places: Mapping[Field, tuple[slice, ...]]
    number_form: re.Pattern[str]
    has_citizen_number: bool = True
    number_tells_sex: bool = False


def _at(offset: int, length: int) -> slice:
    return slice(offset, offset + length)


_CITIZEN: Final = {
    Field.NAME: (_at(0, 30),),
    Field.SEX: (_at(30, 2),),
    Field.NATION: (_at(32, 4),),
    Field.BIRTH: (_at(36, 16),),
    Field.ADDRESS: (_at(52, ADDRESS_LENGTH),),
    Field.NUMBER: (_at(122, 36),),
    Field.ISSUER: (_at(158, 30),),
    Field.VALID_FROM: (_at(188, 16),),
    Field.VALID_UNTIL: (_at(204, 16),),
}

RESIDENT: Final = Layout(
    card_type=CardType.RESIDENT,
    places=_CITIZEN,
    number_form=re.compile(r"[1-8][0-9]{16}[0-9X]"),
    number_tells_sex=True,
)
HK_MO_TW_RESIDENT: Final = Layout(
    card_type=CardType.HK_MO_TW_RESIDENT,
    places=_CITIZEN | {Field.PASS_NUMBER: (_at(220, 18),), Field.ISSUE_COUNT: (_at(238, 4),)},
    number_form=re.compile(r"8[123]0000[0-9]{11}[0-9X]"),
    number_tells_sex=True,
)
FOREIGN_RESIDENT_2017: Final = Layout(
    card_type=CardType.FOREIGN_RESIDENT_2017,
    places={
        Field.ENGLISH_NAME: (_at(0, 120),),
        Field.SEX: (_at(120, 2),),
        Field.NUMBER: (_at(122, 30),),
        Field.NATIONALITY: (_at(152, 6),),
        Field.NAME: (_at(158, 30),),
        Field.VALID_FROM: (_at(188, 16),),
        Field.VALID_UNTIL: (_at(204, 16),),
        Field.BIRTH: (_at(220, 16),),
        Field.ISSUER: (_at(240, 8),),
    },
    number_form=re.compile(r"[A-Z]{3}[0-9]{12}"),
    has_citizen_number=False,
)
FOREIGN_RESIDENT_2023: Final = Layout(
    card_type=CardType.FOREIGN_RESIDENT_2023,
    places={
        Field.NAME: (_at(0, 30),),
        Field.SEX: (_at(30, 2),),
        Field.ISSUE_COUNT: (_at(32, 4),),
        Field.BIRTH: (_at(36, 16),),
        Field.ENGLISH_NAME: (_at(52, 70), _at(220, 22)),
        Field.NUMBER: (_at(122, 36),),
        Field.VALID_FROM: (_at(188, 16),),
        Field.VALID_UNTIL: (_at(204, 16),),
        Field.NATIONALITY: (_at(242, 6),),
    },
    number_form=re.compile(r"9[0-9]{16}[0-9X]"),
)

LAYOUTS: Final[Mapping[str, Layout]] = {
    " ": RESIDENT,
    "J": HK_MO_TW_RESIDENT,
    "I": FOREIGN_RESIDENT_2017,
    "Y": FOREIGN_RESIDENT_2023,
}
"""The layouts by their type flag."""

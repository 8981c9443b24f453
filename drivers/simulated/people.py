"""Who takes part in a drill, and the cards that can be put on the drill reader. All data are invented."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np

from drivers.contracts import Image
from drivers.idcard import number as id_number
from drivers.idcard.layouts import (
    ADDRESS_LENGTH,
    FOREIGN_RESIDENT_2017,
    FOREIGN_RESIDENT_2023,
    HK_MO_TW_RESIDENT,
    LAYOUTS,
    NO_END,
    RESIDENT,
    TEXT_LENGTH,
    TYPE_FLAG,
    Field,
    Layout,
)
from drivers.idcard.sdt import SamStatus
from drivers.simulated.photo import HEIGHT, WIDTH, encode_drill_photo

_ISSUER: Final = "演练市公安局"
_FLAGS: Final = {layout.card_type: flag for flag, layout in LAYOUTS.items()}
_COMMON: Final = {Field.SEX: "2", Field.BIRTH: "19000312", Field.VALID_FROM: "20240101", Field.VALID_UNTIL: "20991231"}


@dataclass(frozen=True, kw_only=True)
class DrillPerson:
    """An invented person.

    Attributes:
        number: born in 1900, so that it can belong to nobody alive.
        picture: file in ``assets/drill``.
        portrait: the part of the picture that is on the card: centre column, first row, number of rows.
    """

    name: str = field(repr=False)
    sex: str = field(repr=False)
    number: str = field(repr=False)
    address: str = field(repr=False)
    picture: str
    portrait: tuple[int, int, int]

    def photo_block(self) -> bytes:
        """Return the 1024 byte photo block of this person's card."""
        return _portrait_block(self.picture, self.portrait)


@dataclass(frozen=True, kw_only=True)
class DrillCard:
    """What the drill SAM reads from a card.

    Attributes:
        text: 256 byte text block.
        photo: makes the 1024 byte photo block.
        newest_address: what the SAM says of addresses written after a move, a multiple of 70 bytes; empty for none.
        read_status: what the SAM answers to reading it.
        lifted_early: it is taken away while it is being read.
    """

    text: bytes = field(repr=False)
    photo: Callable[[], bytes] = field(repr=False)
    newest_address: bytes = field(default=b"", repr=False)
    read_status: SamStatus = SamStatus.SUCCESS
    lifted_early: bool = False


def picture(name: str) -> Image:
    """Return a picture of ``assets/drill``, shape (height, width, 3)."""
    data = importlib.resources.files("assets.drill").joinpath(name).read_bytes()
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"assets/drill/{name} is no picture")
    return np.asarray(image, np.uint8)


def text_block(layout: Layout, fields: Mapping[Field, str], *, flag: str | None = None) -> bytes:
    """Return a card's text block, 256 bytes.

    Args:
        layout: the kind of card.
        fields: what stands where; blank when left out. Lone surrogates are written as they are.
        flag: another type flag than the layout's.

    Raises:
        ValueError: a text is longer than its place, or this kind of card has none for it.
    """
    block = bytearray(_blank(TEXT_LENGTH))
    for name, text in fields.items():
        _write(block, layout.places.get(name, ()), text)
    _write(block, (TYPE_FLAG,), flag or _FLAGS[layout.card_type])
    return bytes(block)


def _write(block: bytearray, places: Sequence[slice], text: str) -> None:
    rest = text.encode("utf-16-le", errors="surrogatepass")
    for place in places:
        part, rest = rest[: place.stop - place.start], rest[place.stop - place.start :]
        block[place.start : place.start + len(part)] = part
    if rest:
        raise ValueError("text without a place on this card")


def resident_block(
    person: DrillPerson, *, valid_from: str = "20200101", valid_until: str = NO_END, flag: str | None = None
) -> bytes:
    """Return a resident card's text block, 256 bytes."""
    fields = {
        Field.NAME: person.name,
        Field.SEX: person.sex,
        Field.NATION: "01",
        Field.BIRTH: id_number.birth_digits(person.number),
        Field.ADDRESS: person.address,
        Field.NUMBER: person.number,
        Field.ISSUER: _ISSUER,
        Field.VALID_FROM: valid_from,
        Field.VALID_UNTIL: valid_until,
    }
    return text_block(RESIDENT, fields, flag=flag)


def newest_address(*addresses: str) -> bytes:
    """Return what a SAM says of addresses written after a move: 70 bytes each, the newest last.

    Raises:
        ValueError: an address is longer than that.
    """
    data = b""
    for address in addresses:
        encoded = address.encode("utf-16-le", errors="surrogatepass")
        if len(encoded) > ADDRESS_LENGTH:
            raise ValueError("an address has 35 characters")
        data += encoded + _blank(ADDRESS_LENGTH - len(encoded))
    return data


def _blank(length: int) -> bytes:
    return " ".encode("utf-16-le") * (length // 2)


def _numbered(first_17: str) -> str:
    return first_17 + id_number.check_character(first_17)


@functools.cache
def _portrait_block(name: str, portrait: tuple[int, int, int]) -> bytes:
    centre, top, rows = portrait
    columns = round(rows * WIDTH / HEIGHT)
    left = centre - columns // 2
    part = picture(name)[top : top + rows, left : left + columns]
    image = cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return encode_drill_photo(_softened_around_face(np.asarray(image, np.uint8)))


def _softened_around_face(image: Image) -> Image:
    """Blur what surrounds the face, so that the block's 1000 bytes go to the face."""
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH]
    distance = np.hypot((column - WIDTH / 2) / 51, (row - HEIGHT / 2) / 63)
    face = np.clip(2.2 - 1.8 * distance, 0, 1)[..., np.newaxis]
    softened = image * face + cv2.GaussianBlur(image, (0, 0), 4) * (1 - face)
    return np.asarray(softened, np.uint8)


@functools.cache
def _faceless_block() -> bytes:
    """A photo with nobody on it: a plain background, lighter at the top."""
    rows = np.linspace(230, 150, HEIGHT, dtype=np.uint8)
    return encode_drill_photo(np.tile(rows[:, np.newaxis, np.newaxis], (1, WIDTH, 3)))


PERSON_A: Final = DrillPerson(
    name="柯敏",
    sex="2",
    number=_numbered("41150019000312002"),
    address="河南省信阳市演练区甲路1号",
    picture="person-a.jpg",
    portrait=(226, 17, 196),
)
PERSON_B: Final = DrillPerson(
    name="何乐雯",
    sex="2",
    number=_numbered("41150019001209004"),
    address="河南省信阳市演练区乙路2号",
    picture="person-b.jpg",
    portrait=(266, 76, 304),
)
RARE_PERSON: Final = replace(PERSON_A, name="柯文𠅤", number=_numbered("41150019000312004"))
"""Her last character is U+20164: beyond the basic plane, two UTF-16 units."""
_WRONG_CHECK: Final = replace(PERSON_A, number=PERSON_A.number[:17] + ("1" if PERSON_A.number[17] != "1" else "2"))

_HK_RESIDENT: Final = text_block(
    HK_MO_TW_RESIDENT,
    _COMMON
    | {
        Field.NAME: "陳演練",
        Field.ADDRESS: "河南省信阳市演练区丙路3号",
        Field.NUMBER: _numbered("81000019000312002"),
        Field.ISSUER: _ISSUER,
        Field.PASS_NUMBER: "H00000000",
        Field.ISSUE_COUNT: "01",
    },
)
# UTO is Utopia, ICAO Doc 9303's country of specimens; 900 is free for private use in ISO 3166-1.
_FOREIGN_RESIDENT_2017: Final = text_block(
    FOREIGN_RESIDENT_2017,
    _COMMON
    | {
        Field.ENGLISH_NAME: "ERIKSSON, DRILL ANNA",
        Field.NUMBER: "UTO411500031202",
        Field.NATIONALITY: "UTO",
        Field.ISSUER: "4100",
    },
)
_FOREIGN_RESIDENT_2023: Final = text_block(
    FOREIGN_RESIDENT_2023,
    _COMMON
    | {
        Field.NAME: "艾演练",
        Field.ENGLISH_NAME: "ERIKSSON, DRILL ANNA MARIA BIRGITTA JOHANNA",
        Field.NUMBER: _numbered("94190019000312002"),
        Field.NATIONALITY: "UTO",
        Field.ISSUE_COUNT: "00",
    },
)

DRILL_CARDS: Final[Mapping[str, DrillCard]] = {
    "person-a": DrillCard(text=resident_block(PERSON_A), photo=PERSON_A.photo_block),
    "person-b": DrillCard(text=resident_block(PERSON_B, valid_until="20991231"), photo=PERSON_B.photo_block),
    "person-a-expired": DrillCard(
        text=resident_block(PERSON_A, valid_from="20050101", valid_until="20150101"), photo=PERSON_A.photo_block
    ),
    "person-a-moved": DrillCard(
        text=resident_block(PERSON_A),
        photo=PERSON_A.photo_block,
        newest_address=newest_address("河南省信阳市演练区丁路4号", "河南省信阳市演练区戊路5号"),
    ),
    "rare-character": DrillCard(text=resident_block(RARE_PERSON), photo=PERSON_A.photo_block),
    "hk-resident": DrillCard(text=_HK_RESIDENT, photo=PERSON_A.photo_block),
    "foreign-resident-2017": DrillCard(text=_FOREIGN_RESIDENT_2017, photo=PERSON_B.photo_block),
    "foreign-resident-2023": DrillCard(text=_FOREIGN_RESIDENT_2023, photo=PERSON_B.photo_block),
    "bad-check-digit": DrillCard(text=resident_block(_WRONG_CHECK), photo=PERSON_A.photo_block),
    "unknown-type": DrillCard(text=resident_block(PERSON_A, flag="Z"), photo=PERSON_A.photo_block),
    "no-face": DrillCard(text=resident_block(PERSON_A), photo=_faceless_block),
    "lifted-early": DrillCard(text=resident_block(PERSON_A), photo=PERSON_A.photo_block, lifted_early=True),
    "unreadable": DrillCard(
        text=resident_block(PERSON_A), photo=PERSON_A.photo_block, read_status=SamStatus.READ_FAILED
    ),
}
"""The cards of the drill, by the names used on the bench (``BenchState.card``)."""

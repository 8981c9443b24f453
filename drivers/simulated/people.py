"""Who takes part in a drill, and the cards that can be put on the drill reader. All data are invented."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np

from drivers.contracts import Image
from drivers.idcard import number as id_number
from drivers.idcard import record
from drivers.idcard.sdt import SamStatus
from drivers.simulated.photo import HEIGHT, WIDTH, encode_drill_photo

_ISSUER: Final = "演练市公安局"


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
        read_status: what the SAM answers to reading it.
        lifted_early: it is taken away while it is being read.
    """

    text: bytes = field(repr=False)
    photo: Callable[[], bytes] = field(repr=False)
    read_status: SamStatus = SamStatus.SUCCESS
    lifted_early: bool = False


def picture(name: str) -> Image:
    """Return a picture of ``assets/drill``, shape (height, width, 3)."""
    data = importlib.resources.files("assets.drill").joinpath(name).read_bytes()
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"assets/drill/{name} is no picture")
    return np.asarray(image, np.uint8)


def text_block(
    person: DrillPerson, *, valid_from: str = "20200101", valid_until: str = record.NO_END, flag: str = " "
) -> bytes:
    """Return a resident card's text block, 256 bytes."""
    block = bytearray(" ".encode("utf-16-le") * (record.TEXT_LENGTH // 2))
    for place, text in (
        (record.NAME, person.name),
        (record.SEX, person.sex),
        (record.NATION, "01"),
        (record.BIRTH, id_number.birth_digits(person.number)),
        (record.ADDRESS, person.address),
        (record.NUMBER, person.number),
        (record.ISSUER, _ISSUER),
        (record.VALID_FROM, valid_from),
        (record.VALID_UNTIL, valid_until),
        (record.TYPE_FLAG, flag),
    ):
        encoded = text.encode("utf-16-le")
        block[place.start : place.start + len(encoded)] = encoded
    return bytes(block)


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
_WRONG_CHECK: Final = replace(PERSON_A, number=PERSON_A.number[:17] + ("1" if PERSON_A.number[17] != "1" else "2"))

DRILL_CARDS: Final[Mapping[str, DrillCard]] = {
    "person-a": DrillCard(text=text_block(PERSON_A), photo=PERSON_A.photo_block),
    "person-b": DrillCard(text=text_block(PERSON_B, valid_until="20991231"), photo=PERSON_B.photo_block),
    "person-a-expired": DrillCard(
        text=text_block(PERSON_A, valid_from="20050101", valid_until="20150101"), photo=PERSON_A.photo_block
    ),
    "bad-check-digit": DrillCard(text=text_block(_WRONG_CHECK), photo=PERSON_A.photo_block),
    "unknown-type": DrillCard(text=text_block(PERSON_A, flag="Z"), photo=PERSON_A.photo_block),
    "no-face": DrillCard(text=text_block(PERSON_A), photo=_faceless_block),
    "lifted-early": DrillCard(text=text_block(PERSON_A), photo=PERSON_A.photo_block, lifted_early=True),
    "unreadable": DrillCard(text=text_block(PERSON_A), photo=PERSON_A.photo_block, read_status=SamStatus.READ_FAILED),
}
"""The cards of the drill, by the names used on the bench (``BenchState.card``)."""

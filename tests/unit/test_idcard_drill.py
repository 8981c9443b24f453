from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import Assurance, CardType, IdCardRecord
from drivers.errors import DeviceError, ErrorCode
from drivers.idcard import number
from drivers.idcard.layouts import RESIDENT, Field
from drivers.idcard.record import parse_record
from drivers.idcard.sdt import Command, SamStatus, decode_reply, encode_command, encode_frame
from drivers.simulated.people import (
    DRILL_CARDS,
    PERSON_A,
    PERSON_B,
    RARE_PERSON,
    DrillPerson,
    newest_address,
    picture,
    text_block,
)
from drivers.simulated.photo import BLOCK_LENGTH, DrillPhotoDecoder, encode_drill_photo
from drivers.simulated.sam import SamEmulator


def status(sam: SamEmulator, command: Command) -> int:
    raw = sam.handle(encode_command(command))
    assert raw is not None
    return decode_reply(raw).status


def read(card: str) -> IdCardRecord:
    drill_card = DRILL_CARDS[card]
    address = bytearray(drill_card.newest_address)
    return parse_record(bytearray(drill_card.text), drill_card.photo(), Assurance.UNVERIFIED, address)


@pytest.mark.parametrize("person", [PERSON_A, PERSON_B, RARE_PERSON])
def test_drill_persons_can_belong_to_nobody_alive(person: DrillPerson) -> None:
    assert number.is_valid(person.number)
    assert number.birth_digits(person.number).startswith("1900")
    assert person.name not in repr(person)
    assert person.number not in repr(person)


@pytest.mark.parametrize(
    ("card", "kind"),
    [
        ("person-a", CardType.RESIDENT),
        ("person-b", CardType.RESIDENT),
        ("person-a-expired", CardType.RESIDENT),
        ("person-a-moved", CardType.RESIDENT),
        ("rare-character", CardType.RESIDENT),
        ("no-face", CardType.RESIDENT),
        ("unreadable", CardType.RESIDENT),
        ("lifted-early", CardType.RESIDENT),
        ("hk-resident", CardType.HK_MO_TW_RESIDENT),
        ("foreign-resident-2017", CardType.FOREIGN_RESIDENT_2017),
        ("foreign-resident-2023", CardType.FOREIGN_RESIDENT_2023),
    ],
)
def test_drill_cards_are_what_their_names_say(card: str, kind: CardType) -> None:
    record = read(card)
    assert record.card_type is kind
    assert record.birth_date.year == 1900, "nobody alive"
    assert DrillPhotoDecoder().decode(record.photo_block) is not None


@pytest.mark.parametrize(
    ("card", "code"),
    [("bad-check-digit", ErrorCode.CARD_NUMBER_MISMATCH), ("unknown-type", ErrorCode.CARD_WRONG_TYPE)],
)
def test_drill_cards_that_are_refused(card: str, code: ErrorCode) -> None:
    with pytest.raises(DeviceError) as raised:
        read(card)
    assert raised.value.code is code


def test_what_is_special_about_some_drill_cards() -> None:
    assert read("person-a").newest_address == ""
    assert read("person-a-moved").newest_address == "河南省信阳市演练区戊路5号"
    assert ord(read("rare-character").name[-1]) > 0xFFFF
    assert read("foreign-resident-2017").name == read("foreign-resident-2017").english_name
    assert len(read("foreign-resident-2023").english_name) > 35, "it goes on in the second place"


def test_texts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="without a place"):
        text_block(RESIDENT, {Field.NAME: "字" * 16})
    with pytest.raises(ValueError, match="without a place"):
        text_block(RESIDENT, {Field.NATIONALITY: "UTO"})
    with pytest.raises(ValueError, match="35 characters"):
        newest_address("字" * 36)


def test_drill_photos_show_different_persons() -> None:
    portraits = [DrillPhotoDecoder().decode(DRILL_CARDS[card].photo()) for card in ("person-a", "person-b", "no-face")]
    shapes = {portrait.shape for portrait in portraits if portrait is not None}
    assert shapes == {(126, 102, 3)}
    a, b, nobody = (np.asarray(portrait, np.int16) for portrait in portraits)
    assert np.abs(a - b).mean() > 20
    assert nobody.std(axis=1).max() < 5, "a plain background"


@pytest.mark.parametrize("name", ["person-a.jpg", "person-b.jpg"])
def test_pictures_are_camera_sized(name: str) -> None:
    rows, columns, channels = picture(name).shape
    assert rows >= 512
    assert columns >= 512
    assert channels == 3


def test_a_real_photo_block_is_never_replaced() -> None:
    real = bytes.fromhex("574C66007E00320000FF85").ljust(BLOCK_LENGTH, b"\x5a")
    assert DrillPhotoDecoder().decode(real) is None
    assert DrillPhotoDecoder().decode(b"") is None


@given(st.integers(0, BLOCK_LENGTH - 1), st.binary(min_size=1, max_size=40))
def test_damaged_drill_blocks_give_a_portrait_or_nothing(start: int, damage: bytes) -> None:
    block = bytearray(DRILL_CARDS["no-face"].photo())
    block[start : start + len(damage)] = damage
    portrait = DrillPhotoDecoder().decode(bytes(block[:BLOCK_LENGTH]))
    assert portrait is None or portrait.shape == (126, 102, 3)


def test_a_picture_of_another_size_or_too_much_detail_is_refused() -> None:
    with pytest.raises(ValueError, match="126 rows"):
        encode_drill_photo(np.zeros((102, 126, 3), np.uint8))
    noise = np.random.default_rng(0).integers(0, 256, (126, 102, 3), np.uint8)
    with pytest.raises(ValueError, match="does not fit"):
        encode_drill_photo(noise)


def test_sam_wants_find_select_read_in_this_order() -> None:
    sam = SamEmulator()
    assert status(sam, Command.FIND_CARD) == SamStatus.NO_CARD
    assert sam.follow("person-a")
    assert status(sam, Command.READ_BASE) == SamStatus.READ_FAILED
    assert status(sam, Command.SELECT_CARD) == SamStatus.SELECT_FAILED
    assert status(sam, Command.FIND_CARD) == SamStatus.CARD_FOUND
    assert status(sam, Command.READ_BASE) == SamStatus.READ_FAILED
    assert status(sam, Command.SELECT_CARD) == SamStatus.SUCCESS
    assert status(sam, Command.READ_MANAGEMENT_NUMBER) == SamStatus.SUCCESS
    assert status(sam, Command.READ_BASE) == SamStatus.SUCCESS


def test_sam_finds_nothing_after_a_read_until_the_card_was_lifted() -> None:
    sam = SamEmulator()
    sam.follow("person-a")
    for command in (Command.FIND_CARD, Command.SELECT_CARD, Command.READ_BASE):
        status(sam, command)
    assert status(sam, Command.FIND_CARD) == SamStatus.NO_CARD
    assert status(sam, Command.READ_NEWEST_ADDRESS) == SamStatus.NO_SUCH_ITEM, "still lies there"
    sam.follow(None)
    assert status(sam, Command.READ_NEWEST_ADDRESS) == SamStatus.READ_FAILED
    sam.follow("person-a")
    assert status(sam, Command.FIND_CARD) == SamStatus.CARD_FOUND


def test_sam_tells_an_address_written_after_a_move() -> None:
    sam = SamEmulator()
    sam.follow("person-a-moved")
    assert status(sam, Command.READ_NEWEST_ADDRESS) == SamStatus.READ_FAILED, "not selected yet"
    for command in (Command.FIND_CARD, Command.SELECT_CARD, Command.READ_BASE):
        status(sam, command)
    raw = sam.handle(encode_command(Command.READ_NEWEST_ADDRESS))
    assert raw is not None
    assert decode_reply(raw).data == DRILL_CARDS["person-a-moved"].newest_address


def test_sam_answers_without_a_card() -> None:
    sam = SamEmulator()
    assert status(sam, Command.SAM_STATUS) == SamStatus.SUCCESS
    # 05.03-20231128-0001234567-0987654321
    reply = "AA AA AA 96 69 00 14 00 00 90 05 00 03 00 D8 B3 34 01 87 D6 12 00 B1 68 DE 3A A2"
    assert sam.handle(encode_command(Command.SAM_ID)) == bytes.fromhex(reply)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (bytes.fromhex("AAAAAA966900032001FF"), SamStatus.CHECKSUM_ERROR),
        (bytes.fromhex("AAAAAA96690003"), SamStatus.LENGTH_ERROR),
        (b"", SamStatus.LENGTH_ERROR),
        (encode_frame(b"\x77\x77"), SamStatus.COMMAND_ERROR),
    ],
)
def test_sam_answers_damaged_commands(frame: bytes, expected: SamStatus) -> None:
    raw = SamEmulator().handle(frame)
    assert raw is not None
    assert decode_reply(raw).status == expected

"""Text blocks of all four kinds of card, whole, odd and damaged."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import Assurance, CardType, IdCardRecord
from drivers.errors import DeviceError, ErrorCode, WrongCardError
from drivers.idcard.layouts import (
    ADDRESS_LENGTH,
    FOREIGN_RESIDENT_2017,
    FOREIGN_RESIDENT_2023,
    HK_MO_TW_RESIDENT,
    LAYOUTS,
    PHOTO_LENGTH,
    RESIDENT,
    TEXT_LENGTH,
    TYPE_FLAG,
    Field,
    Layout,
)
from drivers.idcard.record import parse_record
from drivers.simulated.people import newest_address, text_block

PHOTO = bytes.fromhex("574C66007E003200").ljust(PHOTO_LENGTH, b"\0")
VALIDITY = {Field.VALID_FROM: "20200101", Field.VALID_UNTIL: "20400101"}
# Numbers of nobody: born in 1900. Their check characters were computed by ISO 7064's recursion, not by the code under
# test.
CITIZEN = VALIDITY | {
    Field.NAME: "张三",
    Field.SEX: "2",
    Field.NATION: "01",
    Field.BIRTH: "19000312",
    Field.ADDRESS: "北京市朝阳区测试路1号",
    Field.NUMBER: "41150019000312002X",
    Field.ISSUER: "测试公安局",
}
CARDS: Mapping[CardType, tuple[Layout, Mapping[Field, str]]] = {
    CardType.RESIDENT: (RESIDENT, CITIZEN),
    CardType.HK_MO_TW_RESIDENT: (
        HK_MO_TW_RESIDENT,
        CITIZEN
        | {
            Field.NAME: "陳測試",
            Field.NATION: "",
            Field.NUMBER: "810000190003120026",
            Field.PASS_NUMBER: "H01234567",
            Field.ISSUE_COUNT: "01",
        },
    ),
    CardType.FOREIGN_RESIDENT_2017: (
        FOREIGN_RESIDENT_2017,
        VALIDITY
        | {
            Field.ENGLISH_NAME: "TEST, SAMPLE ALPHA",
            Field.SEX: "1",
            Field.NUMBER: "UTO411500031201",
            Field.NATIONALITY: "UTO",
            Field.NAME: "测试样",
            Field.BIRTH: "19000312",
            Field.ISSUER: "1500",
        },
    ),
    CardType.FOREIGN_RESIDENT_2023: (
        FOREIGN_RESIDENT_2023,
        VALIDITY
        | {
            Field.NAME: "测试样",
            Field.SEX: "1",
            Field.ISSUE_COUNT: "00",
            Field.BIRTH: "19000312",
            Field.ENGLISH_NAME: "TEST, SAMPLE ALPHA",
            Field.NUMBER: "941900190003120025",
            Field.NATIONALITY: "UTO",
        },
    ),
}
KINDS = pytest.mark.parametrize("kind", CARDS)


def block(kind: CardType = CardType.RESIDENT, changed: Mapping[Field, str] | None = None) -> bytearray:
    layout, fields = CARDS[kind]
    return bytearray(text_block(layout, {**fields, **(changed or {})}))


def parse(data: bytearray, address: bytes = b"") -> IdCardRecord:
    return parse_record(data, PHOTO, Assurance.UNVERIFIED, bytearray(address))


def failure(data: bytearray, photo: bytes = PHOTO) -> DeviceError:
    with pytest.raises(DeviceError) as raised:
        parse_record(data, photo, Assurance.UNVERIFIED, bytearray())
    assert not any(data), "the text block is overwritten"
    return raised.value


# --- every kind of card --------------------------------------------------------------------------------------------


def test_resident_card() -> None:
    card = parse(block())
    assert (card.card_type, card.assurance) == (CardType.RESIDENT, Assurance.UNVERIFIED)
    assert (card.name, card.sex, card.nation) == ("张三", "2", "01")
    assert card.birth_date == date(1900, 3, 12)
    assert card.address == "北京市朝阳区测试路1号"
    assert card.id_number == "41150019000312002X"
    assert card.issuer == "测试公安局"
    assert (card.valid_from, card.valid_until) == (date(2020, 1, 1), date(2040, 1, 1))
    assert card.photo_block == PHOTO
    assert (card.english_name, card.nationality, card.pass_number, card.issue_count) == ("", "", "", "")


def test_residence_permit_of_hk_macao_and_taiwan() -> None:
    card = parse(block(CardType.HK_MO_TW_RESIDENT))
    assert card.card_type is CardType.HK_MO_TW_RESIDENT
    assert (card.name, card.nation, card.id_number) == ("陳測試", "", "810000190003120026")
    assert (card.pass_number, card.issue_count) == ("H01234567", "01")
    assert (card.address, card.issuer) == ("北京市朝阳区测试路1号", "测试公安局")


def test_foreign_permanent_resident_of_2017() -> None:
    card = parse(block(CardType.FOREIGN_RESIDENT_2017))
    assert card.card_type is CardType.FOREIGN_RESIDENT_2017
    assert (card.name, card.english_name) == ("测试样", "TEST, SAMPLE ALPHA")
    assert (card.id_number, card.nationality, card.issuer) == ("UTO411500031201", "UTO", "1500")
    assert (card.sex, card.birth_date) == ("1", date(1900, 3, 12))
    assert (card.nation, card.address, card.issue_count) == ("", "", "")


def test_foreign_permanent_resident_of_2023() -> None:
    card = parse(block(CardType.FOREIGN_RESIDENT_2023))
    assert card.card_type is CardType.FOREIGN_RESIDENT_2023
    assert (card.name, card.english_name) == ("测试样", "TEST, SAMPLE ALPHA")
    assert (card.id_number, card.nationality, card.issue_count) == ("941900190003120025", "UTO", "00")
    assert (card.sex, card.birth_date) == ("1", date(1900, 3, 12))
    assert (card.nation, card.address, card.issuer) == ("", "", "")


@pytest.mark.parametrize(
    ("kind", "offset", "bytes_there"),
    [
        (CardType.RESIDENT, 122, "3400 3100 3100 3500"),
        (CardType.RESIDENT, 158, "4B6D D58B 6C51"),
        (CardType.HK_MO_TW_RESIDENT, 220, "4800 3000 3100"),
        (CardType.HK_MO_TW_RESIDENT, 238, "30003100"),
        (CardType.FOREIGN_RESIDENT_2017, 120, "3100 5500 5400 4F00"),
        (CardType.FOREIGN_RESIDENT_2017, 152, "5500 5400 4F00 4B6D"),
        (CardType.FOREIGN_RESIDENT_2017, 240, "3100350030003000 4900"),
        (CardType.FOREIGN_RESIDENT_2023, 32, "30003000 3100 3900"),
        (CardType.FOREIGN_RESIDENT_2023, 242, "5500 5400 4F00 5900"),
    ],
)
def test_fields_lie_where_the_reference_says(kind: CardType, offset: int, bytes_there: str) -> None:
    expected = bytes.fromhex(bytes_there)
    assert block(kind)[offset : offset + len(expected)] == expected


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.card_type)
def test_no_two_fields_overlap(layout: Layout) -> None:
    places = sorted((place.start, place.stop) for places in (*layout.places.values(), [TYPE_FLAG]) for place in places)
    assert all(stop <= start for (_, stop), (start, _) in pairwise(places))
    assert places[-1][1] <= TEXT_LENGTH


@KINDS
def test_blocks_are_overwritten_and_nothing_personal_is_shown(kind: CardType) -> None:
    data, address = block(kind), bytearray(newest_address("新住址"))
    card = parse_record(data, PHOTO, Assurance.UNVERIFIED, address)
    assert not any(data)
    assert not any(address)
    shown = repr(card)
    for personal in ("张三", "測試", "测试", "TEST", "1900", "00312", "H0123", "UTO", "新住址", "57"):
        assert personal not in shown


@KINDS
def test_an_expired_card_is_a_record_and_a_card_may_have_no_end(kind: CardType) -> None:
    expired = {Field.VALID_FROM: "20050101", Field.VALID_UNTIL: "20150101"}
    assert parse(block(kind, expired)).valid_until == date(2015, 1, 1)
    assert parse(block(kind, {Field.VALID_UNTIL: "长期"})).valid_until is None


@pytest.mark.parametrize("kind", [CardType.FOREIGN_RESIDENT_2017, CardType.FOREIGN_RESIDENT_2023])
def test_without_a_chinese_name_the_english_one_counts(kind: CardType) -> None:
    card = parse(block(kind, {Field.NAME: ""}))
    assert card.name == card.english_name == "TEST, SAMPLE ALPHA"
    assert failure(block(kind, {Field.NAME: "", Field.ENGLISH_NAME: ""})).context == {"field": "name"}


@pytest.mark.parametrize("length", [34, 35, 36, 46])
def test_a_long_english_name_goes_over_two_places(length: int) -> None:
    name = ("TEST, " + "A" * 28 + " " + "B" * 11)[:length].rstrip()
    assert parse(block(CardType.FOREIGN_RESIDENT_2023, {Field.ENGLISH_NAME: name})).english_name == name


@pytest.mark.parametrize("flag", ["Z", "\0", "j", "\uff2a", "\ud800"])
def test_other_flags_are_refused_not_guessed(flag: str) -> None:
    error = failure(bytearray(text_block(RESIDENT, CITIZEN, flag=flag)))
    assert isinstance(error, WrongCardError)
    assert error.code is ErrorCode.CARD_WRONG_TYPE
    assert error.card is None


@pytest.mark.parametrize("flag", LAYOUTS)
@KINDS
def test_a_card_under_another_flag_is_no_record(kind: CardType, flag: str) -> None:
    layout, fields = CARDS[kind]
    data = bytearray(text_block(layout, fields, flag=flag))
    if LAYOUTS[flag] is layout:
        assert parse(data).card_type is kind
    elif (kind, flag) == (CardType.HK_MO_TW_RESIDENT, " "):
        assert parse(data).id_number == fields[Field.NUMBER], "the same fields, and the number of the same person"
    else:
        assert failure(data).code in {ErrorCode.CARD_UNREADABLE, ErrorCode.CARD_NUMBER_MISMATCH}


# --- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "changed", "field"),
    [
        (CardType.RESIDENT, {Field.SEX: "1"}, "sex"),
        (CardType.RESIDENT, {Field.BIRTH: "19000311"}, "birth"),
        (CardType.RESIDENT, {Field.NUMBER: "411500190003120021"}, "GB 11643"),
        (CardType.RESIDENT, {Field.NUMBER: ""}, "card type"),
        (CardType.RESIDENT, {Field.NUMBER: "941900190003120025"}, "card type"),
        (CardType.RESIDENT, {Field.NUMBER: "UTO411500031201"}, "card type"),
        (CardType.HK_MO_TW_RESIDENT, {Field.SEX: "1"}, "sex"),
        (CardType.HK_MO_TW_RESIDENT, {Field.BIRTH: "19000311"}, "birth"),
        (CardType.HK_MO_TW_RESIDENT, {Field.NUMBER: "810000190003120027"}, "GB 11643"),
        (CardType.HK_MO_TW_RESIDENT, {Field.NUMBER: "41150019000312002X"}, "card type"),
        (CardType.FOREIGN_RESIDENT_2017, {Field.NUMBER: "941900190003120025"[:15]}, "card type"),
        (CardType.FOREIGN_RESIDENT_2017, {Field.NUMBER: "UTO41150003120"}, "card type"),
        (CardType.FOREIGN_RESIDENT_2023, {Field.NUMBER: "41150019000312002X"}, "card type"),
        (CardType.FOREIGN_RESIDENT_2023, {Field.NUMBER: "941900190003120026"}, "GB 11643"),
        (CardType.FOREIGN_RESIDENT_2023, {Field.BIRTH: "19000311"}, "birth"),
    ],
)
def test_a_number_that_contradicts_the_card(kind: CardType, changed: dict[Field, str], field: str) -> None:
    error = failure(block(kind, changed))
    assert error.code is ErrorCode.CARD_NUMBER_MISMATCH
    assert error.context == {"field": field}, "no personal data"


@pytest.mark.parametrize(("number", "sex"), [("820000190003120036", "1"), ("830000190003120046", "2")])
def test_permits_of_macao_and_taiwan(number: str, sex: str) -> None:
    fields = {Field.NUMBER: number, Field.SEX: sex}
    assert parse(block(CardType.HK_MO_TW_RESIDENT, fields)).id_number == number


@pytest.mark.parametrize("sex", ["0", "9"])
def test_a_sex_that_is_not_stated_contradicts_nothing(sex: str) -> None:
    assert parse(block(changed={Field.SEX: sex})).sex == sex


@pytest.mark.parametrize("kind", [CardType.FOREIGN_RESIDENT_2017, CardType.FOREIGN_RESIDENT_2023])
def test_foreigners_numbers_do_not_tell_the_sex(kind: CardType) -> None:
    assert {parse(block(kind, {Field.SEX: sex})).sex for sex in "12"} == {"1", "2"}


# --- texts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "买买提·𠮷",
        "阿卜杜拉•买买提",
        "柯文𠅤",  # extension B, U+20164
        "王𬳽𬱖",  # extension E
        "张\U00030729",  # extension G, plane 3
        "张\U00031350",  # extension H, younger than this Python's Unicode
        "张\U0002ebf0",  # extension I
        "张\ue815",  # private use: cards from before GB 18030-2005
        "葛\U000e0100三",  # ideographic variation sequence
        "𠮷" * 7,
    ],
)
def test_rare_characters_survive(name: str) -> None:
    assert parse(block(changed={Field.NAME: name})).name == name


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("张\ud800三", "张\ufffd三"),
        ("张三\udc00", "张三\ufffd"),
        ("𠮷" * 7 + "\ud842", "𠮷" * 7 + "\ufffd"),  # cut off in the middle by the end of the field
        ("张\u202e三", "张三"),
        ("张\u200b三\u2066", "张三"),
        ("\ufeff张三", "张三"),
        ("\u3000张三\u3000", "张三"),
    ],
)
def test_broken_and_shapeless_characters(name: str, read: str) -> None:
    assert parse(block(changed={Field.NAME: name})).name == read


@pytest.mark.parametrize(
    "name", ["", "\u202e", "\u200b\u200b", "\u3000", "张\n三", "张\x1b[2J", "张\u2028三", "张\x85三"]
)
def test_names_that_are_none(name: str) -> None:
    error = failure(block(changed={Field.NAME: name}))
    assert (error.code, error.context) == (ErrorCode.CARD_UNREADABLE, {"field": "name"})


@pytest.mark.parametrize("changed", [{Field.NATION: ""}, {Field.NATION: "97"}, {Field.ADDRESS: ""}, {Field.ISSUER: ""}])
def test_fields_that_may_be_unusual(changed: dict[Field, str]) -> None:
    assert parse(block(changed=changed)).name == "张三"


@pytest.mark.parametrize(
    ("kind", "changed", "field"),
    [
        (CardType.RESIDENT, {Field.SEX: "3"}, "sex"),
        (CardType.RESIDENT, {Field.SEX: ""}, "sex"),
        (CardType.RESIDENT, {Field.NATION: "1x"}, "nation"),
        (CardType.RESIDENT, {Field.NATION: "١١"}, "nation"),
        (CardType.RESIDENT, {Field.ADDRESS: "测试路\r1号"}, "address"),
        (CardType.RESIDENT, {Field.ISSUER: "测试\0公安局"}, "issuer"),
        (CardType.RESIDENT, {Field.VALID_FROM: "20200230"}, "valid from"),
        (CardType.RESIDENT, {Field.VALID_FROM: "２０２００１０１"}, "valid from"),
        (CardType.RESIDENT, {Field.VALID_FROM: "长期"}, "valid from"),
        (CardType.RESIDENT, {Field.VALID_UNTIL: "永久"}, "valid until"),
        (CardType.RESIDENT, {Field.VALID_UNTIL: "长期\u200b"}, "valid until"),
        (CardType.RESIDENT, {Field.VALID_UNTIL: ""}, "valid until"),
        (CardType.HK_MO_TW_RESIDENT, {Field.PASS_NUMBER: "h-1"}, "pass number"),
        (CardType.HK_MO_TW_RESIDENT, {Field.ISSUE_COUNT: "x"}, "issue count"),
        (CardType.FOREIGN_RESIDENT_2017, {Field.NATIONALITY: "uto"}, "nationality"),
        (CardType.FOREIGN_RESIDENT_2017, {Field.BIRTH: "19000231"}, "birth"),
        (CardType.FOREIGN_RESIDENT_2017, {Field.ENGLISH_NAME: "TEST\tSAMPLE"}, "english name"),
        (CardType.FOREIGN_RESIDENT_2023, {Field.NATIONALITY: ""}, "nationality"),
    ],
)
def test_malformed_fields(kind: CardType, changed: dict[Field, str], field: str) -> None:
    error = failure(block(kind, changed))
    assert (error.code, error.context) == (ErrorCode.CARD_UNREADABLE, {"field": field})
    assert error.retryable


@pytest.mark.parametrize(("text", "photo"), [(255, 1024), (0, 1024), (256, 0), (256, 1023)])
def test_wrong_block_sizes(text: int, photo: int) -> None:
    assert failure(block()[:text], bytes(photo)).code is ErrorCode.CARD_UNREADABLE


# --- addresses after a move ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("addresses", "newest"),
    [
        ((), ""),
        (("",), ""),
        (("甲路1号",), "甲路1号"),
        (("甲路1号", "乙路2号"), "乙路2号"),
        (("甲路1号", "乙路2号", "", ""), "乙路2号"),
        (("甲", "乙", "丙", "丁"), "丁"),
        (("", "", "丙", ""), "丙"),
        (("字" * 35,), "字" * 35),
        (("甲路1号", "乙\u202e路2号"), "乙路2号"),
        (("甲", "乙", "丙", "丁", "戊"), ""),  # more than a card has room for
        (("甲路1号", "乙\n路2号"), ""),  # never an older one in place of a damaged newer one
    ],
)
def test_the_last_address_counts(addresses: tuple[str, ...], newest: str) -> None:
    card = parse(block(), newest_address(*addresses))
    assert card.newest_address == newest
    assert card.address == "北京市朝阳区测试路1号"


@pytest.mark.parametrize("data", [b"\0" * ADDRESS_LENGTH, b" ", newest_address("甲路1号")[:-1], b"\xff" * 281])
def test_damaged_addresses_do_not_stop_a_sign_in(data: bytes) -> None:
    assert parse(block(), data).newest_address == ""


# --- anything ------------------------------------------------------------------------------------------------------


def parse_or_typed_error(data: bytearray, address: bytearray) -> None:
    with contextlib.suppress(DeviceError):
        card = parse_record(data, PHOTO, Assurance.UNVERIFIED, address)
        assert isinstance(card, IdCardRecord)
        assert card.name
        assert card.name.isprintable() or not card.name.isascii()
        assert "\u202e" not in card.name + card.address + card.newest_address + card.issuer
    assert not any(data), "the text block is overwritten"
    assert not any(address), "so is the address"


FLAGS = st.sampled_from([flag.encode("utf-16-le") for flag in LAYOUTS])
ADDRESSES = st.binary(max_size=300) | st.integers(0, 5).flatmap(lambda n: st.binary(min_size=70 * n, max_size=70 * n))


@given(st.binary(max_size=300), ADDRESSES)
def test_any_bytes_give_a_record_or_a_typed_error(data: bytes, address: bytes) -> None:
    parse_or_typed_error(bytearray(data), bytearray(address))


@given(st.binary(min_size=TEXT_LENGTH, max_size=TEXT_LENGTH), FLAGS, ADDRESSES)
def test_any_block_under_every_flag(data: bytes, flag: bytes, address: bytes) -> None:
    flagged = bytearray(data)
    flagged[TYPE_FLAG] = flag
    parse_or_typed_error(flagged, bytearray(address))


@given(st.sampled_from(list(CARDS)), st.integers(0, 255), st.binary(min_size=1, max_size=8), ADDRESSES)
def test_any_damage_gives_a_record_or_a_typed_error(kind: CardType, start: int, damage: bytes, address: bytes) -> None:
    data = block(kind)
    data[start : start + len(damage)] = damage
    parse_or_typed_error(data[:TEXT_LENGTH], bytearray(address))


@given(st.data(), st.sampled_from(list(CARDS)))
def test_any_text_in_any_field_gives_a_record_or_a_typed_error(data: st.DataObject, kind: CardType) -> None:
    layout, _ = CARDS[kind]
    field = data.draw(st.sampled_from(list(layout.places)))
    room = sum(place.stop - place.start for place in layout.places[field])
    texts = st.text(max_size=room // 2).filter(lambda text: len(text.encode("utf-16-le", "surrogatepass")) <= room)
    parse_or_typed_error(block(kind, {field: data.draw(texts)}), bytearray())

from __future__ import annotations

import contextlib
import hashlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import Assurance, CardType, IdCardRecord
from drivers.errors import DeviceError, ErrorCode
from drivers.idcard import record
from drivers.idcard.record import parse_record

PHOTO = bytes.fromhex("574C66007E003200").ljust(record.PHOTO_LENGTH, b"\0")
RESIDENT = {
    "NAME": "张三",
    "SEX": "2",
    "NATION": "01",
    "BIRTH": "19491231",
    "ADDRESS": "北京市朝阳区测试路1号",
    "NUMBER": "11010519491231002X",
    "ISSUER": "测试公安局",
    "VALID_FROM": "20200101",
    "VALID_UNTIL": "长期",
}


def block(**changed: str) -> bytearray:
    data = bytearray(b"\x20\x00" * 128)
    for name, text in (RESIDENT | changed).items():
        place = getattr(record, name)
        encoded = text.encode("utf-16-le", errors="surrogatepass")
        data[place.start : place.start + len(encoded)] = encoded
    return data


def parse(data: bytearray, photo: bytes = PHOTO) -> IdCardRecord:
    return parse_record(data, photo, Assurance.UNVERIFIED)


def failure(data: bytearray, photo: bytes = PHOTO) -> DeviceError:
    with pytest.raises(DeviceError) as raised:
        parse(data, photo)
    return raised.value


def test_the_test_block_is_the_reference_vector() -> None:
    assert hashlib.sha256(block(SEX="1")).hexdigest()[:16] == "61c97e6b62e63064"


def test_resident_card() -> None:
    data = block()
    card = parse(data)
    assert card.card_type is CardType.RESIDENT
    assert card.assurance is Assurance.UNVERIFIED
    assert (card.name, card.sex, card.nation) == ("张三", "2", "01")
    assert card.birth_date == date(1949, 12, 31)
    assert card.address == "北京市朝阳区测试路1号"
    assert card.id_number == "11010519491231002X"
    assert card.issuer == "测试公安局"
    assert (card.valid_from, card.valid_until) == (date(2020, 1, 1), None)
    assert card.photo_block == PHOTO
    assert not any(data), "the text block is overwritten"
    for personal in ("张三", "1949", "11010", "测试", "57"):
        assert personal not in repr(card)


def test_an_expired_card_is_a_record() -> None:
    assert parse(block(VALID_FROM="20050101", VALID_UNTIL="20150101")).valid_until == date(2015, 1, 1)


@pytest.mark.parametrize("changed", [{"NATION": "  "}, {"NATION": "97"}, {"ADDRESS": " " * 35}])
def test_fields_that_may_be_unusual(changed: dict[str, str]) -> None:
    assert parse(block(**changed)).name == "张三"


def test_rare_characters() -> None:
    assert parse(block(NAME="买买提·𠮷")).name == "买买提·𠮷"
    assert parse(block(NAME="张\ud800三")).name == "张\ufffd三"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"SEX": "1"}, "sex"),
        ({"NUMBER": "110105194912310021"}, "check character"),
        ({"BIRTH": "19491230"}, "birth"),
        ({"NUMBER": " " * 18}, "check character"),
    ],
)
def test_a_number_that_contradicts_the_card(changed: dict[str, str], field: str) -> None:
    error = failure(block(**changed))
    assert error.code is ErrorCode.CARD_NUMBER_MISMATCH
    assert error.context == {"field": field}, "no personal data"


@pytest.mark.parametrize(
    "changed",
    [
        {"NAME": " " * 15},
        {"NAME": "张\n三"},
        {"SEX": "3"},
        {"NATION": "1x"},
        {"VALID_FROM": "20200230"},
        {"VALID_FROM": "２０２００１０１"},
        {"VALID_UNTIL": "永久      "},
    ],
)
def test_malformed_fields(changed: dict[str, str]) -> None:
    error = failure(block(**changed))
    assert error.code is ErrorCode.CARD_UNREADABLE
    assert error.retryable


@pytest.mark.parametrize("flag", ["J", "I", "Y", "Z", "\0"])
def test_other_card_types_are_refused_not_guessed(flag: str) -> None:
    error = failure(block(TYPE_FLAG=flag))
    assert error.code is ErrorCode.CARD_WRONG_TYPE


@pytest.mark.parametrize(("text", "photo"), [(255, 1024), (0, 1024), (256, 0), (256, 1023)])
def test_wrong_block_sizes(text: int, photo: int) -> None:
    assert failure(block()[:text], bytes(photo)).code is ErrorCode.CARD_UNREADABLE


def parse_or_typed_error(data: bytearray) -> None:
    with contextlib.suppress(DeviceError):
        assert isinstance(parse(data), IdCardRecord)
    assert not any(data), "the text block is overwritten"


@given(st.binary(max_size=300) | st.binary(min_size=256, max_size=256))
def test_any_bytes_give_a_record_or_a_typed_error(data: bytes) -> None:
    parse_or_typed_error(bytearray(data))


@given(st.integers(0, 255), st.binary(min_size=1, max_size=8))
def test_any_damage_gives_a_record_or_a_typed_error(start: int, damage: bytes) -> None:
    data = block()
    data[start : start + len(damage)] = damage
    parse_or_typed_error(data[:256])

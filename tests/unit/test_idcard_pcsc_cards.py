"""What ATRs, other cards' replies, storage pages and driver features mean; any bytes are an answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import DeviceError, ErrorCode, OtherCard
from drivers.idcard.atr import has_storage_pages, is_id_card, is_stored_value_card
from drivers.idcard.other_cards import SOCIAL_SECURITY, name_card, read_uid
from drivers.idcard.pcsc import firmware_version
from drivers.idcard.pcsc_frames import feature_code, is_status_word
from drivers.idcard.pcsc_monitor import other_slots
from drivers.idcard.storage_pages import PAGE_LENGTH, join_pages, split_pages
from drivers.simulated.other_cards import BARE_ID_CARD, OTHER_CARDS

PROJECT = Path(__file__).parents[2]
ID_CARD = "3B 88 80 01 D1 03 86 05 00 80 80 00 58"
ID_CARD_AS_MEMORY = "3B 8F 80 01 80 4F 0C A0 00 00 03 06 07 FF B0 00 00 00 00 20"
OPENED_ID_CARD = "3B 8F 80 01 80 4F 0C A0 00 00 03 06 07 90 00 00 00 00 00 FF"
MIFARE_1K = "3B 8F 80 01 80 4F 0C A0 00 00 03 06 03 00 01 00 00 00 00 6A"
FELICA = "3B 8F 80 01 80 4F 0C A0 00 00 03 06 11 00 3B 00 00 00 00 42"
OTHER_TYPE_B = "3B 8F 80 01 80 4F 0C A0 00 00 03 06 07 00 07 00 00 00 00 68"
BANK_CARD_WITH_STATUS = "3B 8C 80 01 80 31 80 66 B0 07 00 00 81 90 00 00"


@pytest.mark.parametrize(
    ("atr", "id_card", "pages", "stored_value"),
    [
        (ID_CARD, True, False, False),
        ("3B 88 80 01 D1 03 86 0C 00 80 80 00 51", True, False, False),
        (ID_CARD_AS_MEMORY, True, False, False),
        (OPENED_ID_CARD, True, True, False),
        (MIFARE_1K, False, False, True),
        (FELICA, False, False, True),
        (OTHER_TYPE_B, False, False, False),
        (BANK_CARD_WITH_STATUS, False, True, False),
        ("", False, False, False),
    ],
)
def test_what_an_atr_says(atr: str, id_card: bool, pages: bool, stored_value: bool) -> None:
    raw = bytes.fromhex(atr)
    assert (is_id_card(raw), has_storage_pages(raw), is_stored_value_card(raw)) == (id_card, pages, stored_value)


@given(st.binary(max_size=40))
def test_any_atr_is_classified(atr: bytes) -> None:
    assert not (is_id_card(atr) and is_stored_value_card(atr))
    has_storage_pages(atr)


def test_the_drill_id_card_answers_like_one() -> None:
    assert BARE_ID_CARD.atr == bytes.fromhex(ID_CARD)


def test_the_social_security_application_has_its_published_name() -> None:
    assert bytes.fromhex("73 78 31 2E 73 68 2E C9 E7 BB E1 B1 A3 D5 CF") == SOCIAL_SECURITY


@pytest.mark.parametrize("card", OtherCard)
def test_every_other_card_has_a_drill_card_that_is_known(card: OtherCard) -> None:
    scripted = OTHER_CARDS[card]
    assert not is_id_card(scripted.atr)
    assert name_card(scripted.answer, scripted.atr) is card


def test_an_id_card_is_no_other_card() -> None:
    assert name_card(BARE_ID_CARD.answer, BARE_ID_CARD.atr) is None
    assert read_uid(BARE_ID_CARD.answer) == BARE_ID_CARD.serial


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20), st.binary(max_size=33))
def test_any_replies_name_a_card_or_none_and_only_harmless_commands_are_sent(replies: list[bytes], atr: bytes) -> None:
    sent = []

    def transmit(apdu: bytes) -> bytes:
        sent.append(apdu)
        return replies[len(sent) % len(replies)]

    named = name_card(transmit, atr)
    assert named is None or isinstance(named, OtherCard)
    harmless = (b"\x00\xa4\x04\x00", b"\xff\xca\x00\x00\x00", b"\x00\x36\x00\x00\x08")  # SELECT, and two for a number
    assert all(apdu.startswith(harmless) for apdu in sent)
    assert len(sent) <= 12


def test_a_card_that_goes_away_while_it_is_asked() -> None:
    def transmit(apdu: bytes) -> bytes:
        raise DeviceError(ErrorCode.CARD_LIFTED)

    with pytest.raises(DeviceError, match=ErrorCode.CARD_LIFTED):
        name_card(transmit, b"")


@given(st.binary(min_size=256, max_size=256), st.binary(min_size=1024, max_size=1024))
def test_pages_are_joined_to_what_they_were_split_from(text: bytes, photo: bytes) -> None:
    data = bytes.fromhex("01 00 04 00") + text + photo
    pages = split_pages(data)
    assert [len(page) for page in pages] == 5 * [PAGE_LENGTH] + [4]
    assert join_pages(pages) == data
    assert join_pages([*pages[:-1], pages[-1] + b"\x00\x00"]) == data


@given(st.lists(st.binary(max_size=PAGE_LENGTH), max_size=6))
def test_any_pages_are_whole_or_not(pages: list[bytes]) -> None:
    data = join_pages(pages)
    if data is not None:
        assert len(data) == 4 + int.from_bytes(data[0:2], "big") + int.from_bytes(data[2:4], "big")


@pytest.mark.parametrize("kept", range(6))
def test_missing_pages_are_noticed(kept: int) -> None:
    assert join_pages(split_pages(bytes.fromhex("01 00 04 00") + bytes(1280))[:kept]) is None


@given(st.binary(max_size=64), st.integers(0, 255))
def test_any_feature_list_has_a_code_or_none(features: bytes, tag: int) -> None:
    assert 0 <= feature_code(features, tag) <= 0xFFFFFFFF


def test_a_feature_is_found_among_others() -> None:
    features = bytes.fromhex("06 04 42 33 00 06 13 04 42 00 00 01 12 04 42 33 00 12")
    assert feature_code(features, 0x13) == 0x42000001
    assert feature_code(features, 0x14) == 0
    assert feature_code(features[:10], 0x13) == 0


@pytest.mark.parametrize(
    ("reply", "is_so"),
    [("6D 00", True), ("6E 00", True), ("90 00", True), ("AA AA", False), ("90", False), ("6D 00 00", False)],
)
def test_a_status_word_alone_is_no_frame(reply: str, is_so: bool) -> None:
    assert is_status_word(bytes.fromhex(reply)) is is_so


@given(st.binary(max_size=8))
def test_any_version_is_text(value: bytes) -> None:
    assert bool(firmware_version(value)) is (len(value) == 4)


def test_a_version_is_major_minor_build() -> None:
    assert firmware_version(0x01100002.to_bytes(4, sys.byteorder)) == "1.10.2"


def test_slots_of_one_reader_are_known_by_their_numbers() -> None:
    names = ["SDT Reader 00 00", "SDT Reader 00 01", "SDT Reader 01 00", "Other 00 02", "Windows Reader 0"]
    assert other_slots("SDT Reader 00 00", names) == ["SDT Reader 00 01"]
    assert other_slots("Windows Reader 0", names) == []


def test_the_types_forbid_a_record_from_a_plain_reader(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(
        "from drivers.contracts import CancelToken, IdCardRecord\n"
        "from drivers.idcard.uid import UidOnlyReader\n"
        "\n"
        "reader = UidOnlyReader('')\n"
        "seen: IdCardRecord | None = reader.look(timeout_s=1, cancel=CancelToken())\n"
        "\n"
        "def read() -> None:\n"
        "    record: IdCardRecord = reader.read(timeout_s=1, cancel=CancelToken())\n"
        "    print(record)\n"
    )
    options = ["--config-file", str(PROJECT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache")]
    command = [sys.executable, "-m", "mypy", *options, str(snippet)]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=100, check=False).stdout
    assert 'snippet.py:5: error: Incompatible types in assignment (expression has type "CardSeen | None"' in found
    assert "snippet.py:9: error: Statement is unreachable" in found
    assert "Found 2 errors in 1 file" in found

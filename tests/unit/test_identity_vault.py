"""Masking, and the vault that keeps one card record and forgets it."""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import replace
from datetime import date
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import Assurance, CardType, IdCardRecord, Image
from drivers.simulated.people import PERSON_A, PERSON_B
from drivers.simulated.photo import DrillPhotoDecoder
from workstation.devices import NoPhotoDecoder
from workstation.identity.masking import MASK, mask_name, mask_number
from workstation.identity.vault import IdentityVault
from workstation.site.contract import expert_hash

TODAY = date(2026, 6, 1)
KEY = bytes(range(32))


def card(person=PERSON_A, valid_until: date | None = None) -> IdCardRecord:
    return IdCardRecord(
        card_type=CardType.RESIDENT,
        assurance=Assurance.UNVERIFIED,
        name=person.name,
        sex=person.sex,
        nation="01",
        birth_date=date(1900, 3, 12),
        address=person.address,
        id_number=person.number,
        issuer="演练市公安局",
        valid_from=date(2020, 1, 1),
        valid_until=valid_until,
        photo_block=person.photo_block(),
    )


class KeptPictures:
    """A decoder that keeps what it gave away, to see what becomes of it."""

    def __init__(self) -> None:
        self.given: list[Image] = []

    def decode(self, photo_block: bytes) -> Image | None:
        self.given.append(np.full((126, 102, 3), 200, np.uint8))
        return self.given[-1]


@pytest.fixture
def vault() -> IdentityVault:
    return IdentityVault(DrillPhotoDecoder())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", ""),
        ("   ", ""),
        ("王", "＊"),
        ("王伟", "王＊"),
        ("王小明", "王＊明"),
        ("欧阳娜娜", "欧＊＊娜"),
        (" 王伟 ", "王＊"),
        ("𠮷伟", "𠮷＊"),  # beyond the BMP: two UTF-16 units, one character
        ("王𠮷", "王＊"),
        ("王𬳽𬱖", "王＊𬱖"),
        ("葛\U000e0100伟", "葛\U000e0100＊"),  # a variation selector is part of its character
        ("王葛\U000e0100", "王＊"),
        ("阿卜杜拉·买买提", "阿＊＊＊＊＊＊提"),
        ("娜仁·其其格", "娜＊＊＊＊格"),
    ],
)
def test_a_name_is_masked_by_characters(name: str, shown: str) -> None:
    assert mask_name(name) == shown


@given(st.text(min_size=1).map(str.strip))
def test_a_masked_name_shows_its_ends_at_most(name: str) -> None:
    def bases(text: str) -> list[str]:
        return [letter for letter in text if not unicodedata.category(letter).startswith("M") and letter != MASK]

    if len(bases(name)) > 1:
        assert MASK in mask_name(name)
        assert len(bases(mask_name(name))) < max(3, len(bases(name)))
        assert len(bases(mask_name(name))) < len(bases(name))


def test_a_number_shows_its_ends() -> None:
    assert mask_number(PERSON_A.number) == f"4115****{PERSON_A.number[-4:]}"
    assert mask_number("1234567") == "****"
    assert mask_number("") == "****"


@given(st.text(max_size=30))
def test_a_masked_number_hides_most_of_it(number: str) -> None:
    shown = mask_number(number)
    assert "****" in shown
    assert len(shown) <= 12


def test_nobody_is_known_at_first(vault: IdentityVault) -> None:
    assert vault.portrait is None
    assert vault.expert_hash(KEY) is None
    vault.clear()


def test_a_card_becomes_a_holder(vault: IdentityVault) -> None:
    holder = vault.take(card(), TODAY)
    assert UUID(holder.session_id).version == 4
    assert (holder.masked_name, holder.masked_number) == ("柯＊", mask_number(PERSON_A.number))
    assert holder.sex == "2"
    assert holder.expired_on is None
    assert holder.has_reference
    assert vault.portrait is not None
    assert vault.portrait.shape == (126, 102, 3)
    assert vault.expert_hash(KEY) == expert_hash(KEY, PERSON_A.number)
    assert vault.expert_hash(bytes(32)) != vault.expert_hash(KEY)


def test_every_visit_has_its_own_session(vault: IdentityVault) -> None:
    assert vault.take(card(), TODAY).session_id != vault.take(card(), TODAY).session_id


@pytest.mark.parametrize(
    ("valid_until", "expired_on"),
    [(None, None), (TODAY, None), (date(2026, 5, 31), "2026-05-31"), (date(2099, 12, 31), None)],
    ids=["no end", "last day", "yesterday", "later"],
)
def test_the_last_day_still_counts(vault: IdentityVault, valid_until: date | None, expired_on: str | None) -> None:
    assert vault.take(card(valid_until=valid_until), TODAY).expired_on == expired_on


def test_clearing_overwrites_the_picture_and_forgets() -> None:
    decoder = KeptPictures()
    vault = IdentityVault(decoder)
    vault.take(card(), TODAY)
    copy = vault.portrait
    assert copy is not None
    copy.fill(0)
    assert vault.portrait is not None
    assert vault.portrait.any(), "the portrait given out is a copy"
    vault.clear()
    assert not decoder.given[0].any()
    assert vault.portrait is None
    assert vault.expert_hash(KEY) is None


def test_the_next_card_overwrites_the_one_before() -> None:
    decoder = KeptPictures()
    vault = IdentityVault(decoder)
    vault.take(card(), TODAY)
    vault.take(card(PERSON_B), TODAY)
    assert not decoder.given[0].any()
    assert decoder.given[1].any()
    assert vault.expert_hash(KEY) == expert_hash(KEY, PERSON_B.number)


def test_without_a_decoder_there_is_no_picture_and_never_a_made_up_one() -> None:
    vault = IdentityVault(NoPhotoDecoder())
    assert not vault.take(card(), TODAY).has_reference
    assert vault.portrait is None
    assert vault.expert_hash(KEY) == expert_hash(KEY, PERSON_A.number)


@given(block=st.binary(max_size=64) | st.binary(max_size=1100).map(lambda tail: PERSON_A.photo_block()[:20] + tail))
def test_any_photo_block_is_a_picture_or_none(block: bytes) -> None:
    vault = IdentityVault(DrillPhotoDecoder())
    holder = vault.take(replace(card(), photo_block=block.ljust(1024, b"\0")[:1024]), TODAY)
    assert holder.has_reference is (vault.portrait is not None)


def test_nothing_personal_in_repr_or_log(vault: IdentityVault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    record = card()
    holder = vault.take(record, TODAY)
    vault.clear()
    shown = f"{record!r} {holder!r} {vault!r} {vars(vault)!r} {caplog.text}"
    for value in (PERSON_A.name, PERSON_A.number, PERSON_A.address, holder.masked_name, holder.masked_number):
        assert value not in shown
    assert str(record.photo_block) not in shown

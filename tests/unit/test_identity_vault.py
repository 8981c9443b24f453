"""The vault that keeps one card record and forgets it."""

from __future__ import annotations

import logging
from datetime import date
from uuid import UUID

import numpy as np
import pytest

from drivers.contracts import Assurance, CardType, IdCardRecord, Image
from drivers.simulated.people import PERSON_A, PERSON_B
from workstation.identity.masking import mask_number
from workstation.identity.vault import IdentityVault
from workstation.journey.facts import Reference
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


def portrait(value: int = 200) -> Image:
    return np.full((126, 102, 3), value, np.uint8)


@pytest.fixture
def vault() -> IdentityVault:
    return IdentityVault()


def test_nobody_is_known_at_first(vault: IdentityVault) -> None:
    assert vault.portrait is None
    assert vault.expert_hash(KEY) is None
    vault.clear()


def test_a_card_becomes_a_holder(vault: IdentityVault) -> None:
    holder = vault.take(card(), portrait(), TODAY)
    assert UUID(holder.session_id).version == 4
    assert (holder.masked_name, holder.masked_number) == ("柯＊", mask_number(PERSON_A.number))
    assert holder.sex == "2"
    assert holder.expired_on is None
    assert holder.reference is Reference.CARD_PHOTO
    assert vault.portrait is not None
    assert vault.portrait.shape == (126, 102, 3)
    assert vault.expert_hash(KEY) == expert_hash(KEY, PERSON_A.number)
    assert vault.expert_hash(bytes(32)) != vault.expert_hash(KEY)


def test_every_visit_has_its_own_session(vault: IdentityVault) -> None:
    assert vault.take(card(), portrait(), TODAY).session_id != vault.take(card(), portrait(), TODAY).session_id


@pytest.mark.parametrize(
    ("valid_until", "expired_on"),
    [(None, None), (TODAY, None), (date(2026, 5, 31), "2026-05-31"), (date(2099, 12, 31), None)],
    ids=["no end", "last day", "yesterday", "later"],
)
def test_the_last_day_still_counts(vault: IdentityVault, valid_until: date | None, expired_on: str | None) -> None:
    assert vault.take(card(valid_until=valid_until), portrait(), TODAY).expired_on == expired_on


def test_clearing_overwrites_the_picture_and_forgets(vault: IdentityVault) -> None:
    given = portrait()
    vault.take(card(), given, TODAY)
    copy = vault.portrait
    assert copy is not None
    copy.fill(0)
    assert vault.portrait is not None
    assert vault.portrait.any(), "the portrait given out is a copy"
    vault.clear()
    assert not given.any()
    assert vault.portrait is None
    assert vault.expert_hash(KEY) is None


def test_the_next_card_overwrites_the_one_before(vault: IdentityVault) -> None:
    first, second = portrait(), portrait()
    vault.take(card(), first, TODAY)
    vault.take(card(PERSON_B), second, TODAY)
    assert not first.any()
    assert second.any()
    assert vault.expert_hash(KEY) == expert_hash(KEY, PERSON_B.number)


def test_without_a_picture_there_is_never_a_made_up_one(vault: IdentityVault) -> None:
    assert vault.take(card(), None, TODAY).reference is None
    assert vault.portrait is None
    assert vault.expert_hash(KEY) == expert_hash(KEY, PERSON_A.number)


def test_the_sites_picture_takes_the_place_of_a_missing_one(vault: IdentityVault) -> None:
    vault.take(card(), None, TODAY)
    given = portrait(90)
    vault.keep_reference(given)
    assert vault.portrait is not None
    assert (vault.portrait == 90).all()
    vault.clear()
    assert not given.any()


def test_the_sites_picture_of_somebody_who_left_is_forgotten_at_once(vault: IdentityVault) -> None:
    given = portrait()
    vault.keep_reference(given)
    assert vault.portrait is None
    assert not given.any()


def test_nothing_personal_in_repr_or_log(vault: IdentityVault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    record = card()
    holder = vault.take(record, portrait(), TODAY)
    vault.clear()
    shown = f"{record!r} {holder!r} {vault!r} {vars(vault)!r} {caplog.text}"
    for value in (PERSON_A.name, PERSON_A.number, PERSON_A.address, holder.masked_name, holder.masked_number):
        assert value not in shown
    assert str(record.photo_block) not in shown


def test_a_reviewer_gets_copies_of_the_cards_picture_and_the_live_one(vault: IdentityVault) -> None:
    session_id = vault.take(card(), portrait(10), TODAY).session_id
    vault.keep_reference(portrait(20))
    vault.keep_live(portrait(30))
    evidence = vault.evidence(session_id, KEY)
    assert evidence is not None
    assert (evidence.expert_hash, evidence.card_year) == (expert_hash(KEY, PERSON_A.number), 2020)
    assert evidence.card_photo is not None
    assert evidence.live_picture is not None
    assert (evidence.card_photo == 10).all(), "the card's, not the site's: the site has its own"
    assert (evidence.live_picture == 30).all()
    assert "2020" not in repr(evidence)
    card_photo, live_picture = evidence.card_photo, evidence.live_picture
    evidence.overwrite()
    assert not card_photo.any()
    assert not live_picture.any()
    again = vault.evidence(session_id, KEY)
    assert again is not None
    assert again.card_photo is not None
    assert again.card_photo.any(), "what was given out is a copy"


def test_there_is_no_evidence_of_another_visit(vault: IdentityVault) -> None:
    assert vault.evidence("", KEY) is None
    before = vault.take(card(), portrait(), TODAY).session_id
    vault.keep_live(portrait())
    now = vault.take(card(PERSON_B), None, TODAY).session_id
    assert vault.evidence(before, KEY) is None
    evidence = vault.evidence(now, KEY)
    assert evidence is not None
    assert evidence.card_photo is None
    assert evidence.live_picture is None
    evidence.overwrite()


def test_only_the_newest_live_picture_is_kept_and_overwritten(vault: IdentityVault) -> None:
    first, second, third, fourth = (portrait() for _ in range(4))
    session_id = vault.take(card(), portrait(), TODAY).session_id
    vault.keep_live(first)
    vault.keep_live(second)
    assert not first.any()
    vault.forget_live()
    assert not second.any()
    evidence = vault.evidence(session_id, KEY)
    assert evidence is not None
    assert evidence.live_picture is None
    vault.keep_live(third)
    vault.clear()
    assert not third.any()
    vault.keep_live(fourth)
    assert not fourth.any(), "somebody who left is not kept"

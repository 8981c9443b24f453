"""The first request, the marks of pages, and what a grant of the site is good for: pure parts of the launch."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import MainSitePack, PageMark
from workstation.bridge.doors import Doors
from workstation.evaluation import looks
from workstation.evaluation.entry import Account, Entry
from workstation.evaluation.launch import first_request, ticket_header, with_query
from workstation.evaluation.marks import lies_at, origin_of
from workstation.site.contract import Account as SiteAccount
from workstation.site.contract import Launch

HOME = "https://main.example"
FORM = {"kind": "account", "url": f"{HOME}/login", "user": "#u", "password": "#p", "submit": "button", "tries": 3}
TICKET = {"kind": "ticket-get", "url": f"{HOME}/enter"}


def pack(launch: dict[str, Any], **more: Any) -> MainSitePack:
    facts = {
        "main_site_id": "xinyang", "name": "x", "serial": 1,
        "issued_at": "2026-01-01T00:00:00Z", "valid_until": "2036-01-01T00:00:00Z",
        "origins": [{"origin": HOME}], "launch": launch, "arrived": {"origin": HOME, "paths": ["/room"]},
    }  # fmt: skip
    return MainSitePack.model_validate(facts | more)


class Shelf:
    def __init__(self, *packs: MainSitePack) -> None:
        self.packs = {each.main_site_id: each for each in packs}

    def get(self, main_site_id: str) -> MainSitePack:
        if main_site_id not in self.packs:
            raise KioskError(ErrorCode.COMPONENT_MISSING, "none")
        return self.packs[main_site_id]


def grant(main_site_id: str = "xinyang", *, ticket: bool = True) -> Launch:
    account = None if ticket else SiteAccount(user="u", password="secret-1")
    return Launch(
        launch_id=uuid4(),
        main_site_id=main_site_id,
        ticket="t" * 43 if ticket else None,
        account=account,
        expires_at="2026-01-01T00:00:00Z",
    )


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), min_size=1), st.sampled_from(["", "?a=1", "?a=%2F"]))
def test_what_is_put_into_a_query_comes_out_again(parameters: dict[str, str], query: str) -> None:
    parts = urlsplit(with_query(f"{HOME}/x{query}", parameters))
    kept = parse_qs(query[1:])
    assert parse_qs(parts.query, keep_blank_values=True) == kept | {
        name: [*kept.get(name, []), value] for name, value in parameters.items()
    }
    assert (parts.netloc, parts.path, parts.fragment) == ("main.example", "/x", "")


def test_a_header_ticket_is_not_in_the_request_itself() -> None:
    launch = {"kind": "ticket-header", "url": f"{HOME}/enter", "header": "X-T", "scheme": ""}
    entry = Entry(pack=pack(launch), ticket="t-1")
    assert ticket_header(entry) == ("X-T", "t-1")
    assert not first_request(entry).headers()
    assert ticket_header(Entry(pack=pack(TICKET), ticket="t-1")) is None


@pytest.mark.parametrize(
    ("address", "is_there"),
    [
        (f"{HOME}/room", True), (f"{HOME}/room/2?x#y", True), (f"{HOME}:443/room", True), (f"{HOME}/rooms", False),
        (f"{HOME}/", False), ("http://main.example/room", False), ("https://x@main.example/room", False),
        ("https://main.example.org/room", False), ("about:blank", False), ("", False),
        (f"blob:{HOME}/room", False),
    ],
)  # fmt: skip
def test_a_page_is_told_by_its_whole_address(address: str, is_there: bool) -> None:
    assert lies_at(PageMark(origin=HOME, paths=("/room",)), address) == is_there


@given(st.text())
def test_no_address_breaks_a_mark(address: str) -> None:
    assert lies_at(PageMark(origin=HOME), address) in {True, False}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.example:443/x", "https://a.example"), ("https://a.example:8443/x", "https://a.example:8443"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"), ("http://[::1]:81/x", "http://[::1]:81"),
    ],
)  # fmt: skip
def test_origins_are_written_as_a_page_writes_them(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_neither_ticket_nor_account_can_be_read_by_accident() -> None:
    account = Account(user="someone", password="secret-1")
    entry = Entry(pack=pack(FORM), ticket="t-1", account=account)
    for text in (repr(entry), repr(account), repr(grant()), repr(grant(ticket=False))):
        assert not any(secret in text for secret in ("t-1", "secret-1", "someone", "ttt"))
    assert "secret-1" in looks.fill(entry)
    assert "secret-1" not in looks.look(entry)


@given(st.one_of(st.none(), st.integers(), st.just("")))
def test_a_document_that_went_away_has_no_look(answer: object) -> None:
    assert looks.read(answer) is None


def test_a_fallback_is_for_tickets() -> None:
    with pytest.raises(ValidationError):
        pack(FORM, fallback=FORM)


def test_the_pack_says_what_to_ask_for_and_a_missing_one_is_said_before_anything_is_asked() -> None:
    doors = Doors(Shelf(pack(FORM)))
    doors.expect("xinyang")
    assert doors.origin() == HOME
    assert doors.needs_account(by_account=False)
    assert doors.pack() == pack(FORM)
    doors.expect("elsewhere")
    assert doors.origin() is None
    with pytest.raises(KioskError) as refused:
        doors.pack()
    assert refused.value.code is ErrorCode.COMPONENT_MISSING
    with pytest.raises(KioskError):
        doors.needs_account(by_account=False)


def test_a_grant_is_used_once_and_tells_what_the_pack_allows() -> None:
    doors = Doors(Shelf(pack(TICKET, fallback=FORM)))
    doors.expect("xinyang")
    granted = doors.take(7, grant())
    assert (granted.attempt, granted.account_tries, granted.has_fallback) == (7, 0, True)
    entry = doors.use()
    assert entry is not None
    assert entry.ticket
    assert doors.use() is None
    assert doors.take(8, grant(ticket=False)).account_tries == 3
    doors.forget()
    assert doors.use() is None


@pytest.mark.parametrize(
    ("launch", "granted", "code"),
    [
        (TICKET, grant("elsewhere"), ErrorCode.MAIN_SITE_NOT_TRUSTED),
        (FORM, grant(), ErrorCode.TICKET_REFUSED),
        (TICKET, grant(ticket=False), ErrorCode.TICKET_REFUSED),
    ],
    ids=["another-main-site", "ticket-for-a-form", "account-without-a-form"],
)
def test_a_grant_that_does_not_fit_opens_nothing(launch: dict[str, Any], granted: Launch, code: ErrorCode) -> None:
    doors = Doors(Shelf(pack(launch)))
    doors.expect("xinyang")
    with pytest.raises(KioskError) as caught:
        doors.take(1, granted)
    assert caught.value.code is code
    assert doors.use() is None

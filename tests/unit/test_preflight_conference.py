"""The pre-flight of the built-in meeting: good, a file of the page missing, a media process that does not start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from drivers.errors import DeviceError, ErrorCode
from kiosk_config.pack.model import MainSitePack, OriginRule, PageMark, TicketGet
from workstation.conference.contract import Anonymity
from workstation.preflight import conference
from workstation.preflight.conference import PAGE_PARTS, check_conference
from workstation.preflight.findings import Reason
from workstation.site.page_files import PageFile
from workstation.site.preflight import PreflightKind, PreflightVerdict


class Media:
    """A media process that starts, or does not."""

    error: ClassVar[DeviceError | None] = None
    calls: ClassVar[list[object]] = []

    def __init__(self, **_: object) -> None:
        return

    def start(self, anonymity: Anonymity) -> None:
        self.calls.append(anonymity)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.calls.append("closed")


@pytest.fixture(autouse=True)
def media(monkeypatch):
    monkeypatch.setattr(Media, "error", None)
    monkeypatch.setattr(Media, "calls", [])
    monkeypatch.setattr(conference, "MediaClient", Media)
    lack(monkeypatch)
    return Media


def lack(monkeypatch, *parts: str) -> None:
    page = PageFile(content=b"x", media_type="text/plain")
    monkeypatch.setattr(conference, "read_page_file", lambda part: None if part in parts else page)


def check(kind: str = "built-in") -> list[tuple[str, PreflightVerdict, str]]:
    now = datetime.now(UTC)
    pack = MainSitePack(
        main_site_id="test",
        name="test",
        serial=1,
        issued_at=now,
        valid_until=now + timedelta(days=1),
        origins=(OriginRule(origin="https://main.example"),),
        launch=TicketGet(url="https://main.example/"),
        arrived=PageMark(origin="https://main.example"),
        conference=kind,
    )
    found = check_conference(pack)
    assert all(each.kind is PreflightKind.CONFERENCE for each in found)
    assert all(bool(each.fix) == (each.verdict is PreflightVerdict.FAIL) for each in found)
    return [(each.subject, each.verdict, each.reason) for each in found]


GOOD = ("built-in", PreflightVerdict.PASS, Reason.GOOD)


def test_a_booth_that_can_hold_the_meeting_passes_with_both_protections_and_ends_the_process(media):
    assert check() == [GOOD]
    assert media.calls == [Anonymity(mask=True, voice=True), "closed"]


@pytest.mark.parametrize("part", PAGE_PARTS)
def test_a_missing_file_of_the_page_is_named(monkeypatch, part):
    lack(monkeypatch, part)
    assert check() == [(part or "index.html", PreflightVerdict.FAIL, Reason.FILE_MISSING), GOOD]


def test_a_media_process_that_does_not_start_fails_and_is_ended_all_the_same(media, monkeypatch):
    monkeypatch.setattr(Media, "error", DeviceError(ErrorCode.ANONYMITY_NOT_READY))
    assert check() == [("built-in", PreflightVerdict.FAIL, Reason.MEDIA_FAILED)]
    assert media.calls[-1] == "closed"


def test_a_pack_without_the_built_in_meeting_starts_nothing(media):
    assert check("none") == []
    assert media.calls == []

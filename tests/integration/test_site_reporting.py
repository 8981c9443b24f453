"""Reports on a real server, with SQLite and PostgreSQL: it is killed in the middle, and boards made of changes."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
import requests
from pydantic import TypeAdapter

import workstation
from drivers.errors import ErrorCode, KioskError
from tests.integration.site_serving import serving
from workstation.journal.journal import Journal
from workstation.site.administration import BoothRow, EventPage
from workstation.site.client import SiteClient
from workstation.site.contract import EventReport, ReportReply, ReportRequest
from workstation.site.embedded import ServerProcess
from workstation.site.outbox import Reporter
from workstation.site.readings import ReadingKind, ReadingReport, ReadingState
from workstation.site.server import tokens
from workstation.site.server.database import Database
from workstation.site.server.site import Site

ROOT = Path(workstation.__file__).parents[1]
CHANGES, WHOLE = "booth-01", "booth-02"
KEEP = timedelta(days=90)
AT = {"observed_at": datetime(2026, 6, 1, tzinfo=UTC)}
BOARD = TypeAdapter(list[BoothRow])
AWAY = KioskError(ErrorCode.SITE_SERVER_UNREACHABLE, "lost")


@pytest.fixture
def site(database_url, tmp_path) -> Iterator[SimpleNamespace]:
    database = Database(database_url)
    context = Site(database=database, tokens=tokens.load_or_create(tmp_path, CHANGES, WHOLE))
    context.enrol()
    with serving(context) as url:
        clients = {
            booth: SiteClient(url, booth, context.tokens.booths[booth], timeout_s=10) for booth in (CHANGES, WHOLE)
        }
        yield SimpleNamespace(url=url, clients=clients, admin=context.tokens.admin)
        for client in clients.values():
            client.close()
    database.close()


def ask(url: str, token: str, path: str) -> bytes:
    reply = requests.get(f"{url}/v1{path}", headers={"Authorization": f"Bearer {token}"}, timeout=20)
    reply.raise_for_status()
    return reply.content


def stored(url: str, token: str, booth: str = CHANGES) -> tuple[list[EventReport], int]:
    """Return all events of a booth in the order they were stored, and how many faults were found."""
    events: list[EventReport] = []
    after: int | None = 0
    faults = 0
    while after is not None:
        page = EventPage.model_validate_json(ask(url, token, f"/booths/{booth}/events?after={after}"))
        events += page.events
        after, faults = page.next_after, len(page.incidents)
    return events, faults


# --- the board made of changes


class Lossy:
    """The way to the site: loses a report, or the reply to one, as told."""

    def __init__(self, client: SiteClient) -> None:
        self.client = client
        self.fault = ""
        self.sent: list[ReportRequest] = []

    def report(self, request: ReportRequest) -> ReportReply:
        if self.fault == "request":
            raise AWAY
        self.sent.append(request)
        reply = self.client.report(request)
        if self.fault == "reply":
            raise AWAY
        if self.fault == "copy":
            self.client.report(request)
        return reply


def board(site) -> dict[str, list[ReadingReport]]:
    told = {"confirmed_at", "age_s", "observed_at"}
    return {
        row.booth_id: [ReadingReport.model_validate(item.model_dump(exclude=told) | AT) for item in row.readings]
        for row in BOARD.validate_json(ask(site.url, site.admin, "/board"))
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_board_of_changes_is_the_board_of_full_reports(site, tmp_path, seed):
    dice = random.Random(seed)
    readings: dict[tuple[ReadingKind, str], ReadingReport] = {}
    journal = Journal(tmp_path / "journal.db")
    line = Lossy(site.clients[CHANGES])
    number = 0
    clock = 0.0

    def booth() -> Reporter:
        return Reporter(
            journal,
            line,
            lambda: list(readings.values()),
            lambda: "idle",
            lambda _command: None,
            version="1",
            keep=KEEP,
            clock=lambda: clock,
        )

    reporter = booth()
    for _ in range(40):
        for _ in range(dice.randrange(3)):
            kind, subject = dice.choice([ReadingKind.UPS, ReadingKind.DISK]), dice.choice(["", "a", "b"])
            if dice.random() < 0.25:
                readings.pop((kind, subject), None)
                continue
            values = {"displays": float(dice.randrange(3))}
            state = dice.choice(list(ReadingState))
            readings[kind, subject] = ReadingReport(kind=kind, subject=subject, state=state, values=values, **AT)
        if dice.random() < 0.1:
            reporter = booth()
        clock += dice.choice([1, 5, 5, 70])
        line.fault = dice.choice(["", "", "", "request", "reply", "copy"])
        reporter.report_once()
        if line.fault == "request":
            continue
        number += 1
        whole = line.sent[-1].model_copy(
            update={"full": True, "readings": list(readings.values()), "number": number, "boot_id": UUID(int=1)}
        )
        site.clients[WHOLE].report(whole)
        told = board(site)
        assert told[CHANGES] == told[WHOLE]
    assert any(not request.full for request in line.sent)
    journal.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_that_fails_asks_for_a_pause_and_nothing_is_acknowledged(site, tmp_path, allow_logs):
    allow_logs("workstation.site.server.problems")
    [file] = tmp_path.glob("site.db")
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute("DROP TABLE events")
    journal = Journal(tmp_path / "journal.db")
    journal.append("step", "", {})
    line = site.clients[CHANGES]
    reporter = Reporter(journal, line, list, lambda: "idle", lambda _c: None, version="1", keep=KEEP)
    assert 10 <= reporter.report_once() <= 11
    assert reporter.is_away
    assert len(journal.unsent(10)) == 1
    journal.close()


# --- killed in the middle


@pytest.fixture
def _in_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("_in_checkout")
def test_a_server_killed_in_the_middle_of_reports_loses_and_doubles_nothing(database_url, tmp_path):
    """Events happen and are reported while the server is killed (SIGKILL) and started again, on a port of its own."""
    keys = tokens.load_or_create(tmp_path, CHANGES)
    journal = Journal(tmp_path / "journal.db")
    happened = [journal.append("step", "s-1", {"n": n}) for n in range(3000)]
    dice = random.Random(7)
    for _ in range(4):
        server = ServerProcess("workstation.site.server", "--data", str(tmp_path), "--database", database_url)
        client = SiteClient(server.base_url, CHANGES, keys.booths[CHANGES], timeout_s=10)
        reporter = Reporter(journal, client, list, lambda: "idle", lambda _c: None, version="1", keep=KEEP)
        killer = threading.Timer(dice.uniform(0.2, 1.0), server._process.kill)
        killer.start()
        deadline = time.monotonic() + 30
        while not reporter.is_away:
            assert time.monotonic() < deadline
            happened.append(journal.append("step", "s-2", {}))
            reporter.report_once()
        killer.join()
        client.close()
        server.stop()
    with ServerProcess("workstation.site.server", "--data", str(tmp_path), "--database", database_url) as server:
        client = SiteClient(server.base_url, CHANGES, keys.booths[CHANGES], timeout_s=10)
        reporter = Reporter(journal, client, list, lambda: "idle", lambda _c: None, version="1", keep=KEEP)
        deadline = time.monotonic() + 60
        while journal.unsent(1):
            assert time.monotonic() < deadline
            reporter.report_once()
        assert stored(server.base_url, keys.admin) == (happened, 0)
        client.close()
    journal.close()


def test_reports_that_pass_each_other_store_each_event_once_and_in_order(site, tmp_path):
    journal = Journal(tmp_path / "journal.db")
    happened = [journal.append("step", "s-1", {"n": n}) for n in range(400)]
    journal.close()
    client = site.clients[CHANGES]
    reports = [
        ReportRequest(
            boot_id=UUID(int=1),
            number=number + 1,
            sent_at=datetime.now(UTC),
            state="idle",
            version="1",
            events=happened[number * 100 : (number + 1) * 100],
        )
        for number in range(4)
    ]
    for report in reports:
        client.report(report)
    threads = [threading.Thread(target=client.report, args=(report,)) for report in reports * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert stored(site.url, site.admin) == (happened, 0)

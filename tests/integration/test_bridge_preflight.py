"""The pre-flight in the kiosk: by order, by schedule, never while somebody sits here, journaled and reported."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import MainSitePack, OriginRule, PageMark, TicketGet
from workstation.bridge import preflight as module
from workstation.bridge.preflight import PreflightBridge
from workstation.bridge.records import RecordBridge
from workstation.journal.journal import Journal
from workstation.preflight.findings import passed
from workstation.preflight.request import PreflightRequest
from workstation.site.contract import Booking, BoothInfo, Command, CommandKind
from workstation.site.preflight import PreflightKind, PreflightReport, PreflightVerdict

LIMIT_MS = 20_000
THREE_PM = datetime(2026, 6, 1, 7, 0, tzinfo=UTC)  # 15:00 at the site


def make_pack(main_site_id: str = "xinyang") -> MainSitePack:
    return MainSitePack(
        main_site_id=main_site_id,
        name="信阳市",
        serial=5,
        issued_at=THREE_PM - timedelta(days=1),
        valid_until=THREE_PM + timedelta(days=100),
        origins=(OriginRule(origin="https://main.example"),),
        launch=TicketGet(url="https://main.example/"),
        arrived=PageMark(origin="https://main.example"),
    )


class Packs:
    def __init__(self) -> None:
        self.ids = ["xinyang"]

    def get(self, main_site_id: str) -> MainSitePack:
        if main_site_id not in self.ids:
            raise KioskError(ErrorCode.INTERNAL, "no pack", context={"reason": "missing"})
        return make_pack(main_site_id)

    def main_site_ids(self) -> list[str]:
        return self.ids


class Process:
    """Stands for the process: runs until it is let go or stopped."""

    def __init__(self, stage: SimpleNamespace) -> None:
        self.stage = stage
        self.is_stopped = False
        self.over = threading.Event()
        stage.processes.append(self)
        if not stage.holds:
            self.over.set()

    def run(self, request: PreflightRequest) -> PreflightReport | None:
        self.stage.requests.append(request)
        assert self.over.wait(20)
        if self.is_stopped or self.stage.crashes:
            return None
        return PreflightReport(
            report_id=request.report_id,
            main_site_id=request.pack.main_site_id,
            main_site=request.pack.name,
            serial=request.pack.serial,
            checked_at=datetime.now(UTC),
            verdict=PreflightVerdict.PASS,
            checks=[passed(PreflightKind.PACK, "x")],
        )

    def stop(self) -> None:
        self.is_stopped = True
        self.over.set()


class Taker:
    def __init__(self) -> None:
        self.reports: list[PreflightReport] = []
        self.failures = 0

    def preflight(self, report: PreflightReport) -> None:
        if self.failures:
            self.failures -= 1
            raise KioskError(ErrorCode.SITE_SERVER_UNREACHABLE, "away")
        self.reports.append(report)


@pytest.fixture
def stage(qtbot, tmp_path, monkeypatch) -> Iterator[SimpleNamespace]:
    monkeypatch.setattr(module, "RETRIES_S", (0.01, 0.01))
    found = SimpleNamespace(
        holds=False, crashes=False, processes=[], requests=[], packs=Packs(), taker=Taker(), now=THREE_PM
    )
    journal = Journal(tmp_path / "journal.sqlite3")
    records = RecordBridge(journal)
    found.bridge = PreflightBridge(
        found.packs,
        records,
        at=time(15, 0),
        site_id="luohe",
        is_drill=True,
        make_process=lambda: Process(found),
        clock=lambda: found.now,
    )
    found.bridge.join_site(found.taker)
    found.bridge.set_free(is_free=True)
    found.records, found.journal = records, journal
    found.until = lambda what: qtbot.waitUntil(lambda: bool(what()), timeout=LIMIT_MS)
    yield found
    found.bridge.stop()
    records.close()
    journal.close()


def order(main_site_id: str = "xinyang", kind: CommandKind = CommandKind.PREFLIGHT) -> Command:
    return Command(command_id=uuid4(), kind=kind, text=main_site_id)


def events(stage) -> list[tuple[str, dict]]:
    stage.records.lane.drain()
    return [(event.kind, dict(event.data)) for event in stage.journal.unsent(100)]


def booth(starts_at: datetime) -> BoothInfo:
    return BoothInfo(
        booth_id="booth-03", centre="", room="", booth_label="03", hotline="",
        bookings=[Booking(starts_at=starts_at, ends_at=starts_at + timedelta(hours=4), projects=1)],
        key_id="2026-06-01", arrival_key="ab" * 32, server_time=THREE_PM,
    )  # fmt: skip


def test_an_order_is_carried_out_journaled_and_reported(stage):
    stage.bridge.on_command(order())
    stage.until(lambda: stage.taker.reports)
    [report] = stage.taker.reports
    assert (report.main_site_id, report.serial, report.verdict) == ("xinyang", 5, PreflightVerdict.PASS)
    [request] = stage.requests
    assert (request.sub_site, request.drill, request.pack.name) == ("luohe", True, "信阳市")
    [(kind, data)] = events(stage)
    assert kind == "preflight_done"
    assert data == {"main_site_id": "xinyang", "serial": 5, "verdict": "pass", "passed": 1, "warned": 0, "failed": 0}


def test_other_commands_and_what_is_no_main_site_start_nothing(stage):
    for command in (order(kind=CommandKind.MESSAGE), order("../x"), order("")):
        stage.bridge.on_command(command)
    assert (stage.processes, events(stage)) == ([], [])


def test_nobody_is_disturbed_who_sits_here(stage):
    stage.bridge.set_free(is_free=False)
    stage.bridge.on_command(order())
    stage.until(lambda: stage.taker.reports)
    assert stage.taker.reports[0].not_done == "visit"
    assert stage.processes == []
    assert events(stage) == [("preflight_refused", {"main_site_id": "xinyang", "reason": "visit"})]


def test_whoever_signs_in_ends_it(stage):
    stage.holds = True
    stage.bridge.on_command(order())
    stage.until(lambda: stage.requests)
    stage.bridge.set_free(is_free=False)
    stage.until(lambda: stage.taker.reports)
    assert stage.taker.reports[0].not_done == "visit"
    assert stage.processes[0].is_stopped


@pytest.mark.parametrize(
    ("main_site_id", "crashes", "why"), [("luohe", False, "no-pack"), ("xinyang", True, "no-result")]
)
def test_what_could_not_be_made_is_said(stage, main_site_id, crashes, why):
    stage.crashes = crashes
    stage.bridge.on_command(order(main_site_id))
    stage.until(lambda: stage.taker.reports)
    [report] = stage.taker.reports
    assert (report.not_done, report.verdict) == (why, PreflightVerdict.FAIL)
    assert events(stage) == [("preflight_refused", {"main_site_id": main_site_id, "reason": why})]


def test_two_orders_run_one_after_the_other_and_the_same_one_once(stage):
    stage.packs.ids = ["xinyang", "luohe"]
    stage.holds = True
    for main_site_id in ("xinyang", "luohe", "luohe"):
        stage.bridge.on_command(order(main_site_id))
    stage.until(lambda: stage.requests)
    assert len(stage.processes) == 1
    stage.holds = False
    stage.processes[0].over.set()
    stage.until(lambda: len(stage.taker.reports) == 2)
    assert [report.main_site_id for report in stage.taker.reports] == ["xinyang", "luohe"]


def test_a_report_is_handed_in_again_while_the_site_is_away(stage):
    stage.taker.failures = 2
    stage.bridge.on_command(order())
    stage.until(lambda: stage.taker.reports)


def test_on_the_day_before_a_booking_every_pack_is_tried_once(stage):
    stage.packs.ids = ["xinyang", "luohe"]
    stage.bridge.on_booth_changed(booth(THREE_PM + timedelta(hours=18)))  # 09:00 tomorrow
    stage.now = THREE_PM - timedelta(minutes=1)
    stage.bridge._on_timer_timeout()
    stage.now = THREE_PM
    stage.bridge.set_free(is_free=False)
    stage.bridge._on_timer_timeout()
    stage.bridge._on_timer_timeout()
    stage.bridge.lane.drain()
    assert stage.requests == []
    stage.until(lambda: len(stage.bridge._due) == 2)
    stage.bridge.set_free(is_free=True)
    stage.until(lambda: len(stage.taker.reports) == 2)
    stage.bridge._on_timer_timeout()
    stage.bridge.lane.drain()
    assert [request.pack.main_site_id for request in stage.requests] == ["xinyang", "luohe"]


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(hours=42)], ids=["today", "the-day-after"])
def test_without_a_booking_tomorrow_nothing_is_tried(stage, ahead):
    stage.bridge.on_booth_changed(booth(THREE_PM + ahead))
    stage.bridge._on_timer_timeout()
    stage.bridge.lane.drain()
    assert not stage.bridge._due
    assert stage.requests == []

"""The check-up in the kiosk: by button, clock and order, never while somebody sits here; kept, journaled, handed in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest

from drivers.contracts import CancelToken
from drivers.errors import ErrorCode, KioskError
from workstation.bridge import checkup as module
from workstation.bridge.checkup import CheckupBridge
from workstation.bridge.records import RecordBridge
from workstation.checkup.feed import ReadingFeed
from workstation.checkup.findings import Reason, item
from workstation.checkup.maker import BoothIdentity
from workstation.checkup.runner import Items, Probe
from workstation.checkup.schedule import DailyTime
from workstation.checkup.store import FOLDER_NAME, CheckupStore
from workstation.journal.journal import Journal
from workstation.site.checkup_signature import check_paper, read_report
from workstation.site.contract import Command, CommandKind
from workstation.site.readings import ReadingKind
from workstation.site.selfcheck import CheckupHandIn, CheckupTrigger, CheckupVerdict
from workstation.ui.checkup_words import CheckupWords
from workstation.ui.messages import Messages

LIMIT_MS = 30_000
NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
MORNING = datetime(2026, 6, 1, 23, 50, tzinfo=UTC)  # 07:50 at the site


class Taker:
    """Stands for the site's client."""

    def __init__(self) -> None:
        self.taken: dict[UUID, CheckupHandIn] = {}
        self.refusal: KioskError | None = None

    def selfcheck(self, report_id: UUID, hand_in: CheckupHandIn) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.taken[report_id] = hand_in


def away() -> KioskError:
    return KioskError(ErrorCode.SITE_SERVER_UNREACHABLE, "away")


class Stage:
    """One booth; ``restart`` makes its program start anew on the same disk."""

    def __init__(self, folder: Path, until: Callable[[Callable[[], object]], None]) -> None:
        self.folder, self.until = folder, until
        self.now, self.up_s = NOON, 1000.0
        self.holds, self.begun = threading.Event(), threading.Event()
        self.verdict = CheckupVerdict.PASS
        self.looks = 0
        self.taker = Taker()
        self.open()

    def open(self) -> None:
        self.journal = Journal(self.folder / "journal.sqlite3")
        self.records = RecordBridge(self.journal)
        self.shown: list[object] = []
        words = CheckupWords(Messages())
        self.bridge = CheckupBridge(
            lambda: [[Probe(kind=ReadingKind.CAMERA, deadline_s=20.0, look=self.look)]],
            ReadingFeed(set()),
            self.records,
            booth=BoothIdentity(booth_id="booth-03", version="1", is_drill=True, words=words),
            data_dir=self.folder,
            daily=DailyTime(time(7, 50)),
            clock=lambda: self.now,
            uptime=lambda: self.up_s,
        )
        self.bridge.changed.connect(self.shown.append)
        self.bridge.start()

    def look(self, cancel: CancelToken) -> Items:
        self.looks += 1
        self.begun.set()
        while self.holds.is_set() and not cancel.wait(0.01):
            pass
        return (item(ReadingKind.CAMERA, self.verdict, Reason.GOOD),)

    def close(self) -> None:
        self.bridge.stop()
        self.records.close()
        self.journal.close()

    def restart(self) -> None:
        self.close()
        self.up_s = 5.0
        self.open()

    def events(self) -> list[tuple[str, dict[str, object]]]:
        self.bridge.lane.drain()
        self.records.lane.drain()
        return [(event.kind, dict(event.data)) for event in self.journal.unsent(100)]

    def kept(self) -> int:
        return len(CheckupStore(self.folder).reports()) if (self.folder / FOLDER_NAME).exists() else 0


@pytest.fixture
def stage(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(module, "CLOCK_INTERVAL_MS", 20)
    found = Stage(tmp_path, lambda what: qtbot.waitUntil(lambda: bool(what()), timeout=LIMIT_MS))
    yield found
    found.holds.clear()
    found.close()


def command() -> Command:
    return Command(command_id=uuid4(), kind=CommandKind.SELF_CHECK)


def test_the_button_makes_one_that_is_shown_kept_journaled_and_handed_in(stage: Stage) -> None:
    stage.bridge.join_site(stage.taker)
    stage.bridge.press()
    assert stage.looks == 0  # somebody sits here
    stage.bridge.set_free(is_free=True)
    stage.bridge.press()
    stage.until(lambda: stage.taker.taken)
    [(report_id, hand_in)] = stage.taker.taken.items()
    signed = read_report(hand_in.report)
    assert (signed.report.report_id, signed.report.trigger) == (report_id, CheckupTrigger.BUTTON)
    assert (signed.report.booth_id, signed.report.verdict) == ("booth-03", CheckupVerdict.PASS)
    assert signed.report.items[0].part == "摄像头"
    assert hand_in.paper is not None
    check_paper(signed, hand_in.paper, hand_in.seal or "")
    stage.until(stage.events)
    [(kind, data)] = stage.events()
    assert kind == "checkup_done"
    assert data["sha256"] == signed.sha256  # the chain vouches for the report
    assert (data["verdict"], data["passed"], data["trigger"]) == ("pass", 1, "button")
    begun, *_, done = stage.shown
    assert (begun.waiting, begun.verdict) == ((ReadingKind.CAMERA,), None)
    assert (done.waiting, done.verdict) == ((), CheckupVerdict.PASS)
    stage.bridge.dismiss()
    assert stage.shown[-1] is None


def test_a_card_ends_it_at_once_and_leaves_nothing(stage: Stage) -> None:
    stage.holds.set()
    stage.bridge.set_free(is_free=True)
    stage.bridge.press()
    stage.until(stage.begun.is_set)
    stage.bridge.set_free(is_free=False)
    assert stage.shown[-1] is None
    stage.until(stage.events)
    assert stage.events() == [("checkup_stopped", {"trigger": "button"})]
    assert stage.kept() == 0
    stage.holds.clear()
    stage.bridge.set_free(is_free=True)
    assert stage.looks == 1  # what a button asked for is not made up


@pytest.mark.parametrize("by", [CheckupTrigger.SCHEDULE, CheckupTrigger.COMMAND])
def test_what_was_ended_is_made_up_when_the_seat_is_free_within_the_hour(stage: Stage, by: CheckupTrigger) -> None:
    stage.holds.set()
    stage.bridge.set_free(is_free=True)
    if by is CheckupTrigger.SCHEDULE:
        stage.now = MORNING
    else:
        stage.bridge.on_command(command())
    stage.until(stage.begun.is_set)
    stage.bridge.set_free(is_free=False)
    stage.until(stage.events)
    stage.holds.clear()
    stage.now, stage.up_s = stage.now + timedelta(minutes=50), stage.up_s + 3000
    stage.bridge.set_free(is_free=True)
    stage.until(lambda: stage.kept() == 1)
    [signed] = CheckupStore(stage.folder).reports()
    assert signed.report.trigger is by
    assert stage.looks == 2


def test_an_order_that_found_no_free_seat_for_an_hour_is_refused(stage: Stage) -> None:
    stage.bridge.on_command(Command(command_id=uuid4(), kind=CommandKind.MESSAGE, text="x"))
    stage.bridge.on_command(command())
    stage.up_s += 3601
    stage.until(stage.events)
    assert stage.events() == [("checkup_refused", {"trigger": "command", "reason": "visit"})]
    stage.bridge.set_free(is_free=True)
    assert stage.looks == 0


def test_the_morning_makes_one_a_day_across_clock_steps_and_starts(stage: Stage) -> None:
    stage.bridge.set_free(is_free=True)
    stage.now = MORNING
    stage.until(lambda: stage.kept() == 1)
    for step in (timedelta(days=1), timedelta(minutes=-30), timedelta(minutes=30)):
        stage.now = MORNING + step
        stage.bridge.set_free(is_free=False)
        stage.bridge.set_free(is_free=True)
    stage.now = MORNING + timedelta(minutes=20)
    stage.restart()
    stage.bridge.set_free(is_free=True)
    stage.bridge.on_command(command())  # whatever waits has begun when this one is over
    stage.until(lambda: stage.kept() >= 2)
    triggers = [signed.report.trigger for signed in CheckupStore(stage.folder).reports()]
    assert sorted(triggers) == [CheckupTrigger.COMMAND, CheckupTrigger.SCHEDULE]


def test_who_sends_the_morning_one_away_does_not_get_it_again(stage: Stage) -> None:
    stage.holds.set()
    stage.bridge.set_free(is_free=True)
    stage.now = MORNING
    stage.until(stage.begun.is_set)
    stage.bridge.dismiss()
    stage.holds.clear()
    stage.until(stage.events)
    stage.bridge.set_free(is_free=False)
    stage.bridge.set_free(is_free=True)
    assert stage.events() == [("checkup_stopped", {"trigger": "schedule"})]
    assert stage.looks == 1


def test_nothing_is_lost_while_the_site_is_away_and_the_program_starts_anew(stage: Stage) -> None:
    stage.taker.refusal = away()
    stage.bridge.join_site(stage.taker)
    stage.bridge.set_free(is_free=True)
    for number in (1, 2):
        stage.bridge.press()
        stage.until(lambda number=number: stage.kept() == number)
        stage.until(lambda: stage.bridge._running is None)
    stage.restart()
    assert stage.taker.taken == {}
    stage.taker.refusal = None
    stage.bridge.join_site(stage.taker)
    stage.until(lambda: len(stage.taker.taken) == 2)
    stage.bridge.lane.drain()
    stage.until(lambda: CheckupStore(stage.folder).oldest_unsent() is None)


def test_what_the_site_will_never_take_does_not_hold_up_the_rest(stage: Stage, allow_logs) -> None:
    allow_logs("workstation.bridge.checkup")
    stage.taker.refusal = KioskError(ErrorCode.INTERNAL, "no", context={"status": 422}, retryable=False)
    stage.bridge.join_site(stage.taker)
    stage.bridge.set_free(is_free=True)
    stage.bridge.press()
    stage.until(lambda: stage.kept() == 1 and CheckupStore(stage.folder).oldest_unsent() is None)


def test_a_disk_that_takes_no_report_is_told_and_journaled(stage: Stage, allow_logs) -> None:
    allow_logs("workstation.bridge.checkup")
    (stage.folder / FOLDER_NAME).write_text("a file where the folder should be")
    stage.bridge.set_free(is_free=True)
    stage.bridge.press()
    stage.until(stage.events)
    [(kind, data)] = stage.events()
    assert (kind, data["sha256"]) == ("checkup_done", "")
    assert stage.shown[-1].verdict is CheckupVerdict.PASS


def test_a_good_result_goes_by_itself_and_a_bad_one_stays_longer(stage: Stage, monkeypatch) -> None:
    monkeypatch.setattr(module, "SHOWN_GOOD_MS", 10)
    stage.bridge.set_free(is_free=True)
    stage.bridge.press()
    stage.until(lambda: stage.shown and stage.shown[-1] is None)
    stage.verdict = CheckupVerdict.FAIL
    stage.bridge.press()
    stage.until(lambda: stage.shown[-1] is not None and stage.shown[-1].verdict is CheckupVerdict.FAIL)


def test_other_facts_of_the_booth_are_on_the_report(stage: Stage) -> None:
    stage.bridge.on_booth_changed(SimpleNamespace(booth_label="03 号工位"))
    stage.bridge.set_free(is_free=True)
    stage.bridge.press()
    stage.until(lambda: stage.kept() == 1)
    [signed] = CheckupStore(stage.folder).reports()
    assert (signed.report.booth_label, signed.report.is_drill) == ("03 号工位", True)

"""The check-up's runner: side by side, each with its own deadline; who hangs fails alone; a card ends it at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from drivers.contracts import CancelToken
from drivers.errors import DeviceError, ErrorCode
from workstation.checkup.feed import ReadingFeed
from workstation.checkup.findings import Reason, item
from workstation.checkup.runner import CheckupRunner, Items, Probe
from workstation.health.board import HealthBoard, HealthSnapshot
from workstation.health.readings import Moment, Reading
from workstation.site.readings import ReadingKind, ReadingState
from workstation.site.selfcheck import CheckupItem, CheckupOwn, CheckupVerdict

LIMIT_S = 20.0


def good(kind: ReadingKind) -> Items:
    return (item(kind, CheckupVerdict.PASS, Reason.GOOD),)


def probe(kind: ReadingKind, look: Callable[[CancelToken], Items], deadline_s: float = LIMIT_S) -> Probe:
    return Probe(kind=kind, deadline_s=deadline_s, look=look)


def test_groups_run_side_by_side_and_a_group_in_order() -> None:
    meet, order = threading.Barrier(2, timeout=LIMIT_S), []

    def meeting(kind: ReadingKind) -> Items:
        meet.wait()
        order.append(kind)
        return good(kind)

    def after(_cancel: CancelToken) -> Items:
        assert ReadingKind.CAMERA in order
        return good(ReadingKind.DISK)

    told: list[CheckupItem] = []
    groups = [
        [probe(ReadingKind.CAMERA, lambda _: meeting(ReadingKind.CAMERA)), probe(ReadingKind.DISK, after)],
        [probe(ReadingKind.HEADSET, lambda _: meeting(ReadingKind.HEADSET))],
    ]
    found = CheckupRunner().run(groups, told.extend, CancelToken())
    assert found is not None
    assert [each.kind for each in found] == [ReadingKind.CAMERA, ReadingKind.DISK, ReadingKind.HEADSET]
    assert sorted(each.kind for each in told) == sorted(each.kind for each in found)


def test_who_hangs_fails_alone_and_at_once_the_next_time() -> None:
    release = threading.Event()
    looks = []

    def hang(_cancel: CancelToken) -> Items:
        looks.append(1)
        release.wait(LIMIT_S)
        return good(ReadingKind.CAMERA)

    runner = CheckupRunner()
    groups = [[probe(ReadingKind.CAMERA, hang, 0.05), probe(ReadingKind.DISK, lambda _: good(ReadingKind.DISK))]]
    for _ in range(2):
        found = runner.run(groups, lambda _items: None, CancelToken())
        assert found is not None
        assert [(each.verdict, each.reason) for each in found] == [
            (CheckupVerdict.FAIL, Reason.TIMED_OUT),
            (CheckupVerdict.PASS, Reason.GOOD),
        ]
    assert len(looks) == 1  # no second thread waits behind the first
    release.set()


def test_a_fault_is_its_code_and_a_defect_is_a_crash(allow_logs) -> None:
    allow_logs("workstation.checkup.runner")

    def fault(_cancel: CancelToken) -> Items:
        raise DeviceError(ErrorCode.CAMERA_LOST, "no frame")

    def defect(_cancel: CancelToken) -> Items:
        raise ZeroDivisionError

    groups = [[probe(ReadingKind.CAMERA, fault)], [probe(ReadingKind.DISK, defect)]]
    found = CheckupRunner().run(groups, lambda _items: None, CancelToken())
    assert found is not None
    assert [(each.reason, each.code, each.detail) for each in found] == [
        (Reason.FAULT, "E-405", "E-405 no frame"),
        (Reason.CRASHED, "", "ZeroDivisionError"),
    ]


def test_a_card_ends_it_at_once_although_a_device_hangs() -> None:
    release, begun, cancel = threading.Event(), threading.Event(), CancelToken()

    def hang(its_own: CancelToken) -> Items:
        begun.set()
        assert its_own.wait(LIMIT_S)  # the probe is told as well
        release.wait(LIMIT_S)
        return good(ReadingKind.CAMERA)

    told: list[CheckupItem] = []
    groups = [[probe(ReadingKind.CAMERA, hang), probe(ReadingKind.DISK, lambda _: good(ReadingKind.DISK))]]
    ended: list[object] = []
    thread = threading.Thread(target=lambda: ended.append(CheckupRunner().run(groups, told.extend, cancel)))
    thread.start()
    assert begun.wait(LIMIT_S)
    cancel.cancel()
    thread.join(LIMIT_S)
    assert ended == [None]
    assert told == []
    release.set()


# --- readings -------------------------------------------------------------------------------------------------------


def snapshot(*readings: Reading) -> HealthSnapshot:
    board = HealthBoard()
    for reading in readings:
        board.observe(reading)
    return board.snapshot(Moment.now())


def reading(
    kind: ReadingKind, state: ReadingState = ReadingState.OK, *, age_s: float = 0.0, **facts: object
) -> Reading:
    observed = Moment(utc=datetime.now(UTC), monotonic_s=time.monotonic() - age_s)
    return Reading(kind=kind, state=state, observed=observed, **facts)


def look(feed: ReadingFeed, kind: ReadingKind, wait_s: float = 0.05) -> list[tuple[str, str, str]]:
    return [(each.subject, each.verdict, each.reason) for each in feed.look(kind, CancelToken(), wait_s=wait_s)]


def test_unknown_is_a_fail_where_it_is_fitted_and_no_item_of_the_booth_where_not() -> None:
    feed = ReadingFeed({ReadingKind.READER, ReadingKind.SITE})
    assert look(feed, ReadingKind.SITE) == [("", "fail", "no-answer")]  # nobody offered anything
    feed.offer(snapshot())
    assert look(feed, ReadingKind.SITE) == [("", "fail", "no-answer")]
    assert look(feed, ReadingKind.MEMORY) == [("", "not-fitted", "not-fitted")]
    assert look(feed, ReadingKind.UPS) == [("", "warn", "not-monitored")]  # 未接入监测 is never green


def test_a_new_kind_appears_by_itself_and_stays_expected() -> None:
    feed = ReadingFeed(set())
    feed.offer(snapshot(reading(ReadingKind.MEMORY)))
    assert look(feed, ReadingKind.MEMORY) == [("", "pass", "good")]
    feed.offer(snapshot())
    assert look(feed, ReadingKind.MEMORY) == [("", "fail", "no-answer")]


def test_a_reader_must_answer_now_and_not_a_while_ago() -> None:
    feed = ReadingFeed({ReadingKind.READER})
    old = snapshot(reading(ReadingKind.READER, age_s=4.0))
    feed.offer(old)
    assert look(feed, ReadingKind.READER) == [("", "fail", "timed-out")]
    answers: list[list[tuple[str, str, str]]] = []
    thread = threading.Thread(target=lambda: answers.append(look(feed, ReadingKind.READER, LIMIT_S)))
    thread.start()
    while not answers:
        feed.offer(snapshot(reading(ReadingKind.READER)))
        thread.join(0.01)
    assert answers == [[("", "pass", "good")]]


@pytest.mark.parametrize(
    ("runtime_s", "expected"),
    [(15000.0, ("pass", "good")), (14399.0, ("warn", "too-short")), (None, ("warn", "no-forecast"))],
)
def test_every_ups_is_judged_by_the_rule_of_four_hours(runtime_s: float | None, expected: tuple[str, str]) -> None:
    values = {} if runtime_s is None else {"runtime_s": runtime_s}
    feed = ReadingFeed({ReadingKind.UPS})
    feed.offer(
        snapshot(
            reading(ReadingKind.UPS),
            reading(ReadingKind.UPS, subject="booth", values=values),
            reading(ReadingKind.UPS, ReadingState.WARN, subject="switch", code=ErrorCode.ON_BATTERY),
        )
    )
    assert look(feed, ReadingKind.UPS) == [("booth", *expected), ("switch", "warn", "attention")]


def test_whoever_waits_for_a_reading_is_woken_by_a_card() -> None:
    feed, cancel = ReadingFeed({ReadingKind.SITE}), CancelToken()
    answers: list[Items] = []
    thread = threading.Thread(target=lambda: answers.append(feed.look(ReadingKind.SITE, cancel, wait_s=LIMIT_S)))
    thread.start()
    cancel.cancel()
    thread.join(LIMIT_S)
    assert answers == [()]


def test_own_parts_are_no_readings() -> None:
    assert {each.value for each in CheckupOwn}.isdisjoint(each.value for each in ReadingKind)

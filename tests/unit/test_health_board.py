"""The health board: never good without a fresh reading, and every edge exactly once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import Feeds, UpsFlag, UpsReading
from drivers.errors import ErrorCode
from workstation.health.board import MAX_AGE_S, HealthBoard, HealthEvent, HealthEventKind
from workstation.health.probes import read_link
from workstation.health.readings import Moment, Reading
from workstation.health.supply import UpsSeen, read_supply
from workstation.site.readings import ReadingKind, ReadingState

K = HealthEventKind
OK, WARN, BAD, UNKNOWN = ReadingState.OK, ReadingState.WARN, ReadingState.BAD, ReadingState.UNKNOWN


def at(seconds: float) -> Moment:
    return Moment(utc=datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=seconds), monotonic_s=seconds)


def reading(kind: ReadingKind, state: ReadingState, seconds: float, code: ErrorCode | None = None) -> Reading:
    return Reading(kind=kind, state=state, observed=at(seconds), code=code)


def power(flags: UpsFlag | None, seconds: float) -> Reading:
    seen = UpsSeen(id="a", feeds=frozenset({Feeds.BOOTH}), reading=UpsReading(flags=flags), at=at(seconds))
    return read_supply([seen], at(seconds)).reading


def kinds(events: list[HealthEvent]) -> list[HealthEventKind]:
    return [event.kind for event in events]


def test_nothing_read_is_unknown_and_makes_no_event() -> None:
    board = HealthBoard()
    snapshot = board.snapshot(at(0))
    assert {reading.state for reading in snapshot.readings.values()} == {UNKNOWN}
    assert set(snapshot.readings) == set(ReadingKind)
    assert snapshot.worst is UNKNOWN
    assert board.expire(at(1e6)) == []


def test_every_kind_has_an_age_limit() -> None:
    assert set(MAX_AGE_S) == set(ReadingKind)


def test_a_device_is_lost_and_comes_back() -> None:
    board = HealthBoard()
    assert board.observe(reading(ReadingKind.READER, OK, 0)) == []
    lost = board.observe(reading(ReadingKind.READER, BAD, 1, ErrorCode.READER_ABSENT))
    assert [(event.kind, event.code) for event in lost] == [(K.LOST, ErrorCode.READER_ABSENT)]
    assert board.observe(reading(ReadingKind.READER, BAD, 2, ErrorCode.READER_ABSENT)) == []
    assert board.snapshot(at(2)).worst is BAD
    back = board.observe(reading(ReadingKind.READER, OK, 31))
    assert [(event.kind, event.duration_s) for event in back] == [(K.BACK, 30)]


def test_a_degraded_device_is_not_lost() -> None:
    board = HealthBoard()
    board.observe(reading(ReadingKind.HEADSET, OK, 0))
    assert board.observe(reading(ReadingKind.HEADSET, WARN, 1)) == []


def test_silence_is_a_loss_once() -> None:
    board = HealthBoard()
    board.observe(reading(ReadingKind.CAMERA, OK, 0))
    assert board.expire(at(15)) == []
    assert board.snapshot(at(15)).readings[ReadingKind.CAMERA].state is OK
    assert kinds(board.expire(at(15.1))) == [K.LOST]
    assert board.expire(at(16)) == []
    stale = board.snapshot(at(16)).readings[ReadingKind.CAMERA]
    assert (stale.state, stale.detail, stale.observed_at) == (UNKNOWN, "stale", at(0).utc)
    assert kinds(board.observe(reading(ReadingKind.CAMERA, OK, 20))) == [K.BACK]


def test_an_older_reading_changes_nothing() -> None:
    board = HealthBoard()
    board.observe(reading(ReadingKind.READER, OK, 10))
    assert board.observe(reading(ReadingKind.READER, BAD, 9, ErrorCode.READER_ABSENT)) == []
    assert board.snapshot(at(10)).readings[ReadingKind.READER].state is OK


def test_a_battery_that_flaps_low_and_is_unread_in_between() -> None:
    board = HealthBoard()
    off, low = UpsFlag.OB, UpsFlag.OB | UpsFlag.LB
    events: list[HealthEvent] = []
    for seconds, flags in enumerate([UpsFlag.OL, off, off, None, low, off, low, None, UpsFlag.OL, UpsFlag.OL]):
        events += board.observe(power(flags, 60.0 * seconds))
    assert [(event.kind, event.code) for event in events if event.kind not in {K.LOST, K.BACK}] == [
        (K.BATTERY_LOW, ErrorCode.BATTERY_LOW)
    ]
    assert kinds(events).count(K.LOST) == kinds(events).count(K.BACK) == 2


def test_a_start_on_a_low_battery_says_so() -> None:
    assert kinds(HealthBoard().observe(power(UpsFlag.OB | UpsFlag.LB, 0))) == [K.BATTERY_LOW]


@pytest.mark.parametrize("kind", [ReadingKind.SITE, ReadingKind.CONFERENCE, ReadingKind.MAIN_SITE])
def test_what_has_a_clock_is_not_told_by_the_board(kind: ReadingKind) -> None:
    board = HealthBoard()
    codes = [None, ErrorCode.MAIN_SITE_UNREACHABLE, None]
    assert [event for n, code in enumerate(codes) for event in board.observe(read_link(kind, at(n), code=code))] == []
    assert board.expire(at(1e6)) == []


def test_a_main_site_that_is_not_trusted_is_told_by_the_board() -> None:
    board = HealthBoard()
    lost = board.observe(read_link(ReadingKind.MAIN_SITE, at(0), code=ErrorCode.MAIN_SITE_NOT_TRUSTED))
    assert [(event.kind, event.code) for event in lost] == [(K.LOST, ErrorCode.MAIN_SITE_NOT_TRUSTED)]
    assert kinds(board.observe(read_link(ReadingKind.MAIN_SITE, at(5), code=None))) == [K.BACK]


@pytest.mark.parametrize(
    ("kind", "code", "raised", "cleared"),
    [
        (ReadingKind.DISK, ErrorCode.STORAGE_FULL, K.DISK_NEARLY_FULL, K.DISK_FREED),
        (ReadingKind.CLOCK, ErrorCode.CLOCK_OFF, K.CLOCK_OFF, K.CLOCK_RIGHT),
        (ReadingKind.MEMORY, None, K.MEMORY_LOW, K.MEMORY_FREED),
        (ReadingKind.TEMPERATURE, None, K.HOT, K.COOLED),
        (ReadingKind.DISPLAY, ErrorCode.DEVICE_NOT_REGISTERED, K.FOREIGN_DEVICE, K.FOREIGN_DEVICE_GONE),
        (ReadingKind.USB, ErrorCode.DEVICE_NOT_REGISTERED, K.FOREIGN_DEVICE, K.FOREIGN_DEVICE_GONE),
    ],
)
def test_what_gets_bad_and_good_again(
    kind: ReadingKind, code: ErrorCode | None, raised: HealthEventKind, cleared: HealthEventKind
) -> None:
    board = HealthBoard()
    states = [(OK, None), (WARN, code), (UNKNOWN, None), (BAD, code), (OK, None), (OK, None)]
    events = [event for n, (state, code) in enumerate(states) for event in board.observe(reading(kind, state, n, code))]
    assert [(event.kind, event.code, event.duration_s) for event in events] == [
        (raised, code, None),
        (cleared, None, 3),
    ]
    assert board.expire(at(1e6)) == []


def test_each_change_of_usb_and_software_is_an_event() -> None:
    board = HealthBoard()
    plugged = replace(reading(ReadingKind.USB, OK, 1), changes=("+046d:c31c:03",))
    assert [(event.kind, event.detail) for event in board.observe(plugged)] == [(K.USB_CHANGED, "+046d:c31c:03")]
    storage = replace(
        reading(ReadingKind.USB, BAD, 2, ErrorCode.DEVICE_NOT_REGISTERED), changes=("-046d:c31c:03", "+0781:5581:08")
    )
    assert [(event.kind, event.detail, event.code) for event in board.observe(storage)] == [
        (K.USB_CHANGED, "-046d:c31c:03 +0781:5581:08", None),
        (K.FOREIGN_DEVICE, "", ErrorCode.DEVICE_NOT_REGISTERED),
    ]
    updated = replace(reading(ReadingKind.SOFTWARE, OK, 3), changes=("kernel 6.1.0-28",))
    assert kinds(board.observe(updated)) == [K.SOFTWARE_CHANGED]
    assert kinds(board.observe(replace(updated, observed=at(4)))) == [K.SOFTWARE_CHANGED]


CODES = {
    ReadingKind.DISK: ErrorCode.STORAGE_FULL,
    ReadingKind.CLOCK: ErrorCode.CLOCK_OFF,
}


@st.composite
def any_readings(draw: st.DrawFn) -> Reading:
    kind = draw(st.sampled_from(ReadingKind))
    if kind is ReadingKind.UPS:
        return power(draw(st.sampled_from([None, UpsFlag.OL, UpsFlag.OB, UpsFlag.OB | UpsFlag.LB])), 0)
    state = draw(st.sampled_from(ReadingState))
    code = CODES.get(kind, ErrorCode.READER_ABSENT) if state in {WARN, BAD} else None
    return reading(kind, state, 0, code)


def shift(original: Reading, seconds: float) -> Reading:
    return Reading(kind=original.kind, state=original.state, observed=at(seconds), code=original.code)


PAIRS = [
    (K.LOST, K.BACK),
    (K.DISK_NEARLY_FULL, K.DISK_FREED),
    (K.CLOCK_OFF, K.CLOCK_RIGHT),
    (K.MEMORY_LOW, K.MEMORY_FREED),
    (K.HOT, K.COOLED),
    (K.FOREIGN_DEVICE, K.FOREIGN_DEVICE_GONE),
]


@given(st.lists(st.tuples(any_readings(), st.floats(0, 40)), max_size=60))
def test_edges_alternate_and_ok_needs_a_fresh_reading(steps: list[tuple[Reading, float]]) -> None:
    board, events, now = HealthBoard(), list[HealthEvent](), 0.0
    heard: dict[ReadingKind, Reading] = {}
    for step, seconds in steps:
        events += board.expire(at(now))
        taken = shift(step, now)
        heard[taken.kind] = taken
        events += board.observe(taken)
        now += seconds
        for kind, seen in board.snapshot(at(now)).readings.items():
            is_fresh = kind in heard and now - heard[kind].observed.monotonic_s <= MAX_AGE_S[kind]
            assert seen.state is (heard[kind].state if is_fresh else UNKNOWN)
    for subject in ReadingKind:
        for down, up in PAIRS:
            edges = [event.kind for event in events if event.subject is subject and event.kind in {down, up}]
            assert edges[:1] in ([], [down])
            assert all(len(list(run)) == 1 for _, run in groupby(edges))
    assert all(event.duration_s is None or event.duration_s >= 0 for event in events)


@given(st.lists(st.sampled_from([None, UpsFlag.OL, UpsFlag.OB, UpsFlag.OB | UpsFlag.LB]), max_size=40))
def test_a_low_battery_is_told_once_in_an_outage(polls: list[UpsFlag | None]) -> None:
    board = HealthBoard()
    events = [event for n, flags in enumerate(polls) for event in board.observe(power(flags, n))]
    known = [flags for flags in polls if flags is not None]
    outages = [list(run) for on_battery, run in groupby(known, key=lambda flags: UpsFlag.OB in flags) if on_battery]
    assert kinds(events).count(K.BATTERY_LOW) == sum(any(UpsFlag.LB in flags for flags in run) for run in outages)

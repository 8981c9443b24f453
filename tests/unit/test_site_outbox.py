"""The reporter's loop body against a channel that answers as told."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from drivers.errors import ErrorCode, KioskError
from workstation.site import outbox
from workstation.site.batch import MAX_BATCH_BYTES
from workstation.site.contract import GENESIS_HASH, Command, CommandKind, EventReport, ReportReply, ReportRequest
from workstation.site.readings import ReadingKind, ReadingReport, ReadingState

NOW = datetime(2026, 6, 1, tzinfo=UTC)
READING = ReadingReport(kind=ReadingKind.UPS, state=ReadingState.OK, observed_at=NOW)


class FakeStore:
    def __init__(self, count: int) -> None:
        self.events = [
            EventReport(
                event_id=uuid4(),
                seq=n + 1,
                at=NOW,
                kind="step",
                previous_hash=GENESIS_HASH,
                chain_hash=GENESIS_HASH,
            )
            for n in range(count)
        ]
        self.error: KioskError | None = None
        self.taken: dict[UUID, bool] = {}
        self.prunable = 0
        self.pruned: list[tuple[datetime, int]] = []

    def prune(self, before, limit):
        if self.error:
            raise self.error
        gone = min(self.prunable, limit)
        self.prunable -= gone
        self.pruned.append((before, gone))
        return gone

    def take_command(self, command_id):
        if self.error:
            raise self.error
        if command_id in self.taken:
            return False
        self.taken[command_id] = False
        return True

    def unconfirmed_commands(self):
        if self.error:
            raise self.error
        return [ident for ident, is_confirmed in self.taken.items() if not is_confirmed]

    def confirm_commands(self, command_ids):
        if self.error:
            raise self.error
        self.taken.update(dict.fromkeys(command_ids, True))

    def unsent(self, limit):
        if self.error:
            raise self.error
        return self.events[:limit]

    def acknowledge(self, event_ids):
        if self.error:
            raise self.error
        gone = set(event_ids)
        self.events = [event for event in self.events if event.event_id not in gone]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeChannel:
    def __init__(self) -> None:
        self.requests: list[ReportRequest] = []
        self.commands: list[Command] = []
        self.error: KioskError | None = None
        self.acks = True
        self.refuses: set[int] = set()
        self.full_wanted = False
        self.server_time = NOW
        self.clock = Clock()
        self.seconds_per_event = 0.0
        self.extra_acks: list[UUID] = []

    def report(self, request):
        self.requests.append(request)
        if self.error:
            raise self.error
        if self.refuses & {event.seq for event in request.events}:
            raise KioskError(ErrorCode.INTERNAL, "refused", context={"status": 422}, retryable=False)
        self.clock.now += self.seconds_per_event * len(request.events)
        acked = [event.event_id for event in request.events] if self.acks else []
        return ReportReply(
            acked_events=acked + self.extra_acks,
            commands=self.commands,
            next_interval_s=5,
            server_time=self.server_time,
            full_wanted=self.full_wanted,
        )


AWAY = KioskError(ErrorCode.SITE_SERVER_UNREACHABLE, "away")


@pytest.fixture
def channel():
    return FakeChannel()


def reporter(store, channel, commands=None, *, collect=lambda: [READING], state=lambda: "idle"):
    taken = [] if commands is None else commands
    keep = timedelta(days=90)
    return outbox.Reporter(store, channel, collect, state, taken.append, version="1.0", keep=keep, clock=channel.clock)


def test_a_backlog_drains_in_growing_batches_and_every_report_carries_the_state(channel):
    store = FakeStore(2000)
    loop = reporter(store, channel)
    waits = [loop.report_once() for _ in range(7)]
    assert [len(request.events) for request in channel.requests] == [50, 100, 200, 400, 500, 500, 250]
    assert waits[:6] == [outbox.DRAIN_PAUSE_S] * 6
    assert 4.5 <= waits[6] <= 5.5
    assert store.events == []
    assert [request.number for request in channel.requests] == [1, 2, 3, 4, 5, 6, 7]
    assert {request.state for request in channel.requests} == {"idle"}
    assert len({request.boot_id for request in channel.requests}) == 1
    sent = [event.seq for request in channel.requests for event in request.events]
    assert sent == sorted(sent)


def test_batches_stay_small_enough_that_the_next_state_is_not_held_up(channel):
    """At 100 events a second no report takes longer than a second, after the one that showed it."""
    store = FakeStore(2000)
    channel.seconds_per_event = 0.01
    loop = reporter(store, channel)
    waits = [loop.report_once() for _ in range(20)]
    assert max(len(request.events) for request in channel.requests) <= 100
    assert max(waits) <= 1.0
    # A slow server is given as long as it took.
    assert min(waits) >= 0.49


def test_a_batch_ends_before_it_is_too_many_bytes(channel):
    store = FakeStore(600)
    store.events = [event.model_copy(update={"data": {"text": "x" * 4000}}) for event in store.events]
    loop = reporter(store, channel)
    for _ in range(6):
        loop.report_once()
    longest = max(len(request.model_dump_json()) for request in channel.requests)
    assert MAX_BATCH_BYTES / 2 < longest < MAX_BATCH_BYTES * 1.05


def test_an_event_that_the_site_refuses_holds_back_what_follows_it_but_not_the_state(channel, caplog, allow_logs):
    allow_logs(outbox.__name__)
    store = FakeStore(120)
    channel.refuses = {70}
    loop = reporter(store, channel)
    for _ in range(40):
        loop.report_once()
    assert store.events[0].seq == 70
    assert not loop.is_away
    live = [request for request in channel.requests if not request.events]
    assert len(live) > 5
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "site server refuses event 70: {'status': 422}"
    ]
    channel.refuses = set()
    for _ in range(10):
        loop.report_once()
    assert store.events == []


def test_only_what_changed_is_told_and_everything_each_minute(channel):
    values = {"load_percent": 10.0}
    loop = reporter(FakeStore(0), channel, collect=lambda: [READING.model_copy(update={"values": dict(values)})])
    told = []
    for load, wait in ((10.0, 5), (10.9, 5), (11.1, 5), (11.1, 44), (11.1, 2), (11.1, 5)):
        values["load_percent"] = load
        loop.report_once()
        told.append((channel.requests[-1].full, [reading.values for reading in channel.requests[-1].readings]))
        channel.clock.now += wait
    new = [{"load_percent": 11.1}]
    assert told == [(True, [{"load_percent": 10.0}]), (False, []), (False, new), (False, []), (False, []), (True, new)]


def test_a_full_report_follows_a_lost_one_and_a_servers_wish(channel):
    loop = reporter(FakeStore(0), channel)
    loop.report_once()
    channel.error = AWAY
    loop.report_once()
    channel.error = None
    loop.report_once()
    channel.full_wanted = True
    assert loop.report_once() == outbox.DRAIN_PAUSE_S
    channel.full_wanted = False
    loop.report_once()
    loop.report_once()
    assert [request.full for request in channel.requests] == [True, False, True, False, True, False]


def test_a_server_may_ask_for_a_longer_pause(channel):
    channel.error = KioskError(ErrorCode.SITE_SERVER_UNREACHABLE, "busy", context={"retry_after_s": 120.0})
    assert 120 <= reporter(FakeStore(0), channel).report_once() <= 132


def test_old_events_go_in_small_steps_while_nobody_waits(channel):
    store = FakeStore(0)
    store.prunable = 450
    states = ["evaluating"]
    loop = reporter(store, channel, state=lambda: states[0])
    loop.report_once()
    assert store.pruned == []
    states[0] = "idle"
    for _ in range(5):
        loop.report_once()
    assert store.pruned == [(NOW - timedelta(days=90), gone) for gone in (200, 200, 50)]
    channel.clock.now += outbox.PRUNE_INTERVAL_S
    loop.report_once()
    assert len(store.pruned) == 4


def test_a_site_clock_that_is_years_ahead_deletes_nothing_younger(channel):
    store = FakeStore(0)
    channel.server_time = datetime(2099, 1, 1, tzinfo=UTC)
    reporter(store, channel).report_once()
    [(before, _)] = store.pruned
    assert before <= datetime.now(UTC) - timedelta(days=90)


def test_events_stay_until_they_are_acknowledged(channel):
    store = FakeStore(150)
    channel.acks = False
    channel.extra_acks = [store.events[120].event_id]
    assert reporter(store, channel).report_once() >= 4.5
    assert len(store.events) == 150


def test_back_off_grows_to_a_minute_and_ends_with_the_first_success(channel, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    ceilings = []
    monkeypatch.setattr(outbox._random, "uniform", lambda low, high: ceilings.append((low, high)) or high)
    channel.error = AWAY
    store = FakeStore(3)
    loop = reporter(store, channel)
    for _ in range(9):
        loop.report_once()
    assert ceilings == [(0, s) for s in (2, 4, 8, 16, 32, 60, 60, 60, 60)]
    assert loop.is_away
    assert len(store.events) == 3
    channel.error = None
    loop.report_once()
    assert not loop.is_away
    loop.report_once()
    assert store.events == []
    told = [record.message for record in caplog.records if record.name == outbox.__name__]
    assert len(told) == 2


def test_a_command_is_delivered_once_and_acknowledged_until_the_site_heard_it(channel):
    command = Command(command_id=uuid4(), kind=CommandKind.MESSAGE, text="请稍候")
    taken: list[Command] = []
    loop = reporter(FakeStore(0), channel, taken)
    channel.commands = [command]
    loop.report_once()
    channel.error = AWAY
    loop.report_once()
    channel.error = None
    loop.report_once()
    channel.commands = []
    loop.report_once()
    loop.report_once()
    assert taken == [command]
    acknowledged = [request.acknowledged for request in channel.requests]
    ident = command.command_id
    assert acknowledged == [[], [ident], [ident], [ident], []]


def test_a_new_start_of_the_program_acknowledges_what_was_taken_and_does_nothing_twice(channel):
    command = Command(command_id=uuid4(), kind=CommandKind.UPS_TEST)
    channel.commands = [command]
    taken: list[Command] = []
    store = FakeStore(0)
    reporter(store, channel, taken).report_once()
    again = reporter(store, channel, taken)
    again.report_once()
    assert taken == [command]
    assert channel.requests[1].acknowledged == [command.command_id]
    channel.commands = []
    again.report_once()
    again.report_once()
    assert channel.requests[-1].acknowledged == []
    assert reporter(store, channel, taken).report_once() >= 4.5
    assert channel.requests[-1].acknowledged == []


def test_a_broken_journal_does_not_hold_readings_and_commands_back(channel):
    store = FakeStore(2)
    store.error = KioskError(ErrorCode.STORAGE_FULL, "full")
    channel.commands = [Command(command_id=uuid4(), kind=CommandKind.MESSAGE)]
    taken: list[Command] = []
    loop = reporter(store, channel, taken)
    assert loop.report_once() >= 4.5
    assert channel.requests[0].readings == [READING]
    assert len(taken) == 1
    store.error = None
    loop.report_once()
    assert store.events == []

"""The reporter's loop body against a channel that answers as told."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from drivers.errors import ErrorCode, KioskError
from workstation.site import outbox
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

    def unsent(self, limit):
        if self.error:
            raise self.error
        return self.events[:limit]

    def acknowledge(self, event_ids):
        if self.error:
            raise self.error
        gone = set(event_ids)
        self.events = [event for event in self.events if event.event_id not in gone]


class FakeChannel:
    def __init__(self) -> None:
        self.requests: list[ReportRequest] = []
        self.commands: list[Command] = []
        self.error: KioskError | None = None
        self.acks = True
        self.extra_acks: list[UUID] = []

    def report(self, request):
        self.requests.append(request)
        if self.error:
            raise self.error
        acked = [event.event_id for event in request.events] if self.acks else []
        return ReportReply(
            acked_events=acked + self.extra_acks, commands=self.commands, next_interval_s=5, server_time=NOW
        )


AWAY = KioskError(ErrorCode.SITE_SERVER_UNREACHABLE, "away")


@pytest.fixture
def channel():
    return FakeChannel()


def reporter(store, channel, commands=None):
    taken = [] if commands is None else commands
    return outbox.Reporter(store, channel, lambda: [READING], lambda: "idle", taken.append, version="1.0")


def test_backlog_drains_in_batches_behind_the_newest_readings(channel):
    store = FakeStore(230)
    loop = reporter(store, channel)
    assert loop.report_once() == outbox.DRAIN_INTERVAL_S
    assert loop.report_once() == outbox.DRAIN_INTERVAL_S
    assert 4.5 <= loop.report_once() <= 5.5
    assert store.events == []
    assert [len(request.events) for request in channel.requests] == [100, 100, 30]
    assert all(request.readings == [READING] for request in channel.requests)
    assert len({request.boot_id for request in channel.requests}) == 1


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


def test_a_new_start_of_the_program_gets_an_open_command_again(channel):
    channel.commands = [Command(command_id=uuid4(), kind=CommandKind.REVIEW_PASSED)]
    taken: list[Command] = []
    reporter(FakeStore(0), channel, taken).report_once()
    reporter(FakeStore(0), channel, taken).report_once()
    assert len(taken) == 2


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

"""Outage clocks: every second counted once, across flaps, blindness and restarts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import Feeds, UpsFlag, UpsReading
from drivers.errors import ErrorCode
from workstation.health.board import HealthBoard
from workstation.health.outages import (
    LASTS_INTERVAL_S,
    OVER_SHOWN_S,
    SETTLE_S,
    UNSEEN_S,
    UNWATCHED_S,
    OutageClocks,
    OutageEvent,
    OutageRule,
    Sight,
)
from workstation.health.probes import read_link
from workstation.health.readings import Moment
from workstation.health.sights import sights, unfinished
from workstation.health.supply import UpsSeen, read_supply
from workstation.journal.journal import Journal
from workstation.site.contract import EventReport, EventValue
from workstation.site.outages import (
    OUTAGE_BEGAN,
    OUTAGE_ENDED,
    OUTAGE_LASTS,
    OUTAGE_RULE_REACHED,
    OutageFacts,
    OutageKind,
)
from workstation.site.readings import ReadingKind

MAINS, MAIN_SITE, SITE = OutageKind.MAINS, OutageKind.MAIN_SITE, OutageKind.SITE_SERVER
OUT, IN, UNKNOWN, UNWATCHED = Sight.OUT, Sight.IN, Sight.UNKNOWN, Sight.UNWATCHED
START = datetime(2026, 3, 2, tzinfo=UTC)


def at(seconds: float, *, boot_s: float = 0.0) -> Moment:
    """A moment; the monotonic clock began ``boot_s`` after the wall clock's zero."""
    return Moment(utc=START + timedelta(seconds=seconds), monotonic_s=seconds - boot_s)


def fresh(*rules: OutageRule) -> OutageClocks:
    return OutageClocks(rules, now=at(0))


def told(events: Iterable[OutageEvent]) -> list[tuple[str, str]]:
    return [(event.kind, event.outage.value) for event in events]


def ends(events: Iterable[OutageEvent]) -> list[Mapping[str, EventValue]]:
    return [event.facts for event in events if event.kind == OUTAGE_ENDED]


def journal_of(events: Iterable[OutageEvent]) -> list[EventReport]:
    """The events as the journal gives them back."""
    return [
        EventReport(
            event_id=UUID(int=n),
            seq=n,
            at=START,
            kind=event.kind,
            data=dict(event.facts),
            previous_hash="0" * 64,
            chain_hash="0" * 64,
        )
        for n, event in enumerate(events, start=1)
    ]


def test_an_outage_from_its_first_second_to_its_last() -> None:
    clocks = fresh()
    assert clocks.look(MAINS, IN, at(0)) == []
    assert clocks.clocks(at(5)) == ()
    events = clocks.look(MAINS, OUT, at(10))
    assert told(events) == [(OUTAGE_BEGAN, "mains")]
    assert events[0].facts["code"] == "E-601"
    for seconds in range(11, 1090):
        assert clocks.look(MAINS, OUT, at(seconds)) == []
    [clock] = clocks.clocks(at(1090))
    assert (clock.seconds, clock.is_over) == (1080, False)
    assert clocks.look(MAINS, IN, at(1090)) == []
    assert clocks.tick(at(1090 + SETTLE_S)) == []
    [over] = clocks.clocks(at(1091))  # people see it at once, the journal is told when it has settled
    assert (over.seconds, over.is_over) == (1080, True)
    [end] = clocks.tick(at(1090.1 + SETTLE_S))
    assert (end.facts["duration_s"], end.facts["at_least_s"], end.facts["times"]) == (1080, 1079, 1)
    assert end.facts["ended_at"] == at(1090).utc.isoformat(timespec="milliseconds")
    assert end.facts["outage_id"] == events[0].facts["outage_id"]
    [over] = clocks.clocks(at(1096))
    assert (over.seconds, over.is_over) == (1080, True)
    assert clocks.clocks(at(1091 + OVER_SHOWN_S)) == ()


def test_a_wall_clock_that_is_stepped_changes_no_duration() -> None:
    clocks = fresh()
    clocks.look(MAINS, OUT, at(0))
    stepped = Moment(utc=START - timedelta(hours=5), monotonic_s=60.0)
    clocks.look(MAINS, IN, stepped)
    [end] = clocks.tick(Moment(utc=START, monotonic_s=70.0))
    assert end.facts["duration_s"] == 60


def test_flapping_is_one_outage_with_a_count() -> None:
    clocks = fresh()
    events = clocks.look(MAIN_SITE, OUT, at(0))
    for seconds in (10, 20, 30):
        events += clocks.look(MAIN_SITE, IN, at(seconds))
        events += clocks.look(MAIN_SITE, OUT, at(seconds + SETTLE_S - 1))
    events += clocks.look(MAIN_SITE, IN, at(40))
    events += clocks.look(MAIN_SITE, OUT, at(46))
    assert told(events) == [(OUTAGE_BEGAN, "main-site"), (OUTAGE_ENDED, "main-site"), (OUTAGE_BEGAN, "main-site")]
    [end] = ends(events)
    assert (end["duration_s"], end["times"]) == (40, 4)


def test_blindness_neither_ends_nor_repeats_it_and_is_not_counted_as_seen() -> None:
    clocks = fresh()
    events = clocks.look(MAINS, OUT, at(0)) + clocks.look(MAINS, OUT, at(50)) + clocks.look(MAINS, UNKNOWN, at(60))
    events += clocks.tick(at(200)) + clocks.look(MAINS, OUT, at(250)) + clocks.look(MAINS, OUT, at(300))
    assert told(events) == [(OUTAGE_BEGAN, "mains")]
    events += clocks.look(MAINS, UNKNOWN, at(310)) + clocks.look(MAINS, IN, at(400)) + clocks.tick(at(410))
    [end] = ends(events)
    assert (end["duration_s"], end["at_least_s"]) == (400, 100)


def test_what_nobody_watches_any_more_ends_when_it_was_last_watched() -> None:
    clocks = fresh()
    clocks.look(MAIN_SITE, OUT, at(0))
    clocks.look(MAIN_SITE, OUT, at(95))
    clocks.look(MAIN_SITE, UNWATCHED, at(100))
    assert clocks.look(MAIN_SITE, OUT, at(100 + UNWATCHED_S - 1)) == []  # another page of it: the same outage, once
    clocks.look(MAIN_SITE, UNWATCHED, at(200))
    [end] = clocks.tick(at(201 + UNWATCHED_S))
    assert (end.facts["outcome"], end.facts["duration_s"], end.facts["times"]) == ("unwatched", 200, 1)
    assert clocks.clocks(at(201 + UNWATCHED_S)) == ()


def test_both_servers_away_is_part_of_the_main_sites_outage() -> None:
    clocks = fresh()
    clocks.look(SITE, OUT, at(0))
    clocks.look(SITE, IN, at(20))
    clocks.look(MAIN_SITE, OUT, at(100))
    assert [clock.network for clock in clocks.clocks(at(100))] == [False]
    clocks.look(SITE, OUT, at(150))
    assert {clock.outage: clock.network for clock in clocks.clocks(at(160))} == {MAIN_SITE: True, SITE: False}
    clocks.look(SITE, IN, at(180))
    clocks.look(SITE, OUT, at(190))
    clocks.look(MAIN_SITE, IN, at(200))
    [end] = [facts for facts in ends(clocks.tick(at(210))) if facts["outage"] == "main-site"]
    assert (end["duration_s"], end["network_s"]) == (100, 40)


def test_rules_are_shown_with_the_time_left_and_told_once() -> None:
    two = OutageRule(outage=MAINS, after_s=7200, text="中止评标")
    four = OutageRule(outage=MAINS, after_s=14400, text="改期")
    clocks = fresh(four, two, OutageRule(outage=SITE, after_s=60, text="-"))
    clocks.look(MAINS, OUT, at(0))
    [clock] = clocks.clocks(at(200))
    assert (clock.reached, clock.coming, clock.left_s) == (None, two, 7000)
    events = [event for minute in range(300) for event in _minute(clocks, minute)]
    reached = [event for event in events if event.kind == OUTAGE_RULE_REACHED]
    assert [(event.facts["after_minutes"], event.facts["rule"]) for event in reached] == [
        (120, "中止评标"),
        (240, "改期"),
    ]
    [clock] = clocks.clocks(at(8000))
    assert (clock.reached, clock.coming, clock.left_s) == (two, four, 6400)
    [clock] = clocks.clocks(at(15000))
    assert (clock.reached, clock.coming) == (four, None)


def _minute(clocks: OutageClocks, minute: int) -> list[OutageEvent]:
    return clocks.look(MAINS, OUT, at(60 * minute)) + clocks.tick(at(60 * minute))


def test_a_lasting_outage_gives_signs_of_life() -> None:
    clocks = fresh()
    events = [event for minute in range(61) for event in _minute(clocks, minute)]
    assert sum(event.kind == OUTAGE_LASTS for event in events) == 3600 / LASTS_INTERVAL_S


def restarted(events: Iterable[OutageEvent], moment: Moment, *rules: OutageRule) -> OutageClocks:
    return OutageClocks(rules, unfinished(journal_of(events)), moment)


def test_a_restart_goes_on_counting_and_says_so() -> None:
    rule = OutageRule(outage=MAINS, after_s=120, text="rule")
    before = fresh(rule)
    events = [event for minute in range(11) for event in _minute(before, minute)]  # seen until 600 s
    clocks = restarted(events, at(900, boot_s=880), rule)
    assert clocks.clocks(at(905, boot_s=880)) == ()  # nothing was seen yet
    assert clocks.look(MAINS, UNKNOWN, at(905, boot_s=880)) == []
    assert clocks.look(MAINS, OUT, at(910, boot_s=880)) == []
    assert told(clocks.tick(at(911, boot_s=880))) == [(OUTAGE_LASTS, "mains")]  # the rule was told before the restart
    [clock] = clocks.clocks(at(911, boot_s=880))
    assert (clock.seconds, clock.reached) == (911, rule)
    clocks.look(MAINS, IN, at(1000, boot_s=880))
    [end] = clocks.tick(at(1010, boot_s=880))
    assert (end.facts["duration_s"], end.facts["at_least_s"], end.facts["interrupted"]) == (1000, 600, True)
    assert end.facts["began_at"] == events[0].facts["began_at"]
    assert end.facts["outage_id"] == events[0].facts["outage_id"]
    assert unfinished(journal_of([*events, end])) == []


def test_an_outage_that_ended_while_the_booth_was_off_has_two_bounds() -> None:
    before = fresh()
    events = [event for minute in range(11) for event in _minute(before, minute)]
    clocks = restarted(events, at(5000, boot_s=4990))
    clocks.look(MAINS, IN, at(5010, boot_s=4990))
    [end] = clocks.tick(at(5020, boot_s=4990))
    facts = OutageFacts.model_validate(dict(end.facts))
    assert (facts.duration_s, facts.at_least_s, facts.interrupted) == (5010, 600, True)


def test_an_outage_nobody_sees_after_a_restart_is_closed_where_it_was_seen_last() -> None:
    events = fresh().look(MAIN_SITE, OUT, at(0))
    clocks = restarted(events, at(100))
    assert clocks.look(MAIN_SITE, UNWATCHED, at(100)) == []
    assert clocks.tick(at(100 + UNSEEN_S)) == []
    [end] = clocks.tick(at(101 + UNSEEN_S))
    assert (end.facts["outcome"], end.facts["duration_s"]) == ("unseen", 0)


def test_a_wall_clock_before_the_beginning_gives_no_negative_time() -> None:
    clocks = restarted(fresh().look(MAINS, OUT, at(0)), at(-500, boot_s=-600))
    clocks.look(MAINS, IN, at(-500, boot_s=-600))
    [end] = clocks.tick(at(-400, boot_s=-600))
    assert (end.facts["duration_s"], end.facts["at_least_s"]) == (0, 0)


def test_the_journal_gives_back_what_the_clocks_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite3")
    clocks = fresh()
    for event in clocks.look(MAINS, OUT, at(0)) + clocks.look(SITE, OUT, at(1)):
        journal.append(event.kind, "", event.facts)
        journal.append("help_called", "", {})
    clocks.look(SITE, IN, at(2))
    for event in clocks.tick(at(20)):
        journal.append(event.kind, "", event.facts)
    latest = journal.latest({OUTAGE_BEGAN, OUTAGE_ENDED}, 10)
    assert [event.kind for event in latest] == [OUTAGE_BEGAN, OUTAGE_BEGAN, OUTAGE_ENDED]
    assert [event.seq for event in journal.latest({OUTAGE_BEGAN, OUTAGE_ENDED}, 2)] == [3, 5]
    assert [(item.outage, item.began_at) for item in unfinished(latest)] == [(MAINS, START)]
    journal.close()


def test_events_of_another_program_are_passed_over() -> None:
    events = journal_of(fresh().look(MAINS, OUT, at(0)))
    odd = events[0].model_copy(update={"data": {"outage": "weather"}})
    assert unfinished([odd]) == []
    assert len(unfinished([odd, *events, odd])) == 1


@pytest.mark.parametrize(
    ("flags", "sight"),
    [(UpsFlag.OL, IN), (UpsFlag.OB, OUT), (UpsFlag.OB | UpsFlag.LB, OUT), (None, UNKNOWN)],
)
def test_what_the_board_says_of_the_supply(flags: UpsFlag | None, sight: Sight) -> None:
    board = HealthBoard()
    assert {sight for _, sight, _ in sights(board.snapshot(at(0)))} == {UNWATCHED}
    board.observe(
        read_supply(
            [UpsSeen(id="a", feeds=frozenset({Feeds.BOOTH}), reading=UpsReading(flags=flags), at=at(0))], at(0)
        ).reading
    )
    assert {kind: sight for kind, sight, _ in sights(board.snapshot(at(0)))}[MAINS] is sight
    assert {kind: sight for kind, sight, _ in sights(board.snapshot(at(31)))}[MAINS] is UNKNOWN


@pytest.mark.parametrize(
    ("code", "sight"),
    [(None, IN), (ErrorCode.MAIN_SITE_UNREACHABLE, OUT), (ErrorCode.MAIN_SITE_NOT_TRUSTED, IN)],
)
def test_a_wrong_certificate_is_no_outage(code: ErrorCode | None, sight: Sight) -> None:
    board = HealthBoard()
    board.observe(read_link(ReadingKind.MAIN_SITE, at(3), code=code))
    assert (MAIN_SITE, sight, at(3)) in sights(board.snapshot(at(4)))


STEPS = st.lists(st.tuples(st.floats(0.1, 40), st.sampled_from([OUT, IN, UNKNOWN])), max_size=60)


def closed_union(looks: list[tuple[float, Sight]], until_s: float) -> list[tuple[float, float]]:
    """The oracle: intervals from a look OUT to the next look IN, those at most SETTLE_S apart made one."""
    spans: list[tuple[float, float]] = []
    since: float | None = None
    for seconds, sight in looks:
        if sight is OUT and since is None:
            since = seconds
        elif sight is IN and since is not None:
            spans.append((since, seconds))
            since = None
    if since is not None:
        spans.append((since, until_s))
    merged: list[tuple[float, float]] = []
    for begin, end in spans:
        if merged and begin - merged[-1][1] <= SETTLE_S:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((begin, end))
    return merged


@given(STEPS, st.integers(0, 60))
def test_total_is_the_union_of_the_intervals(steps: list[tuple[float, Sight]], restart_at: int) -> None:
    """Whatever is seen, with a restart anywhere: the journal's durations are the union, and each end has its begin."""
    looks: list[tuple[float, Sight]] = []
    clocks, events, now = fresh(), list[OutageEvent](), 0.0
    for n, (gap, sight) in enumerate(steps):
        now += gap
        if n == restart_at:
            clocks = restarted(events, at(now))
        events += clocks.look(MAINS, sight, at(now))
        looks.append((now, sight))
    events += clocks.look(MAINS, IN, at(now + 1)) + clocks.tick(at(now + 7 + SETTLE_S))
    expected = [end - begin for begin, end in closed_union(looks, now + 1)]
    found = ends(events)
    if any("interrupted" in end for end in found):
        # What lies in the dark is within the two bounds.
        assert sum(float(str(end["at_least_s"])) for end in found) <= sum(expected) + 0.1 * len(found)
        assert sum(float(str(end["duration_s"])) for end in found) >= sum(expected) - 0.1 * len(expected)
    else:
        assert [end["duration_s"] for end in found] == pytest.approx(expected, abs=0.11)
    assert all(0 <= float(str(end["at_least_s"])) <= float(str(end["duration_s"])) + 0.1 for end in found)
    begun = [event.facts["outage_id"] for event in events if event.kind == OUTAGE_BEGAN]
    assert begun == [end["outage_id"] for end in found]
    assert unfinished(journal_of(events)) == []

"""Outage clocks: when mains, main site, site server and conference went away, and for how long. Pure.

Durations are monotonic time; the wall clock is only told to people. An outage is journaled when it begins and when it
is over for good, so the journal alone is enough to go on counting after a restart (``workstation.health.sights``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID, uuid4

from drivers.errors import ErrorCode
from workstation.health.readings import Moment
from workstation.site.contract import EventValue, utc
from workstation.site.outages import (
    OUTAGE_BEGAN,
    OUTAGE_ENDED,
    OUTAGE_LASTS,
    OUTAGE_RULE_REACHED,
    OutageKind,
    Outcome,
)

SETTLE_S = 5.0
"""What is away again within this time was not back: one outage, counted once more."""

UNWATCHED_S = 30.0
"""So long nobody may look, between two pages of the same main site for example, before the clock stops."""

UNSEEN_S = 600.0
"""So long after a restart an outage of before is waited for by whatever would see it."""

LASTS_INTERVAL_S = 300.0
"""How often a lasting outage is journaled: what a power cut leaves is known to have lasted until then."""

OVER_SHOWN_S = 30.0
"""How long the end of an outage stays on the screen."""

CODES: Mapping[OutageKind, ErrorCode] = {
    OutageKind.MAINS: ErrorCode.ON_BATTERY,
    OutageKind.MAIN_SITE: ErrorCode.MAIN_SITE_UNREACHABLE,
    OutageKind.SITE_SERVER: ErrorCode.SITE_SERVER_UNREACHABLE,
    OutageKind.CONFERENCE: ErrorCode.CONFERENCE_LOST,
}
"""What a booth has clocks for, and what people are told of each."""

_PAST_KEPT = 100


class Sight(Enum):
    """What one look at something found. UNKNOWN: it could not tell. UNWATCHED: there is nothing to look at."""

    OUT = "out"
    IN = "in"
    UNKNOWN = "unknown"
    UNWATCHED = "unwatched"


@dataclass(frozen=True, kw_only=True)
class OutageRule:
    """What the local rule says of an outage that lasts: printed beside the clock, told to the site when reached."""

    outage: OutageKind
    after_s: float
    text: str


@dataclass(frozen=True, kw_only=True)
class OutageEvent:
    """One event for the journal, by its name there."""

    kind: str
    outage: OutageKind
    facts: Mapping[str, EventValue]


@dataclass(frozen=True, kw_only=True)
class OutageClock:
    """One outage on the screen.

    Attributes:
        seconds: for how long it has lasted, or had lasted.
        is_over: it ended a moment ago.
        network: the site server is away as well (E-503).
        reached: the newest rule that it has reached.
        coming: the next rule, in ``left_s`` seconds.
    """

    outage: OutageKind
    seconds: int
    is_over: bool = False
    network: bool = False
    reached: OutageRule | None = None
    coming: OutageRule | None = None
    left_s: int = 0


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """An outage that the journal says began and does not say ended.

    Attributes:
        seen_until: the newest moment at which it is known to have lasted, by the wall clock.
        reached_s: the rules up to this many seconds were told already.
    """

    outage: OutageKind
    outage_id: UUID
    began_at: datetime
    seen_until: datetime
    times: int = 1
    reached_s: float = 0.0


@dataclass
class _Run:
    """A clock that runs. All moments but ``began_at`` are monotonic seconds.

    Attributes:
        seen_s: when it was last seen to be away.
        blind_s: how much of the time before ``seen_s`` it was not seen to be away.
        over: the look that found it over, until that has settled.
    """

    outage_id: UUID
    began_at: datetime
    began_s: float
    seen_s: float
    marked_s: float
    times: int = 1
    blind_s: float = 0.0
    is_blind: bool = False
    over: tuple[Moment, Outcome] | None = None
    interrupted: bool = False
    resumed_s: float | None = None
    reached_s: float = 0.0
    facts: dict[str, EventValue] = field(default_factory=dict)

    def see_out(self, at_s: float) -> None:
        """Note that it is away, at a look after the one before."""
        if self.is_blind:
            self.blind_s += max(0.0, at_s - self.seen_s)
        self.seen_s, self.is_blind, self.resumed_s = max(self.seen_s, at_s), False, None

    @property
    def seen_at(self) -> datetime:
        """When it was last seen to be away, by the wall clock of its beginning."""
        return self.began_at + timedelta(seconds=self.seen_s - self.began_s)

    def lasted_s(self, until_s: float) -> float:
        """Return for how long, up to that moment."""
        return max(0.0, until_s - self.began_s)

    def at_least_s(self) -> float:
        """Return for how long it was seen."""
        return max(0.0, self.seen_s - self.began_s - self.blind_s)


@dataclass(frozen=True)
class _Past:
    """An outage that ended; monotonic seconds."""

    outage: OutageKind
    began_s: float
    ended_s: float
    shown: bool


class OutageClocks:
    """The clocks of one booth; one thread owns them.

    Args:
        rules: the local rule, in any order.
        unfinished: what the journal says was not over when the program ended.
        now: when they are taken over.
    """

    def __init__(
        self, rules: Iterable[OutageRule] = (), unfinished: Iterable[Unfinished] = (), now: Moment | None = None
    ) -> None:
        self._rules: dict[OutageKind, Sequence[OutageRule]] = {}
        for rule in sorted(rules, key=lambda rule: rule.after_s):
            self._rules[rule.outage] = (*self._rules.get(rule.outage, ()), rule)
        self._past: deque[_Past] = deque(maxlen=_PAST_KEPT)
        now = now or Moment.now()
        self._runs = {item.outage: _resumed(item, now) for item in unfinished}

    def look(
        self, outage: OutageKind, sight: Sight, at: Moment, facts: Mapping[str, EventValue] | None = None
    ) -> list[OutageEvent]:
        """Take one look at one thing, not older than the one before, and return what it makes for the journal.

        Args:
            outage: what was looked at.
            sight: what was seen.
            at: when.
            facts: more to tell of an outage, such as the reason; never a person's data.
        """
        run = self._runs.get(outage)
        if run is not None and at.monotonic_s < run.seen_s:
            return []  # seen before what is known already
        settled = self._settle(outage, at)
        run = self._runs.get(outage)
        if sight is Sight.OUT:
            return settled + self._out(outage, run, at, facts or {})
        if run is not None and run.over is None:
            if sight is Sight.UNKNOWN:
                run.is_blind = True
            elif sight is Sight.IN:
                run.over, run.is_blind = (at, Outcome.BACK), True
                run.facts |= facts or {}
            elif run.resumed_s is None:
                run.over, run.is_blind = (at, Outcome.UNWATCHED), True
        elif run is not None and run.over is not None and run.over[1] is Outcome.UNWATCHED and sight is Sight.IN:
            run.over = (at, Outcome.BACK)
        return settled

    def tick(self, now: Moment) -> list[OutageEvent]:
        """Return what time alone makes: ends that have settled, rules reached, signs of life. Call it once a second."""
        events: list[OutageEvent] = []
        for outage in list(self._runs):
            events += self._settle(outage, now)
            run = self._runs.get(outage)
            if run is None or run.over is not None:
                continue
            events += self._reach(outage, run, now)
            if run.resumed_s is None and not run.is_blind and now.monotonic_s - run.marked_s >= LASTS_INTERVAL_S:
                run.marked_s = now.monotonic_s
                seen: dict[str, EventValue] = {"seen_at": utc(run.seen_at), "at_least_s": _tenths(run.at_least_s())}
                events.append(_event(OUTAGE_LASTS, outage, run, seen))
        return events

    def clocks(self, now: Moment) -> tuple[OutageClock, ...]:
        """Return what the screen shows: those that run, then those that ended a moment ago."""
        running = [
            self._clock(outage, run, now)
            for outage, run in sorted(self._runs.items())
            if run.over is None and run.resumed_s is None
        ]
        ended = [past for past in self._past if past.shown and past.outage not in self._runs]
        ended += [
            _Past(outage, run.began_s, run.over[0].monotonic_s, shown=True)
            for outage, run in self._runs.items()
            if run.over is not None and run.over[1] is Outcome.BACK  # shown at once, settled later
        ]
        over = {
            past.outage: OutageClock(outage=past.outage, seconds=max(1, int(past.ended_s - past.began_s)), is_over=True)
            for past in ended
            if now.monotonic_s - past.ended_s <= OVER_SHOWN_S
        }
        return (*running, *over.values())

    def _out(
        self, outage: OutageKind, run: _Run | None, at: Moment, facts: Mapping[str, EventValue]
    ) -> list[OutageEvent]:
        if run is None:
            seconds = at.monotonic_s
            run = _Run(uuid4(), at.utc, seconds, seconds, seconds, facts=dict(facts))
            self._runs[outage] = run
            return [_event(OUTAGE_BEGAN, outage, run)]
        if run.over is not None:
            run.times += run.over[1] is Outcome.BACK
            run.over = None
        run.facts |= facts
        run.see_out(at.monotonic_s)
        return []

    def _settle(self, outage: OutageKind, now: Moment) -> list[OutageEvent]:
        run = self._runs.get(outage)
        if run is None:
            return []
        if run.over is None and run.resumed_s is not None and now.monotonic_s - run.resumed_s > UNSEEN_S:
            return self._end(outage, run, Moment(utc=run.seen_at, monotonic_s=run.seen_s), Outcome.UNSEEN)
        if run.over is None:
            return []
        over, outcome = run.over
        patience_s = SETTLE_S if outcome is Outcome.BACK else UNWATCHED_S
        return self._end(outage, run, over, outcome) if now.monotonic_s - over.monotonic_s > patience_s else []

    def _end(self, outage: OutageKind, run: _Run, over: Moment, outcome: Outcome) -> list[OutageEvent]:
        del self._runs[outage]
        past = _Past(outage, run.began_s, over.monotonic_s, shown=outcome is Outcome.BACK)
        self._past.append(past)
        facts: dict[str, EventValue] = {
            "ended_at": utc(over.utc),
            "duration_s": _tenths(run.lasted_s(over.monotonic_s)),
            "at_least_s": _tenths(run.at_least_s()),
            "times": run.times,
            "outcome": outcome.value,
        }
        if run.interrupted:
            facts["interrupted"] = True
        if outage is OutageKind.MAIN_SITE:
            facts["network_s"] = _tenths(self._without_site_s(past))
        return [_event(OUTAGE_ENDED, outage, run, facts)]

    def _without_site_s(self, past: _Past) -> float:
        """Return for how much of a main site's outage the site server was away too."""
        spans = [(other.began_s, other.ended_s) for other in self._past if other.outage is OutageKind.SITE_SERVER]
        if (run := self._runs.get(OutageKind.SITE_SERVER)) is not None:
            spans.append((run.began_s, past.ended_s if run.over is None else run.over[0].monotonic_s))
        return sum(max(0.0, min(end, past.ended_s) - max(begin, past.began_s)) for begin, end in spans)

    def _reach(self, outage: OutageKind, run: _Run, now: Moment) -> list[OutageEvent]:
        lasted_s = run.lasted_s(now.monotonic_s)
        reached = [rule for rule in self._rules.get(outage, ()) if run.reached_s < rule.after_s <= lasted_s]
        if not reached or run.is_blind or run.resumed_s is not None:
            return []
        run.reached_s = reached[-1].after_s
        return [
            _event(
                OUTAGE_RULE_REACHED,
                outage,
                run,
                {"after_minutes": round(rule.after_s / 60), "rule": rule.text, "seen_at": utc(run.seen_at)},
            )
            for rule in reached
        ]

    def _clock(self, outage: OutageKind, run: _Run, now: Moment) -> OutageClock:
        lasted_s = run.lasted_s(now.monotonic_s)
        rules = self._rules.get(outage, ())
        coming = next((rule for rule in rules if rule.after_s > lasted_s), None)
        site = self._runs.get(OutageKind.SITE_SERVER)
        return OutageClock(
            outage=outage,
            seconds=int(lasted_s),
            network=outage is OutageKind.MAIN_SITE and site is not None and site.over is None,
            reached=next((rule for rule in reversed(rules) if rule.after_s <= lasted_s), None),
            coming=coming,
            left_s=0 if coming is None else int(coming.after_s - lasted_s),
        )


def _resumed(item: Unfinished, now: Moment) -> _Run:
    """Go on counting what the journal says had begun, by the wall clock: there is no other across a restart."""
    now_s = now.monotonic_s
    began_s = now_s - max(0.0, (now.utc - item.began_at).total_seconds())
    seen_s = min(now_s, began_s + max(0.0, (item.seen_until - item.began_at).total_seconds()))
    run = _Run(item.outage_id, item.began_at, began_s, seen_s, seen_s, times=item.times, interrupted=True)
    return replace(run, is_blind=True, resumed_s=now_s, reached_s=item.reached_s)


def _event(kind: str, outage: OutageKind, run: _Run, more: Mapping[str, EventValue] | None = None) -> OutageEvent:
    known: dict[str, EventValue] = {
        "outage": outage.value,
        "outage_id": str(run.outage_id),
        "code": CODES[outage].value,
        "began_at": utc(run.began_at),
        "times": run.times,
    }
    return OutageEvent(kind=kind, outage=outage, facts={**run.facts, **known, **(more or {})})


def _tenths(seconds: float) -> float:
    return round(seconds, 1)

"""``python -m tests.bench.sixty``: a day of 60 booths with outages, replayed at speed, and whether the ledger agrees.

Real are: every booth's journal file, its health board, its outage clocks and its reporter and client; the site server,
its database and HTTP on loopback, and its stops. Simulated are: time, the devices, and who cuts what.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import itertools
import math
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import requests

from drivers.contracts import Feeds, UpsFlag, UpsReading
from drivers.errors import ErrorCode, KioskError
from tests.bench.sixty_judge import START, Played, mistakes, name_of
from tests.bench.sixty_script import BOOTHS_IN_ROOM, Cut, Off, Script, make_script
from tests.integration.site_serving import serving
from workstation.health.board import MAX_AGE_S, HealthBoard
from workstation.health.outages import SETTLE_S, UNWATCHED_S, OutageClocks, OutageEvent, Sight
from workstation.health.probes import read_link
from workstation.health.readings import Moment, Reading
from workstation.health.sights import JOURNAL_LOOK, sights, unfinished
from workstation.health.supply import UpsSeen, read_supply
from workstation.journal.journal import Journal
from workstation.site.administration import BoothSettings, EventPage
from workstation.site.client import SiteClient
from workstation.site.contract import ReportReply, ReportRequest
from workstation.site.outages import OUTAGE_EVENTS, OutageKind, OutageLedger
from workstation.site.outbox import Reporter
from workstation.site.readings import ReadingKind
from workstation.site.server import reports, tokens
from workstation.site.server.database import Database, sqlite_url
from workstation.site.server.outages import MISSED_REPORTS
from workstation.site.server.site import Site

INTERVAL_S = 300
"""Between two reports of a booth: as long as the contract allows, so that a day fits into a minute."""

LOST_REPLIES = 0.1
"""Share of the reports with events that are stored while the booth never hears of it."""

_MAX_AGE_S = dict.fromkeys(MAX_AGE_S, math.inf)
_HOUR_S = 3600


@dataclass
class World:
    """What the booths live in: the time of the day in seconds, and what is away from whom."""

    now: int = 0
    out: set[tuple[int, OutageKind]] = field(default_factory=set)
    is_server_up: bool = True

    def moment(self, boot: int = 0) -> Moment:
        """Now, on a monotonic clock that began at ``boot``."""
        return Moment(utc=START + timedelta(seconds=self.now), monotonic_s=float(self.now - boot))


class Line:
    """A booth's way to the site server; see ``outbox.ReportChannel``."""

    def __init__(self, world: World, booth: int, client: SiteClient, dice: random.Random) -> None:
        self._world, self._booth, self._client, self._dice = world, booth, client, dice
        self._is_tried = False
        self.taken: list[int] = []
        self.lost_replies = 0

    def report(self, request: ReportRequest) -> ReportReply:
        """Hand a report in, unless the line is cut; now and then the answer gets lost."""
        if (self._booth, OutageKind.SITE_SERVER) in self._world.out and not self._tries_anyway():
            raise KioskError(ErrorCode.SITE_SERVER_UNREACHABLE, "cut")
        reply = self._client.report(request)
        self.taken.append(self._world.now)
        if self._dice.random() < LOST_REPLIES and request.events:
            self.lost_replies += 1
            raise KioskError(ErrorCode.SITE_SERVER_UNREACHABLE, "the answer was lost")
        return reply

    def _tries_anyway(self) -> bool:
        """Whether the real client shall find that the server is down: some do, once; it takes them a while."""
        tries = not self._world.is_server_up and not self._is_tried and self._booth % BOOTHS_IN_ROOM == 0
        self._is_tried = tries or self._is_tried
        return tries


class Booth:
    """The program of one booth from its start to its kill."""

    def __init__(self, world: World, number: int, file: Path, line: Line, boot: int) -> None:
        self._world, self._number, self._boot = world, number, boot
        self.journal, self._line = Journal(file), line
        self._board = HealthBoard(_MAX_AGE_S)
        begun = unfinished(self.journal.latest(OUTAGE_EVENTS, JOURNAL_LOOK))
        self._clocks = OutageClocks((), begun, world.moment(boot))
        self.reporter = Reporter(
            self.journal,
            line,
            self._readings,
            lambda: "evaluating",
            lambda _command: None,
            version="1",
            keep=timedelta(days=30),
            clock=lambda: float(world.now),
        )

    def kill(self) -> None:
        """Forget everything but the file."""
        self.journal.close()

    def look(self) -> None:
        """Look at everything, as the bridges do."""
        at, out = self._world.moment(self._boot), self._world.out
        self._board.observe(self._mains(at))
        code = ErrorCode.MAIN_SITE_UNREACHABLE if (self._number, OutageKind.MAIN_SITE) in out else None
        self._board.observe(read_link(ReadingKind.MAIN_SITE, at, code=code))
        for outage, sight, seen in sights(self._board.snapshot(at)):
            self._tell(self._clocks.look(outage, sight, seen))
        meeting = Sight.OUT if (self._number, OutageKind.CONFERENCE) in out else Sight.IN
        self._tell(self._clocks.look(OutageKind.CONFERENCE, meeting, at))
        self._tell(self._clocks.tick(at))

    def report(self) -> float:
        """Report once, and see by it whether the site server is there. Returns seconds until the next."""
        next_s = self.reporter.report_once()
        is_cut = (self._number, OutageKind.SITE_SERVER) in self._world.out
        code = ErrorCode.SITE_SERVER_UNREACHABLE if is_cut else None
        self._board.observe(read_link(ReadingKind.SITE, self._world.moment(self._boot), code=code))
        self.look()
        return next_s

    def note(self) -> None:
        """Journal something else."""
        self.journal.append("help_called", "", {"second": self._world.now})

    def _mains(self, at: Moment) -> Reading:
        is_out = (self._number, OutageKind.MAINS) in self._world.out
        ups = UpsReading(flags=UpsFlag.OB if is_out else UpsFlag.OL)
        return read_supply([UpsSeen(id="ups", feeds=frozenset({Feeds.BOOTH}), reading=ups, at=at)], at).reading

    def _readings(self) -> list:
        return [reading.report() for reading in self._board.snapshot(self._world.moment(self._boot)).readings.values()]

    def _tell(self, events: Sequence[OutageEvent]) -> None:
        for event in events:
            self.journal.append(event.kind, "", event.facts)


class Day:
    """Plays a script."""

    def __init__(self, folder: Path, script: Script, seed: int) -> None:
        self._folder, self._script = folder, script
        self._dice = random.Random(seed)
        self._world, self._booths = World(), dict[int, Booth]()
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._boots: dict[int, int] = dict.fromkeys(range(script.booths), 0)
        self._lines: dict[int, Line] = {}
        self._server = contextlib.ExitStack()

    def play(self) -> Played:
        """Play the whole day, let everything catch up, and return what is there."""
        began, script = time.monotonic(), self._script
        names = [name_of(number) for number in range(script.booths)]
        database = Database(sqlite_url(self._folder))
        clock = lambda: START + timedelta(seconds=self._world.now)  # noqa: E731
        self._site = Site(database=database, tokens=tokens.load_or_create(self._folder, *names), clock=clock)
        self._site.enrol()
        with mock.patch.multiple(reports, BASE_INTERVAL_S=float(INTERVAL_S), MAX_INTERVAL_S=float(INTERVAL_S)):
            self._url = self._server.enter_context(serving(self._site))
            with contextlib.ExitStack() as clients:
                self._connect(clients)
                self._plan()
                while self._queue:
                    self._world.now, _, act = heapq.heappop(self._queue)
                    act()
                played = self._judge(began)
        self._server.close()
        database.close()
        return played

    def _connect(self, clients: contextlib.ExitStack) -> None:
        with _administrator(self._site) as http:
            for number in range(self._script.booths):
                name = name_of(number)
                settings = BoothSettings(centre="", room=f"{number // BOOTHS_IN_ROOM + 1} 室", booth_label=name)
                answer = http.put(f"{self._url}/v1/booths/{name}", json=settings.model_dump(mode="json"), timeout=10)
                answer.raise_for_status()
                client = SiteClient(self._url, name, self._site.tokens.booths[name], timeout_s=10)
                clients.callback(client.close)
                self._lines[number] = Line(self._world, number, client, self._dice)

    def _plan(self) -> None:
        script = self._script
        for begin, end in script.server_away:  # before the booths' edges of the same second
            self._at(begin, self._stop_server)
            self._at(end, self._start_server)
        for cut in script.cuts:
            self._at(cut.begin, self._edge(cut, is_out=True))
            self._at(cut.end, self._edge(cut, is_out=False))
        for off in script.offs:
            self._at(off.begin, self._kill(off))
            self._at(off.end, self._start(off.booth))
        for number in range(script.booths):
            self._at(number * INTERVAL_S // script.booths, self._start(number))

    def _at(self, second: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (math.ceil(second), next(self._count), act))

    def _stop_server(self) -> None:
        self._world.is_server_up = False
        self._server.close()

    def _start_server(self) -> None:
        self._server.enter_context(serving(self._site, urlsplit(self._url).port or 0))
        self._world.is_server_up = True

    def _edge(self, cut: Cut, *, is_out: bool) -> Callable[[], None]:
        def act() -> None:
            key = cut.booth, cut.outage
            (self._world.out.add if is_out else self._world.out.discard)(key)
            booth = self._booths.get(cut.booth)
            if booth is None:
                return
            if cut.outage is OutageKind.SITE_SERVER:
                booth.report()
            else:
                booth.look()
            self._at(self._world.now + SETTLE_S + 1, self._look(cut.booth))

        return act

    def _look(self, number: int) -> Callable[[], None]:
        def act() -> None:
            if (booth := self._booths.get(number)) is not None:
                booth.look()

        return act

    def _kill(self, off: Off) -> Callable[[], None]:
        def act() -> None:
            self._booths.pop(off.booth).kill()
            if off.is_power_cut:
                self._boots[off.booth] = off.end

        return act

    def _start(self, number: int) -> Callable[[], None]:
        def act() -> None:
            if number in self._booths:
                return
            file = self._folder / f"{name_of(number)}.sqlite3"
            booth = Booth(self._world, number, file, self._lines[number], self._boots[number])
            self._booths[number] = booth
            self._report(number, booth)()
            self._at(self._world.now + SETTLE_S + 1, self._look(number))

        return act

    def _report(self, number: int, booth: Booth) -> Callable[[], None]:
        def act() -> None:
            if self._booths.get(number) is not booth:
                return  # it was killed
            if self._dice.random() < 0.05:
                booth.note()
            next_s = booth.report()
            if self._world.now + next_s < self._script.length:
                self._at(self._world.now + max(1.0, next_s), self._report(number, booth))

        return act

    def _judge(self, began: float) -> Played:
        self._world.now = self._script.length + round(UNWATCHED_S)
        stored, journaled, incidents, broken = {}, {}, 0, 0
        for number, booth in sorted(self._booths.items()):
            booth.look()
            while booth.journal.unsent(1):
                booth.report()
            broken += booth.journal.verify().first_broken_seq is not None
            booth.kill()
            journaled[number] = _journaled(self._folder / f"{name_of(number)}.sqlite3")
        with _administrator(self._site) as http:
            for number in self._booths:
                stored[number], found = _stored(http, self._url, name_of(number))
                incidents += found
            answer = http.get(f"{self._url}/v1/admin/outages?day=2026-06-01", timeout=30)
        answer.raise_for_status()
        return Played(
            script=self._script,
            ledger=OutageLedger.model_validate_json(answer.content),
            stored=stored,
            journaled=journaled,
            incidents=incidents,
            broken=broken,
            silences=self._silences(),
            reports=sum(len(line.taken) for line in self._lines.values()),
            lost_replies=sum(line.lost_replies for line in self._lines.values()),
            took_s=time.monotonic() - began,
        )

    def _silences(self) -> list[tuple[int, int, int]]:
        """Return the times without a report that only the server can tell of: the booth was off."""
        away = [(cut.booth, cut.begin, cut.end) for cut in self._script.cuts if cut.outage is OutageKind.SITE_SERVER]
        return [
            (number, before, after)
            for number, line in self._lines.items()
            for before, after in itertools.pairwise(line.taken)
            if after - before > MISSED_REPORTS * INTERVAL_S
            and not any(booth == number and before <= begin and end <= after for booth, begin, end in away)
        ]


@contextlib.contextmanager
def _administrator(site: Site) -> Iterator[requests.Session]:
    with requests.Session() as http:
        http.trust_env = False
        http.headers["Authorization"] = f"Bearer {site.tokens.admin}"
        yield http


def _stored(http: requests.Session, url: str, name: str) -> tuple[list[tuple[str, str]], int]:
    events, after, incidents = [], 0, 0
    while True:
        answer = http.get(f"{url}/v1/booths/{name}/events?after={after}", timeout=30)
        answer.raise_for_status()
        page = EventPage.model_validate_json(answer.content)
        events += [(event.seq, str(event.event_id), event.chain_hash) for event in page.events]
        incidents = len(page.incidents)
        if page.next_after is None:
            return [(event_id, chain_hash) for _, event_id, chain_hash in sorted(events)], incidents
        after = page.next_after


def _journaled(file: Path) -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT event_id, chain_hash FROM events ORDER BY seq").fetchall()


def main() -> int:
    """Play a day and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sixty", description=__doc__)
    parser.add_argument("--booths", type=int, default=60)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=120)
    options = parser.parse_args()
    script = make_script(
        booths=options.booths, length=round(options.hours * _HOUR_S), seed=options.seed, kills=options.kills
    )
    with tempfile.TemporaryDirectory(prefix="sixty-") as folder:
        played = Day(Path(folder), script, options.seed).play()
    wrong = mistakes(played)
    events = sum(map(len, played.journaled.values()))
    print(
        f"{options.booths} booths, {options.hours:g} h in {played.took_s:.0f} s: {played.reports} reports, "
        f"{events} events, {len(script.cuts)} cuts, {len(script.offs)} kills, {len(played.ledger.rows)} outages, "
        f"{len(wrong)} mistakes"
    )
    print("\n".join(wrong[:20]))
    return min(1, len(wrong))


if __name__ == "__main__":
    sys.exit(main())

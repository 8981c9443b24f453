"""Crash runs: a booth is killed at random moments, often its power goes too; the site must have everything, once."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash import power_cut
from tests.crash.doomed_booth import BOOTH_ID, KEEP
from tests.integration.site_serving import serving
from workstation.journal.journal import Journal
from workstation.site.client import SiteClient
from workstation.site.outbox import Reporter
from workstation.site.server import events, tokens
from workstation.site.server.database import Database, sqlite_url
from workstation.site.server.site import Site

ROOT = Path(__file__).parents[2]
LIFE_TIMEOUT_S = 60
KILLED = frozenset({-signal.SIGKILL, -signal.SIGALRM})


@dataclass
class Outcome:
    """What was left in the end.

    Attributes:
        lost: events whose append had returned, and that the site does not have.
        doubled: events that the site has more than once.
        incidents: places where the site saw the chain broken.
        unsound: restarts that found the journal damaged, which no kill and no cut may cause.
    """

    lives: int = 0
    killed: int = 0
    cuts: int = 0
    promised: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    unsound: int = 0
    failed: int = 0


class CrashRuns:
    """One booth, one site. ``run`` may be called once.

    Args:
        scratch: an empty folder.
        seed: of everything that is chance here; the moments of the kills from outside are the machine's.
    """

    def __init__(self, scratch: Path, seed: int) -> None:
        self._scratch, self._chance = scratch, random.Random(seed)
        self._folder = scratch / "booth"
        self._folder.mkdir()
        self._control = power_cut.Control(power_cut.build_shim(scratch), self._folder, scratch)
        self._disk = power_cut.Disk(self._folder)
        self._read = 0
        self._heard = 0
        self._promised: set[str] = set()
        self._calls = 200
        self._outcome = Outcome()

    def run(self, lives: int) -> Outcome:
        """Let the booth live and die, then report what waits, and compare."""
        with _site(self._scratch) as (site, url):
            token = site.tokens.booths[BOOTH_ID]
            with self._booth(url, token) as booth:
                for life in range(lives):
                    self._live_once(booth, life)
            self._report_the_rest(url, token)
            self._compare(site)
        return self._outcome

    @contextlib.contextmanager
    def _booth(self, url: str, token: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "tests.crash.doomed_booth", str(self._folder), url, token]
        environment = os.environ | self._control.environment | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as booth:
            try:
                yield booth
            finally:
                booth.kill()

    def _live_once(self, booth: subprocess.Popen[str], life: int) -> None:
        assert booth.stdin is not None
        assert booth.stdout is not None
        from_inside = self._chance.random() < 0.7
        die_at = self._chance.randrange(self._calls) if from_inside else -1
        self._control.set(die_at=die_at, half=self._chance.random() < 0.5)
        until_s = LIFE_TIMEOUT_S if from_inside else self._chance.uniform(0.001, 0.3)
        booth.stdin.write(f"{life} {until_s}\n")
        booth.stdin.flush()
        status = int(booth.stdout.readline())
        self._calls = max(self._calls, self._control.calls)
        self._outcome.lives += 1
        self._outcome.killed += status in KILLED
        self._outcome.failed += status != 0 and status not in KILLED
        self._listen()
        if self._chance.random() < 0.5:
            self._cut()

    def _listen(self) -> None:
        """Play what the life did onto the model of the disk."""
        calls = power_cut.read_calls(self._control.log)
        for call in calls[self._read :]:
            self._disk.play(call)
        self._read = len(calls)
        for text in self._disk.promises[self._heard :]:
            with contextlib.suppress(json.JSONDecodeError):  # killed while it said so
                note = json.loads(text)
                if note["what"] == "appended":
                    self._promised.add(note["number"])
                self._outcome.unsound += bool(note.get("set_aside"))
        self._heard = len(self._disk.promises)

    def _cut(self) -> None:
        self._outcome.cuts += 1
        after = self._scratch / "after"
        self._disk.cut(after, self._chance)
        shutil.rmtree(self._folder)
        after.rename(self._folder)
        os.truncate(self._control.log, 0)
        self._disk, self._read, self._heard = power_cut.Disk(self._folder), 0, 0

    def _report_the_rest(self, url: str, token: str) -> None:
        journal = Journal(self._folder / "data" / "journal.sqlite3")
        client = SiteClient(url, BOOTH_ID, token, timeout_s=10)
        try:
            reporter = Reporter(journal, client, list, lambda: "idle", lambda _command: None, version="1.0", keep=KEEP)
            deadline = time.monotonic() + 120
            while journal.unsent(1):
                assert time.monotonic() < deadline
                reporter.report_once()
            self._outcome.unsound += not journal.verify().is_sound
        finally:
            client.close()
            journal.close()

    def _compare(self, site: Site) -> None:
        numbers: Counter[str] = Counter()
        after: int | None = 0
        while after is not None:
            start = after
            page = site.database.run(lambda session: events.page(session, BOOTH_ID, start))  # noqa: B023 - runs now
            numbers.update(str(event.data["number"]) for event in page.events if event.kind == "step")
            after = page.next_after
            self._outcome.incidents = [f"{incident.fault} at {incident.seq}" for incident in page.incidents]
        self._outcome.promised = len(self._promised)
        self._outcome.lost = sorted(self._promised - set(numbers))
        self._outcome.doubled = sorted(number for number, count in numbers.items() if count > 1)


@contextlib.contextmanager
def _site(scratch: Path) -> Iterator[tuple[Site, str]]:
    folder = scratch / "site"
    folder.mkdir()
    database = Database(sqlite_url(folder))
    site = Site(database=database, tokens=tokens.load_or_create(folder, BOOTH_ID))
    site.enrol()
    with contextlib.closing(database), serving(site) as url:
        yield site, url

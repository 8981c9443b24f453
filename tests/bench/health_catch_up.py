"""A backlog of 100,000 events on its way to a site server, and how old the booth's live state gets meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from pydantic import TypeAdapter

from tests.bench.report import Row, show
from workstation.journal.journal import Journal
from workstation.site.administration import BoothRow
from workstation.site.client import SiteClient
from workstation.site.embedded import EmbeddedSite
from workstation.site.outbox import Reporter
from workstation.site.readings import ReadingKind, ReadingReport, ReadingState

EVENTS = 100_000
BUDGET_S = 300.0
LIVE_STATE_S = 10.0
BOOTH = "booth-01"
_LOOK_S = 0.25
_BOARD = TypeAdapter(list[BoothRow])
_VALUES = {"subject": "headset", "detail": "device is away", "duration_s": 12.5}


def run(directory: Path) -> None:
    """Fill a journal, send it, and print how long it took and how old live state was at most."""
    journal = Journal(directory / "journal.sqlite3")
    _fill(journal, EVENTS)
    with EmbeddedSite(directory / "site", BOOTH) as site:
        client = SiteClient(site.base_url, BOOTH, site.tokens.booths[BOOTH], timeout_s=10)
        with _looking(f"{site.base_url}/v1/board", site.tokens.admin) as ages:
            took_s = _drain(journal, client)
        client.close()
    journal.close()
    show(
        f"a backlog of {EVENTS:,} events",
        [
            Row(what="sent and acknowledged", samples=[took_s], unit="s", limit=BUDGET_S),
            Row(what="oldest live state meanwhile", samples=[max(ages)], unit="s", limit=LIVE_STATE_S),
            Row(what="live state, each look", samples=ages, unit="s", limit=LIVE_STATE_S),
        ],
    )


def _fill(journal: Journal, count: int) -> None:
    """Append without waiting for the disk at each event: what is measured comes after."""
    journal._connection.execute("PRAGMA synchronous = OFF")
    for n in range(count):
        journal.append("health_lost", f"s-{n // 50}", {**_VALUES, "n": n})
    journal._connection.execute("PRAGMA synchronous = FULL")


def _drain(journal: Journal, client: SiteClient) -> float:
    """Report as the booth does until nothing waits. A reading holds the time, so that its age shows at the server."""

    def now() -> list[ReadingReport]:
        figure = {"told_at": time.monotonic()}
        at = datetime.now(UTC)
        return [ReadingReport(kind=ReadingKind.SOFTWARE, state=ReadingState.OK, observed_at=at, values=figure)]

    reporter = Reporter(
        journal, client, now, lambda: "idle", lambda _command: None, version="bench", keep=timedelta(days=90)
    )
    started = time.monotonic()
    while True:
        wait_s = reporter.report_once()
        if not journal.unsent(1):
            return time.monotonic() - started
        time.sleep(wait_s)


@contextmanager
def _looking(board: str, token: str) -> Iterator[list[float]]:
    """Look at the administrator's board all the time; give the ages of the reading there, in seconds."""
    ages: list[float] = []
    over = threading.Event()
    session = requests.Session()
    session.trust_env = False

    def look() -> None:
        while not over.wait(_LOOK_S):
            reply = session.get(board, headers={"Authorization": f"Bearer {token}"}, timeout=20)
            for row in _BOARD.validate_json(reply.content):
                ages.extend(time.monotonic() - reading.values["told_at"] for reading in row.readings)

    thread = threading.Thread(target=look, name="looking")
    thread.start()
    try:
        yield ages
    finally:
        over.set()
        thread.join(30)
        session.close()

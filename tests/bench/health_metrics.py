"""A scrape of 500 booths, each with as much as a booth can tell, and a report in the middle of scrapes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import requests

from tests.bench.report import Row, show
from workstation.site.client import SiteClient
from workstation.site.contract import ReportRequest
from workstation.site.embedded import EmbeddedSite
from workstation.site.readings import ReadingKind, ReadingReport, ReadingState
from workstation.site.server import reports, tokens
from workstation.site.server.database import Database, sqlite_url
from workstation.site.server.metrics import otlp
from workstation.site.server.metrics.fleet import Fleet
from workstation.site.server.site import Site

BOOTHS = tuple(f"booth-{number:03}" for number in range(500))
SCRAPES = 10
BUDGET_S = 1.0
_UPS = (
    "charge_percent", "runtime_s", "runtime_low_s", "runtime_high_s", "required_s", "load_percent", "power_w",
    "input_voltage_v", "battery_voltage_v", "temperature_celsius",
)  # fmt: skip
_LINE = ("round_trip_ms", "round_trip_p95_ms", "jitter_ms", "loss_percent")
_FIGURES = {
    ReadingKind.UPS: _UPS,
    ReadingKind.DISK: ("free_bytes", "used_percent"),
    ReadingKind.MEMORY: ("available_bytes", "available_percent", "swap_used_percent"),
    ReadingKind.TEMPERATURE: ("highest_celsius", "sensor_count"),
    ReadingKind.CLOCK: ("offset_s", "uncertainty_s", "site_offset_s"),
    ReadingKind.SITE: _LINE,
    ReadingKind.MAIN_SITE: _LINE,
    ReadingKind.CONFERENCE: _LINE,
    ReadingKind.DISPLAY: ("screen_count",),
    ReadingKind.USB: ("device_count", "storage_count", "foreign_count"),
}


def run(directory: Path) -> None:
    """Fill a site, scrape its server over HTTP, and print the times."""
    folder = directory / "site"
    folder.mkdir()
    database = Database(sqlite_url(folder))
    site = Site(database=database, tokens=tokens.load_or_create(folder, *BOOTHS))
    site.enrol()
    # A long interval, so that nobody is missing before the end.
    database.run(
        lambda session: [reports.report(session, booth, _report(), site.clock(), lambda: 3.0) for booth in BOOTHS]
    )
    rounds = [_timed(lambda: list(otlp.parts(Fleet(database, site.clock).read()))) for _ in range(SCRAPES)]
    database.close()
    with EmbeddedSite(folder, *BOOTHS) as server:
        scrapes, samples, report_times = _scraped(server)
    show(
        f"metrics of {len(BOOTHS)} booths, {samples:,} samples",
        [
            Row(what="a scrape over HTTP, gzip", samples=scrapes, unit="s", limit=BUDGET_S),
            Row(what="a report while it is scraped without a pause", samples=report_times, unit="s"),
            Row(what="a round for OTLP, made", samples=rounds, unit="s"),
        ],
    )


def _scraped(server: EmbeddedSite) -> tuple[list[float], int, list[float]]:
    headers = {"Authorization": f"Bearer {server.tokens.metrics}", "Accept": "application/openmetrics-text"}
    client = SiteClient(server.base_url, BOOTHS[0], server.tokens.booths[BOOTHS[0]], timeout_s=20)
    report_times: list[float] = []
    is_over = threading.Event()

    def keep_reporting() -> None:
        while not is_over.wait(0.2):
            report_times.append(_timed(lambda: client.report(_report())))

    with requests.Session() as http:
        http.trust_env = False

        def scrape() -> str:
            return http.get(f"{server.base_url}/metrics", headers=headers, timeout=30).text

        samples = sum(not line.startswith("#") for line in scrape().splitlines())
        scrapes = [_timed(scrape) for _ in range(SCRAPES)]
        thread = threading.Thread(target=keep_reporting)
        thread.start()
        for _ in range(SCRAPES):
            scrape()
        is_over.set()
        thread.join()
    client.close()
    return scrapes, samples, report_times


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _report() -> ReportRequest:
    now = datetime.now(UTC)
    readings = [_reading(kind, "", now) for kind in ReadingKind]
    readings += [_reading(ReadingKind.UPS, subject, now) for subject in ("booth", "switch", "room")]
    return ReportRequest(
        boot_id=uuid4(), sent_at=now, state="idle", version="1.10.0", full=True, readings=readings, events=[],
        acknowledged=[],
    )  # fmt: skip


def _reading(kind: ReadingKind, subject: str, now: datetime) -> ReadingReport:
    values = dict.fromkeys(_FIGURES.get(kind, ()), 12.5)
    return ReadingReport(kind=kind, subject=subject, state=ReadingState.OK, observed_at=now, values=values)

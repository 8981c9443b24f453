"""What the reports of an idle booth weigh on the wire: the body, and for information the whole request in the clear."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.bench.report import Row, show
from workstation.journal.journal import Journal
from workstation.site.client import SiteClient
from workstation.site.contract import ReportReply
from workstation.site.outbox import Reporter
from workstation.site.readings import DeviceIdentity, ReadingKind, ReadingReport, ReadingState

BUDGET_BYTES = 400
MINUTES = 30
INTERVAL_S = 5.0
BOOTH = "booth-01"
VERSION = "1.10.0"

_FIGURES = {
    ReadingKind.UPS: {"charge_percent": 100.0, "runtime_s": 13980.0, "load_percent": 17.0, "input_voltage_v": 229.7},
    ReadingKind.DISK: {"free_bytes": 81_604_378_624.0},
    ReadingKind.MEMORY: {"free_bytes": 3_221_225_472.0, "used_percent": 41.3},
    ReadingKind.TEMPERATURE: {"cpu_celsius": 48.0},
    ReadingKind.CLOCK: {"offset_s": 0.0021, "uncertainty_s": 0.0035},
    ReadingKind.SITE: {"round_trip_s": 0.0042},
    ReadingKind.MAIN_SITE: {"round_trip_s": 0.031, "loss_percent": 0.0},
    ReadingKind.DISPLAY: {"displays": 1.0},
    ReadingKind.USB: {"devices": 9.0},
}
_NOISE = 0.003
"""Share by which the figures of a booth in which nothing happens move from look to look."""

_DEVICES = {
    ReadingKind.READER: DeviceIdentity(name="ACS ACR122U PICC Interface 00 00", serial="05.01-20230817-0010427731"),
    ReadingKind.CAMERA: DeviceIdentity(name="HD Pro Webcam C920", serial="5F1A2B3C"),
    ReadingKind.HEADSET: DeviceIdentity(name="USB Headset Analog Stereo", serial="A0396B02"),
    ReadingKind.UPS: DeviceIdentity(name="Smart-UPS 1500", serial="AS1234567890", firmware="UPS 09.3"),
}


class _Counted(ThreadingHTTPServer):
    """A server that weighs the requests it gets and is content with them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Scale)
        self.bodies: list[float] = []
        self.requests: list[float] = []


class _Scale(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Counted

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(len(body))
        # The parsed head in its canonical form is as long as it was on the wire.
        self.server.requests.append(len(self.raw_requestline) + len(bytes(self.headers)) + len(body))
        reply = ReportReply(acked_events=[], commands=[], next_interval_s=INTERVAL_S, server_time=datetime.now(UTC))
        answer = reply.model_dump_json().encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        """Stay silent."""


def run(directory: Path) -> None:
    """Report as an idle booth does for half an hour of its own clock, and print what that weighs."""
    journal = Journal(directory / "journal.sqlite3")
    now = 0.0
    with _weighing() as scale:
        client = SiteClient(f"http://127.0.0.1:{scale.server_port}", BOOTH, "t" * 43, timeout_s=10)
        reporter = Reporter(
            journal,
            client,
            _readings,
            lambda: "idle",
            lambda _command: None,
            version=VERSION,
            keep=timedelta(days=90),
            clock=lambda: now,
        )
        for _ in range(round(MINUTES * 60 / INTERVAL_S)):
            reporter.report_once()
            now += INTERVAL_S
        client.close()
    journal.close()
    show(
        f"reports of an idle booth, {MINUTES} minutes",
        [
            Row(what="body, compressed", samples=scale.bodies, unit="B", limit=BUDGET_BYTES),
            Row(what="body, the longest (a full report)", samples=[max(scale.bodies)], unit="B"),
            Row(what="body, mean", samples=[sum(scale.bodies) / len(scale.bodies)], unit="B", limit=BUDGET_BYTES),
            Row(what="whole HTTP request", samples=scale.requests, unit="B"),
        ],
    )


def _readings() -> list[ReadingReport]:
    return [
        ReadingReport(
            kind=kind,
            state=ReadingState.OK,
            observed_at=datetime.now(UTC) - timedelta(seconds=random.uniform(0, 2)),
            values={figure: _measured(figure, value) for figure, value in _FIGURES.get(kind, {}).items()},
            device=_DEVICES.get(kind),
        )
        for kind in ReadingKind
    ]


def _measured(figure: str, value: float) -> float:
    return value if figure in {"displays", "devices"} else value * random.uniform(1 - _NOISE, 1 + _NOISE)


@contextmanager
def _weighing() -> Iterator[_Counted]:
    scale = _Counted()
    thread = threading.Thread(target=scale.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield scale
    finally:
        scale.shutdown()
        scale.server_close()
        thread.join(10)

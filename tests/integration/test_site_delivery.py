"""Journal, reporter, client and server together while the way between them fails at random.

At least once in, exactly once stored, in order; a command is carried out once, also across starts of the program.
"""

from __future__ import annotations

import http.client
import socket
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
import requests
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from drivers.errors import KioskError
from workstation.journal.journal import Journal
from workstation.site.administration import EventPage
from workstation.site.client import SiteClient
from workstation.site.contract import ArrivalRequest, Command, CommandKind, EventReport, MatchState, VerificationMethod
from workstation.site.outbox import Reporter
from workstation.site.server import tokens
from workstation.site.server.app import create_app
from workstation.site.server.database import Database, sqlite_url
from workstation.site.server.site import Site

FAULTS = ["refuse", "fail", "lose", "cut", "garble", "garble request", "strip", "too many"]


class BadLine(ThreadingHTTPServer):
    """A proxy that forwards, and breaks as planned: one entry per request, then all is well."""

    daemon_threads = True

    def __init__(self, target_port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.target_port = target_port
        self.plan: list[str] = []


class _Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BadLine

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fault = self.server.plan.pop(0) if self.server.plan else "none"
        self.close_connection = True
        if fault == "refuse":
            return
        if fault == "fail":
            self._answer(500, b"{}", 2)
            return
        if fault == "too many":
            self._answer(429, b"{}", 2)
            return
        if fault == "garble request":
            body = body[: len(body) // 2] + body[: len(body) // 2]
        status, reply = self._forward(body, without="Content-Encoding" if fault == "strip" else "")
        if fault == "lose":
            return
        if fault == "garble":
            reply = reply[::-1]
        sent = reply[: len(reply) // 2] if fault == "cut" else reply
        self._answer(status, sent, len(reply))

    do_GET = do_POST = _relay  # noqa: N815  (the base class looks for these names)

    def _forward(self, body: bytes, *, without: str = "") -> tuple[int, bytes]:
        onward = http.client.HTTPConnection("127.0.0.1", self.server.target_port, timeout=20)
        passed = {"Authorization", "Content-Type", "Content-Encoding"} - {without}
        headers = {name: self.headers[name] for name in passed if self.headers[name]}
        onward.request(self.command, self.path, body, headers)
        answer = onward.getresponse()
        reply = answer.read()
        onward.close()
        return answer.status, reply

    def _answer(self, status: int, body: bytes, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Stay silent."""


class Delivery(RuleBasedStateMachine):
    """One booth, one site, one bad line."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name)
        self.database = Database(sqlite_url(path))
        site = Site(database=self.database, tokens=tokens.load_or_create(path, "booth-03"))
        site.enrol()
        self.admin = {"Authorization": f"Bearer {site.tokens.admin}"}
        self.listening = socket.create_server(("127.0.0.1", 0))
        port = self.listening.getsockname()[1]
        self.site_url = f"http://127.0.0.1:{port}/v1"
        config = uvicorn.Config(create_app(site), log_config=None, access_log=False, lifespan="off", ws="none")
        self.server = uvicorn.Server(config)
        self.line = BadLine(port)
        self.threads = [
            threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]}),
            threading.Thread(target=self.line.serve_forever, kwargs={"poll_interval": 0.02}),
        ]
        for thread in self.threads:
            thread.start()
        deadline = time.monotonic() + 20
        while not self.server.started:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        self.client = SiteClient(
            f"http://127.0.0.1:{self.line.server_address[1]}",
            "booth-03",
            site.tokens.booths["booth-03"],
            timeout_s=10,
        )
        self.journal_path = path / "journal.db"
        self.journal = Journal(self.journal_path)
        self.happened: list[EventReport] = []
        self.ordered: list[Command] = []
        self.carried_out: list[Command] = []

    @initialize()
    def start(self) -> None:
        self.reporter = Reporter(
            self.journal,
            self.client,
            list,
            lambda: "idle",
            self.carried_out.append,
            version="1.0",
            keep=timedelta(days=90),
        )

    @rule()
    def site_orders(self) -> None:
        command = Command(command_id=uuid4(), kind=CommandKind.MESSAGE, text=str(len(self.ordered)))
        self._admin("POST", "/booths/booth-03/commands", command.model_dump(mode="json"))
        self.ordered.append(command)

    @rule(
        happens=st.sampled_from([0, 1, 3, 120]),
        fault=st.sampled_from([*FAULTS, "none"]),
        times=st.integers(1, 4),
    )
    def report(self, happens: int, fault: str, times: int) -> None:
        """Things happen, then one report meets a fault that its own repeats may or may not outlast."""
        for n in range(happens):
            self.happened.append(self.journal.append("step", "s-1", {"n": n}))
        self.line.plan = [fault] * times
        assert 0 <= self.reporter.report_once() <= 300
        self.line.plan = []

    @rule()
    def program_restarts(self) -> None:
        self.journal.close()
        self.journal = Journal(self.journal_path)
        self.start()

    @invariant()
    def nothing_is_stored_twice_and_no_acknowledged_event_is_missing(self) -> None:
        stored, _ = self._stored()
        ids = [event.event_id for event in stored]
        assert len(ids) == len(set(ids))
        waiting = {event.event_id for event in self.journal.unsent(100_000)}
        assert {event.event_id for event in self.happened} - waiting <= set(ids)
        assert len(self.carried_out) == len({command.command_id for command in self.carried_out})

    def teardown(self) -> None:
        try:
            deadline = time.monotonic() + 30
            while self.journal.unsent(1) or self.reporter.is_away:
                assert time.monotonic() < deadline
                self.reporter.report_once()
            self.reporter.report_once()
            self.reporter.report_once()
            stored, incidents = self._stored()
            assert stored == self.happened
            assert incidents == 0
            self.start()
            self.reporter.report_once()
            assert self.carried_out == self.ordered
        finally:
            self._stop()

    def _stored(self) -> tuple[list[EventReport], int]:
        events: list[EventReport] = []
        after: int | None = 0
        incidents = 0
        while after is not None:
            reply = self._admin("GET", f"/booths/booth-03/events?after={after}", None)
            page = EventPage.model_validate_json(reply.content)
            events += page.events
            after, incidents = page.next_after, len(page.incidents)
        return events, incidents

    def _admin(self, method: str, path: str, body: object) -> requests.Response:
        reply = requests.request(method, self.site_url + path, json=body, headers=self.admin, timeout=20)
        reply.raise_for_status()
        return reply

    def _stop(self) -> None:
        self.client.close()
        self.journal.close()
        self.line.shutdown()
        self.line.server_close()
        self.server.should_exit = True
        for thread in self.threads:
            thread.join(20)
        self.listening.close()
        self.database.close()
        self.folder.cleanup()


TestDelivery = Delivery.TestCase
# Every example starts servers, so a failure is reported as found: shrinking it would take minutes.
TestDelivery.settings = settings(
    max_examples=12,
    stateful_step_count=10,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_an_arrival_whose_replies_are_lost_is_one_arrival():
    machine = Delivery()
    try:
        arrival = ArrivalRequest(
            arrival_id=uuid4(),
            key_id=machine.client.booth().key_id,
            expert_hash="0" * 64,
            method=VerificationMethod.CARD_FACE,
            verified_at=datetime.now(UTC),
        )
        machine.line.plan = ["lose", "lose", "lose"]
        with pytest.raises(KioskError) as caught:
            machine.client.arrive(arrival)
        assert caught.value.retryable
        assert machine.line.plan == []
        assert machine.client.arrive(arrival).signed_in_elsewhere is None
        machine.line.plan = ["lose"]
        assert machine.client.match(arrival.arrival_id).state is MatchState.ROSTER_PENDING
    finally:
        machine._stop()

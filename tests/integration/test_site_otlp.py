"""Readings forwarded over OTLP to a collector that decodes them with opentelemetry-proto, whatever it does."""

from __future__ import annotations

import logging
import socket
import time
from contextlib import closing
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest

from tests.integration.otlp_collector import collecting
from tests.integration.tls_sites import Authority
from workstation.site.client import SiteClient
from workstation.site.contract import ReportRequest
from workstation.site.embedded import EmbeddedSite
from workstation.site.readings import Quality, ReadingKind, ReadingReport, ReadingState
from workstation.site.server import reports, tokens
from workstation.site.server.database import Database, sqlite_url
from workstation.site.server.metrics import forwarder
from workstation.site.server.metrics.fleet import Fleet
from workstation.site.server.metrics.forwarder import Collector, Sender, WaitingRoom, forwarding, open_collector
from workstation.site.server.metrics.server_metrics import ServerMetrics
from workstation.site.server.options import OptionError
from workstation.site.server.site import Site

LOGGER = "workstation.site.server.metrics.forwarder"


def request(*readings: ReadingReport) -> ReportRequest:
    return ReportRequest(
        boot_id=uuid4(),
        sent_at=datetime.now(UTC),
        state="idle",
        version="0.1.0",
        full=True,
        readings=list(readings),
        events=[],
        acknowledged=[],
    )


def ups(charge: float, state: ReadingState = ReadingState.OK) -> ReadingReport:
    quality = Quality.BAD if state is ReadingState.UNKNOWN else Quality.GOOD
    return ReadingReport(
        kind=ReadingKind.UPS,
        subject="room",
        state=state,
        quality=quality,
        observed_at=datetime.now(UTC),
        values={"charge_percent": charge, "runtime_s": 60},
    )


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setattr(forwarder, "_FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(forwarder, "_MAX_PAUSE_S", 0.2)
    database = Database(sqlite_url(tmp_path))
    context = Site(database=database, tokens=tokens.load_or_create(tmp_path, "booth-02", "booth-03"))
    context.enrol()

    def report(*readings: ReadingReport) -> None:
        database.run(
            lambda session: reports.report(session, "booth-02", request(*readings), context.clock(), lambda: 0.0)
        )

    def forward(url: str, **options):
        collector = Collector(url=url, interval_s=0.1, **options)
        return forwarding(collector, Fleet(database, context.clock), context.metrics)

    def counted(outcome: str) -> float:
        return context.metrics.registry.get_sample_value("site_otlp_requests_total", {"outcome": outcome}) or 0

    yield SimpleNamespace(report=report, forward=forward, counted=counted, metrics=context.metrics)
    database.close()


def test_a_collector_gets_every_booth(site):
    site.report(ups(61.5))
    with collecting() as collector, site.forward(collector.url, headers={"Authorization": "Bearer t"}):
        collector.wait(lambda: len(collector.taken) >= 2)
    assert collector.points() == {
        ("booth.up", "booth-02", "", ""): 1,
        ("booth.up", "booth-03", "", ""): 0,
        ("booth.reading.state", "booth-02", "ups", "room"): 0,
        ("booth.charge", "booth-02", "ups", "room"): 0.615,
        ("booth.runtime", "booth-02", "ups", "room"): 60,
    }
    resources = [
        {item.key: item.value.string_value for item in part.resource.attributes}
        for part in collector.taken[0].resource_metrics
    ]
    assert resources == [
        {"service.name": "evaluation-booth", "service.instance.id": "booth-02", "service.version": "0.1.0"},
        {"service.name": "evaluation-booth", "service.instance.id": "booth-03"},
    ]
    metrics = collector.taken[0].resource_metrics[0].scope_metrics[0].metrics
    assert {metric.name: metric.unit for metric in metrics} == {
        "booth.up": "",
        "booth.reading.state": "",
        "booth.charge": "1",
        "booth.runtime": "s",
    }
    assert collector.headers[0]["Authorization"] == "Bearer t"
    assert collector.headers[0]["Content-Type"] == "application/x-protobuf"
    assert site.counted("sent") >= 2


def test_a_reading_that_became_unknown_is_no_figure_any_more(site):
    site.report(ups(61))
    with collecting() as collector, site.forward(collector.url):
        collector.wait(lambda: ("booth.charge", "booth-02", "ups", "room") in collector.points())
        site.report(ups(61, ReadingState.UNKNOWN))
        state = ("booth.reading.state", "booth-02", "ups", "room")
        collector.wait(lambda: collector.points()[state] == 3)
        collector.taken.clear()
        collector.wait(lambda: len(collector.taken) > 0)
    assert not [key for key in collector.points() if key[0] == "booth.charge"]


def test_a_short_absence_loses_nothing_and_costs_two_lines(site, allow_logs, caplog):
    allow_logs(LOGGER)
    caplog.set_level(logging.WARNING)
    site.report(ups(1))
    with collecting() as collector:
        port = int(collector.url.split(":")[2].split("/")[0])
        with site.forward(collector.url):
            collector.wait(lambda: len(collector.taken) >= 1)
            collector.statuses = [503] * 12  # each request is repeated twice by itself
            collector.wait(lambda: not collector.statuses)
            site.report(ups(2))
            collector.wait(lambda: collector.points().get(("booth.charge", "booth-02", "ups", "room")) == 0.02)
    assert port
    times = [
        part.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].time_unix_nano
        for part in collector.taken
    ]
    assert times == sorted(times)
    assert [record.getMessage() for record in caplog.records] == [
        "the OTLP collector is away (status 503); readings wait for it",
        "the OTLP collector is back",
    ]
    assert site.counted("dropped") == 0
    assert site.counted("sent") == len(collector.taken)


def test_nobody_there_and_then_somebody(site, allow_logs):
    allow_logs(LOGGER)
    site.report(ups(1))
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with site.forward(f"http://127.0.0.1:{port}/v1/metrics"):
        deadline = time.monotonic() + 20
        while not site.metrics.registry.get_sample_value("site_otlp_waiting_bytes"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with collecting(port=port) as collector:
            collector.wait(lambda: len(collector.taken) >= 2)


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 302])
def test_what_is_refused_for_good_is_not_sent_again(site, allow_logs, caplog, status):
    allow_logs(LOGGER)
    with collecting() as collector:
        collector.statuses = [status, status]
        with site.forward(collector.url):
            collector.wait(lambda: len(collector.taken) >= 1)
    assert site.counted("refused") == 2
    assert [record.getMessage() for record in caplog.records] == [
        f"the OTLP collector refuses readings: status {status}"
    ]


def test_points_that_were_not_taken_and_answers_that_are_none(site, allow_logs, caplog):
    allow_logs(LOGGER)
    with collecting() as collector:
        collector.rejected = 3
        with site.forward(collector.url):
            collector.wait(lambda: site.counted("refused") >= 1)
            collector.garbage = True
            before = site.counted("refused")
            collector.wait(lambda: site.counted("refused") > before + 1)
    said = {record.getMessage().rpartition(": ")[2] for record in caplog.records}
    assert said == {"some points", "its answer is no OTLP"}


def test_a_slow_collector_delays_no_report(site, allow_logs, monkeypatch):
    allow_logs(LOGGER)
    monkeypatch.setattr(forwarder, "_TIMEOUT_S", 0.3)
    monkeypatch.setattr(forwarder, "_TOTAL_S", 0.5)
    with collecting() as collector:
        collector.delay_s = 1.0
        with site.forward(collector.url):
            collector.wait(lambda: collector.asked >= 1)
            for charge in range(20):
                site.report(ups(charge))
            collector.wait(lambda: collector.asked >= 2)
        collector.delay_s = 0
    assert site.counted("sent") == 0


def test_it_waits_as_long_as_the_collector_asks(site, allow_logs):
    allow_logs(LOGGER)
    with collecting() as collector:
        collector.statuses, collector.retry_after = [429], "2"
        with site.forward(collector.url):
            collector.wait(lambda: collector.asked == 1)
            asked_at = time.monotonic()
            collector.wait(lambda: collector.asked >= 2)
    assert time.monotonic() - asked_at > 1.5


def test_the_oldest_makes_room_and_is_counted(allow_logs):
    metrics = ServerMetrics()
    room = WaitingRoom(metrics, limit_bytes=10)
    for part in (b"aaaa", b"bbbb", b"cccc"):
        room.put(part)
    oldest = room.oldest()
    assert oldest == b"bbbb"
    room.put(b"dddddddd")
    assert not room.remove(oldest)
    assert room.oldest() == b"dddddddd"
    assert metrics.registry.get_sample_value("site_otlp_requests_total", {"outcome": "dropped"}) == 3
    assert metrics.registry.get_sample_value("site_otlp_waiting_bytes") == 8
    room.close()
    assert room.oldest() is None


def test_an_end_in_the_middle_of_a_pause(allow_logs, monkeypatch):
    allow_logs(LOGGER)
    metrics = ServerMetrics()
    room = WaitingRoom(metrics)
    room.put(b"x")
    with collecting() as collector:
        collector.statuses, collector.retry_after = [429] * 5, "300"
        sender = Sender(Collector(url=collector.url), room, metrics)
        with forwarder.every(60, lambda _: None, name="nothing"):
            thread = forwarder.threading.Thread(target=sender.run)
            thread.start()
            collector.wait(lambda: collector.asked == 1)
            sender.stop()
            thread.join(10)
            assert not thread.is_alive()


def test_over_tls_only_to_a_collector_that_is_trusted(site, tmp_path, allow_logs, caplog):
    allow_logs(LOGGER)
    authority = Authority(tmp_path)
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(authority.pem)
    context, _ = authority.issue()
    with collecting(context) as collector:
        with site.forward(collector.url, ca_file=str(ca_file)):
            collector.wait(lambda: len(collector.taken) >= 1)
        collector.taken.clear()
        with site.forward(collector.url):
            deadline = time.monotonic() + 20
            while not caplog.records:
                assert time.monotonic() < deadline
                time.sleep(0.02)
    assert "SSLError" in caplog.records[0].getMessage()
    assert not collector.taken


def test_the_real_server_forwards(tmp_path):
    headers = tmp_path / "headers"
    headers.write_text("# of the collector\nX-Scope-OrgID: booths\n\n")
    headers.chmod(0o600)
    with collecting() as collector:
        options = ["--otlp-endpoint", collector.url, "--otlp-headers-file", str(headers), "--otlp-interval", "5"]
        with EmbeddedSite(tmp_path / "site", "booth-01", options=options) as server:
            client = SiteClient(server.base_url, "booth-01", server.tokens.booths["booth-01"], timeout_s=10)
            client.report(request(ups(50)))
            client.close()
            collector.wait(lambda: ("booth.charge", "booth-01", "ups", "room") in collector.points())
    assert collector.headers[0]["X-Scope-OrgID"] == "booths"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"url": "http://192.0.2.1:4318/v1/metrics"}, "https is needed"),
        ({"url": "grpc://127.0.0.1"}, "http"),
        ({"url": "https://[::1"}, "cannot be read"),
        ({"interval_s": 1}, "interval"),
        ({"interval_s": float("nan")}, "interval"),
        ({"ca_file": "/nowhere/ca.pem"}, "authorities"),
        ({"text": "Authorization Bearer"}, "line 1"),
        ({"text": "\nName: a\x00b"}, "line 2"),
        ({"mode": 0o644}, "chmod 600"),
    ],
)
def test_options_that_cannot_be_used(tmp_path, changes, reason):
    headers = tmp_path / "headers"
    headers.write_text(changes.get("text", "Authorization: Bearer verysecret"))
    headers.chmod(changes.get("mode", 0o600))
    url = changes.get("url", "https://127.0.0.1:4318/v1/metrics")
    with pytest.raises(OptionError, match=reason) as caught:
        open_collector(url, headers, changes.get("interval_s", 15), changes.get("ca_file"))
    assert "Bearer" not in str(caught.value)

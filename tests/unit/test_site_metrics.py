"""Metrics without a server: names, bounds, alerts by promtool, and whatever booths say becomes text that parses."""

from __future__ import annotations

import contextlib
import gzip
import math
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from sqlalchemy import delete

import workstation
from workstation.health.board import HealthEventKind
from workstation.site.contract import JOURNAL_SET_ASIDE
from workstation.site.outages import OUTAGE_EVENTS
from workstation.site.readings import Quality, ReadingKind, ReadingReport, ReadingState, unit_of
from workstation.site.server.database import Database
from workstation.site.server.metrics import otlp
from workstation.site.server.metrics.catalogue import EVENT_KINDS, FIGURES, MAX_SUBJECTS, Figure
from workstation.site.server.metrics.exposition import FleetCollector
from workstation.site.server.metrics.fleet import Fleet
from workstation.site.server.metrics.forwarder import parse_headers
from workstation.site.server.models import Booth, LatestReading, OutageRow
from workstation.site.server.options import OptionError

ROOT = Path(workstation.__file__).parents[1]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
UNITS = {"s": "_s", "ms": "_ms", "By": "_bytes", "%": "_percent", "V": "_v", "W": "_w", "Cel": "_celsius"}
FACTORS = {"_ms": 1000, "_percent": 100}
FACTS = {"duration_s", "network_s", "at_least_s", "outage_s", "off_in_s", "proven_s", "drop_percent", "health_percent"}
"""Of events, not of readings."""


def test_each_figure_has_a_name_by_the_rules_and_a_unit():
    assert len({figure.stem for figure in FIGURES.values()}) == len(FIGURES)
    for name, figure in FIGURES.items():
        assert re.fullmatch(r"booth(_[a-z0-9]+)+", figure.metric)
        assert not re.search(r"_(total|count|sum|bucket|info|created)$", figure.metric)
        assert figure.text.endswith(".")
        assert (figure.unit.name == "") == (unit_of(name) == "1")


@pytest.mark.parametrize(
    ("name", "metric", "value", "wanted"),
    [
        ("charge_percent", "booth_charge_ratio", 61.5, 0.615),
        ("round_trip_ms", "booth_round_trip_seconds", 12.5, 0.0125),
        ("up_kbps", "booth_up_bytes_per_second", 8, 1000),
        ("level_dbfs", "booth_level_decibels", -20, -20),
        ("free_bytes", "booth_free_bytes", 5, 5),
        ("screen_count", "booth_screens", 2, 2),
    ],
)
def test_base_units(name, metric, value, wanted):
    figure = Figure.of(name, "x")
    assert (figure.metric, figure.in_base_units(value)) == (metric, wanted)


def test_what_is_too_large_for_a_base_unit_is_no_value():
    assert Figure.of("up_kbps", "x").in_base_units(1e308) is None


def test_every_figure_that_the_booths_code_makes_is_in_the_catalogue():
    keys = re.compile(r'"([a-z][a-z0-9_]*(?:_(?:s|ms|bytes|percent|v|w|celsius|kbps|dbfs|count)|stratum))"(?::|\] =)')
    sources = [*(ROOT / "workstation" / "health").rglob("*.py"), ROOT / "workstation" / "bridge" / "screens.py"]
    made = {name for source in sources for name in keys.findall(source.read_text(encoding="utf-8"))}
    assert {"charge_percent", "free_bytes", "round_trip_ms"} <= made
    assert made - FACTS <= set(FIGURES)


def test_every_kind_of_event_that_the_booths_code_journals_is_counted_by_its_name():
    calls = re.compile(r'\b(?:_?record|append|Record)\(\s*(?:journey, )?(?:kind=)?"([a-z]+(?:_[a-z]+)+)"')
    sources = (ROOT / "workstation").rglob("*.py")
    made = {kind for source in sources for kind in calls.findall(source.read_text(encoding="utf-8"))}
    assert {"signed_out", "help_called"} <= made
    assert made | {JOURNAL_SET_ASIDE} | OUTAGE_EVENTS | {kind.value for kind in HealthEventKind} <= EVENT_KINDS


def promtool(*arguments: str | Path) -> None:
    program = shutil.which("promtool")
    assert program, "promtool is not installed (Debian: apt-get install prometheus)"
    result = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_alerts_say_what_they_should(tmp_path):
    alerts = ROOT / "assets" / "monitoring" / "alerts.yml"
    promtool("check", "rules", alerts)
    text = (ROOT / "tests" / "monitoring" / "alerts_test.yml").read_text(encoding="utf-8")
    (tmp_path / "test.yml").write_text(text.replace("ALERTS", str(alerts)), encoding="utf-8")
    promtool("test", "rules", tmp_path / "test.yml")
    names = re.findall(r"- alert: (\w+)", alerts.read_text(encoding="utf-8"))
    assert {name for name in names if f"alertname: {name}\n" not in text} == set()


def test_the_alerts_use_series_that_there_are(fleet):
    database, read = fleet
    store(database, {"booth-1": [reading(ReadingKind.UPS, dict.fromkeys(FIGURES, 1.0))]})
    outage = OutageRow(booth_id="booth-1", outage_id=uuid4(), outage="mains", began_at=NOW, seen_at=NOW)
    database.run(lambda session: session.add(outage))
    text = exposition.generate_latest(read.registry).decode()
    alerts = (ROOT / "assets" / "monitoring" / "alerts.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"\b((?:booth|site)_[a-z_]+)\b", " ".join(re.findall(r"expr: (.+)", alerts))))
    own = {"site_otlp_requests_total"}
    assert {name for name in used - own if not re.search(rf"^{name}[ {{]", text, re.MULTILINE)} == set()


class Reader:
    def __init__(self, database: Database) -> None:
        self.fleet = Fleet(database, lambda: NOW)
        self.registry = CollectorRegistry()
        self.registry.register(FleetCollector(self.fleet))


@pytest.fixture
def fleet(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/site.db")
    yield database, Reader(database)
    database.close()


def reading(kind, values, *, subject="", state=ReadingState.OK, quality=Quality.GOOD):
    return ReadingReport(kind=kind, subject=subject, state=state, quality=quality, observed_at=NOW, values=values)


def store(database, booths, *, label="", version="0.1.0"):
    def stored(session):
        session.execute(delete(LatestReading))
        session.execute(delete(Booth))
        for booth_id, readings in booths.items():
            session.add(
                Booth(
                    booth_id=booth_id, booth_label=label, room=label, version=version, last_seen=NOW, interval_s=5.0,
                    knows_readings=True,
                )
            )  # fmt: skip
            for each in readings:
                body = each.model_dump(mode="json")
                row = {"booth_id": booth_id, "kind": each.kind.value, "subject": each.subject}
                session.add(LatestReading(**row, reading=body, received_at=NOW - timedelta(days=1)))

    database.run(stored)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
names = st.one_of(st.sampled_from(sorted(FIGURES)), st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True))
readings = st.builds(
    reading,
    st.sampled_from(ReadingKind),
    st.dictionaries(names, st.floats(allow_nan=False, allow_infinity=False), max_size=8),
    subject=st.sampled_from(["", "room", "switch"]),
    state=st.sampled_from(ReadingState),
    quality=st.sampled_from(Quality),
)
booths = st.dictionaries(
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,10}", fullmatch=True),
    st.lists(readings, max_size=6, unique_by=lambda each: (each.kind, each.subject)),
    max_size=4,
)


def expected(said):
    """What a correct exposition of ``said`` holds, worked out anew from the readings."""
    found = {}
    for booth_id, of_booth in said.items():
        for each in of_booth:
            labels = (booth_id, each.kind.value, each.subject)
            found["booth_reading_state", *labels] = list(ReadingState).index(each.state)
            if each.state is ReadingState.UNKNOWN or each.quality is Quality.BAD:
                continue
            for name, value in each.values.items():
                if name in FIGURES:
                    factor = FACTORS.get(UNITS.get(unit_of(name), ""), 1)
                    found[FIGURES[name].metric, *labels] = value / factor
    return found


def labels_of(sample):
    return sample.name, sample.labels["booth"], sample.labels["kind"], sample.labels.get("subject", "")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=booths, label=texts, version=texts)
def test_whatever_booths_say_parses_again_and_nothing_is_lost(fleet, said, label, version):
    database, read = fleet
    store(database, said, label=label, version=version)
    wanted = expected(said)
    forms = [
        (parse_openmetrics, openmetrics.generate_latest(read.registry)),
        (parse_text, exposition.generate_latest(read.registry)),
    ]
    for parse, body in forms:
        samples = [sample for family in parse(body.decode()) for sample in family.samples]
        told = [sample for sample in samples if "kind" in sample.labels]
        assert {labels_of(sample): sample.value for sample in told} == wanted
        assert len(told) == len(wanted)
        info = {sample.labels["booth"]: sample.labels for sample in samples if sample.name == "booth_info"}
        assert set(info) == set(said)
        assert all(labels.get("label", "") == label for labels in info.values())
    points = {}
    for part in otlp.parts(read.fleet.read()):
        request = ExportMetricsServiceRequest.FromString(gzip.decompress(part))
        for of_booth in request.resource_metrics:
            for metric in of_booth.scope_metrics[0].metrics:
                for point in metric.gauge.data_points:
                    labels = {item.key: item.value.string_value for item in point.attributes}
                    value = point.as_double if point.HasField("as_double") else point.as_int
                    points[metric.name, labels["booth"], labels.get("kind", ""), labels.get("subject", "")] = value
    stems = {f"booth.{figure.stem}": figure.metric for figure in FIGURES.values()}
    stems["booth.reading.state"] = "booth_reading_state"
    assert {(stems[name], *rest): value for (name, *rest), value in points.items() if name != "booth.up"} == wanted
    assert {booth for name, booth, *_ in points if name == "booth.up"} == set(said)
    assert all(math.isfinite(value) for value in points.values())


@given(text=st.text())
def test_headers_are_headers_or_refused(text):
    headers = {}
    with contextlib.suppress(OptionError):
        headers = parse_headers(text)
    for name, value in headers.items():
        assert re.fullmatch(r"[!-9;-~]+", name)
        assert value.isascii()
        assert value.isprintable()


def test_subjects_and_versions_are_admitted_a_few_times(fleet):
    database, read = fleet
    subjects, versions = set(), set()
    for turn in range(30):
        store(database, {"b": [reading(ReadingKind.UPS, {}, subject=f"s{turn}")]}, version=f"1.{turn}")
        (booth,) = read.fleet.read().booths
        subjects |= {each.subject for each in booth.readings}
        versions.add(booth.version)
    assert len(subjects) == MAX_SUBJECTS
    assert len(versions) == MAX_SUBJECTS + 1

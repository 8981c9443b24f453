"""``/metrics`` of the site server over real HTTP: what it says, to whom, how bounded, and what promtool says."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sqlalchemy import func, select, text

from tests.integration.site_serving import serving
from workstation.journal.journal import Journal
from workstation.site.client import SiteClient
from workstation.site.contract import Command, CommandKind, ReportRequest
from workstation.site.outages import OUTAGE_BEGAN, OUTAGE_ENDED
from workstation.site.readings import Quality, ReadingKind, ReadingReport, ReadingState
from workstation.site.server import reports, tokens
from workstation.site.server.database import Database
from workstation.site.server.latest import MAX_LATEST
from workstation.site.server.metrics.catalogue import FIGURES, MAX_SUBJECTS
from workstation.site.server.metrics.fleet import CONFIRMED_S
from workstation.site.server.models import LatestReading
from workstation.site.server.site import Site

START = datetime(2026, 6, 1, 0, 20, tzinfo=UTC)
BOOT = uuid4()
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def site(database_url, tmp_path):
    clock = Clock()
    database = Database(database_url)
    context = Site(database=database, tokens=tokens.load_or_create(tmp_path, "booth-02", "booth-03"), clock=clock)
    context.enrol()
    with serving(context) as url, requests.Session() as http:
        http.trust_env = False
        booth = SiteClient(url, "booth-02", context.tokens.booths["booth-02"], timeout_s=10)
        yield SimpleNamespace(
            url=url, http=http, booth=booth, clock=clock, tokens=context.tokens, database=database, folder=tmp_path
        )
        booth.close()
    database.close()


def scrape(site, *, accept=OPENMETRICS, token=None, **headers):
    headers |= {"Authorization": f"Bearer {token or site.tokens.metrics}", "Accept": accept}
    return site.http.get(f"{site.url}/metrics", headers=headers, timeout=20)


def samples(site) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    response = scrape(site)
    assert response.status_code == 200
    found = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            # An empty label is none.
            key = (sample.name, tuple(sorted((name, value) for name, value in sample.labels.items() if value)))
            assert key not in found
            found[key] = sample.value
    return found


def of(found, name, **labels):
    return found.get((name, tuple(sorted((label, value) for label, value in labels.items() if value))))


def reading(kind=ReadingKind.UPS, state=ReadingState.OK, *, subject="", quality=Quality.GOOD, **values):
    return ReadingReport(kind=kind, subject=subject, state=state, quality=quality, observed_at=START, values=values)


def report(site, *readings, version="0.1.0", events=(), sent_at=None, full=False):
    request = ReportRequest(
        boot_id=BOOT,
        sent_at=sent_at or site.clock(),
        state="idle",
        version=version,
        full=full,
        readings=list(readings),
        events=list(events),
        acknowledged=[],
    )
    return site.booth.report(request)


def test_a_booth_that_reports(site):
    report(
        site,
        reading(charge_percent=61.5, runtime_s=9000),
        reading(subject="room", state=ReadingState.WARN, quality=Quality.UNCERTAIN, runtime_s=600),
        reading(ReadingKind.DISK, ReadingState.BAD, free_bytes=5e8),
    )
    found = samples(site)
    assert of(found, "booth_up", booth="booth-02") == 1
    assert of(found, "booth_last_seen_timestamp_seconds", booth="booth-02") == START.timestamp()
    assert of(found, "booth_info", booth="booth-02", label="booth-02", room="", version="0.1.0") == 1
    ups = {"booth": "booth-02", "kind": "ups"}
    assert of(found, "booth_charge_ratio", subject="", **ups) == 0.615
    assert of(found, "booth_runtime_seconds", subject="", **ups) == 9000
    assert of(found, "booth_runtime_seconds", subject="room", **ups) == 600
    assert of(found, "booth_reading_state", subject="room", **ups) == 1
    assert of(found, "booth_reading_state", booth="booth-02", kind="disk", subject="") == 2
    # A booth of the site's list that was never heard of is there, and down.
    assert of(found, "booth_up", booth="booth-03") == 0
    assert of(found, "booth_last_seen_timestamp_seconds", booth="booth-03") is None
    assert of(found, "site_database_up") == 1
    assert of(found, "site_database_size_bytes") > 10_000


@pytest.mark.parametrize("after", [ReadingState.UNKNOWN, ReadingState.OK])
def test_a_figure_that_is_not_believed_any_more_disappears(site, after):
    report(site, reading(charge_percent=61))
    report(site, reading(state=after, quality=Quality.BAD, charge_percent=61))
    found = samples(site)
    labels = {"booth": "booth-02", "kind": "ups", "subject": ""}
    assert of(found, "booth_charge_ratio", **labels) is None
    assert of(found, "booth_reading_state", **labels) == (3 if after is ReadingState.UNKNOWN else 0)


def test_a_booth_that_is_missing_has_no_readings(site):
    report(site, reading(charge_percent=61))
    site.clock.now = START + timedelta(seconds=60)
    found = samples(site)
    assert of(found, "booth_up", booth="booth-02") == 0
    assert of(found, "booth_last_seen_timestamp_seconds", booth="booth-02") == START.timestamp()
    assert not [key for key in found if key[0] in {"booth_charge_ratio", "booth_reading_state"}]


@pytest.mark.parametrize("full", [True, False], ids=["a full report without it", "never confirmed"])
def test_what_a_booth_does_not_say_any_more_disappears(site, full):
    report(site, reading(subject="old", charge_percent=61), reading(subject="kept", charge_percent=70))
    site.clock.now = START + timedelta(seconds=CONFIRMED_S + 1)
    report(site, reading(subject="kept", charge_percent=70), full=full)
    found = samples(site)
    assert of(found, "booth_charge_ratio", booth="booth-02", kind="ups", subject="kept") == 0.7
    assert of(found, "booth_charge_ratio", booth="booth-02", kind="ups", subject="old") is None


def test_what_did_not_change_stays(site):
    report(site, reading(charge_percent=61), full=True)
    for _ in range(3):
        site.clock.now += timedelta(seconds=CONFIRMED_S)
        report(site)
    assert of(samples(site), "booth_charge_ratio", booth="booth-02", kind="ups", subject="") == 0.61


def test_a_hostile_booth_makes_no_series(site):
    seen = set()
    for turn in range(12):
        names = {f"x{turn}_{number}_s": 1 for number in range(30)}
        readings = [reading(subject=f"s{turn}-{number}", charge_percent=1, **names) for number in range(50)]
        report(site, *readings, version=f"{turn}.0 <b>" if turn % 2 else f"1.{turn}")
        found = samples(site)
        seen |= set(found)
    of_booth = [(name, dict(labels)) for name, labels in seen if ("booth", "booth-02") in labels]
    assert len({labels.get("subject") for name, labels in of_booth if name == "booth_charge_ratio"}) == MAX_SUBJECTS
    assert len({labels["version"] for name, labels in of_booth if name == "booth_info"}) <= MAX_SUBJECTS + 1
    assert {name for name, _ in of_booth} == {
        "booth_up", "booth_last_seen_timestamp_seconds", "booth_info", "booth_charge_ratio", "booth_reading_state",
    }  # fmt: skip
    assert of(found, "site_left_out", what="subject") > 0
    rows = site.database.run(lambda session: session.scalar(select(func.count()).select_from(LatestReading)))
    assert rows == MAX_LATEST
    report(site, reading(charge_percent=50), full=True)
    assert of(samples(site), "booth_charge_ratio", booth="booth-02", kind="ups", subject="") == 0.5


def test_figures_and_versions_that_are_left_out_are_counted(site):
    report(site, reading(charge_percent=1, nobody_knows_s=2), version="my own")
    found = samples(site)
    assert of(found, "site_left_out", what="figure") == 1
    assert of(found, "site_left_out", what="version") == 1
    assert of(found, "booth_info", booth="booth-02", label="booth-02", room="", version="other") == 1


def test_the_servers_own_work(site, tmp_path):
    journal = Journal(tmp_path / "journal.db")
    for kind in ("health_lost", "health_lost", "unheard_of"):
        journal.append(kind, "", {})
    events = journal.unsent(10)
    journal.close()
    for _ in range(2):  # the second time nothing is new
        report(site, events=events, sent_at=START - timedelta(seconds=20))
    order = Command(command_id=uuid4(), kind=CommandKind.MESSAGE, text="x")
    site.database.run(lambda session: reports.command(session, "booth-03", order, START))
    site.http.get(f"{site.url}/v1/nothing/{uuid4()}", timeout=20)
    site.http.request("BREW", f"{site.url}/v1/health", timeout=20)
    found = samples(site)
    assert of(found, "site_events_total", kind="health_lost") == 2
    assert of(found, "site_events_total", kind="other") == 1
    assert of(found, "site_events_total", kind="signed_out") == 0
    assert of(found, "site_requests_total", method="POST", route="/booths/{booth_id}/reports", status="200") == 2
    assert of(found, "site_requests_total", method="GET", route="other", status="404") == 1
    assert of(found, "site_requests_total", method="other", route="/health", status="405") == 1
    assert of(found, "site_request_duration_seconds_count", route="/booths/{booth_id}/reports") == 2
    assert of(found, "site_report_delay_seconds_bucket", le="10.0") == 0
    assert of(found, "site_report_delay_seconds_bucket", le="30.0") == 2
    assert of(found, "site_commands_waiting") == 1


def test_outages_until_they_end_or_the_booth_is_missing(site, tmp_path, allow_logs):
    allow_logs("workstation.site.server.outages")
    journal = Journal(tmp_path / "journal.db")
    lost, at = uuid4(), {"began_at": START.isoformat(), "code": "E-601"}
    journal.append(OUTAGE_BEGAN, "", {"outage": "mains", "outage_id": str(lost), **at})
    journal.append(OUTAGE_BEGAN, "", {"outage": "main-site", "outage_id": str(uuid4()), **at})
    journal.append(OUTAGE_BEGAN, "", {"outage": "my own", "outage_id": str(uuid4()), **at})
    report(site, events=journal.unsent(10))
    found = samples(site)
    assert of(found, "booth_outages_open", booth="booth-02", outage="mains") == 1
    assert of(found, "booth_outages_open", booth="booth-02", outage="main-site") == 1
    assert len([name for name, _ in found if name == "booth_outages_open"]) == 2
    end = {"ended_at": START.isoformat(), "duration_s": 3, "outcome": "back"}
    ended = journal.append(OUTAGE_ENDED, "", {"outage": "mains", "outage_id": str(lost), **at, **end})
    journal.close()
    report(site, events=[ended])
    assert of(samples(site), "booth_outages_open", booth="booth-02", outage="mains") is None
    site.clock.now += timedelta(seconds=60)
    assert not [name for name, _ in samples(site) if name == "booth_outages_open"]


@pytest.mark.parametrize("who", ["nobody", "admin", "main_site", "booth"])
def test_only_an_engine_gets_them(site, who):
    token = {
        "nobody": "x" * 43,
        "admin": site.tokens.admin,
        "main_site": site.tokens.main_site,
        "booth": site.tokens.booths["booth-02"],
    }[who]
    assert scrape(site, token=token).status_code == 401
    assert site.http.get(f"{site.url}/metrics", timeout=20).status_code == 401


def test_the_engines_token_opens_nothing_else(site):
    headers = {"Authorization": f"Bearer {site.tokens.metrics}"}
    for path in ("/board", "/reviews", "/booths/booth-02", "/booths/booth-02/events"):
        assert site.http.get(f"{site.url}/v1{path}", headers=headers, timeout=20).status_code == 401


def test_a_token_file_without_the_token_lets_nobody_in(tmp_path, site):
    path = site.folder / tokens.FILE_NAME
    old = json.loads(path.read_text())
    del old["metrics"]
    path.write_text(json.dumps(old))
    assert tokens.load_or_create(site.folder).metrics is None
    context = Site(database=site.database, tokens=tokens.load_or_create(site.folder))
    with serving(context) as url:
        for value in ("Bearer ", "Bearer None", f"Bearer {site.tokens.metrics}"):
            answer = site.http.get(f"{url}/metrics", headers={"Authorization": value}, timeout=20)
            assert answer.status_code == 401


def test_the_form_that_the_caller_takes(site):
    report(site, reading(charge_percent=61))
    assert scrape(site).headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert scrape(site).text.endswith("# EOF\n")
    plain = scrape(site, accept="text/plain;version=0.0.4")
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    packed = site.http.get(
        f"{site.url}/metrics",
        headers={"Authorization": f"Bearer {site.tokens.metrics}", "Accept-Encoding": "gzip;q=1, br"},
        stream=True,
        timeout=20,
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert b"booth_up" in gzip.decompress(packed.raw.read())
    bare = scrape(site, **{"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in bare.headers


@pytest.mark.parametrize("accept", ["", "*/*", "application/openmetrics-text; version=x", "text/plain; q=x", ",;="])
def test_any_wish_has_an_answer(site, accept):
    assert scrape(site, accept=accept).status_code == 200


def test_promtool_finds_nothing_to_say(site):
    promtool = shutil.which("promtool")
    assert promtool, "promtool is not installed (Debian: apt-get install prometheus)"
    report(site, *(reading(kind, **dict.fromkeys(FIGURES, 1.0)) for kind in ReadingKind))
    body = scrape(site, accept="text/plain").content
    result = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, timeout=60, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_without_the_database_it_says_so(site, allow_logs):
    allow_logs("workstation.site.server")
    site.database.run(lambda session: session.execute(text("DROP TABLE latest_readings")))
    found = samples(site)
    assert of(found, "site_database_up") == 0
    assert of(found, "site_requests_total", method="GET", route="/metrics", status="200") is None
    assert not [name for name, _ in found if re.match("booth_", name)]

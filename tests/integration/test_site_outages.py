"""The ledger of outages over real HTTP: in any order, once, by room and project, and what only the server can know."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.integration.site_serving import serving
from workstation.health.outages import CODES, OutageClocks, OutageEvent, Sight
from workstation.health.readings import Moment
from workstation.journal.journal import Journal
from workstation.site.administration import BoothSettings
from workstation.site.client import SiteClient
from workstation.site.contract import GENESIS_HASH, Booking, EventReport, ReportRequest, event_hash
from workstation.site.outages import OUTAGE_EVENTS, OutageKind, OutageLedger, Outcome
from workstation.site.server import tokens
from workstation.site.server.database import Database
from workstation.site.server.models import Arrival, LaunchRow
from workstation.site.server.outage_ledger import COLUMNS
from workstation.site.server.site import Site

START = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)  # 09:00 at the site
BOOTHS = ("booth-01", "booth-02", "booth-03")
MAINS, MAIN_SITE, SITE_SERVER = OutageKind.MAINS, OutageKind.MAIN_SITE, OutageKind.SITE_SERVER


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def site(database_url, tmp_path) -> Iterator[SimpleNamespace]:
    clock = Clock()
    database = Database(database_url)
    context = Site(database=database, tokens=tokens.load_or_create(tmp_path, *BOOTHS), clock=clock)
    context.enrol()
    with serving(context) as url:
        clients = {name: SiteClient(url, name, context.tokens.booths[name], timeout_s=10) for name in BOOTHS}
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {context.tokens.admin}"
        yield SimpleNamespace(url=url, clock=clock, clients=clients, http=session, database=database, folder=tmp_path)
        for client in clients.values():
            client.close()
        session.close()
    database.close()


def set_up(site: SimpleNamespace, booth: str, room: str, *bookings: Booking) -> None:
    settings = BoothSettings(centre="", room=room, booth_label=f"{booth} 号", bookings=list(bookings))
    answer = site.http.put(f"{site.url}/v1/booths/{booth}", json=settings.model_dump(mode="json"), timeout=10)
    assert answer.status_code == 204


def report(site: SimpleNamespace, booth: str, *events: EventReport, state: str = "idle") -> None:
    request = ReportRequest(
        boot_id=uuid4(), sent_at=site.clock.now, state=state, version="1", readings=[], events=list(events)
    )
    reply = site.clients[booth].report(request)
    assert set(reply.acked_events) == {event.event_id for event in events}


def ledger(site: SimpleNamespace, day: str = "") -> OutageLedger:
    answer = site.http.get(f"{site.url}/v1/admin/outages{day and f'?day={day}'}", timeout=10)
    assert answer.status_code == 200, answer.text
    return OutageLedger.model_validate_json(answer.content)


def moment(minutes: float) -> Moment:
    return Moment(utc=START + timedelta(minutes=minutes), monotonic_s=60 * minutes)


def outage(kind: OutageKind, begin: float, end: float | None) -> list[OutageEvent]:
    """The events of one outage, minutes from START."""
    clocks = OutageClocks(now=moment(begin))
    events = clocks.look(kind, Sight.OUT, moment(begin))
    if end is not None:
        clocks.look(kind, Sight.OUT, moment(end))
        clocks.look(kind, Sight.IN, moment(end))
        events += clocks.tick(moment(end + 1))
    return events


def stamped(events: list[OutageEvent]) -> list[EventReport]:
    """Chained as a booth's journal would, in their order."""
    made: list[EventReport] = []
    for event in events:
        previous = made[-1].chain_hash if made else GENESIS_HASH
        draft = EventReport(
            event_id=uuid4(),
            seq=len(made) + 1,
            at=START,
            kind=event.kind,
            data=dict(event.facts),
            previous_hash=previous,
            chain_hash=GENESIS_HASH,
        )
        made.append(draft.model_copy(update={"chain_hash": event_hash(draft)}))
    return made


def test_an_outage_is_in_the_ledger_from_its_first_event(site) -> None:
    began, ended = stamped(outage(MAINS, 0, 18))
    report(site, "booth-01", began)
    site.clock.now = START + timedelta(minutes=10)
    [row] = ledger(site).rows
    assert (row.outage, row.ended_at, row.duration_s) == (MAINS, None, 600)
    report(site, "booth-01", ended)
    [row] = ledger(site).rows
    assert (row.ended_at, row.duration_s, row.outcome) == (START + timedelta(minutes=18), 1080, Outcome.BACK)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_late_out_of_order_and_twice_is_all_the_same(site, order: tuple[int, ...]) -> None:
    events = stamped(outage(MAINS, 0, 18) + outage(MAINS, 30, 31))
    for at in (*order, *order[:2]):
        report(site, "booth-01", events[at])
    site.clock.now = START + timedelta(hours=1)
    found = ledger(site)
    assert [(row.duration_s, row.outcome) for row in found.rows] == [(1080, "back"), (60, "back")]
    assert [total.mains_s for total in found.by_booth] == [1140]


def test_one_power_cut_of_a_room_is_one_outage_of_many(site) -> None:
    for booth, room in zip(BOOTHS, ("一室", "一室", "二室"), strict=True):
        set_up(site, booth, room)
    for n, booth in enumerate(BOOTHS):
        report(site, booth, *stamped(outage(MAINS, n, 10 + n) + outage(MAINS, 40, 41)))
    site.clock.now = START + timedelta(hours=1)
    rooms = [(room.room, room.duration_s, room.booths) for room in ledger(site).rooms]
    assert rooms == [
        ("一室", 660, ["booth-01", "booth-02"]),
        ("二室", 600, ["booth-03"]),
        ("一室", 60, ["booth-01", "booth-02"]),
        ("二室", 60, ["booth-03"]),
    ]


def test_the_projects_are_those_that_sat_there(site) -> None:
    def seat(session: Any) -> None:
        for n, (booth, project, left_min) in enumerate(
            [("booth-01", "P-1", 20), ("booth-01", "P-2", None), ("booth-02", "P-2", None)]
        ):
            arrival_id = uuid4()
            since = START + timedelta(minutes=25 if (booth, project) == ("booth-01", "P-2") else 0)
            left = None if left_min is None else START + timedelta(minutes=left_min)
            session.add(
                Arrival(
                    arrival_id=arrival_id, booth_id=booth, key_id="2026-06-01", expert_hash="0" * 64,
                    method="card-face", verified_at=since, left_at=left, seated_person=None, seated_booth=None,
                )
            )  # fmt: skip
            session.add(
                LaunchRow(
                    launch_id=uuid4(), booth_id=booth, arrival_id=arrival_id, project_id=project, nonce="",
                    ticket_hash=str(n), expires_at=since, redeemed_at=None,
                )
            )  # fmt: skip

    site.database.run(seat)
    report(site, "booth-01", *stamped(outage(MAIN_SITE, 10, 15) + outage(MAIN_SITE, 30, 35)))
    report(site, "booth-02", *stamped(outage(MAIN_SITE, 12, 14) + outage(MAIN_SITE, 32, 36)))
    site.clock.now = START + timedelta(hours=1)
    found = ledger(site)
    assert [row.projects for row in found.rows] == [["P-1"], ["P-2"], ["P-2"], ["P-2"]]
    assert {total.subject: total.network_s for total in found.by_project} == {"P-1": 300, "P-2": 120 + 360}


def test_a_silent_booth_is_an_outage_that_the_server_tells(site) -> None:
    report(site, "booth-01", state="evaluating")
    report(site, "booth-02")  # switched off over lunch, and nobody booked it
    site.clock.now = START + timedelta(minutes=30)
    [row] = ledger(site).rows
    assert (row.outage, row.booth_id, row.ended_at, row.told_by_site) == (OutageKind.BOOTH, "booth-01", None, True)
    report(site, "booth-01", state="evaluating")
    report(site, "booth-02")
    [row] = ledger(site).rows
    assert (row.ended_at, row.duration_s) == (site.clock.now, 1800)


def test_a_booked_booth_is_missed_even_when_it_was_idle(site) -> None:
    booking = Booking(starts_at=START + timedelta(hours=1), ends_at=START + timedelta(hours=5), projects=1)
    set_up(site, "booth-01", "一室", booking)
    report(site, "booth-01", state="idle")
    site.clock.now = START + timedelta(minutes=59)
    assert ledger(site).rows == []
    site.clock.now = START + timedelta(minutes=61)
    assert [row.outage for row in ledger(site).rows] == [OutageKind.BOOTH]


def test_a_silence_that_the_booth_explains_later_is_not_told_twice(site) -> None:
    report(site, "booth-01", state="evaluating")
    site.clock.now = START + timedelta(minutes=30)
    assert [row.outage for row in ledger(site).rows] == [OutageKind.BOOTH]
    report(site, "booth-01", *stamped(outage(SITE_SERVER, 0.05, 30)), state="evaluating")
    assert [row.outage for row in ledger(site).rows] == [SITE_SERVER]


def test_an_end_that_never_came_is_not_counted_on_for_ever(site) -> None:
    report(site, "booth-01", *stamped(outage(MAINS, 0, None) + outage(MAINS, 60, 70)))
    site.clock.now = START + timedelta(hours=2)
    lost, whole = ledger(site).rows
    assert (lost.outcome, lost.duration_s) == (Outcome.UNSEEN, 0)
    assert whole.duration_s == 600


def test_an_outage_over_midnight_is_in_both_days_and_counted_within_each(site) -> None:
    until_midnight = 15 * 60
    report(site, "booth-01", *stamped(outage(MAINS, until_midnight - 10, until_midnight + 20)))
    site.clock.now = START + timedelta(days=2)
    assert [total.mains_s for total in ledger(site, "2026-06-01").by_booth] == [600]
    assert [total.mains_s for total in ledger(site, "2026-06-02").by_booth] == [1200]
    assert ledger(site, "2026-06-03").rows == []


def test_the_sheet_has_the_columns_and_no_formula(site) -> None:
    set_up(site, "booth-01", "=cmd|' /C calc'!A0")
    report(site, "booth-01", *stamped(outage(MAINS, 0, 18)))
    answer = site.http.get(f"{site.url}/v1/admin/outages.csv?day=2026-06-01", timeout=10)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "outages-2026-06-01.csv" in answer.headers["Content-Disposition"]
    head, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert tuple(head) == COLUMNS
    assert row[0].startswith("'=")
    assert row[1:8] == ["booth-01 号", "停电", "", "2026-06-01 09:00:00", "2026-06-01 09:18:00", "1080", "1080"]


def test_only_the_administrator_sees_it_and_odd_days_are_refused(site) -> None:
    for path in ("/v1/admin/outages", "/v1/admin/outages.csv"):
        assert requests.get(site.url + path, timeout=10).status_code == 401
        for odd in ("yesterday", date.max.isoformat(), date.min.isoformat()):
            assert site.http.get(f"{site.url}{path}?day={odd}", timeout=10).status_code == 422


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"outage": "weather"},
        {"outage": "mains", "outage_id": "x", "began_at": "2026-06-01T00:00:00Z", "code": "E-601"},
        {"outage": "mains", "outage_id": str(uuid4()), "began_at": "0001-01-01T00:00:00+14:00", "code": "E-601"},
        {"outage": "mains", "outage_id": str(uuid4()), "began_at": "9999-12-31T23:59:59-14:00", "code": "E-601"},
    ],
)
def test_facts_not_as_agreed_are_stored_and_make_no_outage(site, allow_logs, facts: dict[str, str]) -> None:
    allow_logs("workstation.site.server.outages")
    for kind in sorted(OUTAGE_EVENTS):
        report(site, "booth-01", *stamped([OutageEvent(kind=kind, outage=MAINS, facts=facts)]))
    assert ledger(site).rows == []


def test_what_a_journal_tells_is_what_the_ledger_says(site) -> None:
    journal = Journal(site.folder / "journal.sqlite3")
    for kind in CODES:
        for event in outage(kind, 0, 5):
            journal.append(event.kind, "", event.facts)
    report(site, "booth-01", *journal.unsent(100))
    assert {(row.outage, row.duration_s) for row in ledger(site).rows} == {(kind, 300) for kind in CODES}
    journal.close()

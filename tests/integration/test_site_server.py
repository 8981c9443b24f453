"""The site server over real HTTP, on SQLite and on PostgreSQL: sign-in, rosters, tickets, reports, board, access."""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
import requests
from sqlalchemy import func, select, update

from drivers.errors import ErrorCode, KioskError
from kiosk_config.__main__ import main as kiosk_config_main
from kiosk_config.pack.signing import Ed25519Signer, digest
from tests import packs
from tests.integration.site_serving import serving
from workstation.journal.journal import Journal
from workstation.site.administration import BoothRow, ChainFault, EventPage, PackRow, ReviewPicture, ReviewRow
from workstation.site.client import SiteClient
from workstation.site.contract import (
    MAX_PHOTO_BYTES,
    REVIEW_OVER,
    SIGNED_OUT,
    ArrivalRequest,
    CommandKind,
    EventReport,
    LaunchRequest,
    MatchState,
    PhotoRequest,
    ReportRequest,
    ReviewRequest,
    VerificationMethod,
    event_hash,
    expert_hash,
)
from workstation.site.preflight import PreflightCheck, PreflightReport, PreflightSummary, Standing, worst
from workstation.site.readings import ReadingKind, ReadingReport, ReadingState
from workstation.site.server import tokens
from workstation.site.server.body_limit import MAX_BODY_BYTES, MAX_PACK_BYTES, MAX_REVIEW_BYTES
from workstation.site.server.database import Database
from workstation.site.server.latest import PAST_READINGS_KEPT
from workstation.site.server.models import Base, ReviewCase, RosterAccount, RosterPhoto
from workstation.site.server.photos import PER_HOUR
from workstation.site.server.reports import next_interval_s
from workstation.site.server.reviews import KEPT
from workstation.site.server.site import Site

START = datetime(2026, 6, 1, 0, 20, tzinfo=UTC)  # 08:20 at the site
ID_ONE = "41150019000101001X"
ID_TWO = "411500190002020021"
NAME = "张某某"
BOOTHS = ("booth-02", "booth-03")


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
        clients = [SiteClient(url, booth, context.tokens.booths[booth], timeout_s=10) for booth in BOOTHS]
        session = requests.Session()
        session.trust_env = False
        yield SimpleNamespace(
            url=url,
            clock=clock,
            tokens=context.tokens,
            two=clients[0],
            three=clients[1],
            http=session,
            database=database,
            folder=tmp_path,
        )
        for client in clients:
            client.close()
        session.close()
    database.close()


def admin(site, method, path, body=None, token=None):
    headers = {"Authorization": f"Bearer {token or site.tokens.admin}"}
    return site.http.request(method, f"{site.url}/v1{path}", json=body, headers=headers, timeout=20)


def roster(project="P-1", version=1, *, entries=None, starts_at=START, **changes):
    return {
        "project_id": project,
        "version": version,
        "project_name": "浉河区道路工程",
        "section": "一标段",
        "main_site": "信阳市公共资源交易中心",
        "main_site_id": "xinyang",
        "starts_at": starts_at.isoformat(),
        "expected_hours": 4,
        "entries": entries if entries is not None else [entry()],
        **changes,
    }


def entry(id_number=ID_ONE, **changes):
    return {"name": NAME, "id_number": id_number, "alias": "专家1号", "role": "评委", **changes}


def put(site, body):
    return admin(site, "PUT", f"/rosters/{body['project_id']}", body)


def arrival(client, id_number=ID_ONE) -> ArrivalRequest:
    info = client.booth()
    return ArrivalRequest(
        arrival_id=uuid4(),
        key_id=info.key_id,
        expert_hash=expert_hash(bytes.fromhex(info.arrival_key), id_number),
        method=VerificationMethod.CARD_FACE,
        verified_at=START,
    )


def seated(client, id_number=ID_ONE) -> UUID:
    request = arrival(client, id_number)
    assert client.arrive(request).signed_in_elsewhere is None
    return request.arrival_id


def ticket_of(client, arrival_id, project="P-1", launch_id=None) -> str:
    launch = client.launch(LaunchRequest(launch_id=launch_id or uuid4(), arrival_id=arrival_id, project_id=project))
    assert launch.account is None
    assert launch.ticket not in repr(launch)
    return launch.ticket


def redeem(site, ticket, token=None):
    headers = {"Authorization": f"Bearer {token or site.tokens.main_site}"}
    return requests.post(f"{site.url}/v1/tickets/redeem", json={"ticket": ticket}, headers=headers, timeout=20)


# --- arrival and matching


def test_roster_arrives_after_the_expert(site):
    arrived = seated(site.three)
    assert site.three.match(arrived).state is MatchState.ROSTER_PENDING
    assert put(site, roster()).json()["experts"] == 1
    reply = site.three.match(arrived)
    assert reply.state is MatchState.MATCHED
    assert reply.assignment.alias == "专家1号"
    assert reply.assignment.project_id == "P-1"


def test_not_listed_other_booth_and_replaced(site):
    admin(site, "PUT", "/booths/booth-02", {"centre": "c", "room": "r", "booth_label": "02 号工位"})
    put(site, roster(entries=[entry(booth_id="booth-02")]))
    arrived = seated(site.three)
    reply = site.three.match(arrived)
    assert (reply.state, reply.booth_label) == (MatchState.OTHER_BOOTH, "02 号工位")
    put(site, roster(version=2, entries=[entry(replaced=True), entry(ID_TWO)]))
    assert site.three.match(arrived).state is MatchState.REPLACED
    put(site, roster(version=3, entries=[entry(ID_TWO)]))
    assert site.three.match(arrived).state is MatchState.NOT_LISTED
    put(site, roster(version=4, entries=[entry(booth_id="booth-03")]))
    assert site.three.match(arrived).state is MatchState.MATCHED


def test_a_second_booked_project_keeps_the_answer_pending(site):
    booking = {
        "starts_at": START.isoformat(),
        "ends_at": (START + timedelta(hours=9)).isoformat(),
        "projects": 2,
    }
    settings = {"centre": "c", "room": "r", "booth_label": "03 号工位", "bookings": [booking]}
    assert admin(site, "PUT", "/booths/booth-03", settings).status_code == 204
    put(site, roster("P-1", entries=[entry(ID_TWO)]))
    arrived = seated(site.three)
    assert site.three.match(arrived).state is MatchState.ROSTER_PENDING
    put(site, roster("P-2", entries=[entry(ID_TWO)]))
    assert site.three.match(arrived).state is MatchState.NOT_LISTED
    assert site.three.booth().bookings[0].projects == 2


def test_of_two_projects_the_next_one_is_shown(site):
    put(site, roster("P-2", starts_at=START + timedelta(hours=6)))
    put(site, roster("P-1"))
    arrived = seated(site.three)
    assert site.three.match(arrived).assignment.project_id == "P-1"
    site.clock.now += timedelta(hours=5)
    assert site.three.match(arrived).assignment.project_id == "P-2"


def test_one_person_sits_in_one_booth(site):
    admin(site, "PUT", "/booths/booth-02", {"centre": "c", "room": "r", "booth_label": "02 号工位"})
    first = seated(site.two)
    again = arrival(site.three)
    assert site.three.arrive(again).signed_in_elsewhere == "02 号工位"
    with pytest.raises(KioskError) as caught:
        site.three.match(again.arrival_id)
    assert caught.value.context["status"] == 404
    sign_out(site.two, first)
    sign_out(site.two, first)
    sign_out(site.two, uuid4())
    assert site.three.arrive(again).signed_in_elsewhere is None
    with pytest.raises(KioskError) as caught:
        site.two.match(first)
    assert caught.value.context["status"] == 410


def test_a_booth_cannot_end_or_see_anothers_arrival(site):
    arrived = seated(site.two)
    sign_out(site.three, arrived)
    with pytest.raises(KioskError):
        site.three.match(arrived)
    assert site.two.match(arrived).state is MatchState.ROSTER_PENDING


def test_arrival_is_idempotent_and_its_id_belongs_to_it(site):
    request = arrival(site.three)
    assert site.three.arrive(request) == site.three.arrive(request)
    other = request.model_copy(update={"expert_hash": "0" * 64})
    with pytest.raises(KioskError) as caught:
        site.three.arrive(other)
    assert caught.value.context["status"] == 409


def test_a_new_arrival_at_a_booth_ends_the_one_before(site):
    first = seated(site.three)
    seated(site.three, ID_TWO)
    with pytest.raises(KioskError):
        site.three.match(first)
    seated(site.two, ID_ONE)


@pytest.mark.parametrize("round_", range(3))
def test_one_person_at_two_booths_at_once_is_seated_once(site, round_):
    requests_ = [(client, arrival(client)) for client in (site.two, site.three)]
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda pair: pair[0].arrive(pair[1]), requests_))
    assert [reply.signed_in_elsewhere is None for reply in replies].count(True) == 1


def test_two_persons_who_swap_booths_at_once(site):
    seated(site.two, ID_ONE)
    seated(site.three, ID_TWO)
    swap = [(site.two, arrival(site.two, ID_TWO)), (site.three, arrival(site.three, ID_ONE))]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda pair: pair[0].arrive(pair[1]), swap))


# --- keys of the day


def test_the_key_changes_at_midnight_of_the_site_and_an_overnight_evaluation_still_matches(site):
    put(site, roster())
    today = site.three.booth()
    assert today.key_id == "2026-06-01"
    before_midnight = arrival(site.three)
    site.clock.now = datetime(2026, 6, 1, 16, 5, tzinfo=UTC)
    tomorrow = site.three.booth()
    assert tomorrow.key_id == "2026-06-02"
    assert tomorrow.arrival_key != today.arrival_key
    site.three.arrive(before_midnight)
    assert site.three.match(before_midnight.arrival_id).state is MatchState.MATCHED
    assert site.three.match(seated(site.three)).state is MatchState.MATCHED


def test_a_roster_for_a_later_day_waits_under_that_days_key(site):
    reply = put(site, roster(starts_at=START + timedelta(days=5)))
    assert reply.json()["days"] == ["2026-06-06", "2026-06-07"]
    assert site.three.match(seated(site.three)).state is MatchState.ROSTER_PENDING
    site.clock.now += timedelta(days=5)
    assert site.three.match(seated(site.three)).state is MatchState.MATCHED


def test_an_old_key_is_gone_and_so_is_what_it_opened(site):
    put(site, roster())
    old = arrival(site.three)
    site.clock.now += timedelta(days=3)
    site.three.booth()
    with pytest.raises(KioskError) as caught:
        site.three.arrive(old)
    assert caught.value.context["status"] == 409
    assert put(site, roster(version=2)).json()["days"] == ["2026-06-02"]
    site.clock.now += timedelta(days=3)
    assert put(site, roster(version=3)).status_code == 422


def test_neither_name_nor_number_reaches_the_disk(site, database_url):
    put(site, roster())
    seated(site.three)
    if database_url.startswith("sqlite"):
        for file in site.folder.iterdir():
            content = file.read_bytes()
            assert ID_ONE.encode() not in content
            assert NAME.encode() not in content
    assert {"name", "id_number"}.isdisjoint(
        column.name for table in Base.metadata.tables.values() for column in table.columns
    )


# --- rosters


def test_newer_roster_wins_older_is_refused_same_changes_nothing(site):
    assert put(site, roster(version=5)).json()["version"] == 5
    assert put(site, roster(version=5, entries=[])).json()["experts"] == 1
    refused = put(site, roster(version=4, entries=[]))
    assert refused.status_code == 409
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert put(site, roster(version=6, entries=[])).json()["experts"] == 0


def test_an_invalid_roster_is_refused_without_repeating_it(site):
    body = roster(entries=[entry(ID_ONE[:-1])])
    reply = put(site, body)
    assert reply.status_code == 422
    assert reply.json()["title"] == "request is not valid"
    assert ID_ONE[:-1] not in reply.text
    assert NAME not in reply.text
    assert put(site, roster(**{ID_ONE: 1})).text.count(ID_ONE) == 0
    assert admin(site, "PUT", "/rosters/other", roster()).status_code == 422
    assert put(site, roster(project_name="\ud800")).status_code == 422


def test_a_text_with_nul_gives_an_answer(site):
    assert put(site, roster(project_name="a\0b")).status_code in {200, 422}
    assert site.three.match(seated(site.three)).state is not None


def test_two_rosters_of_one_project_at_once(site):
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda n: _put_alone(site, roster(version=n)), range(1, 9)))
    assert {reply.status_code for reply in replies} <= {200, 409}
    assert put(site, roster(version=8)).json()["experts"] == 1
    assert put(site, roster(version=7)).status_code == 409


def _put_alone(site, body):
    headers = {"Authorization": f"Bearer {site.tokens.admin}"}
    return requests.put(f"{site.url}/v1/rosters/{body['project_id']}", json=body, headers=headers, timeout=20)


@pytest.mark.parametrize("number", ["UTO411500031202", ID_ONE])
def test_every_kind_of_number_is_matched(site, number):
    assert put(site, roster(entries=[entry(number)])).status_code == 200
    assert site.three.match(seated(site.three, number)).state is MatchState.MATCHED


@pytest.mark.parametrize("number", ["uto411500031202", "UTO41150003120", "UT0411500031202", "４１１500190001010012"])
def test_what_is_no_number_is_refused(site, number):
    assert put(site, roster(entries=[entry(number)])).status_code == 422


# --- photos

JPEG = b"\xff\xd8\xff\xe0 a picture"
PNG = b"\x89PNG\r\n\x1a\n a picture"


def photo_of(client, id_number=ID_ONE) -> bytes | None:
    info = client.booth()
    return client.photo(
        PhotoRequest(key_id=info.key_id, expert_hash=expert_hash(bytes.fromhex(info.arrival_key), id_number))
    )


def pictured(picture=JPEG, **changes):
    return entry(photo=base64.b64encode(picture).decode(), **changes)


def stored_photos(site) -> int:
    return site.database.run(lambda session: session.scalar(select(func.count()).select_from(RosterPhoto)))


@pytest.mark.parametrize("picture", [JPEG, PNG], ids=["jpeg", "png"])
def test_the_photo_of_an_expert_expected_today(site, picture):
    put(site, roster(entries=[pictured(picture), entry(ID_TWO)]))
    assert photo_of(site.three) == photo_of(site.two) == picture
    assert photo_of(site.three, ID_TWO) is None, "no photo"
    assert photo_of(site.three, "411500190003030030") is None, "not on the roster"


def test_a_photo_goes_with_its_roster_its_expert_and_its_day(site):
    put(site, roster(entries=[pictured()]))
    put(site, roster("P-2", entries=[pictured()], starts_at=START + timedelta(days=1)))
    assert stored_photos(site) == 4, "each for the first day and the night after"
    put(site, roster(version=2, entries=[pictured(replaced=True)]))
    assert photo_of(site.three) is None, "replaced today, expected tomorrow"
    assert stored_photos(site) == 2
    site.clock.now += timedelta(days=1)
    assert photo_of(site.three) == JPEG
    site.clock.now += timedelta(days=1)
    assert photo_of(site.three) == JPEG
    assert stored_photos(site) == 1
    site.clock.now += timedelta(days=1)
    assert photo_of(site.three) is None
    assert stored_photos(site) == 0


def test_a_booth_may_ask_for_photos_so_often_and_no_more(site):
    put(site, roster(entries=[pictured()]))
    for _ in range(PER_HOUR // 2):
        assert photo_of(site.three) == JPEG
        assert photo_of(site.three, ID_TWO) is None, "asking for nobody counts as well"
    with pytest.raises(KioskError) as caught:
        photo_of(site.three)
    assert caught.value.context["status"] == 429
    assert photo_of(site.two) == JPEG
    site.clock.now += timedelta(hours=1)
    assert photo_of(site.three) == JPEG


def test_a_key_of_another_day_opens_no_photo(site):
    put(site, roster(entries=[pictured()]))
    info = site.three.booth()
    hashed = expert_hash(bytes.fromhex(info.arrival_key), ID_ONE)
    site.clock.now += timedelta(days=1)
    assert site.three.photo(PhotoRequest(key_id=info.key_id, expert_hash=hashed)) is None


@pytest.mark.parametrize("picture", [b"GIF89a", b"", JPEG + bytes(MAX_PHOTO_BYTES)], ids=["gif", "empty", "long"])
def test_what_is_no_photo_is_refused_without_repeating_it(site, picture):
    reply = put(site, roster(entries=[pictured(picture)]))
    assert reply.status_code == 422
    assert len(reply.text) < 1000


def test_thirty_experts_with_the_longest_photos_fit(site):
    entries = [pictured(JPEG + bytes(MAX_PHOTO_BYTES - len(JPEG))) for _ in range(30)]
    assert put(site, roster(entries=entries)).status_code == 200


# --- tickets


def test_a_ticket_opens_the_main_site_once(site):
    put(site, roster())
    arrived = seated(site.three)
    launch = site.three.launch(LaunchRequest(launch_id=uuid4(), arrival_id=arrived, project_id="P-1"))
    assert launch.main_site_id == "xinyang"
    assert launch.expires_at == START + timedelta(seconds=120)
    ticket = launch.ticket
    assert len(ticket) >= 43
    holder = redeem(site, ticket).json()
    assert holder == {
        "booth_id": "booth-03",
        "booth_label": "booth-03",
        "project_id": "P-1",
        "project_name": "浉河区道路工程",
        "alias": "专家1号",
        "role": "评委",
    }
    assert redeem(site, ticket).status_code == 410
    assert redeem(site, "x" * 43).status_code == 404
    assert redeem(site, "short").status_code == 422


def test_the_same_launch_gives_the_same_ticket_and_another_another(site):
    put(site, roster())
    arrived = seated(site.three)
    launch_id = uuid4()
    first = ticket_of(site.three, arrived, launch_id=launch_id)
    assert ticket_of(site.three, arrived, launch_id=launch_id) == first
    assert ticket_of(site.three, arrived) != first


def test_a_ticket_expires(site):
    put(site, roster())
    ticket = ticket_of(site.three, seated(site.three))
    site.clock.now += timedelta(seconds=120)
    assert redeem(site, ticket).status_code == 410


@pytest.mark.parametrize("end", ["left", "replaced", "moved"])
def test_a_ticket_dies_with_its_reason(site, end):
    put(site, roster())
    arrived = seated(site.three)
    ticket = ticket_of(site.three, arrived)
    if end == "left":
        sign_out(site.three, arrived)
    elif end == "replaced":
        put(site, roster(version=2, entries=[entry(replaced=True)]))
    else:
        put(site, roster(version=2, entries=[entry(booth_id="booth-02")]))
    assert redeem(site, ticket).status_code == 410


def test_only_a_matched_arrival_gets_a_ticket(site):
    arrived = seated(site.three)
    put(site, roster(entries=[entry(ID_TWO)]))
    for project in ("P-1", "P-9"):
        with pytest.raises(KioskError) as caught:
            ticket_of(site.three, arrived, project)
        assert caught.value.code is ErrorCode.TICKET_REFUSED
        assert not caught.value.retryable
    put(site, roster(version=2))
    used = uuid4()
    ticket_of(site.three, arrived, launch_id=used)
    sign_out(site.three, arrived)
    with pytest.raises(KioskError) as caught:
        ticket_of(site.three, arrived)
    assert caught.value.code is ErrorCode.TICKET_REFUSED
    assert caught.value.context["title"] == "this arrival is over"
    other = seated(site.two)
    with pytest.raises(KioskError):
        ticket_of(site.two, other, launch_id=used)


def test_of_many_redemptions_at_once_one_succeeds(site):
    put(site, roster())
    arrived = seated(site.three)
    for _ in range(3):
        ticket = ticket_of(site.three, arrived)
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda _n, t=ticket: redeem(site, t).status_code, range(8)))
        assert sorted(statuses) == [200] + [410] * 7


def test_the_ticket_itself_is_not_stored(site, database_url):
    put(site, roster())
    ticket = ticket_of(site.three, seated(site.three))
    if database_url.startswith("sqlite"):
        assert all(ticket.encode() not in file.read_bytes() for file in site.folder.iterdir())


# --- accounts

SECRET = "O0l1-测试密码"
ACCOUNT = {"user": "zj-0417", "password": SECRET}


def account_of(client, arrival_id):
    request = LaunchRequest(launch_id=uuid4(), arrival_id=arrival_id, project_id="P-1", by_account=True)
    return client.launch(request).account


def test_an_account_is_for_the_expert_who_sits_there(site):
    put(site, roster(entries=[entry(account=ACCOUNT), entry(ID_TWO)]))
    account = account_of(site.three, seated(site.three))
    assert account.model_dump() == ACCOUNT
    assert SECRET not in repr(account)
    other = seated(site.two, ID_TWO)
    with pytest.raises(KioskError) as caught:
        account_of(site.two, other)
    assert caught.value.code is ErrorCode.TICKET_REFUSED


@pytest.mark.parametrize("end", ["left", "replaced", "newer-roster", "key-changed"])
def test_an_account_goes_with_its_reason(site, end):
    put(site, roster(entries=[entry(account=ACCOUNT)]))
    arrived = seated(site.three)
    if end == "left":
        sign_out(site.three, arrived)
    elif end == "replaced":
        put(site, roster(version=2, entries=[entry(account=ACCOUNT, replaced=True)]))
    elif end == "newer-roster":
        put(site, roster(version=2))
    else:
        with site.database._sessions.begin() as session:
            session.execute(update(RosterAccount).values(sealed=b"x" * 60))
    with pytest.raises(KioskError) as caught:
        account_of(site.three, arrived)
    assert caught.value.code is ErrorCode.TICKET_REFUSED


def test_a_sealed_account_is_not_that_of_another_expert(site):
    put(site, roster(entries=[entry(account=ACCOUNT), entry(ID_TWO, account={"user": "b", "password": "b"})]))
    with site.database._sessions.begin() as session:
        rows = {row.expert_id: row.sealed for row in session.scalars(select(RosterAccount))}
        assert len(set(rows.values())) == 4
        for row in session.scalars(select(RosterAccount)):
            row.sealed = next(iter(rows.values()))
    opened = []
    for client, number in ((site.three, ID_ONE), (site.two, ID_TWO)):
        arrived = seated(client, number)
        with contextlib.suppress(KioskError):
            opened.append(account_of(client, arrived).user)
    assert opened in ([], ["zj-0417"])


def test_accounts_are_deleted_when_their_day_is_over(site):
    put(site, roster(entries=[entry(account=ACCOUNT)]))
    site.clock.now += timedelta(days=2)
    site.three.booth()
    with site.database._sessions.begin() as session:
        assert session.scalars(select(RosterAccount)).all() == []


def test_a_password_is_not_stored_readable_and_not_repeated(site, database_url):
    put(site, roster(entries=[entry(account=ACCOUNT)]))
    account_of(site.three, seated(site.three))
    if database_url.startswith("sqlite"):
        assert all(SECRET.encode() not in file.read_bytes() for file in site.folder.iterdir())
    refused = put(site, roster(version=2, entries=[entry(account={"user": "", "password": SECRET})]))
    assert refused.status_code == 422
    assert SECRET not in refused.text


# --- reports


def sign_out(client, arrival_id):
    event = EventReport(
        event_id=uuid4(), seq=1, at=START, kind=SIGNED_OUT, session_id=str(arrival_id), data={},
        previous_hash="0" * 64, chain_hash="0" * 64,
    )  # fmt: skip
    client.report(report([event]))


def report(events=(), readings=(), acknowledged=()):
    return ReportRequest(
        boot_id=uuid4(),
        sent_at=START,
        state="idle",
        version="1.0",
        events=list(events),
        readings=list(readings),
        acknowledged=list(acknowledged),
    )


BOOT = uuid4()


def page(site, booth="booth-03", after=0) -> EventPage:
    return EventPage.model_validate(admin(site, "GET", f"/booths/{booth}/events?after={after}").json())


@pytest.fixture
def events(tmp_path):
    journal = Journal(tmp_path / "journal" / "journal.db")
    journal.append("card_read", "s-1", {"n": 1.0, "big": 2**80, "tiny": 5e-324, "nul": "\0", "名": "值"})
    made = [journal.append("step", "s-1", {"n": n}) for n in range(5)]
    everything = journal.unsent(10)
    journal.close()
    assert len(everything) == len(made) + 1
    return everything


def test_events_are_stored_once_as_they_were(site, events):
    assert site.three.report(report(events[:4])).acked_events == [event.event_id for event in events[:4]]
    site.three.report(report(events[2:]))
    site.three.report(report(events))
    stored = page(site)
    assert stored.events == events
    assert stored.incidents == []
    assert all(event_hash(event) == event.chain_hash for event in stored.events)
    assert page(site, "booth-02").events == []


def test_a_broken_chain_is_recorded_and_never_refused(site, events):
    forged = events[5].model_copy(update={"data": {"n": 99}})
    copied = events[3].model_copy(update={"event_id": uuid4(), "kind": "other"})
    copied = copied.model_copy(update={"chain_hash": event_hash(copied)})
    site.three.report(report([*events[:2], events[3]]))
    site.three.report(report([copied]))
    site.three.report(report([events[4], forged]))
    changed = events[0].model_copy(update={"chain_hash": "a" * 64})
    assert site.three.report(report([changed])).acked_events == [changed.event_id]
    site.three.report(report([changed]))
    stored = page(site)
    assert len(stored.events) == 6
    found = {(incident.fault, incident.seq) for incident in stored.incidents}
    assert found == {
        (ChainFault.GAP, 4),
        (ChainFault.FORK, 4),
        (ChainFault.HASH, 6),
        (ChainFault.CONFLICT, 1),
    }


def test_a_journal_set_aside_is_an_incident_of_its_own(site, tmp_path, allow_logs):
    """What the site had stays, what waited arrives once, and the chain goes on without an alarm of theft."""
    allow_logs("workstation.journal.journal")
    journal = Journal(tmp_path / "damaged.db")
    made = [journal.append("step", "s-1", {"n": n}) for n in range(8)]
    site.three.report(report(journal.unsent(5)))
    journal.acknowledge([event.event_id for event in made[:5]])
    journal.mend()
    made.append(journal.append("step", "s-1", {"n": 8}))
    waiting = journal.unsent(100)
    journal.close()
    assert site.three.report(report(waiting)).acked_events == [event.event_id for event in waiting]
    stored = page(site)
    assert [event for event in stored.events if event.kind == "step"] == made
    [incident] = stored.incidents
    assert (incident.fault, incident.seq) == (ChainFault.RESTARTED, 9)


def test_what_a_damaged_journal_lost_is_a_gap_beside_it(site, events):
    link = events[5].model_copy(update={"kind": "journal_set_aside"})
    link = link.model_copy(update={"chain_hash": event_hash(link)})
    site.three.report(report([*events[:3], link]))
    assert {incident.fault for incident in page(site).incidents} == {ChainFault.GAP, ChainFault.RESTARTED}


def test_events_are_paged(site, tmp_path):
    journal = Journal(tmp_path / "long.db")
    for n in range(620):
        journal.append("step", "", {"n": n})
    sent = journal.unsent(1000)
    journal.close()
    for start in range(0, 620, 200):
        site.three.report(report(sent[start : start + 200]))
    first = page(site)
    assert first.next_after is not None
    second = page(site, after=first.next_after)
    assert second.next_after is None
    assert first.events + second.events == sent


def test_the_same_report_many_times_at_once_is_stored_once(site, events):
    request = report(events)
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _n: site.three.report(request), range(6)))
    assert all(len(reply.acked_events) == len(events) for reply in replies)
    stored = page(site)
    assert stored.events == events
    assert stored.incidents == []


def reading(state=ReadingState.OK, **values):
    return ReadingReport(kind=ReadingKind.UPS, state=state, observed_at=START, values=values)


def board(site) -> dict[str, BoothRow]:
    rows = [BoothRow.model_validate(row) for row in admin(site, "GET", "/board").json()]
    return {row.booth_id: row for row in rows}


def test_the_board_shows_the_newest_and_tells_silence(site):
    assert board(site)["booth-03"].state == "missing"
    site.three.report(report(readings=[reading(load_percent=11.5)]))
    reply = site.three.report(report(readings=[reading(load_percent=12.5)]))
    assert reply.next_interval_s >= 5
    row = board(site)["booth-03"]
    assert (row.state, row.last_seen) == ("idle", START)
    assert [item.values for item in row.readings] == [{"load_percent": 12.5}]
    site.clock.now += timedelta(minutes=5)
    row = board(site)["booth-03"]
    assert row.state == "missing"
    assert [item.state for item in row.readings] == [ReadingState.UNKNOWN]


def numbered(number, *readings, boot=BOOT, full=False):
    return report(readings=readings).model_copy(update={"boot_id": boot, "number": number, "full": full})


def of(subject, **values):
    return reading(**values).model_copy(update={"subject": subject})


def told(site) -> dict[str, dict[str, float]]:
    return {item.subject: dict(item.values) for item in board(site)["booth-03"].readings}


def test_changes_are_merged_and_a_full_report_replaces_everything(site):
    assert not site.three.report(numbered(1, of("a", load_percent=1), of("b", load_percent=2), full=True)).full_wanted
    assert not site.three.report(numbered(2, of("b", load_percent=3))).full_wanted
    assert told(site) == {"a": {"load_percent": 1}, "b": {"load_percent": 3}}
    assert not site.three.report(numbered(3)).full_wanted
    assert set(told(site)) == {"a", "b"}
    site.three.report(numbered(4, of("b", load_percent=4), full=True))
    assert told(site) == {"b": {"load_percent": 4}}
    site.three.report(numbered(5, full=True))
    assert told(site) == {}


def test_a_full_report_is_wanted_after_a_start_and_after_a_gap(site):
    assert site.three.report(numbered(1, of("a"))).full_wanted
    assert site.three.report(numbered(2)).full_wanted
    assert not site.three.report(numbered(3, of("a"), full=True)).full_wanted
    assert site.three.report(numbered(5)).full_wanted
    assert not site.three.report(numbered(6, of("a"), full=True)).full_wanted
    other_boot = uuid4()
    assert site.three.report(numbered(7, boot=other_boot)).full_wanted
    assert not site.three.report(numbered(8, full=True, boot=other_boot)).full_wanted


def test_a_report_that_was_overtaken_changes_neither_state_nor_readings(site, events):
    site.three.report(numbered(1, of("a", load_percent=1), full=True))
    site.three.report(numbered(3, of("a", load_percent=3), full=True))
    late = numbered(2, of("a", load_percent=2), full=True).model_copy(update={"state": "evaluating", "events": events})
    site.clock.now += timedelta(seconds=4)
    assert len(site.three.report(late).acked_events) == len(events)
    row = board(site)["booth-03"]
    assert (row.state, row.last_seen) == ("idle", START)
    assert told(site) == {"a": {"load_percent": 3}}
    assert page(site).events == events


def test_the_board_says_how_old_each_reading_is(site):
    site.three.report(numbered(1, of("a"), of("b"), full=True))
    site.clock.now += timedelta(seconds=5)
    site.three.report(numbered(2, of("b")))
    site.clock.now += timedelta(seconds=3)
    ages = {item.subject: item.age_s for item in board(site)["booth-03"].readings}
    assert ages == {"a": 3, "b": 3}
    site.three.report(numbered(4, of("b")))
    ages = {item.subject: item.age_s for item in board(site)["booth-03"].readings}
    assert ages == {"a": 8, "b": 0}


def test_past_readings_are_changes_only_and_bounded(site, monkeypatch):
    monkeypatch.setattr("workstation.site.server.latest.PAST_READINGS_KEPT", 3)
    assert PAST_READINGS_KEPT == 1000
    for state in "ok", "ok", "warn", "ok", "bad", "bad", "ok":
        site.three.report(report(readings=[reading(ReadingState(state))]))
    past = admin(site, "GET", "/booths/booth-03/readings").json()
    assert [item["state"] for item in past] == ["ok", "bad", "ok"]


def test_a_busy_server_slows_its_booths_down():
    assert next_interval_s(0.01) == 5
    assert next_interval_s(1.0) == 20
    assert next_interval_s(1000.0) == 60


def test_a_command_comes_until_it_is_acknowledged(site):
    command = {"command_id": str(uuid4()), "kind": "message", "text": "请稍候"}
    for _ in range(2):
        assert admin(site, "POST", "/booths/booth-03/commands", command).status_code == 204
    changed = {**command, "text": "别的"}
    assert admin(site, "POST", "/booths/booth-03/commands", changed).status_code == 409
    assert admin(site, "POST", "/booths/nowhere/commands", command).status_code == 404
    for _ in range(2):
        assert [item.text for item in site.three.report(report()).commands] == ["请稍候"]
    assert site.two.report(report()).commands == []
    assert site.two.report(report(acknowledged=[UUID(command["command_id"])])).commands == []
    assert len(site.three.report(report()).commands) == 1
    assert site.three.report(report(acknowledged=[UUID(command["command_id"])])).commands == []
    assert site.three.report(report()).commands == []


# --- access


def test_every_door_has_its_own_key(site):
    wrong = [
        ("GET", "/booths/booth-03", site.tokens.booths["booth-02"]),
        ("GET", "/booths/booth-03", site.tokens.admin),
        ("GET", "/booths/booth-99", site.tokens.booths["booth-03"]),
        ("GET", "/board", site.tokens.booths["booth-03"]),
        ("GET", "/board", site.tokens.main_site),
        ("PUT", "/booths/booth-03", site.tokens.booths["booth-03"]),
        ("POST", "/tickets/redeem", site.tokens.admin),
        ("POST", "/booths/booth-03/photos", site.tokens.booths["booth-02"]),
        ("POST", "/booths/booth-03/photos", site.tokens.admin),
        ("GET", "/board", "-"),
    ]
    for method, path, token in wrong:
        reply = admin(site, method, path, {}, token=token)
        assert reply.status_code == 401, (method, path)
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert site.http.get(f"{site.url}/v1/board", timeout=20).status_code == 401
    assert site.http.get(f"{site.url}/v1/health", timeout=20).json() == {"status": "ok"}


def test_a_refused_token_is_not_retryable_for_the_booth(site):
    stranger = SiteClient(site.url, "booth-03", "x" * 43, timeout_s=5)
    with pytest.raises(KioskError) as caught:
        stranger.booth()
    stranger.close()
    assert caught.value.code is ErrorCode.SITE_SERVER_UNREACHABLE
    assert not caught.value.retryable
    assert caught.value.context == {"status": 401, "title": "a valid token is needed"}


def test_the_administrator_sets_a_booth_up(site):
    settings = {"centre": "浉河区分中心", "room": "评标室 2", "booth_label": "07 号工位", "hotline": "0376-1"}
    token = "t" * 43
    assert admin(site, "PUT", "/booths/booth-07", settings).status_code == 204
    client = SiteClient(site.url, "booth-07", token, timeout_s=5)
    with pytest.raises(KioskError):
        client.booth()
    assert admin(site, "PUT", "/booths/booth-07", {**settings, "token": token}).status_code == 204
    assert admin(site, "PUT", "/booths/booth-07", settings).status_code == 204
    info = client.booth()
    client.close()
    assert (info.centre, info.booth_label, info.hotline) == ("浉河区分中心", "07 号工位", "0376-1")


def test_strange_requests_are_refused_as_problems(site):
    headers = {"Authorization": f"Bearer {site.tokens.admin}"}
    long = b"x" * (MAX_BODY_BYTES + 1)
    put_ = f"{site.url}/v1/rosters/P-1"
    replies = [
        site.http.put(put_, data=long, headers=headers, timeout=20),
        site.http.put(put_, data=iter([long]), headers=headers, timeout=20),
        site.http.put(put_, data=b"{", headers=headers, timeout=20),
        site.http.put(put_, data=b"[" * 100_000, headers={**headers, "Content-Type": "application/json"}, timeout=20),
        site.http.get(f"{site.url}/nothing", timeout=20),
        site.http.delete(put_, headers=headers, timeout=20),
        site.http.get(f"{site.url}/v1/booths/A%2F..", headers=headers, timeout=20),
    ]
    assert [reply.status_code for reply in replies][:3] == [413, 413, 422]
    for reply in replies:
        assert 400 <= reply.status_code < 500
        assert reply.headers["Content-Type"] == "application/problem+json"


def test_two_processes_may_start_on_one_database_at_once(database_url):
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _n: Database(database_url), range(4)))
    for database in opened:
        database.close()


# --- reviews

CARD_MARKER, LIVE_MARKER = b"-card-of-an-expert-", b"-face-of-an-expert-"
CARD = JPEG + CARD_MARKER * 200
LIVE = JPEG + LIVE_MARKER * 10_000  # spreads over many pages of the database


def review(client, *, card=CARD, live=LIVE, **changes) -> ReviewRequest:
    info = client.booth()
    return ReviewRequest(
        **{
            "attempt": 5,
            "code": "E-205",
            "may_repeat": True,
            "key_id": info.key_id,
            "expert_hash": expert_hash(bytes.fromhex(info.arrival_key), ID_ONE),
            "card_year": 2008,
            "card_photo": None if card is None else base64.b64encode(card),
            "live_photo": None if live is None else base64.b64encode(live),
            **changes,
        }
    )


def waiting(site) -> list[ReviewRow]:
    reply = admin(site, "GET", "/reviews")
    assert reply.status_code == 200
    return [ReviewRow.model_validate(row) for row in reply.json()]


def look(site, session_id, picture, booth="booth-03"):
    return admin(site, "GET", f"/booths/{booth}/reviews/{session_id}/{picture}")


def decide(site, session_id, kind, command_id=None, booth="booth-03"):
    body = {"command_id": str(command_id or uuid4()), "kind": kind, "session_id": str(session_id)}
    return admin(site, "POST", f"/booths/{booth}/commands", body)


def tell(client, session_id, kind):
    event = EventReport(
        event_id=uuid4(), seq=1, at=START, kind=kind, session_id=str(session_id), data={},
        previous_hash="0" * 64, chain_hash="0" * 64,
    )  # fmt: skip
    client.report(report([event]))


def on_disk(site, marker) -> bool:
    return any(marker in file.read_bytes() for file in site.folder.iterdir() if file.is_file())


def test_the_reviewer_gets_the_pictures_and_every_look_is_noted(site):
    put(site, roster(entries=[pictured(PNG)]))
    session_id = uuid4()
    assert waiting(site) == []
    assert site.three.review(session_id, review(site.three))
    (row,) = waiting(site)
    assert (row.booth_id, row.session_id, row.code, row.card_year) == ("booth-03", str(session_id), "E-205", 2008)
    assert (row.opened_at, row.may_repeat, row.views, row.viewed_at) == (START, True, 0, None)
    assert row.pictures == [ReviewPicture.CARD, ReviewPicture.LIVE, ReviewPicture.POOL]
    site.clock.now += timedelta(minutes=1)
    for picture, content, kind in (("card", CARD, "jpeg"), ("live", LIVE, "jpeg"), ("pool", PNG, "png")):
        reply = look(site, session_id, picture)
        assert (reply.content, reply.headers["Content-Type"]) == (content, f"image/{kind}")
        assert reply.headers["Cache-Control"] == "no-store"
    (row,) = waiting(site)
    assert (row.views, row.viewed_at) == (3, START + timedelta(minutes=1))
    assert decide(site, session_id, "review-passed").status_code == 204
    noted = admin(site, "GET", "/booths/booth-03/review-views").json()
    assert [view["picture"] for view in noted] == ["pool", "live", "card"], "a look outlives the picture"
    assert {view["session_id"] for view in noted} == {str(session_id)}
    assert admin(site, "GET", "/booths/booth-02/review-views").json() == []


def test_what_there_is_no_picture_of_is_not_there_and_no_look(site):
    session_id = uuid4()
    site.three.review(session_id, review(site.three, card=None, live=None, card_year=None, code="E-207"))
    (row,) = waiting(site)
    assert (row.pictures, row.card_year) == ([], None)
    for picture in ReviewPicture:
        assert look(site, session_id, picture).status_code == 404
    assert look(site, uuid4(), "card").status_code == 404
    assert look(site, session_id, "card", booth="booth-02").status_code == 404
    assert look(site, session_id, "passport").status_code == 422
    assert admin(site, "GET", "/booths/booth-03/review-views").json() == []


@pytest.mark.parametrize("kind", ["review-passed", "review-rejected", "review-again"])
def test_a_decision_ends_the_case_and_its_pictures(site, kind):
    session_id = uuid4()
    request = review(site.three)
    site.three.review(session_id, request)
    assert decide(site, session_id, "review-on-site").status_code == 204
    assert len(waiting(site)) == 1, "somebody on the way has not decided yet"
    assert decide(site, session_id, kind).status_code == 204
    assert waiting(site) == []
    assert look(site, session_id, "card").status_code == 404
    site.three.review(session_id, request)
    assert waiting(site) == [], "the same case again does not open it"


def test_one_more_face_check_opens_the_case_anew_with_its_pictures(site):
    session_id, order = uuid4(), uuid4()
    first = review(site.three)
    site.three.review(session_id, first)
    assert decide(site, session_id, "review-again", order).status_code == 204
    site.three.review(session_id, review(site.three, attempt=7, live=JPEG))
    site.three.review(session_id, first)
    decide(site, session_id, "review-again", order)
    assert len(waiting(site)) == 1, "neither the first pictures nor the first order count again"
    assert look(site, session_id, "live").content == JPEG


def test_a_face_check_that_the_booth_would_refuse_is_refused_and_the_pictures_stay(site):
    session_id = uuid4()
    site.three.review(session_id, review(site.three, may_repeat=False))
    assert decide(site, session_id, "review-again").status_code == 409
    assert look(site, session_id, "card").content == CARD
    assert site.three.report(report()).commands == []


@pytest.mark.parametrize("kind", sorted(REVIEW_OVER))
def test_the_end_of_the_visit_ends_the_case_even_when_it_comes_first(site, kind):
    session_id, late = uuid4(), uuid4()
    site.three.review(session_id, review(site.three))
    tell(site.two, session_id, kind)
    tell(site.three, session_id, "help_called")
    assert len(waiting(site)) == 1
    tell(site.three, session_id, kind)
    assert waiting(site) == []
    tell(site.three, late, kind)
    site.three.review(late, review(site.three))
    assert waiting(site) == []


def test_a_new_case_at_a_booth_ends_the_one_before(site):
    sessions = [uuid4(), uuid4(), uuid4()]
    site.two.review(sessions[0], review(site.two))
    site.three.review(sessions[1], review(site.three))
    site.three.review(sessions[2], review(site.three))
    assert [row.session_id for row in waiting(site)] == [str(sessions[0]), str(sessions[2])]


def test_the_same_session_at_another_booth_is_another_case(site):
    session_id = uuid4()
    site.three.review(session_id, review(site.three))
    site.two.review(session_id, review(site.two, card=None))
    decide(site, session_id, "review-passed", booth="booth-02")
    assert [row.booth_id for row in waiting(site)] == ["booth-03"]
    headers = {"Authorization": f"Bearer {site.tokens.booths['booth-02']}"}
    body = review(site.three).model_dump(mode="json")
    for booth, status in (("booth-03", 401), ("booth-02", 204)):
        url = f"{site.url}/v1/booths/{booth}/reviews/{uuid4()}"
        assert site.http.post(url, json=body, headers=headers, timeout=20).status_code == status


def test_no_case_is_older_than_a_day(site):
    session_id = uuid4()
    site.three.review(session_id, review(site.three))
    site.clock.now += KEPT - timedelta(seconds=1)
    assert len(waiting(site)) == 1
    site.clock.now += timedelta(seconds=1)
    assert look(site, session_id, "card").status_code == 404
    assert waiting(site) == []
    assert site.database.run(lambda session: session.scalar(select(func.count()).select_from(ReviewCase))) == 0


@pytest.mark.parametrize("end", ["decided", "over", "old", "again"])
def test_nothing_of_a_picture_is_left_in_the_files(site, database_url, end):
    is_sqlite = database_url.startswith("sqlite")
    session_id = uuid4()
    site.three.review(session_id, review(site.three))
    assert all(on_disk(site, marker) is is_sqlite for marker in (CARD_MARKER, LIVE_MARKER))
    if end == "decided":
        decide(site, session_id, "review-rejected")
    elif end == "over":
        tell(site.three, session_id, "visit_cancelled")
    elif end == "again":
        decide(site, session_id, "review-again")
    else:
        site.clock.now += KEPT
        assert waiting(site) == []
    kept = select(func.count()).where(ReviewCase.card_photo.is_not(None) | ReviewCase.live_photo.is_not(None))
    assert site.database.run(lambda session: session.scalar(kept)) == 0
    assert not any(on_disk(site, marker) for marker in (CARD_MARKER, LIVE_MARKER))
    assert len(admin(site, "GET", "/board").json()) == len(BOOTHS), "the database is well"


@pytest.mark.parametrize("picture", [b"GIF89a", b"", JPEG + bytes(MAX_PHOTO_BYTES)], ids=["gif", "empty", "long"])
@pytest.mark.parametrize("field", ["card_photo", "live_photo"])
def test_what_is_no_picture_of_a_review_is_refused_without_repeating_it(site, picture, field):
    body = review(site.three).model_dump(mode="json") | {field: base64.b64encode(picture).decode()}
    reply = booth_posts(site, body)
    assert reply.status_code == 422
    assert len(reply.text) < 1000
    assert waiting(site) == []


def booth_posts(site, body=None, **content):
    headers = {"Authorization": f"Bearer {site.tokens.booths['booth-03']}"}
    url = f"{site.url}/v1/booths/booth-03/reviews/{uuid4()}"
    return requests.post(url, json=body, headers=headers, timeout=20, **content)


def test_the_longest_pictures_fit_and_nothing_longer_is_read(site):
    longest = JPEG + bytes(MAX_PHOTO_BYTES - len(JPEG))
    assert site.three.review(uuid4(), review(site.three, card=longest, live=longest))
    for content in (b"x" * (MAX_REVIEW_BYTES + 1), iter([b"x" * (MAX_REVIEW_BYTES // 2)] * 3)):
        reply = booth_posts(site, data=content)
        assert reply.status_code == 413


@pytest.mark.parametrize(
    "changes", [{"code": "E-20"}, {"attempt": 0}, {"card_year": 0}, {"key_id": "today"}, {"name": NAME}]
)
def test_a_review_that_is_not_as_agreed_is_refused(site, changes):
    reply = booth_posts(site, review(site.three).model_dump(mode="json") | changes)
    assert reply.status_code == 422
    assert NAME not in reply.text


def test_a_review_under_an_unknown_key_is_refused_so_that_the_booth_fetches_todays(site):
    with pytest.raises(KioskError) as caught:
        site.three.review(uuid4(), review(site.three, key_id="2026-05-01"))
    assert (caught.value.code, caught.value.context["status"]) == (ErrorCode.INTERNAL, 409)


def test_pictures_of_reviews_are_for_the_administrator_alone(site):
    session_id = uuid4()
    site.three.review(session_id, review(site.three))
    places = ["/reviews", f"/booths/booth-03/reviews/{session_id}/card", "/booths/booth-03/review-views"]
    for token in (site.tokens.booths["booth-03"], site.tokens.main_site, "x" * 43):
        for place in places:
            assert admin(site, "GET", place, token=token).status_code == 401
    assert waiting(site)[0].views == 0


# --- pre-flights ---


def preflight(checks=None, *, serial=5, **changes) -> PreflightReport:
    checks = (
        [PreflightCheck(kind="origin", subject="https://x", verdict="pass", reason="good")]
        if checks is None
        else checks
    )
    facts = {"report_id": uuid4(), "main_site_id": "xinyang", "main_site": "信阳市", "checked_at": START}
    return PreflightReport.model_validate(
        {**facts, "serial": serial, "verdict": worst(checks), "checks": checks, **changes}
    )


FAILING = PreflightCheck(kind="component", subject="CA 驱动", verdict="fail", reason="file-missing", fix="安装该组件。")
WARNING = PreflightCheck(
    kind="certificate", subject="x", verdict="warn", reason="expires-soon", values={"valid_days": 5}
)


def book(site, booth, *, days=1):
    at = START + timedelta(days=days)
    body = {"centre": "信阳", "room": "2", "booth_label": f"{booth[-2:]} 号", "bookings": [
        {"starts_at": at.isoformat(), "ends_at": (at + timedelta(hours=4)).isoformat(), "projects": 1}
    ]}  # fmt: skip
    assert admin(site, "PUT", f"/booths/{booth}", body).status_code == 204


def summary(site, query="") -> PreflightSummary:
    reply = admin(site, "GET", f"/preflight?main_site_id=xinyang{query}")
    assert reply.status_code == 200, reply.text
    return PreflightSummary.model_validate_json(reply.text)


def standings(site, query="") -> dict[str, tuple[str, str]]:
    return {row.booth_id: (row.standing.value, row.why) for row in summary(site, query).rows}


def test_booths_of_tomorrow_are_unchecked_until_they_passed(site):
    assert summary(site).rows == []
    for booth in BOOTHS:
        book(site, booth)
    assert standings(site) == {"booth-02": ("unchecked", "never"), "booth-03": ("unchecked", "never")}
    site.two.preflight(preflight())
    site.three.preflight(preflight([WARNING]))
    found = summary(site)
    assert (found.main_site, found.serial, found.passed, found.day) == ("信阳市", 5, 2, date(2026, 6, 2))
    assert standings(site) == {"booth-02": ("passed", ""), "booth-03": ("warned", "")}
    assert [row.booth_label for row in found.rows] == ["02 号", "03 号"]
    assert found.rows[1].checks == [WARNING]


def test_what_failed_is_said_and_a_new_result_takes_its_place(site):
    book(site, "booth-03")
    report = preflight([FAILING, preflight().checks[0]])
    site.three.preflight(report)
    site.three.preflight(report)
    [row] = summary(site).rows
    assert (row.standing, row.checks, row.report_id) == (Standing.FAILED, [FAILING], report.report_id)
    assert summary(site).passed == 0
    site.three.preflight(preflight())
    assert standings(site) == {"booth-03": ("passed", "")}


def test_a_result_that_says_nothing_of_tomorrow_is_not_counted(site):
    book(site, "booth-02")
    book(site, "booth-03")
    site.two.preflight(preflight(serial=4))
    site.three.preflight(preflight(serial=5))
    assert standings(site) == {"booth-02": ("unchecked", "old-pack"), "booth-03": ("passed", "")}
    site.three.preflight(preflight([], not_done="visit"))
    assert standings(site)["booth-03"] == ("unchecked", "visit")
    site.three.preflight(preflight(serial=5))
    site.clock.now = START + timedelta(hours=25)
    assert standings(site, "&day=2026-06-02") == {
        "booth-02": ("unchecked", "stale"),
        "booth-03": ("unchecked", "stale"),
    }
    assert summary(site, "&day=2026-06-02").passed == 0


def test_a_newer_pack_at_the_site_makes_every_result_one_of_an_old_pack(site):
    book(site, "booth-03")
    site.three.preflight(preflight(serial=6, main_site_id="zz"))
    assert put_pack(site, packs.token()).status_code == 200  # serial 7
    found = PreflightSummary.model_validate_json(admin(site, "GET", "/preflight?main_site_id=zz").text)
    assert (found.serial, found.passed, found.rows[0].why) == (7, 0, "old-pack")
    site.three.preflight(preflight(serial=7, main_site_id="zz"))
    found = PreflightSummary.model_validate_json(admin(site, "GET", "/preflight?main_site_id=zz").text)
    assert found.passed == 1


def test_only_the_booths_of_the_day_or_those_named_are_looked_at_and_asked(site):
    book(site, "booth-02", days=1)
    book(site, "booth-03", days=2)
    assert set(standings(site)) == {"booth-02"}
    assert set(standings(site, "&day=2026-06-03")) == {"booth-03"}
    assert set(standings(site, "&booth=booth-03")) == {"booth-03"}
    assert admin(site, "GET", "/preflight?main_site_id=xinyang&booth=booth-99").status_code == 404
    wanted = {"order_id": str(uuid4()), "main_site_id": "xinyang"}
    for _ in range(2):
        assert admin(site, "POST", "/preflight", wanted).json() == {"booths": ["booth-02"]}
    orders = [
        [(command.kind, command.text) for command in client.report(a_report()).commands]
        for client in (site.two, site.three)
    ]
    assert orders == [[(CommandKind.PREFLIGHT, "xinyang")], []]
    named = {**wanted, "order_id": str(uuid4()), "booths": ["booth-03"]}
    assert admin(site, "POST", "/preflight", named).json() == {"booths": ["booth-03"]}
    assert admin(site, "POST", "/preflight", {**named, "booths": ["booth-99"]}).status_code == 404


def a_report() -> ReportRequest:
    return ReportRequest(boot_id=uuid4(), sent_at=START, state="idle", version="1")


def test_a_preflight_that_claims_too_much_or_comes_from_elsewhere_is_refused(site):
    report = preflight([FAILING]).model_dump(mode="json")
    path = f"/booths/booth-03/preflights/{report['report_id']}"
    own = site.tokens.booths["booth-03"]
    assert admin(site, "PUT", path, report | {"verdict": "pass"}, token=own).status_code == 422
    assert admin(site, "PUT", f"/booths/booth-03/preflights/{uuid4()}", report, token=own).status_code == 422
    assert admin(site, "PUT", path, report, token=site.tokens.booths["booth-02"]).status_code == 401
    for method, body in (("GET", None), ("POST", {"order_id": str(uuid4()), "main_site_id": "xinyang"})):
        assert admin(site, method, "/preflight?main_site_id=xinyang", body, token=own).status_code == 401
    assert admin(site, "GET", "/preflight?main_site_id=..%2F").status_code == 422


def test_the_command_line_orders_waits_and_prints(site, tmp_path, capsys):
    book(site, "booth-02")
    book(site, "booth-03")
    site.two.preflight(preflight([FAILING]))
    token = tmp_path / "admin.token"
    token.write_text(site.tokens.admin)
    files = [tmp_path / "site.pdf", tmp_path / "site.json"]
    base = ["pack", "preflight-site", "xinyang", "--site", site.url, "--token-file", str(token)]
    assert kiosk_config_main([*base, "--report", str(files[0]), "--json", str(files[1])]) == 1
    printed = capsys.readouterr().out
    assert "信阳市 — 0/2 工位通过" in printed
    assert "组件  CA 驱动：文件不存在" in printed
    assert PreflightSummary.model_validate_json(files[1].read_text()) == summary(site)
    assert files[0].read_bytes().startswith(b"%PDF")

    def answer(client):
        """As a booth does: take the order from a report, answer it."""
        while not client.report(a_report()).commands:
            time.sleep(0.02)
        client.preflight(preflight())

    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(answer, client) for client in (site.two, site.three)]
        assert kiosk_config_main([*base, "--order", "--wait", "60"]) == 0
        for each in answers:
            each.result(30)
    assert "信阳市 — 2/2 工位通过" in capsys.readouterr().out


def test_the_command_line_says_why_the_site_cannot_be_asked(site, tmp_path, capsys):
    token = tmp_path / "admin.token"
    base = ["pack", "preflight-site", "xinyang", "--token-file", str(token), "--site"]
    assert kiosk_config_main([*base, site.url]) == 2
    token.write_text("x" * 43)
    assert kiosk_config_main([*base, site.url]) == 2
    assert kiosk_config_main([*base, "http://10.0.0.1"]) == 2
    assert "401" in capsys.readouterr().err


# --- main-site packs


def put_pack(site, text, main_site_id="zz", token=None, media_type="application/jose"):
    headers = {"Authorization": f"Bearer {token or site.tokens.admin}", "Content-Type": media_type}
    body = text.encode() if isinstance(text, str) else text
    return site.http.put(f"{site.url}/v1/packs/{main_site_id}", data=body, headers=headers, timeout=20)


def test_a_pack_reaches_the_booth_letter_by_letter(site):
    text = packs.token()
    assert site.three.booth().packs == []
    row = PackRow.model_validate(put_pack(site, text + "\n").json())
    assert (row.main_site_id, row.serial, row.sha256, row.received_at) == ("zz", 7, digest(text), START)
    assert put_pack(site, packs.token(main_site_id="kf"), "kf").status_code == 200
    assert [ref.model_dump() for ref in site.three.booth().packs] == [
        {"main_site_id": "kf", "serial": 7, "sha256": digest(packs.token(main_site_id="kf"))},
        {"main_site_id": "zz", "serial": 7, "sha256": digest(text)},
    ]
    assert site.three.pack("zz") == text
    assert [row["main_site_id"] for row in admin(site, "GET", "/packs").json()] == ["kf", "zz"]


def test_a_newer_pack_takes_the_place_and_an_older_one_does_not(site):
    assert put_pack(site, packs.token()).status_code == 200
    site.clock.now += timedelta(hours=1)
    assert put_pack(site, packs.token()).json()["received_at"] == "2026-06-01T00:20:00Z", "the same changes nothing"
    assert put_pack(site, packs.token(serial=2**53 - 1)).status_code == 200
    assert put_pack(site, packs.token(serial=8)).status_code == 409
    assert put_pack(site, packs.token(serial=2**53 - 1, name="B")).status_code == 409
    assert site.three.pack("zz") == packs.token(serial=2**53 - 1)


def test_of_packs_that_come_at_once_the_newest_stays(site):
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda serial: put_pack(site, packs.token(serial=serial)).status_code, range(1, 17)))
    assert set(done) <= {200, 409}
    assert site.three.booth().packs[0].serial == 16


def test_a_pack_by_an_unknown_key_is_the_booths_to_refuse(site):
    assert put_pack(site, packs.token(Ed25519Signer(packs.OTHER_KEY))).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        "a.b.c",
        packs.token().rsplit(".", 1)[0],
        packs.token().rsplit(".", 1)[0] + ".",
        packs.token() + "=",
        "é" + packs.token(),
        '{"serial": 1}',
        packs.SIGNER.sign(b"{}"),
        packs.SIGNER.sign(b"\xff"),
        packs.SIGNER.sign(b"[" * 100_000),
    ],
)
def test_what_is_no_signed_pack_is_refused(site, text):
    refused = put_pack(site, text)
    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert site.three.booth().packs == []


def test_a_pack_of_another_main_site_and_one_that_is_too_long(site):
    assert put_pack(site, packs.token(), "kf").status_code == 422
    assert put_pack(site, packs.token(), "..%2fzz").status_code in {404, 422}
    assert put_pack(site, packs.token(), "ZZ").status_code == 422
    assert put_pack(site, "A" * (MAX_PACK_BYTES + 1)).status_code == 413


def test_packs_are_for_the_administrator_to_send_and_for_booths_to_fetch(site):
    assert put_pack(site, packs.token(), token=site.tokens.booths["booth-03"]).status_code == 401
    assert put_pack(site, packs.token(), token=site.tokens.main_site).status_code == 401
    assert admin(site, "GET", "/packs", token=site.tokens.booths["booth-03"]).status_code == 401
    assert put_pack(site, packs.token()).status_code == 200
    assert admin(site, "GET", "/booths/booth-03/packs/zz").status_code == 401
    assert admin(site, "GET", "/booths/booth-03/packs/zz", token=site.tokens.booths["booth-02"]).status_code == 401
    with pytest.raises(KioskError) as caught:
        site.three.pack("kf")
    assert caught.value.context["status"] == 404

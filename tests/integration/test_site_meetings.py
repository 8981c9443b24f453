"""Meetings of projects at a real Janus, on SQLite and on PostgreSQL: ways in, rooms that come back, recordings."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import requests
from sqlalchemy import select

from drivers.errors import ErrorCode, KioskError
from drivers.simulated.janus import JanusService
from tests.integration.site_serving import serving
from workstation.site.admin_client import AdminCallError, AdminClient
from workstation.site.client import SiteClient
from workstation.site.conference import (
    NO_CONFERENCE_SERVER,
    ConferencePlan,
    ConferenceRole,
    ConferenceTicket,
    GuestRequest,
    RoomAccess,
)
from workstation.site.contract import ArrivalRequest, MatchState, VerificationMethod, expert_hash
from workstation.site.embedded import EmbeddedSite
from workstation.site.page_files import CONTENT_SECURITY_POLICY
from workstation.site.server import tokens
from workstation.site.server.__main__ import main
from workstation.site.server.database import Database
from workstation.site.server.meetings.conference_server import ConferenceServer
from workstation.site.server.meetings.janus import Janus, JanusError, Plugin
from workstation.site.server.meetings.office import tending
from workstation.site.server.models import Base
from workstation.site.server.site import Site

# 08:20 at the site on a day to come: Janus has a clock of its own, by which the tickets must still be good.
START = datetime.now(UTC).replace(hour=0, minute=20, second=0, microsecond=0) + timedelta(days=2)
PROJECT = "XY-2026-01 标"
ID_ONE = "41150019000101001X"
ID_TWO = "411500190002020021"
BOOTHS = ("booth-02", "booth-03")
GIVE_UP_S = 30.0


@pytest.fixture(scope="module")
def janus(tmp_path_factory) -> Iterator[JanusService]:
    with JanusService(tmp_path_factory.mktemp("janus")) as service:
        yield service


class Stand:
    """A site with its conference server, served; two booths and the administrator."""

    def __init__(self, url: str, site: Site, janus: JanusService) -> None:
        self.url = url
        self.site = site
        self.janus = janus
        token = {booth: site.tokens.booths[booth] for booth in BOOTHS}
        self.two, self.three = (SiteClient(url, booth, token[booth], timeout_s=10) for booth in BOOTHS)
        self.administrator = AdminClient(url, site.tokens.admin, timeout_s=10)

    def close(self) -> None:
        for client in (self.two, self.three, self.administrator):
            client.close()

    def deliver(self, version: int = 1, **plan: bool) -> None:
        entries = [
            {"name": "张某某", "id_number": number, "alias": alias, "role": "评委"}
            for number, alias in ((ID_ONE, "专家01"), (ID_TWO, "专家02"))
        ]
        roster = {
            "project_id": PROJECT,
            "version": version,
            "project_name": "浉河区道路工程",
            "main_site": "信阳市公共资源交易中心",
            "main_site_id": "xinyang",
            "starts_at": START.isoformat(),
            "expected_hours": 4,
            "conference": plan,
            "entries": entries,
        }
        headers = {"Authorization": f"Bearer {self.site.tokens.admin}"}
        reply = requests.put(f"{self.url}/v1/rosters/{PROJECT}", json=roster, headers=headers, timeout=10)
        reply.raise_for_status()

    def arrive(self, client: SiteClient, id_number: str = ID_ONE) -> UUID:
        info = client.booth()
        arrival_id = uuid4()
        client.arrive(
            ArrivalRequest(
                arrival_id=arrival_id,
                key_id=info.key_id,
                expert_hash=expert_hash(bytes.fromhex(info.arrival_key), id_number),
                method=VerificationMethod.CARD_FACE,
                verified_at=START,
            )
        )
        return arrival_id

    def ticket(self) -> ConferenceTicket:
        return self.two.conference(self.arrive(self.two), PROJECT)


@pytest.fixture
def stand(database_url, tmp_path, janus) -> Iterator[Stand]:
    database = Database(database_url)
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    server = ConferenceServer(
        janus=Janus(janus.http, janus.token_secret),
        websocket=janus.websocket,
        recordings=recordings,
        admin_key=janus.admin_key,
        token_secret=janus.token_secret,
    )
    moments = [START]
    site = Site(
        database=database,
        tokens=tokens.load_or_create(tmp_path, *BOOTHS),
        conference=server,
        clock=lambda: moments[-1],
    )
    site.enrol()
    with tending(site), serving(site) as url:
        stand = Stand(url, site, janus)
        stand.set_time = moments.append
        yield stand
        stand.close()
    server.close()
    database.close()


def rooms(stand: Stand) -> dict[Plugin, set[str]]:
    janus, found = stand.site.conference.janus, {}
    with janus.session() as session:
        for plugin in Plugin:
            listed = session.ask(plugin, "list", admin_key=stand.janus.admin_key)["list"]
            found[plugin] = {room["room"] for room in listed}
    return found


def are_there(stand: Stand, ticket: ConferenceTicket) -> bool:
    found = rooms(stand)
    room = ticket.meeting.room
    return {room, f"{room}-desktop"} <= found[Plugin.VIDEO] and {room, f"{room}-documents"} <= found[Plugin.TEXT]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GIVE_UP_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def join(stand: Stand, ticket: ConferenceTicket, access: RoomAccess, *, pin: str | None = None) -> dict:
    """Join as the page does, over Janus' HTTP interface, and return what the room says."""
    http = requests.Session()
    http.trust_env = False

    def post(path: str, **body: object) -> dict:
        body = {"transaction": secrets.token_hex(8), "token": ticket.token, **body}
        return http.post(stand.janus.http + path, json=body, timeout=10).json()

    session = f"/{post('', janus='create')['data']['id']}"
    handle = post(session, janus="attach", plugin=Plugin.VIDEO)["data"]["id"]
    wanted = {"request": "join", "ptype": "publisher", "room": access.room, "id": ticket.participant_id}
    post(f"{session}/{handle}", janus="message", body={**wanted, "pin": access.pin if pin is None else pin})
    deadline = time.monotonic() + GIVE_UP_S
    while True:
        assert time.monotonic() < deadline
        event = http.get(f"{stand.janus.http}{session}", params={"maxev": 1, "token": ticket.token}, timeout=40)
        found = event.json()
        found = found[0] if isinstance(found, list) else found
        if found["janus"] == "event":
            http.close()
            return found["plugindata"]["data"]


def test_the_plan_of_the_roster_is_in_the_assignment_and_the_ticket(stand):
    plan = ConferencePlan(mask=True, voice=True, desktop=False, record=False)
    stand.deliver(**plan.model_dump())
    arrival = stand.arrive(stand.two)
    match = stand.two.match(arrival)
    assert match.state is MatchState.MATCHED
    assert match.assignment.conference == plan
    ticket = stand.two.conference(arrival, PROJECT)
    assert ticket.plan == plan
    assert ticket.desktop is None
    stand.deliver(2, mask=True)
    assert stand.two.match(arrival).assignment.conference == ConferencePlan(mask=True)
    assert stand.two.conference(arrival, PROJECT).desktop is not None


def test_a_ticket_opens_the_rooms_and_is_the_same_again(stand):
    stand.deliver()
    arrival = stand.arrive(stand.two)
    ticket = stand.two.conference(arrival, PROJECT)
    assert are_there(stand, ticket)
    assert (ticket.alias, ticket.role) == ("专家01", ConferenceRole.EXPERT)
    assert ticket.meeting.secret == ticket.desktop.secret == ""
    assert PROJECT not in ticket.model_dump_json()
    again = stand.two.conference(arrival, PROJECT)
    assert again == ticket
    other = stand.three.conference(stand.arrive(stand.three, ID_TWO), PROJECT)
    assert other.meeting == ticket.meeting
    assert other.participant_id != ticket.participant_id
    for access in (ticket.meeting, ticket.desktop):
        assert join(stand, ticket, access)["videoroom"] == "joined"
        assert join(stand, other, access, pin="guessed")["error_code"] == 433


def test_rooms_are_made_as_the_meeting_needs_them(stand):
    stand.deliver()
    ticket = stand.ticket()
    with stand.site.conference.janus.session() as session:
        listed = session.ask(Plugin.VIDEO, "list", admin_key=stand.janus.admin_key)["list"]
        public = session.ask(Plugin.VIDEO, "list")["list"]
    made = {room["room"]: room for room in listed}
    meeting, desktop = made[ticket.meeting.room], made[ticket.desktop.room]
    for room in (meeting, desktop):
        assert room["is_private"]
        assert room["pin_required"]
        assert room["lock_record"]
        assert room["record"]
        assert (room["videocodec"], room["audiocodec"]) == ("vp8", "opus")
        assert room["max_publishers"] == 16
        assert room["bitrate_cap"]
    assert meeting["audiolevel_event"]
    assert (meeting["bitrate"], desktop["bitrate"]) == (1_024_000, 800_000)
    assert ticket.meeting.room not in {room["room"] for room in public}


def test_recording_follows_a_newer_plan_while_the_meeting_goes_on(stand):
    stand.deliver(record=False)
    ticket = stand.ticket()

    def is_recorded() -> bool:
        with stand.site.conference.janus.session() as session:
            listed = session.ask(Plugin.VIDEO, "list", admin_key=stand.janus.admin_key)["list"]
        return next(room["record"] for room in listed if room["room"] == ticket.meeting.room)

    assert not is_recorded()
    stand.deliver(2, record=True)
    wait_until(is_recorded)


def test_a_wrong_token_opens_nothing(stand):
    stand.deliver()
    ticket = stand.ticket()
    expired = stand.site.conference.token(datetime.now(UTC) - timedelta(minutes=1))
    for token in ("", expired, ticket.token[:-4] + "AAAA", ticket.token.replace("videoroom", "streaming")):
        body = {"janus": "create", "transaction": "t", "token": token}
        assert requests.post(stand.janus.http, json=body, timeout=10).json()["error"]["code"] == 403
    stranger = Janus(stand.janus.http, "another-secret")
    with pytest.raises(JanusError, match="error 403"), stranger.session():
        pass
    stranger.close()


@pytest.mark.parametrize("case", ["another booth", "not matched", "signed out", "unknown"])
def test_only_who_sits_there_and_is_matched_gets_in(stand, case):
    stand.deliver()
    client, project = stand.two, PROJECT
    arrival = stand.arrive(stand.two)
    status = 404
    if case == "another booth":
        client = stand.three
    elif case == "not matched":
        project, status = "another", 409
    elif case == "signed out":
        stand.arrive(stand.two, ID_TWO)
        status = 410
    else:
        arrival = uuid4()
    with pytest.raises(KioskError) as caught:
        client.conference(arrival, project)
    assert caught.value.context["status"] == status
    assert not caught.value.retryable
    expected = ErrorCode.INTERNAL if status == 404 else ErrorCode.CONFERENCE_LOST
    assert caught.value.code is expected
    assert stand.two.conference(stand.arrive(stand.two), PROJECT)


@pytest.mark.parametrize("role", [role for role in ConferenceRole if role is not ConferenceRole.EXPERT])
def test_a_guest_gets_what_the_role_needs(stand, role):
    stand.deliver()
    guest = stand.administrator.invite(PROJECT, GuestRequest(alias="主场监督一", role=role))
    page, _, fragment = guest.link.partition("#")
    assert page == f"{stand.url}/conference/"
    content = base64.urlsafe_b64decode(fragment + "=" * (-len(fragment) % 4))
    assert ConferenceTicket.model_validate_json(content) == guest.ticket
    assert (guest.ticket.alias, guest.ticket.role) == ("主场监督一", role)
    assert bool(guest.ticket.meeting.secret) == (role is ConferenceRole.MODERATOR)
    assert (guest.ticket.desktop is not None) == (role is ConferenceRole.SUPERVISOR)
    assert stand.administrator.invite(PROJECT, GuestRequest(alias="主场监督一", role=role)) == guest
    assert stand.ticket().meeting.room == guest.ticket.meeting.room
    assert guest.ticket.token not in repr(guest)
    if role is ConferenceRole.MODERATOR:
        with stand.site.conference.janus.session() as session:
            access = guest.ticket.meeting
            allowed = session.ask(Plugin.VIDEO, "listparticipants", room=access.room, secret=access.secret)
        assert allowed["participants"] == []


def test_who_is_no_guest(stand):
    stand.deliver()
    for project, role in (("another", ConferenceRole.LEADER), (PROJECT, ConferenceRole.EXPERT)):
        with pytest.raises(AdminCallError):
            stand.administrator.invite(project, GuestRequest(alias="甲", role=role))
    stranger = AdminClient(stand.url, stand.site.tokens.main_site)
    with pytest.raises(AdminCallError, match="401"):
        stranger.invite(PROJECT, GuestRequest(alias="甲", role=ConferenceRole.LEADER))
    stranger.close()


def test_rooms_come_back_after_the_conference_server_was_killed(stand, allow_logs):
    allow_logs("workstation.site.server.meetings.office")
    stand.deliver()
    arrival = stand.arrive(stand.two)
    ticket = stand.two.conference(arrival, PROJECT)
    stand.janus.kill()
    try:
        with pytest.raises(KioskError) as caught:
            stand.two.conference(arrival, PROJECT)
        assert caught.value.retryable
        assert caught.value.context["status"] == 503
    finally:
        stand.janus.start()
    wait_until(lambda: are_there(stand, ticket))  # nobody asked for a ticket
    assert join(stand, ticket, ticket.meeting)["videoroom"] == "joined"


def test_a_ticket_finds_its_rooms_at_once_after_a_restart(stand, allow_logs):
    allow_logs("workstation.site.server.meetings.office")
    stand.deliver()
    arrival = stand.arrive(stand.two)
    ticket = stand.two.conference(arrival, PROJECT)
    stand.janus.kill()
    stand.janus.start()
    assert stand.two.conference(arrival, PROJECT) == ticket
    assert are_there(stand, ticket)


def mjr(medium: str, started_at: datetime, packets: bytes) -> bytes:
    head = json.dumps({"t": medium, "c": "x", "s": 1, "u": int(started_at.timestamp() * 1_000_000)}).encode()
    return b"MJR00002" + len(head).to_bytes(2, "big") + head + packets


def record(stand: Stand, ticket: ConferenceTicket) -> dict[str, bytes]:
    """Write what Janus would have recorded of an expert, with what a kill leaves, and what does not belong there."""
    room, who = ticket.meeting.room, ticket.participant_id
    folder = stand.site.conference.recordings / room
    folder.mkdir(exist_ok=True)
    files = {
        f"videoroom-{room}-user-{who}-1-audio-0.mjr": mjr("a", START, b"sound" * 100_000),
        f"videoroom-{room}-user-{who}-1-video-1.mjr": mjr("v", START, b"")[:20],
        f"videoroom-{room}-user-{who}-2-video-1.mjr": b"",
        f"videoroom-{room}-desktop-user-{who}-screen-1-video-0.mjr": mjr("v", START, b"screen"),
        f"videoroom-{room}-user-0123456789-1-audio-0.mjr": mjr("a", START, b"somebody"),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / f"videoroom-{'0' * 24}-user-{who}-1-audio-0.mjr").write_bytes(b"of another meeting")
    (folder / "notes.txt").write_text("not a recording")
    (folder / f"videoroom-{room}-user-{who}-9-audio-0.mjr").symlink_to("/etc/hostname")
    return {f"{room}/{name}": content for name, content in files.items()}


def test_a_close_ends_the_rooms_and_digests_the_recordings(stand):
    stand.deliver()
    arrival = stand.arrive(stand.two)
    ticket = stand.two.conference(arrival, PROJECT)
    files = record(stand, ticket)
    before = stand.administrator.recordings(PROJECT)
    assert (before.closed_at, before.recordings) == (None, [])
    stand.administrator.close_meeting(PROJECT)
    wait_until(lambda: stand.administrator.recordings(PROJECT).closed_at is not None)
    index = stand.administrator.close_meeting(PROJECT)
    assert index.closed_at == START
    assert {row.file for row in index.recordings} == set(files)
    for row in index.recordings:
        content = files[row.file]
        assert row.sha256 == hashlib.sha256(content).hexdigest()
        assert row.size == len(content)
        assert row.alias == ("" if "0123456789" in row.file else "专家01")
        assert row.started_at == (START if len(content) > 20 else None)
    assert sorted(row.medium for row in index.recordings) == ["audio", "audio", "screen", "video", "video"]
    assert ticket.meeting.room not in rooms(stand)[Plugin.VIDEO] | rooms(stand)[Plugin.TEXT]
    with pytest.raises(KioskError) as caught:
        stand.two.conference(arrival, PROJECT)
    assert caught.value.context["title"] == "the meeting is closed"
    stand.administrator.reopen_meeting(PROJECT)
    assert stand.two.conference(arrival, PROJECT) == ticket
    assert are_there(stand, ticket)


def test_a_close_while_the_conference_server_is_away_is_made_up_for(stand, allow_logs):
    allow_logs("workstation.site.server.meetings.office")
    stand.deliver()
    files = record(stand, stand.ticket())
    stand.janus.kill()
    try:
        closing = threading.Thread(target=stand.administrator.close_meeting, args=(PROJECT,))
        closing.start()
        closing.join(GIVE_UP_S)
        assert not closing.is_alive()
        assert stand.administrator.recordings(PROJECT).closed_at is None
    finally:
        stand.janus.start()
    wait_until(lambda: stand.administrator.recordings(PROJECT).closed_at is not None)
    assert {row.file for row in stand.administrator.recordings(PROJECT).recordings} == set(files)


def test_a_meeting_closes_when_its_last_day_is_over(stand):
    stand.deliver()
    ticket = stand.ticket()
    stand.set_time(START + timedelta(days=1, hours=12))
    time.sleep(2.5)
    assert are_there(stand, ticket)
    stand.set_time(START + timedelta(days=2))
    wait_until(lambda: stand.administrator.recordings(PROJECT).closed_at is not None)
    assert ticket.meeting.room not in rooms(stand)[Plugin.VIDEO]


def test_a_project_without_a_meeting_has_no_index(stand):
    stand.deliver()
    for call in (stand.administrator.recordings, stand.administrator.close_meeting, stand.administrator.reopen_meeting):
        with pytest.raises(AdminCallError, match="404"):
            call(PROJECT)


def test_the_database_holds_no_way_in(stand):
    stand.deliver()
    ticket = stand.ticket()
    guest = stand.administrator.invite(PROJECT, GuestRequest(alias="主持", role=ConferenceRole.MODERATOR)).ticket
    wanted = [ticket.token, ticket.meeting.pin, ticket.meeting.room, guest.meeting.secret]
    tables = Base.metadata.sorted_tables
    stored = stand.site.database.run(
        lambda session: [str(row) for table in tables for row in session.execute(select(table))]
    )
    assert stored
    assert not [value for value in wanted if any(value in row for row in stored)]


def test_without_a_conference_server_the_answer_says_so(stand):
    bare = dataclasses.replace(stand.site, conference=None)
    with serving(bare) as url:
        stand.deliver()
        arrival = stand.arrive(stand.two)
        client = SiteClient(url, BOOTHS[0], bare.tokens.booths[BOOTHS[0]], timeout_s=10)
        with pytest.raises(KioskError) as caught:
            client.conference(arrival, PROJECT)
        assert caught.value.code is ErrorCode.CONFERENCE_LOST
        assert caught.value.context == {"status": 409, "title": NO_CONFERENCE_SERVER}
        client.close()


def test_the_page_for_browsers(stand):
    page = requests.get(f"{stand.url}/conference", timeout=10)
    assert page.url == f"{stand.url}/conference/"
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith(CONTENT_SECURITY_POLICY)
    assert f"connect-src 'self' {stand.janus.websocket};" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "src=" in page.text
    script = requests.get(f"{stand.url}/conference/main.js", timeout=10)
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    for path in ("vendor/", "none.js", "../tokens.json", "..%2f..%2fpyproject.toml", "__init__.py"):
        assert requests.get(f"{stand.url}/conference/{path}", timeout=10).status_code == 404


def test_as_a_process(tmp_path, janus):
    options = janus.site_options(tmp_path / "keys.toml")
    with EmbeddedSite(tmp_path, BOOTHS[0], options=[*options, "--public-url=https://site.example.test"]) as site:
        administrator = AdminClient(site.base_url, site.tokens.admin)
        with pytest.raises(AdminCallError, match="404"):
            administrator.invite("none", GuestRequest(alias="甲", role=ConferenceRole.LEADER))
        administrator.close()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--janus-http=http://127.0.0.1/janus"], "--janus-websocket"),
        (["--turn=turn:127.0.0.1:3478"], "there is none"),
    ],
)
def test_half_a_conference_server_is_refused(tmp_path: Path, capsys, options, reason):
    assert main(["--data", str(tmp_path), *options]) == 2
    assert reason in capsys.readouterr().err

"""The site's bridge against the real server, over a line that can be cut, on a day that ends, and against silence."""

from __future__ import annotations

import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import numpy as np
import pytest
import uvicorn
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from drivers.contracts import Image
from drivers.errors import ErrorCode
from drivers.simulated.people import PERSON_A, PERSON_B, picture
from workstation.bridge.site import SiteBridge
from workstation.drill.administrator import Administrator
from workstation.drill.link import Link
from workstation.health.readings import Reading
from workstation.identity.reference import decode_reference
from workstation.identity.vault import Evidence
from workstation.journal.journal import Journal
from workstation.site.administration import ReviewPicture, Roster, RosterEntry
from workstation.site.client import SiteClient
from workstation.site.contract import BoothInfo, Command, Launch, MatchReply, MatchState, ReportRequest, expert_hash
from workstation.site.readings import ReadingKind, ReadingState
from workstation.site.server import tokens
from workstation.site.server.app import create_app
from workstation.site.server.database import Database, sqlite_url
from workstation.site.server.site import Site

BOOTH = "booth-03"
LIMIT_MS = 20_000


@dataclass
class Clock:
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class RunningSite:
    url: str
    token: str
    administrator: Administrator
    clock: Clock = field(repr=False)


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RunningSite]:
    folder = tmp_path / "site"
    folder.mkdir(mode=0o700)
    clock = Clock()
    keeps_pictures = getattr(request, "param", True)
    site = Site(
        database=Database(sqlite_url(folder)),
        tokens=tokens.load_or_create(folder, BOOTH),
        review_pictures=keeps_pictures,
        clock=clock,
    )
    site.enrol()
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(site), log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    administrator = Administrator(url, site.tokens.admin)
    yield RunningSite(url, site.tokens.booths[BOOTH], administrator, clock)
    administrator.close()
    server.should_exit = True
    thread.join(20)
    listening.close()
    site.database.close()


@pytest.fixture
def line(site: RunningSite) -> Iterator[Link]:
    link = Link("127.0.0.1", int(site.url.rpartition(":")[2]))
    yield link
    link.close()


class Counter(QObject):
    """Hears everything the bridge says, in the GUI thread."""

    def __init__(self, bridge: SiteBridge) -> None:
        super().__init__()
        self.booths: list[BoothInfo] = []
        self.photos: list[tuple[int, Image | None]] = []
        self.reviews: list[tuple[int, bool]] = []
        self.arrivals: list[tuple[int, str, str]] = []
        self.matches: list[tuple[int, MatchReply]] = []
        self.launches: list[tuple[int, Launch]] = []
        self.failures: list[tuple[int, ErrorCode]] = []
        self.commands: list[Command] = []
        self.readings: dict[ReadingKind, Reading] = {}
        self.crashes: list[BaseException] = []
        bridge.booth_changed.connect(self.on_booth)
        bridge.photo_answered.connect(self.on_photo)
        bridge.review_answered.connect(self.on_review)
        bridge.arrival_recorded.connect(self.on_arrival)
        bridge.match_answered.connect(self.on_match)
        bridge.launch_granted.connect(self.on_launch)
        bridge.request_failed.connect(self.on_failed)
        bridge.command_received.connect(self.on_command)
        bridge.reading_taken.connect(self.on_reading)
        bridge.lane.crashed.connect(self.on_crashed)

    @Slot(object)
    def on_booth(self, info: BoothInfo) -> None:
        self.booths.append(info)

    @Slot(int, object)
    def on_photo(self, attempt: int, picture: Image | None) -> None:
        self.photos.append((attempt, picture))

    @Slot(int, bool)
    def on_review(self, attempt: int, taken: bool) -> None:
        self.reviews.append((attempt, taken))

    @Slot(int, str, str)
    def on_arrival(self, attempt: int, hashed: str, elsewhere: str) -> None:
        self.arrivals.append((attempt, hashed, elsewhere))

    @Slot(int, object)
    def on_match(self, attempt: int, reply: MatchReply) -> None:
        self.matches.append((attempt, reply))

    @Slot(int, object)
    def on_launch(self, attempt: int, launch: Launch) -> None:
        self.launches.append((attempt, launch))

    @Slot(int, object)
    def on_failed(self, attempt: int, code: ErrorCode) -> None:
        self.failures.append((attempt, code))

    @Slot(object)
    def on_command(self, command: Command) -> None:
        self.commands.append(command)

    @Slot(object)
    def on_reading(self, reading: Reading) -> None:
        self.readings[reading.kind] = reading

    @Slot(object)
    def on_crashed(self, error: BaseException) -> None:
        self.crashes.append(error)

    def site_state(self) -> ReadingState | None:
        reading = self.readings.get(ReadingKind.SITE)
        return reading.state if reading else None


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite3")
    yield journal
    journal.close()


@pytest.fixture
def make(site: RunningSite, journal: Journal, qtbot: QtBot) -> Iterator[Callable[..., tuple[SiteBridge, Counter]]]:
    made: list[SiteBridge] = []

    def make(url: str = site.url, token: str = site.token, timeout_s: float = 2.0) -> tuple[SiteBridge, Counter]:
        client = SiteClient(url, BOOTH, token, timeout_s=timeout_s)
        bridge = SiteBridge(client, journal, collect=list, state=lambda: "idle", version="1.0", keep=timedelta(days=90))
        made.append(bridge)
        return bridge, Counter(bridge)

    yield make
    for bridge in made:
        bridge.stop()


@pytest.fixture
def until(qtbot: QtBot) -> Callable[[Callable[[], object]], None]:
    def until(condition: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=LIMIT_MS)

    return until


def hash_of(person: Any) -> Callable[[bytes], str | None]:
    return lambda key: expert_hash(key, person.number)


def roster(project_id: str, photo: bytes | None = None) -> Roster:
    now = datetime.now(UTC)
    return Roster(
        project_id=project_id,
        version=int(now.timestamp() * 1000),
        project_name="演练工程",
        section="第一标段",
        main_site="演示",
        main_site_id="demo",
        starts_at=now + timedelta(minutes=5),
        expected_hours=4,
        signing="",
        entries=[
            RosterEntry(
                name=PERSON_A.name,
                id_number=PERSON_A.number,
                alias="专家03",
                role="评委",
                booth_id=BOOTH,
                photo=None if photo is None else b64encode(photo),
            )
        ],
    )


def test_arrival_match_and_launch(make, site, until) -> None:
    site.administrator.deliver(roster("P-1"))
    bridge, counter = make()
    session_id = str(uuid4())
    bridge.arrive(1, session_id, "card-face", hash_of(PERSON_A))
    until(lambda: counter.arrivals)
    key = bytes.fromhex(counter.booths[0].arrival_key)
    assert counter.arrivals == [(1, expert_hash(key, PERSON_A.number), "")]
    bridge.match(2, session_id)
    until(lambda: counter.matches)
    attempt, reply = counter.matches[0]
    assert (attempt, reply.state) == (2, MatchState.MATCHED)
    assert reply.assignment is not None
    bridge.launch(3, session_id, "P-1")
    bridge.launch(3, session_id, "P-1")
    until(lambda: len(counter.launches) == 2)
    assert counter.launches[0] == counter.launches[1], "the same attempt gets the same ticket"
    assert counter.failures == []


def test_the_sites_photo_is_fetched_and_decoded(make, site, until) -> None:
    data = (files("assets.drill") / PERSON_A.picture).read_bytes()
    site.administrator.deliver(roster("P-1", data))
    bridge, counter = make()
    bridge.fetch_photo(1, hash_of(PERSON_A))
    bridge.fetch_photo(2, hash_of(PERSON_B))
    until(lambda: len(counter.photos) == 2)
    (first, image), second = counter.photos
    assert first == 1
    assert image is not None
    assert (image == picture(PERSON_A.picture)).all()
    assert second == (2, None)


class Visit:
    """A visit that can be reviewed, and the pictures that were handed out of it."""

    def __init__(self) -> None:
        self.session_id = str(uuid4())
        self.is_over = False
        self.pictures: list[Image] = []

    def evidence(self, key: bytes) -> Evidence | None:
        if self.is_over:
            return None
        card, live = np.full((126, 102, 3), 60, np.uint8), np.full((300, 200, 3), 180, np.uint8)
        self.pictures += [card, live]
        hashed = expert_hash(key, PERSON_A.number)
        return Evidence(expert_hash=hashed, card_year=2008, card_photo=card, live_picture=live)

    def review(self, bridge: SiteBridge, attempt: int) -> None:
        bridge.review(attempt, self.session_id, "E-205", self.evidence, may_repeat=True)


def test_the_reviewer_gets_the_pictures_and_the_booth_wipes_its_copies(make, site, until) -> None:
    photo = (files("assets.drill") / PERSON_A.picture).read_bytes()
    site.administrator.deliver(roster("P-1", photo))
    bridge, counter = make()
    visit = Visit()
    visit.review(bridge, 4)
    until(lambda: counter.reviews)
    assert (counter.reviews, counter.failures) == ([(4, True)], [])
    assert not any(picture.any() for picture in visit.pictures)
    (case,) = site.administrator.waiting_cases()
    assert (case.session_id, case.code, case.card_year, case.may_repeat) == (visit.session_id, "E-205", 2008, True)
    sizes, greys = {}, {}
    for which in ReviewPicture:
        image = decode_reference(site.administrator.picture(case, which))
        assert image is not None
        sizes[which], greys[which] = image.shape[:2], round(float(image.mean()))
    assert (sizes[ReviewPicture.CARD], greys[ReviewPicture.CARD]) == ((126, 102), 60)
    assert (sizes[ReviewPicture.LIVE], greys[ReviewPicture.LIVE]) == ((300, 200), 180)
    assert site.administrator.picture(case, ReviewPicture.POOL) == photo


def test_a_review_is_sent_again_after_an_absence_and_not_after_the_visit(make, line, site, until) -> None:
    bridge, counter = make(f"http://127.0.0.1:{line.port}")
    line.cut()
    visit = Visit()
    visit.review(bridge, 4)
    until(lambda: counter.failures)
    assert counter.failures == [(4, ErrorCode.SITE_SERVER_UNREACHABLE)]
    line.restore()
    visit.review(bridge, 4)
    until(lambda: counter.reviews)
    visit.is_over = True
    visit.review(bridge, 4)
    bridge.lane.drain()
    assert len(site.administrator.waiting_cases()) == 1
    assert not any(picture.any() for picture in visit.pictures)
    assert counter.crashes == []


@pytest.mark.parametrize("site", [False], indirect=True)
def test_where_no_pictures_may_be_kept_a_person_comes_and_nothing_is_repeated(make, site, until) -> None:
    bridge, counter = make()
    Visit().review(bridge, 4)
    until(lambda: counter.reviews)
    assert (counter.reviews, counter.failures) == ([(4, False)], [])
    assert site.administrator.waiting_cases() == []


def test_a_photo_that_is_none_is_missing(make, site, until) -> None:
    site.administrator.deliver(roster("P-1", b"\xff\xd8\xff no picture at all"))
    bridge, counter = make()
    bridge.fetch_photo(1, hash_of(PERSON_A))
    until(lambda: counter.photos)
    assert counter.photos == [(1, None)]


def test_a_site_that_is_away_has_no_photo(make, line, until) -> None:
    bridge, counter = make(f"http://127.0.0.1:{line.port}", timeout_s=0.5)
    line.cut()
    bridge.fetch_photo(1, hash_of(PERSON_A))
    until(lambda: counter.failures)
    assert counter.failures == [(1, ErrorCode.SITE_SERVER_UNREACHABLE)]


def test_somebody_who_is_not_on_the_roster(make, site, until) -> None:
    site.administrator.deliver(roster("P-1"))
    bridge, counter = make()
    session_id = str(uuid4())
    bridge.arrive(1, session_id, "card-face", hash_of(PERSON_B))
    bridge.match(2, session_id)
    until(lambda: counter.matches)
    assert counter.matches[0][1].state is MatchState.NOT_LISTED
    bridge.launch(3, session_id, "P-1")
    until(lambda: counter.failures)
    assert counter.failures[0][0] == 3


def test_a_person_who_left_meanwhile_is_not_reported(make, until) -> None:
    bridge, counter = make()
    bridge.arrive(1, str(uuid4()), "card-face", lambda _: None)
    bridge.lane.drain()
    until(lambda: counter.booths)
    assert counter.arrivals == []
    assert counter.failures == []


def test_a_key_of_another_day_is_refused_and_fetched_again(make, site, until) -> None:
    bridge, counter = make()
    bridge.arrive(1, str(uuid4()), "card-face", hash_of(PERSON_A))
    until(lambda: counter.arrivals)
    site.clock.ahead = timedelta(days=30)
    SiteClient(site.url, BOOTH, site.token, timeout_s=2.0).booth()  # another booth's day begins: the old key is gone
    session_id = str(uuid4())
    bridge.arrive(2, session_id, "card-face", hash_of(PERSON_A))
    until(lambda: counter.failures)
    assert counter.failures == [(2, ErrorCode.SITE_SERVER_UNREACHABLE)]
    bridge.arrive(2, session_id, "card-face", hash_of(PERSON_A))
    until(lambda: len(counter.arrivals) == 2)
    assert counter.arrivals[1][1] != counter.arrivals[0][1], "another day, another hash"
    assert counter.booths[0].key_id != counter.booths[1].key_id


def test_a_server_that_is_away_and_comes_back(make, line, journal, site, until) -> None:
    bridge, counter = make(f"http://127.0.0.1:{line.port}")
    line.cut()
    bridge.start()
    session_id = str(uuid4())
    bridge.arrive(1, session_id, "card-face", hash_of(PERSON_A))
    until(lambda: counter.failures and counter.site_state() is ReadingState.BAD)
    assert counter.failures == [(1, ErrorCode.SITE_SERVER_UNREACHABLE)]
    assert counter.readings[ReadingKind.SITE].code is ErrorCode.SITE_SERVER_UNREACHABLE
    journal.append("card_read", "", {})
    line.restore()
    bridge.arrive(1, session_id, "card-face", hash_of(PERSON_A))
    until(lambda: counter.arrivals)
    until(lambda: counter.site_state() is ReadingState.OK)
    until(lambda: not journal.unsent(10))
    assert counter.readings[ReadingKind.CLOCK].state is ReadingState.OK


def test_an_order_of_the_site_is_heard_once(make, site, until) -> None:
    bridge, counter = make()
    bridge.start()
    until(lambda: counter.site_state() is ReadingState.OK)
    site.administrator.message(BOOTH, "请稍候")
    bridge.report_soon()
    until(lambda: counter.commands)
    bridge.report_soon()
    before = counter.readings[ReadingKind.SITE]
    until(lambda: counter.readings[ReadingKind.SITE] is not before)
    assert [command.text for command in counter.commands] == ["请稍候"]


def test_an_order_that_was_taken_before_a_crash_is_acknowledged_and_not_carried_out_again(make, site, journal, until):
    site.administrator.message(BOOTH, "请稍候")
    client = SiteClient(site.url, BOOTH, site.token, timeout_s=2)
    before = ReportRequest(boot_id=uuid4(), sent_at=datetime.now(UTC), state="idle", version="1.0")
    [order] = client.report(before).commands
    journal.take_command(order.command_id)  # and here the power went
    bridge, counter = make()
    bridge.start()
    until(lambda: not journal.unconfirmed_commands())
    assert counter.commands == []
    assert client.report(before).commands == []
    client.close()


def test_a_clock_that_is_off_is_measured(make, site, until) -> None:
    site.clock.ahead = timedelta(seconds=30)
    bridge, counter = make()
    bridge.start()
    until(lambda: ReadingKind.CLOCK in counter.readings)
    assert counter.readings[ReadingKind.CLOCK].code is ErrorCode.CLOCK_OFF


def test_a_token_that_is_refused(make, until) -> None:
    bridge, counter = make(token="x" * 43)
    bridge.start()
    bridge.match(1, str(uuid4()))
    until(lambda: counter.failures and counter.site_state() is ReadingState.BAD)
    assert counter.failures == [(1, ErrorCode.SITE_SERVER_UNREACHABLE)]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]",
        b"\x00\xff garbage \r\n\r\n",
        b"",
    ],
    ids=["500", "other json", "garbage", "closed"],
)
def test_a_server_that_answers_badly_is_a_server_that_is_away(make, until, answer) -> None:
    with Answering(answer) as server:
        bridge, counter = make(server.url)
        bridge.start()
        bridge.arrive(1, str(uuid4()), "card-face", hash_of(PERSON_A))
        until(lambda: counter.failures and counter.site_state() is ReadingState.BAD)
        assert counter.failures == [(1, ErrorCode.SITE_SERVER_UNREACHABLE)]
        assert counter.crashes == []
        bridge.stop()


def test_stopping_while_the_server_is_silent(make, until) -> None:
    with Answering(None) as server:
        bridge, _ = make(server.url, timeout_s=0.5)
        bridge.start()
        bridge.arrive(1, str(uuid4()), "card-face", hash_of(PERSON_A))
        until(lambda: server.accepted >= 1)
        bridge.stop()
    assert "site-reports" not in {thread.name for thread in threading.enumerate()}


def test_what_nobody_foresaw_is_told_as_a_crash(make, until) -> None:
    def broken(_key: bytes) -> str:
        raise LookupError("the vault broke")

    bridge, counter = make()
    bridge.arrive(1, str(uuid4()), "card-face", broken)
    until(lambda: counter.crashes)
    assert isinstance(counter.crashes[0], LookupError)


class Answering:
    """Accepts connections and gives each the same bytes; ``None`` keeps them waiting."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.accepted = 0
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for held in self._held:
            held.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.accepted += 1
            if self._answer is None:
                self._held.append(connection)
                continue
            with connection:
                connection.settimeout(5)
                try:
                    connection.recv(65536)
                    connection.sendall(self._answer)
                except OSError:
                    continue

"""The whole application with the drill's devices: cards of every kind, readers and photos as a site allows them."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import requests
import tomli_w
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from drivers.contracts import Assurance, Image
from drivers.errors import ErrorCode, OtherCard
from drivers.idcard.reader import ReadPolicy
from drivers.simulated.bench import BenchFile, BenchState, Scene
from drivers.simulated.people import PERSON_A
from drivers.simulated.photo import DrillPhotoDecoder
from drivers.simulated.reader import SimulatedCardReader
from kiosk_config.loader import load
from workstation import readers
from workstation.app import Application
from workstation.drill.administrator import Administrator
from workstation.drill.link import Link
from workstation.identity.reference import decode_reference
from workstation.journey.events import Intent
from workstation.journey.states import holder_of
from workstation.opening import open_window
from workstation.site.administration import BoothSettings, ReviewPicture, ReviewRow, Roster, RosterEntry
from workstation.site.contract import CommandKind
from workstation.site.embedded import EmbeddedSite
from workstation.ui.messages import Messages

BOOTH = "booth-03"
LIMIT_MS = 30_000
WORDS = Messages()
NOBODYS_SAM = "05.03-19000101-0000000001-0000000001"
IDLE = WORDS.text("sign_in.title")


def roster() -> Roster:
    now = datetime.now(UTC)
    photo = (files("assets.drill") / PERSON_A.picture).read_bytes()
    expert = RosterEntry(
        name=PERSON_A.name, id_number=PERSON_A.number, alias="专家03", role="评委", photo=b64encode(photo)
    )
    return Roster(
        project_id="P-1",
        version=1,
        project_name="演练工程",
        main_site="演示",
        main_site_id="demo",
        starts_at=now + timedelta(minutes=5),
        expected_hours=4,
        entries=[expert],
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[EmbeddedSite]:
    with EmbeddedSite(tmp_path_factory.mktemp("site"), BOOTH, review_pictures=True) as site:
        administrator = Administrator(site.base_url, site.tokens.admin)
        administrator.set_up_booth(BOOTH, BoothSettings(centre="分中心", room="评标室 2", booth_label="03 号工位"))
        administrator.deliver(roster())
        administrator.close()
        yield site


@pytest.fixture
def link(site: EmbeddedSite) -> Iterator[Link]:
    link = Link("127.0.0.1", int(site.base_url.rpartition(":")[2]))
    yield link
    link.close()


class Decoder(DrillPhotoDecoder):
    """The drill's decoder, which can be taken away."""

    def __init__(self) -> None:
        self.is_there = threading.Event()
        self.is_there.set()

    def decode(self, photo_block: bytes) -> Image | None:
        return super().decode(photo_block) if self.is_there.is_set() else None


class Booth:
    """A booth in its window, its bench and its decoder."""

    def __init__(self, folder: Path, site: EmbeddedSite, link: Link, qapp: QApplication, qtbot: QtBot) -> None:
        self._folder, self._site, self._link = folder, site, link
        self._qapp, self._qtbot = qapp, qtbot
        self.bench = BenchFile(folder / "bench.json")
        self.bench.write(BenchState(scene=Scene.PERSON_A))
        self.decoder = Decoder()

    def open(self, **sections: dict[str, Any]) -> None:
        """Start the application with these sections of the configuration."""
        config = load(self._config_file(sections))
        self._window = open_window(config, self._qapp)
        self._qtbot.waitSignal(self._window.first_painted, timeout=LIMIT_MS).wait()
        self.application = Application(config, self._qapp, self._window)
        self.application.start()
        self.until("idle")

    def close(self) -> None:
        """End it."""
        self.application.stop()
        self._window.close()
        self._window.deleteLater()
        self.application.deleteLater()

    def place(self, card: str) -> None:
        """Lift what lies there and put ``card`` on the reader."""
        self.bench.change(card=None)
        journey = self.application._bridges.actions.journey
        self.wait(lambda: not journey.journey.card_present, "the card never left")
        before = journey.journey.attempt
        self.bench.change(card=card)
        self.wait(lambda: journey.journey.attempt > before, "the card was never seen")

    @property
    def session_id(self) -> str:
        """The visit that is under way."""
        holder = holder_of(self.application._bridges.actions.journey.journey.state)
        assert holder is not None
        return holder.session_id

    @property
    def data(self) -> Path:
        """Where the booth may write."""
        return self._folder / "data"

    def press(self, intent: Intent) -> None:
        self._window.pressed.emit(intent)

    def until(self, state: str) -> None:
        self.wait(lambda: self.application._state_name == state, f"never {state}")

    def until_shown(self, words: str) -> None:
        self.wait(lambda: words in self.texts(), f"never {words} on the screen")

    def texts(self) -> str:
        return "\n".join(label.text() for label in self._window.findChildren(QLabel) if label.isVisible())

    def journaled(self, kind: str) -> list[dict[str, object]]:
        """Return the facts of every event of this kind."""
        self.application._bridges.records.lane.drain()
        with contextlib.closing(sqlite3.connect(self._folder / "data" / "journal.sqlite3")) as journal:
            rows = journal.execute("SELECT data FROM events WHERE kind = ?", (kind,)).fetchall()
        return [json.loads(data) for (data,) in rows]

    def knows_nobody(self) -> bool:
        vault = self.application._vault
        return vault.portrait is None and vault.expert_hash(bytes(32)) is None

    def wait(self, condition: Callable[[], object], complaint: str) -> None:
        def check() -> None:
            assert condition(), f"{complaint}; {self.application._state_name}: {self.texts()!r}"

        self._qtbot.waitUntil(check, timeout=LIMIT_MS)

    def _config_file(self, sections: dict[str, dict[str, Any]]) -> Path:
        token = self._folder / "token"
        token.write_text(self._site.tokens.booths[BOOTH])
        document: dict[str, Any] = {
            "schema_version": 1,
            "mode": "drill",
            "place": {"booth_id": BOOTH},
            "site": {"url": f"http://127.0.0.1:{self._link.port}", "token_file": str(token), "timeout_s": 0.5},
            "storage": {"data_dir": str(self._folder / "data"), "min_free_mb": 50},
            "self_check": {"daily_at": ""},
            "screen": {"fullscreen": False},
            "drill": {"bench_file": str(self.bench.path)},
            "face": {"liveness_actions": []},  # nobody here answers
            **{device: {"driver": "simulated"} for device in ("reader", "camera", "headset")},
            "ups": [{"id": "booth-ups", "feeds": ["booth"], "driver": "simulated"}],
        }
        for name, settings in sections.items():
            document[name] = {**document.get(name, {}), **settings}
        file = self._folder / "booth.toml"
        file.write_text(tomli_w.dumps(document))
        return file


@pytest.fixture
def booth(tmp_path: Path, site, link, request, monkeypatch) -> Iterator[Booth]:
    booth = Booth(tmp_path, site, link, request.getfixturevalue("qapp"), request.getfixturevalue("qtbot"))
    monkeypatch.setattr(readers, "make_decoder", lambda _: booth.decoder)
    yield booth
    booth.close()


# --- which card


@pytest.mark.parametrize("card", OtherCard)
def test_another_card_is_named(booth: Booth, card: OtherCard) -> None:
    booth.open()
    booth.place(card)
    booth.until("card-problem")
    booth.until_shown(WORDS.text(f"other_card.{card}"))
    booth.place("person-a")
    booth.until("face-check")


def test_a_kind_of_card_that_the_site_does_not_take(booth: Booth) -> None:
    booth.open(reader={"card_types": ["resident"]})
    booth.place("hk-resident")
    booth.until("card-problem")
    booth.until_shown("E-105")
    assert booth.knows_nobody()
    booth.place("person-a")
    booth.until("face-check")


def test_a_reader_that_is_not_registered_asks_nobody_for_a_card(booth: Booth, monkeypatch) -> None:
    policy = ReadPolicy(assurance=Assurance.UNVERIFIED, sam_ids=frozenset({NOBODYS_SAM}))
    monkeypatch.setattr(
        readers, "make_reader", lambda _: SimulatedCardReader(BenchFile(booth.bench.path), policy=policy)
    )
    booth.open()
    booth.until_shown(WORDS.expert(ErrorCode.SAM_NOT_ALLOWED))
    assert IDLE not in booth.texts()
    booth.until_shown("设备 2/3 · 读卡器")
    booth.place("person-a")
    booth.until("card-problem")
    booth.until_shown("E-110")


# --- which photo


@pytest.mark.parametrize("decodes", [True, False], ids=["no face in it", "no decoder"])
def test_where_the_card_photo_is_required_nobody_signs_in_without(booth: Booth, decodes: bool) -> None:
    booth.open(photo={"missing": "deny"})
    if not decodes:
        booth.decoder.is_there.clear()
    booth.place("no-face" if decodes else "person-a")
    booth.until("card-problem")
    booth.until_shown("E-112")
    assert booth.knows_nobody()
    booth.decoder.is_there.set()
    booth.place("person-a")
    booth.until("face-check")


@pytest.mark.parametrize("decodes", [True, False], ids=["no face in it", "no decoder"])
def test_the_sites_photo_is_compared_instead(booth: Booth, decodes: bool) -> None:
    booth.open(photo={"missing": "server_photo"})
    if not decodes:
        booth.decoder.is_there.clear()
    booth.place("no-face" if decodes else "person-a")
    booth.until("task-review")
    [compared] = booth.journaled("face_compared")
    assert (compared["outcome"], compared["reference"]) == ("match", "site-photo")


def test_without_the_sites_photo_a_human_compares(booth: Booth) -> None:
    booth.open(photo={"missing": "server_photo"})
    booth.decoder.is_there.clear()
    booth.place("person-b")
    booth.until("human-review")
    booth.until_shown("E-109")


def test_with_the_site_away_a_human_compares(booth: Booth, link: Link) -> None:
    booth.open(photo={"missing": "server_photo"})
    booth.decoder.is_there.clear()
    link.cut()
    booth.place("person-a")
    booth.until("human-review")
    booth.until_shown("E-109")


def test_a_card_with_its_photo_does_not_ask_the_site(booth: Booth) -> None:
    booth.open(photo={"missing": "server_photo"})
    booth.place("person-a")
    booth.until("task-review")
    [compared] = booth.journaled("face_compared")
    assert compared["reference"] == "card-photo"
    assert booth.journaled("photo_missing") == []


# --- the reviewer


@pytest.fixture
def administrator(site: EmbeddedSite) -> Iterator[Administrator]:
    administrator = Administrator(site.base_url, site.tokens.admin)
    yield administrator
    administrator.close()


def waiting(booth: Booth, administrator: Administrator) -> ReviewRow:
    """Wait until the site has the case of this visit, and return it."""
    session_id = booth.session_id
    booth.wait(lambda: booth.journaled("review_sent"), "the pictures never went")
    (case,) = administrator.waiting_cases()
    assert case.session_id == session_id
    return case


def traces(pictures: list[bytes]) -> list[bytes]:
    """Return pieces by which the pictures would be found in a file, as they are and in base64."""
    pieces = [picture[at : at + 48] for picture in pictures for at in range(600, len(picture) - 48, 600)]
    return pieces + [b64encode(piece) for piece in pieces]


def test_the_reviewer_compares_asks_again_comes_and_decides(booth: Booth, administrator, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    booth.open()
    booth.place("person-a-expired")
    booth.until("human-review")
    case = waiting(booth, administrator)
    assert (case.code, case.may_repeat) == ("E-106", True)
    assert case.pictures == [ReviewPicture.CARD, ReviewPicture.LIVE, ReviewPicture.POOL]
    record = booth.application._vault._record
    assert record is not None
    assert case.card_year == record.valid_from.year
    pictures = [administrator.picture(case, picture) for picture in case.pictures]
    assert all(decode_reference(picture) is not None for picture in pictures)
    assert booth.application._vault._live_picture is None, "the site has it, the booth needs it no more"

    administrator.review(BOOTH, case.session_id, CommandKind.REVIEW_ON_SITE)
    booth.until_shown(WORDS.text("review.on_site").partition("。")[0])
    assert booth.application._state_name == "human-review"

    before = booth.application._bridges.actions.journey.journey.attempt
    administrator.review(BOOTH, case.session_id, CommandKind.REVIEW_AGAIN)
    booth.wait(lambda: booth.application._bridges.actions.journey.journey.attempt > before, "never again")
    booth.until("human-review")
    booth.wait(lambda: len(booth.journaled("review_sent")) == 2, "the new pictures never went")
    (again,) = administrator.waiting_cases()
    assert (again.session_id, again.views) == (case.session_id, 3)
    pictures.append(administrator.picture(again, ReviewPicture.LIVE))

    administrator.review(BOOTH, case.session_id, CommandKind.REVIEW_PASSED)
    booth.until("task-review")
    assert administrator.waiting_cases() == []
    assert booth.journaled("review_again") == [{"count": 1}]
    assert booth.journaled("presence_verified") == [{"method": "card-human"}]
    files = {path: path.read_bytes() for path in booth.data.rglob("*") if path.is_file()}
    assert any(path.suffix == ".sqlite3" for path in files)
    found = [path.name for path, content in files.items() if any(trace in content for trace in traces(pictures))]
    assert found == []
    assert not any(trace.decode("latin-1") in caplog.text for trace in traces(pictures))


def test_of_somebody_who_declines_no_live_picture_is_sent(booth: Booth, administrator) -> None:
    booth.open()
    booth.bench.change(scene=Scene.PERSON_B)
    booth.place("person-a")
    booth.until("face-problem")
    booth.press(Intent.MANUAL)
    booth.until("human-review")
    booth.until_shown(WORDS.expert(ErrorCode.FACE_DECLINED).partition("，")[0])
    case = waiting(booth, administrator)
    assert (case.code, case.may_repeat) == ("E-207", False)
    assert case.pictures == [ReviewPicture.CARD, ReviewPicture.POOL]
    with pytest.raises(requests.HTTPError, match="409"):
        administrator.review(BOOTH, case.session_id, CommandKind.REVIEW_AGAIN)
    booth.press(Intent.CANCEL)
    booth.until("idle")
    booth.wait(lambda: not administrator.waiting_cases(), "the case outlived the visit")
    assert booth.knows_nobody()


def test_no_live_picture_outlives_a_match(booth: Booth) -> None:
    booth.open()
    booth.place("person-a")
    booth.until("task-review")
    assert booth.application._vault._live_picture is None


def test_the_pictures_follow_when_the_site_is_back(booth: Booth, link: Link, administrator) -> None:
    booth.open()
    booth.place("person-a-expired")
    booth.until("face-check")
    link.cut()
    booth.until("human-review")
    booth.wait(lambda: booth.application._vault._live_picture is not None, "no picture was kept")
    link.restore()
    assert ReviewPicture.LIVE in waiting(booth, administrator).pictures


def test_where_the_server_must_keep_no_pictures_the_expert_sees_the_same(tmp_path, qapp, qtbot, monkeypatch) -> None:
    with EmbeddedSite(tmp_path / "site", BOOTH) as site:
        link = Link("127.0.0.1", int(site.base_url.rpartition(":")[2]))
        administrator = Administrator(site.base_url, site.tokens.admin)
        booth = Booth(tmp_path, site, link, qapp, qtbot)
        monkeypatch.setattr(readers, "make_decoder", lambda _: booth.decoder)
        booth.open()
        booth.place("person-a-expired")
        booth.until("human-review")
        booth.until_shown("E-106")
        booth.wait(lambda: booth.journaled("review_sent") == [{"taken": False}], "never refused")
        assert administrator.waiting_cases() == []
        administrator.review(BOOTH, booth.session_id, CommandKind.REVIEW_REJECTED)
        booth.until("idle")
        booth.close()
        administrator.close()
        link.close()

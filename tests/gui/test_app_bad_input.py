"""The whole application with the drill's devices: each bad input gives its code on the screen, and a way on.

The reader, the camera and the face worker are the drill's; the site server is the real one, behind a line that can
go bad.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import tomli_w
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from drivers.errors import ErrorCode, KioskError
from drivers.simulated.bench import BenchFile, BenchState, Scene
from drivers.simulated.people import PERSON_A
from drivers.simulated.reader import SimulatedCardReader
from drivers.simulated.sam import Fault, SamEmulator
from kiosk_config.loader import load
from workstation import app, readers
from workstation.app import Application
from workstation.bridge import records
from workstation.drill.administrator import Administrator
from workstation.exits import EXIT_RESTART
from workstation.health.coordinators.camera import CameraCoordinator
from workstation.health.coordinators.links import MainSiteCoordinator
from workstation.health.coordinators.machine import DiskCoordinator
from workstation.journey import transition
from workstation.journey.events import Intent
from workstation.journey.rules import arrival
from workstation.journey.states import OutOfService
from workstation.logs import JsonLines
from workstation.opening import open_window
from workstation.site.administration import BoothSettings
from workstation.site.contract import CommandKind
from workstation.site.embedded import EmbeddedSite
from workstation.ui.messages import Messages
from workstation.ui.widgets.camera_view import CameraView
from workstation.ui.window import KioskWindow

BOOTH = "booth-03"
LIMIT_MS = 30_000
WORDS = Messages()


class Line(ThreadingHTTPServer):
    """The way to the site server, which forwards, or answers by itself as told."""

    daemon_threads = True
    fault = ""

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.target = urlsplit(target).netloc
        self.healed = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Line

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.close_connection = True
        match self.server.fault:
            case "500":
                self._answer(500, b"{}")
            case "garbage":
                self._answer(200, b'{"hello": [1, 2')
            case "slow":
                self.server.healed.wait(20)
            case _:
                onward = http.client.HTTPConnection(self.server.target, timeout=20)
                headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if self.headers[name]}
                with contextlib.closing(onward), contextlib.suppress(ConnectionError):  # the booth may be gone by now
                    onward.request(self.command, self.path, body, headers)
                    answer = onward.getresponse()
                    self._answer(answer.status, answer.read())

    do_GET = do_POST = _relay  # noqa: N815 - the base class looks for these names

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Stay silent."""


class FakeQt:
    """Takes the place of the QApplication, which belongs to the test run and must not end."""

    def __init__(self, qapp: QApplication) -> None:
        self.primaryScreen = qapp.primaryScreen
        self.codes: list[int] = []

    def exit(self, code: int) -> None:
        self.codes.append(code)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[EmbeddedSite]:
    with EmbeddedSite(tmp_path_factory.mktemp("site"), BOOTH) as site:
        administrator = Administrator(site.base_url, site.tokens.admin)
        administrator.set_up_booth(BOOTH, BoothSettings(centre="分中心", room="评标室 2", booth_label="03 号工位"))
        administrator.close()
        yield site


@pytest.fixture
def line(site: EmbeddedSite) -> Iterator[Line]:
    line = Line(site.base_url)
    thread = threading.Thread(target=line.serve_forever, args=(0.01,))
    thread.start()
    yield line
    line.healed.set()
    line.shutdown()
    line.server_close()
    thread.join()


@pytest.fixture
def bench(tmp_path: Path) -> BenchFile:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState(scene=Scene.PERSON_A))
    return bench


@pytest.fixture
def config_file(bench: BenchFile, site: EmbeddedSite, line: Line, tmp_path: Path) -> Path:
    token = tmp_path / "token"
    token.write_text(site.tokens.booths[BOOTH])
    document = {
        "schema_version": 1,
        "mode": "drill",
        "place": {"booth_id": BOOTH},
        "site": {"url": line.url, "token_file": str(token), "timeout_s": 0.5},
        "storage": {"data_dir": str(tmp_path / "data"), "min_free_mb": 50},
        "self_check": {"daily_at": ""},
        "face": {"liveness_actions": []},  # nobody here answers
        "screen": {"fullscreen": False},
        "drill": {"bench_file": str(bench.path)},
        "reader": {"driver": "simulated", "timeout_s": 1.0},
        **{device: {"driver": "simulated"} for device in ("camera", "headset")},
        "ups": [{"id": "booth-ups", "feeds": ["booth"], "driver": "simulated"}],
    }
    file = tmp_path / "booth.toml"
    file.write_text(tomli_w.dumps(document))
    return file


@pytest.fixture
def sam(bench: BenchFile, monkeypatch: pytest.MonkeyPatch) -> SamEmulator:
    sam = SamEmulator()
    monkeypatch.setattr(readers, "make_reader", lambda _: SimulatedCardReader(BenchFile(bench.path), sam))
    return sam


class Booth:
    def __init__(
        self,
        application: Application,
        window: KioskWindow,
        qt: FakeQt,
        qtbot: QtBot,
        *,
        bench: BenchFile,
        sam: SamEmulator,
    ) -> None:
        self.application, self.window, self.qt, self.bench = application, window, qt, bench
        self._qtbot, self._sam = qtbot, sam
        self._entered: set[str] = set()
        application._bridges.actions.journey.changed.connect(lambda _: self._entered.add(self.state))

    @property
    def state(self) -> str:
        return self.application._state_name

    def texts(self) -> str:
        window = self.window
        words = [label.text() for label in window.findChildren(QLabel) if label.isVisible()]
        hints = [view.hint for view in window.findChildren(CameraView) if view.isVisible()]
        return "\n".join(words + hints)

    def until(self, state: str) -> None:
        """Wait for a state; one that was left again since the last wait counts."""
        self._wait(lambda: state in self._entered | {self.state}, lambda: f"never {state}, but {self.state}")
        self._entered.clear()

    def until_shown(self, words: str) -> None:
        self._wait(lambda: words in self.texts(), lambda: f"never {words!r} on the screen, but {self.texts()!r}")

    def until_not_shown(self, words: str) -> None:
        self._wait(lambda: words not in self.texts(), lambda: f"still {words!r} on the screen")

    def until_exit(self) -> None:
        self._wait(lambda: self.qt.codes, lambda: "never left")

    def press(self, intent: Intent) -> None:
        self.window.pressed.emit(intent)

    def place(self, card: str) -> None:
        """Lift what lies there and put ``card`` on the reader."""
        journey = self.application._bridges.actions.journey
        self.bench.change(card=None)
        self._wait(
            lambda: self._sam._followed is None and not journey.journey.card_present, lambda: "the card never left"
        )
        before = journey.journey.attempt
        self.bench.change(card=card)
        self._wait(lambda: journey.journey.attempt > before, lambda: "the card was never seen")

    def _wait(self, condition: Callable[[], object], complaint: Callable[[], str]) -> None:
        def check() -> None:
            assert condition(), complaint()

        self._qtbot.waitUntil(check, timeout=LIMIT_MS)


@pytest.fixture(autouse=True)
def _short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    for looked_at in (CameraCoordinator, DiskCoordinator, MainSiteCoordinator):
        monkeypatch.setattr(looked_at, "period_s", 0.2)
    monkeypatch.setattr(arrival, "SITE_POLL_S", 0.2)
    monkeypatch.setattr(records, "RETRY_INTERVAL_S", 0.2)


@pytest.fixture
def booth(config_file, bench, sam, qapp, qtbot) -> Iterator[Booth]:
    qt = FakeQt(qapp)
    config = load(config_file)
    window = open_window(config, qapp)
    qtbot.waitSignal(window.first_painted, timeout=LIMIT_MS).wait()
    application = Application(config, qt, window)
    application.start()
    booth = Booth(application, window, qt, qtbot, bench=bench, sam=sam)
    booth.until("idle")
    yield booth
    application.stop()
    window.close()
    window.deleteLater()
    application.deleteLater()


@pytest.mark.parametrize(
    "fault",
    [Fault.TRUNCATED, Fault.WRONG_LENGTH, Fault.BAD_XOR, Fault.ZERO_LENGTH, Fault.SILENT],
    ids=["truncated", "garbled", "wrong checksum", "zero length", "silent"],
)
def test_a_damaged_reply_of_the_reader(booth: Booth, sam: SamEmulator, fault: Fault) -> None:
    sam.inject(fault, times=9)
    booth.place("person-a")
    booth.until("card-problem")
    booth.until_shown("E-104")
    booth.place("person-a")
    booth.until("face-check")


def test_garbage_before_a_reply_is_skipped(booth: Booth, sam: SamEmulator) -> None:
    sam.inject(Fault.GARBAGE_BEFORE)
    booth.place("person-a")
    booth.until("face-check")


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("lifted-early", ErrorCode.CARD_LIFTED),
        ("unreadable", ErrorCode.CARD_UNREADABLE),
        ("unknown-type", ErrorCode.CARD_WRONG_TYPE),
        ("bad-check-digit", ErrorCode.CARD_NUMBER_MISMATCH),
    ],
)
def test_a_card_that_cannot_be_used(booth: Booth, card: str, code: ErrorCode) -> None:
    booth.place(card)
    booth.until("card-problem")
    booth.until_shown(code)
    booth.until_shown(WORDS.title(code))
    booth.place("person-a")
    booth.until("face-check")


def test_three_cards_lifted_early_lead_to_the_administrator(booth: Booth) -> None:
    for _ in range(2):
        booth.place("lifted-early")
        booth.until("card-problem")
        booth.until_shown("E-103")
    booth.place("lifted-early")
    booth.until_shown("E-104")
    booth.place("person-a")
    booth.until("face-check")


def test_an_expired_card_goes_to_a_human_after_the_face(booth: Booth, site: EmbeddedSite) -> None:
    booth.place("person-a-expired")
    booth.until("human-review")
    booth.until_shown("E-106")
    administrator = Administrator(site.base_url, site.tokens.admin)
    session_id = booth.application._bridges.actions.journey.journey.state.holder.session_id
    administrator.review(BOOTH, session_id, CommandKind.REVIEW_PASSED)
    administrator.close()
    booth.until("awaiting-match")


def test_a_card_photo_without_a_face_goes_to_a_human(booth: Booth) -> None:
    booth.place("no-face")
    booth.until("human-review")
    booth.until_shown("E-109")
    booth.press(Intent.CANCEL)
    booth.until("idle")
    assert booth.application._vault.portrait is None
    booth.place("person-a")
    booth.until("face-check")


def test_a_reader_unplugged_and_back(booth: Booth) -> None:
    booth.bench.change(reader_plugged=False)
    booth.until_shown("E-101")
    booth.bench.change(reader_plugged=True)
    booth.until_not_shown("E-101")
    booth.place("person-a")
    booth.until("face-check")


def test_a_camera_unplugged_in_the_face_check_and_back(booth: Booth) -> None:
    booth.bench.change(scene=Scene.NOBODY)
    booth.place("person-a")
    booth.until("face-check")
    booth.until_shown(WORDS.text("coaching.no-face"))
    booth.bench.change(camera_plugged=False)
    booth.until("face-problem")
    booth.until_shown("E-405")
    booth.bench.change(camera_plugged=True, scene=Scene.PERSON_A)
    booth.press(Intent.RETRY)
    booth.until("awaiting-match")


def test_nobody_and_two_people_are_coached(booth: Booth) -> None:
    booth.bench.change(scene=Scene.NOBODY)
    booth.place("person-a")
    booth.until_shown(WORDS.text("coaching.no-face"))
    booth.bench.change(scene=Scene.TWO)
    booth.until_shown(WORDS.text("coaching.several"))
    booth.bench.change(scene=Scene.PERSON_A)
    booth.until("awaiting-match")


def test_another_person_than_the_card_says(booth: Booth) -> None:
    booth.bench.change(scene=Scene.PERSON_B)
    booth.place("person-a")
    booth.until("face-problem")
    booth.until_shown("E-206")
    booth.bench.change(scene=Scene.PERSON_A)
    booth.press(Intent.RETRY)
    booth.until("awaiting-match")


@pytest.mark.parametrize("fault", ["500", "garbage", "slow"])
def test_a_site_server_that_answers_badly(booth: Booth, line: Line, fault: str) -> None:
    line.fault = fault
    booth.place("person-a")
    booth.until("arriving")
    booth.until_shown("E-502")
    line.fault = ""
    line.healed.set()
    booth.until("awaiting-match")


def test_a_journal_that_cannot_be_written_keeps_experts_out_until_it_can(booth: Booth, monkeypatch, allow_logs) -> None:
    allow_logs("workstation.bridge.records")
    journal = booth.application._journal

    def full(*_: object, **__: object) -> None:
        raise KioskError(ErrorCode.STORAGE_FULL, "the disk of the journal is full")

    with monkeypatch.context() as patched:
        patched.setattr(journal, "append", full)
        booth.press(Intent.HELP)
        booth.until_shown("E-605")
        booth.bench.change(card="person-a")
        booth.until_shown(WORDS.text("sign_in.storage_title"))
        assert booth.state == "idle"
    booth.until_not_shown("E-605")
    booth.place("person-a")
    booth.until("face-check")
    database = booth.application._config.storage.data_dir / "journal.sqlite3"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        kinds = [kind for (kind,) in connection.execute("SELECT kind FROM events ORDER BY seq")]
    assert kinds[0] == "help_called", "what could not be written was kept"


# --- what nobody foresaw ---------------------------------------------------------------------------------------------


@pytest.fixture
def crashing(booth: Booth, monkeypatch: pytest.MonkeyPatch, allow_logs: Callable[..., None]) -> Booth:
    """A booth with somebody in front of it, whose unhandled exceptions go where a running program's go."""
    allow_logs("workstation.app")
    monkeypatch.setitem(transition.TIME_LIMITS_S, OutOfService, 0.2)
    monkeypatch.setattr(sys, "excepthook", booth.application.on_unhandled)
    booth.bench.change(scene=Scene.NOBODY)
    booth.place("person-a")
    booth.until("face-check")
    assert booth.application._vault.portrait is not None
    return booth


def fail_once(target: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = getattr(target, name)

    def broken(*arguments: Any) -> Any:
        monkeypatch.setattr(target, name, original)
        raise LookupError(PERSON_A.name, PERSON_A.number)

    monkeypatch.setattr(target, name, broken)


def require_gone(booth: Booth, caplog: pytest.LogCaptureFixture) -> None:
    booth.until_exit()
    assert set(booth.qt.codes) == {EXIT_RESTART}
    assert booth.application._vault.portrait is None
    assert booth.application._vault.expert_hash(bytes(32)) is None
    written = [json.loads(JsonLines().format(record)) for record in caplog.records]
    assert any(line["level"] == "critical" and line.get("error") == "LookupError" for line in written)
    for marker in (PERSON_A.name, PERSON_A.number):
        assert marker not in str(written)


def test_an_exception_in_a_slot(crashing: Booth, monkeypatch, caplog) -> None:
    caplog.set_level(logging.INFO)
    fail_once(crashing.window, "show_status", monkeypatch)
    crashing.until("out-of-service")
    crashing.until_shown("E-901")
    require_gone(crashing, caplog)
    assert PERSON_A.name[0] + "＊" not in crashing.texts()


def test_an_exception_in_a_background_lane(crashing: Booth, caplog) -> None:
    def broken() -> None:
        raise LookupError(PERSON_A.name, PERSON_A.number)

    crashing.application._bridges.records.lane.submit(broken)
    crashing.until("out-of-service")
    require_gone(crashing, caplog)


def test_a_crash_that_cannot_be_handled_still_ends_the_program(crashing: Booth, monkeypatch, caplog) -> None:
    def broken(*_: object) -> None:
        raise LookupError(PERSON_A.name, PERSON_A.number)

    monkeypatch.setattr(crashing.application._bridges.records, "append", broken)
    fail_once(crashing.window, "show_status", monkeypatch)
    require_gone(crashing, caplog)


# --- a configuration that the machine does not bear out --------------------------------------------------------------


def test_a_token_file_that_is_missing_or_not_ascii(config_file: Path, qapp: QApplication, qtbot: QtBot) -> None:
    config = load(config_file)
    assert config.site.token_file is not None
    for content in (None, "令牌".encode(), b"\xff"):
        config.site.token_file.unlink(missing_ok=True)
        if content is not None:
            config.site.token_file.write_bytes(content)
        with pytest.raises(KioskError, match=r"site\.token_file cannot be used") as caught:
            Application(config, FakeQt(qapp), KioskWindow(Messages()))
        assert not caught.value.retryable


def test_a_data_folder_that_cannot_be_made(config_file: Path, qapp: QApplication, qtbot: QtBot) -> None:
    config = load(config_file)
    config.storage.data_dir.write_text("a file")
    with pytest.raises(KioskError, match=r"storage\.data_dir cannot be used") as caught:
        Application(config, FakeQt(qapp), KioskWindow(Messages()))
    assert not caught.value.retryable


def test_the_hooks_are_installed(booth: Booth, monkeypatch: pytest.MonkeyPatch, allow_logs, caplog) -> None:
    allow_logs("workstation.app")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    app.install_excepthook(booth.application)
    assert sys.excepthook == booth.application.on_unhandled

    def broken() -> None:
        raise LookupError(PERSON_A.number)

    thread = threading.Thread(target=broken, name="vendor")
    thread.start()
    thread.join()
    [record] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert record.getMessage() == "thread vendor died"
    assert PERSON_A.number not in JsonLines().format(record)
    assert booth.state == "idle", "a lost helper thread does not end a visit"

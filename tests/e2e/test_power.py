"""The whole booth on a real NUT: every turn of the power on the screen, in the journal, and at the site's server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socketserver
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import tomli_w
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.upsd import HOST, UPS_NAME, UpsdService
from kiosk_config.loader import load
from workstation import composition
from workstation.app import Application
from workstation.bridge import power
from workstation.drill.administrator import Administrator
from workstation.health.power_off import PowerOffRequest
from workstation.journey.facts import Assignment, Holder, Presence, PresenceMethod, Session, SessionId
from workstation.journey.states import Evaluating
from workstation.opening import open_window
from workstation.site.administration import BoothRow, BoothSettings
from workstation.site.embedded import EmbeddedSite
from workstation.site.readings import Quality, ReadingKind, ReadingState
from workstation.ui.messages import Messages
from workstation.ui.window import KioskWindow

BOOTH = "booth-03"
UPS = "booth-ups"
LIMIT_MS = 30_000
STALE_LIMIT_MS = 45_000
"""upsd calls a driver stale after the 15 s that the drill's ``upsd.conf`` says, at the earliest."""
WORDS = Messages()
SESSION = Session(
    holder=Holder(
        session_id=SessionId("b7a3c1de-0000-4000-8000-000000000001"), masked_name="", masked_number="", sex="1"
    ),
    presence=Presence(method=PresenceMethod.CARD_FACE),
    assignment=Assignment(
        project_id="p", project_name="演练工程", section="1", main_site="演示", alias="评委 07", role="r",
        starts_at="09:00", expected_hours=4.0, signing="s",
    ),
)  # fmt: skip


class FakeQt:
    """Takes the place of the QApplication, which belongs to the test run and must not end."""

    def __init__(self, qapp: QApplication) -> None:
        self.primaryScreen = qapp.primaryScreen
        self.codes: list[int] = []

    def exit(self, code: int) -> None:
        self.codes.append(code)


class Garbage(socketserver.ThreadingTCPServer):
    """Answers every line with what is no NUT."""

    daemon_threads = True
    allow_reuse_address = True


class _Noise(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for _ in self.rfile:
            self.wfile.write(b'VAR booth ups.status "OL\xff\nBEGIN LIST \x00\n')


class Booth:
    """A booth in its window, with an expert at work in it."""

    def __init__(self, folder: Path, site: EmbeddedSite, qapp: QApplication, qtbot: QtBot, ups: dict[str, Any]) -> None:
        self.began = datetime.now(UTC)
        self._folder, self._qtbot = folder, qtbot
        self._administrator = Administrator(site.base_url, site.tokens.admin)
        self._board = site.base_url, site.tokens.admin
        config = load(self._config_file(site, ups))
        self.window: KioskWindow = open_window(config, qapp)
        qtbot.waitSignal(self.window.first_painted, timeout=LIMIT_MS).wait()
        self.application = Application(config, FakeQt(qapp), self.window)
        self.application.start()
        journey = self.application._bridges.actions.journey
        self.wait(lambda: self.application._state_name == "idle", "never idle")
        expert_at_work = Evaluating(session=SESSION, expert_hash="0" * 64)
        journey._apply(replace(journey.journey, state=expert_at_work), ())

    def close(self) -> None:
        self._administrator.close()
        self.application.stop()
        self.window.allow_close()
        self.window.close()
        self.window.deleteLater()
        self.application.deleteLater()

    def texts(self) -> str:
        return "\n".join(label.text() for label in self.window.findChildren(QLabel) if label.isVisible())

    def until_shown(self, words: str, limit_ms: int = LIMIT_MS) -> None:
        self.wait(lambda: words in self.texts(), f"never {words!r} on the screen", limit_ms)

    def until_gone(self, words: str) -> None:
        self.wait(lambda: words not in self.texts(), f"still {words!r} on the screen")

    def journaled(self, kind: str) -> list[dict[str, Any]]:
        """Return the facts of every event of this kind."""
        self.application._bridges.records.lane.drain()
        with contextlib.closing(sqlite3.connect(self._folder / "data" / "journal.sqlite3")) as journal:
            rows = journal.execute("SELECT data FROM events WHERE kind = ?", (kind,)).fetchall()
        return [json.loads(data) for (data,) in rows]

    def until_told(self, kind: str) -> dict[str, Any]:
        """Wait until the site's server has an event, with the time at which it happened; return its facts."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            for event in self._administrator.events(BOOTH):
                if event.kind == kind and event.at >= self.began:
                    assert event.at <= datetime.now(UTC) + timedelta(seconds=1)
                    found.append(dict(event.data))
            return bool(found)

        self.wait(is_there, f"never {kind} at the server")
        assert self.journaled(kind), "at the server and not in the journal"
        return found[-1]

    def reading_at_site(self, subject: str = "") -> tuple[ReadingState, Quality]:
        """Return what the site's board says of the power."""
        base, token = self._board
        answer = requests.get(f"{base}/v1/board", headers={"Authorization": f"Bearer {token}"}, timeout=5)
        answer.raise_for_status()
        (row,) = [row for row in map(BoothRow.model_validate, answer.json()) if row.booth_id == BOOTH]
        return next(
            ((one.state, one.quality) for one in row.readings if (one.kind, one.subject) == (ReadingKind.UPS, subject)),
            (ReadingState.UNKNOWN, Quality.BAD),
        )

    def until_reading(self, state: ReadingState, limit_ms: int = LIMIT_MS) -> None:
        """Wait until the site's board has this of the booth's power and of its UPS."""
        self.wait(
            lambda: {self.reading_at_site()[0], self.reading_at_site(UPS)[0]} == {state},
            f"never {state} at the site",
            limit_ms,
        )

    def wait(self, condition: Callable[[], object], complaint: str, limit_ms: int = LIMIT_MS) -> None:
        def check() -> None:
            assert condition(), f"{complaint}; {self.application._state_name}: {self.texts()!r}"

        self._qtbot.waitUntil(check, timeout=limit_ms)

    def _config_file(self, site: EmbeddedSite, ups: dict[str, Any]) -> Path:
        bench = BenchFile(self._folder / "bench.json")
        bench.write(BenchState())
        token = self._folder / "token"
        token.write_text(site.tokens.booths[BOOTH])
        document: dict[str, Any] = {
            "schema_version": 1,
            "mode": "drill",
            "place": {"booth_id": BOOTH},
            "site": {"url": site.base_url, "token_file": str(token), "timeout_s": 2.0},
            "storage": {"data_dir": str(self._folder / "data"), "min_free_mb": 50},
            "screen": {"fullscreen": False},
            "drill": {"bench_file": str(bench.path)},
            "power": {"close_s": 30.0},
            **{device: {"driver": "simulated"} for device in ("reader", "camera", "headset")},
            "ups": [{"id": UPS, "feeds": ["booth", "switch"], "driver": "nut", "host": HOST, "poll_s": 1.0, **ups}],
        }
        file = self._folder / "booth.toml"
        file.write_text(tomli_w.dumps(document))
        return file


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSite]:
    with EmbeddedSite(tmp_path_factory.mktemp("site"), BOOTH) as site:
        administrator = Administrator(site.base_url, site.tokens.admin)
        administrator.set_up_booth(BOOTH, BoothSettings(centre="分中心", room="评标室 2", booth_label="03 号工位"))
        administrator.close()
        yield site


@pytest.fixture
def upsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpsdService]:
    with UpsdService(tmp_path_factory.mktemp("nut")) as service:
        yield service


@pytest.fixture
def open_booth(
    tmp_path: Path, site: EmbeddedSite, qtbot: QtBot, allow_logs, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Booth]]:
    qapp = QApplication.instance()
    assert isinstance(qapp, QApplication)
    allow_logs("drivers.ups")
    monkeypatch.setattr(power, "SEAL_S", 0.5)
    opened: list[Booth] = []

    def open_booth(**ups: Any) -> Booth:
        booth = Booth(tmp_path, site, qapp, qtbot, ups)
        opened.append(booth)
        return booth

    yield open_booth
    for booth in opened:
        booth.close()


def test_mains_cut_low_battery_and_the_return(open_booth, upsd: UpsdService, tmp_path: Path, monkeypatch) -> None:
    request = tmp_path / "poweroff"
    monkeypatch.setattr(composition, "PowerOffRequest", lambda _: PowerOffRequest(request))
    booth = open_booth(port=upsd.port, name=UPS_NAME)
    booth.until_shown("市电 · UPS 4 小时 12 分")
    booth.until_reading(ReadingState.OK)

    upsd.set("OB DISCHRG", charge=96, runtime_s=13_200)
    booth.until_shown("预计可用 3 小时 40 分")
    booth.until_shown("可用到 ")
    booth.until_shown("按规定应到 ")
    assert booth.until_told("outage_began")["outage"] == "mains"
    booth.until_reading(ReadingState.WARN)

    upsd.set("OB DISCHRG", charge=30, runtime_s=1000)
    booth.until_shown("备用电源即将用完（约 16 分钟）")
    booth.until_shown(WORDS.text("page_notice.save"))
    assert booth.until_told("power_battery_low")["code"] == "E-602"
    booth.until_reading(ReadingState.BAD)

    upsd.set("OB DISCHRG LB", charge=10, runtime_s=100)
    booth.until_shown("后本机将自动关机")
    assert booth.until_told("power_closing")["ups"] == UPS
    booth.until_shown(WORDS.text("power_off.soon"))
    booth.until_shown(WORDS.text("power_off.now"))
    sealed = booth.until_told("power_sealed")
    assert (sealed["state"], sealed["power_off"]) == ("Evaluating", True)
    booth.wait(request.exists, "nobody was asked to power off")

    upsd.set("OL CHRG", charge=11, runtime_s=200)
    booth.until_gone(WORDS.text("power_off.now"))
    booth.until_shown("供电已恢复")
    assert booth.until_told("power_closing_cancelled")["outage_s"] > 1
    assert booth.until_told("outage_ended")["outage"] == "mains"
    assert not request.exists()
    booth.until_reading(ReadingState.OK)


def test_a_forced_shutdown_counts_thirty_seconds_and_the_mains_end_it(open_booth, upsd: UpsdService) -> None:
    booth = open_booth(port=upsd.port, name=UPS_NAME)
    booth.until_shown("市电")
    upsd.set("FSD OB LB", charge=50, runtime_s=3000)
    booth.until_shown("后本机将自动关机")
    assert booth.until_told("power_closing")["off_in_s"] <= 30
    upsd.set("OL", charge=50, runtime_s=3000)
    booth.until_gone("后本机将自动关机")
    booth.until_told("power_closing_cancelled")
    assert booth.journaled("power_sealed") == []


def test_stale_data_are_unknown_until_they_are_fresh_again(open_booth, upsd: UpsdService) -> None:
    booth = open_booth(port=upsd.port, name=UPS_NAME)
    booth.until_shown("市电")
    driver = upsd._driver
    assert driver is not None
    os.kill(driver.pid, signal.SIGSTOP)
    try:
        booth.until_shown(WORDS.text("header.power_unknown"), STALE_LIMIT_MS)
        booth.until_told("health_lost")
        booth.until_reading(ReadingState.UNKNOWN)
    finally:
        os.kill(driver.pid, signal.SIGCONT)
    booth.until_shown("市电")
    booth.until_told("health_back")
    booth.until_reading(ReadingState.OK)


def test_an_upsd_that_is_killed_in_an_outage_ends_nothing(open_booth, upsd: UpsdService) -> None:
    booth = open_booth(port=upsd.port, name=UPS_NAME)
    booth.until_shown("市电")
    upsd.set("OB DISCHRG", charge=30, runtime_s=1000)
    booth.until_shown("备用电源即将用完")
    server = upsd._server
    assert server is not None
    server.kill()
    booth.until_shown(WORDS.text("header.power_unknown"))
    booth.until_reading(ReadingState.UNKNOWN)
    assert "备用电源即将用完" in booth.texts(), "silence is no return of the mains"
    upsd.stop_server()
    upsd.start_server()
    upsd.set("OL", charge=30, runtime_s=3000)
    booth.until_gone("备用电源即将用完")
    assert booth.until_told("outage_ended")["outage"] == "mains"


def test_a_server_of_garbage_is_unknown_and_never_good(open_booth) -> None:
    with Garbage((HOST, 0), _Noise) as garbage:
        thread = threading.Thread(target=garbage.serve_forever, args=(0.05,))
        thread.start()
        try:
            booth = open_booth(port=garbage.server_address[1], name=UPS_NAME)
            booth.until_shown(WORDS.text("header.power_unknown"))
            booth.until_reading(ReadingState.UNKNOWN)
            assert "市电" not in booth.texts()
        finally:
            garbage.shutdown()
            thread.join()


def test_a_booth_that_watches_no_ups_says_so(tmp_path: Path, open_booth, monkeypatch) -> None:
    monkeypatch.setattr(composition.devices, "make_supplies", lambda _: ())
    booth = open_booth()
    booth.until_shown(WORDS.text("header.power_unmonitored"))
    # The board may still hold what the booth of the test before has said.
    booth.wait(lambda: booth.reading_at_site()[0] is ReadingState.UNKNOWN, "never unknown at the site")

"""The booth's packs against the real site server: what it lacks arrives by itself, what it must not use stays out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from drivers.errors import ErrorCode, KioskError
from kiosk_config.model import BoothConfig
from kiosk_config.pack import durable
from kiosk_config.pack.signing import Ed25519Signer
from tests.packs import OTHER_KEY, SIGNER, TRUSTED, token
from workstation.bridge.packs import PackBridge
from workstation.bridge.records import RecordBridge
from workstation.drill.administrator import Administrator
from workstation.drill.link import Link
from workstation.evaluation.packs import BoothPacks, make_packs
from workstation.journal.journal import Journal
from workstation.site.client import SiteClient
from workstation.site.embedded import EmbeddedSite

BOOTH = "booth-03"
LIMIT_MS = 20_000
NOW = datetime.now(UTC)


def fresh(signer: Ed25519Signer = SIGNER, **changes: Any) -> str:
    """Return a signed pack that is valid today."""
    times = {"issued_at": NOW - timedelta(days=1), "valid_until": NOW + timedelta(days=30)}
    return token(signer, **(times | changes))


class Ear(QObject):
    def __init__(self, bridge: PackBridge) -> None:
        super().__init__()
        self.installed: list[str] = []
        self.crashes: list[BaseException] = []
        bridge.installed.connect(self.on_installed)
        bridge.lane.crashed.connect(self.on_crashed)

    @Slot(str)
    def on_installed(self, main_site_id: str) -> None:
        self.installed.append(main_site_id)

    @Slot(object)
    def on_crashed(self, error: BaseException) -> None:
        self.crashes.append(error)


class Bench:
    """A booth's bridge, the site's administrator, and the line between booth and site."""

    def __init__(self, site: EmbeddedSite, folder: Path, qtbot: QtBot) -> None:
        self.folder, self._qtbot = folder, qtbot
        port = int(site.base_url.rpartition(":")[2])
        self.line = Link("127.0.0.1", port)
        self.client = SiteClient(f"http://127.0.0.1:{self.line.port}", BOOTH, site.tokens.booths[BOOTH], timeout_s=5)
        self.administrator = Administrator(site.base_url, site.tokens.admin)
        self.journal = Journal(folder / "journal.sqlite3")
        self.records = RecordBridge(self.journal)
        document = {
            "schema_version": 1,
            "place": {"booth_id": BOOTH},
            "main_site": {"pack_keys": [TRUSTED], "site_id": "shihe"},
            "storage": {"data_dir": str(folder)},
        }
        self.packs: BoothPacks = make_packs(BoothConfig.model_validate(document))
        self.bridge = PackBridge(self.packs, self.records)
        self.bridge.join_site(self.client)
        self.ear = Ear(self.bridge)

    def close(self) -> None:
        self.bridge.stop()
        self.records.close()
        self.journal.close()
        self.client.close()
        self.administrator.close()
        self.line.close()
        assert self.ear.crashes == []

    def synchronise(self) -> None:
        """Do what the site's bridge does every few minutes, and wait until it is done."""
        self.bridge.on_booth_changed(self.client.booth())
        self.bridge.lane.drain()
        self.records.lane.drain()

    def journaled(self) -> list[tuple[str, dict[str, Any]]]:
        return [(event.kind, dict(event.data)) for event in self.journal.unsent(200)]

    def wait_until(self, what: Callable[[], bool]) -> None:
        self._qtbot.waitUntil(what, timeout=LIMIT_MS)


@pytest.fixture
def bench(tmp_path: Path, qtbot: QtBot) -> Iterator[Bench]:
    folder = tmp_path / "site"
    folder.mkdir()
    with EmbeddedSite(folder, BOOTH) as site:
        bench = Bench(site, tmp_path, qtbot)
        yield bench
        bench.close()


def test_what_the_site_has_comes_to_the_booth_once_and_again_when_it_is_newer(bench: Bench) -> None:
    bench.administrator.deliver_pack("zz", fresh())
    bench.synchronise()
    bench.synchronise()
    assert bench.packs.get("zz").serial == 7
    bench.administrator.deliver_pack("zz", fresh(serial=8))
    bench.administrator.deliver_pack("kf", fresh(main_site_id="kf"))
    bench.synchronise()
    assert bench.packs.get("zz").serial == 8
    assert bench.journaled() == [
        ("pack_installed", {"main_site_id": "zz", "serial": 7}),
        ("pack_installed", {"main_site_id": "kf", "serial": 7}),
        ("pack_installed", {"main_site_id": "zz", "serial": 8}),
    ]
    bench.wait_until(lambda: bench.ear.installed == ["zz", "kf", "zz"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (fresh(Ed25519Signer(OTHER_KEY)), "unknown-key"),
        (fresh(audience=["elsewhere"]), "foreign"),
        (fresh(issued_at=NOW - timedelta(days=9), valid_until=NOW - timedelta(days=1)), "expired"),
        (fresh(issued_at=NOW + timedelta(days=1)), "not-yet-valid"),
        (fresh().rpartition(".")[0] + "." + "A" * 86, "altered"),
    ],
)
def test_what_must_not_be_used_is_refused_once_and_stops_no_other(
    bench: Bench, caplog: pytest.LogCaptureFixture, allow_logs: Any, text: str, reason: str
) -> None:
    allow_logs("workstation.bridge.packs")
    bench.administrator.deliver_pack("zz", text)
    bench.administrator.deliver_pack("zzz", fresh(main_site_id="zzz"))
    bench.synchronise()
    bench.synchronise()
    assert bench.journaled() == [
        ("pack_refused", {"main_site_id": "zz", "serial": 7, "reason": reason}),
        ("pack_installed", {"main_site_id": "zzz", "serial": 7}),
    ]
    assert bench.packs.get("zzz").serial == 7
    bench.administrator.deliver_pack("zz", fresh(serial=8))
    bench.synchronise()
    assert bench.packs.get("zz").serial == 8, "the next one is good"


def test_the_site_cannot_take_a_booth_back(bench: Bench, allow_logs: Any) -> None:
    allow_logs("workstation.bridge.packs")
    bench.packs.install(fresh(serial=9))
    bench.administrator.deliver_pack("zz", fresh(serial=8))
    bench.synchronise()
    assert bench.journaled() == [("pack_refused", {"main_site_id": "zz", "serial": 8, "reason": "older"})]
    assert bench.packs.get("zz").serial == 9


def test_a_pack_damaged_on_the_booth_is_fetched_again(bench: Bench) -> None:
    bench.administrator.deliver_pack("zz", fresh())
    bench.synchronise()
    (bench.folder / "packs" / "zz.pack").write_bytes(b"\x00" * 100)
    bench.synchronise()
    assert bench.packs.get("zz").serial == 7


def test_a_line_that_is_cut_is_made_up_for(bench: Bench) -> None:
    bench.administrator.deliver_pack("zz", fresh())
    info = bench.client.booth()
    bench.line.cut()
    bench.bridge.on_booth_changed(info)
    bench.bridge.lane.drain()
    assert bench.packs.main_site_ids() == []
    bench.line.restore()
    bench.synchronise()
    assert bench.packs.get("zz").serial == 7


def test_whoever_needs_a_pack_that_is_not_there_sets_off_its_fetching(bench: Bench) -> None:
    bench.administrator.deliver_pack("zz", fresh())
    with pytest.raises(KioskError) as caught:
        bench.bridge.get("zz")
    assert caught.value.code is ErrorCode.COMPONENT_MISSING
    bench.wait_until(lambda: bench.ear.installed == ["zz"])
    assert bench.bridge.get("zz").serial == 7


def test_a_full_disk_is_told_once_and_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, allow_logs: Any
) -> None:
    allow_logs("workstation.bridge.packs")
    bench.administrator.deliver_pack("zz", fresh())

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "fsync", full)
        bench.synchronise()
        bench.synchronise()
    assert bench.journaled() == [("pack_refused", {"main_site_id": "zz", "serial": 7, "reason": "unreadable"})]
    bench.synchronise()
    assert bench.packs.get("zz").serial == 7

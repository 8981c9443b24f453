"""A check-up of real parts: PulseAudio, upsd, site server, face engine, journal; and of devices that hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from drivers.camera.hub import CameraHub
from drivers.contracts import CancelToken, DeviceKind, DeviceState, DeviceStatus, Frame
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.pulse import CAPTURE_NAME, PLAYBACK_NAME, PulseService
from drivers.simulated.upsd import HOST, UPS_NAME, UpsdService
from kiosk_config.loader import load
from tests.integration.site_serving import serving
from workstation.checkup.feed import ReadingFeed
from workstation.checkup.findings import Reason
from workstation.checkup.probes import camera_probe, look_at_camera, look_at_journal, look_at_main_sites
from workstation.checkup.runner import TOTAL_S, CheckupRunner, Probe
from workstation.checkup_parts import all_groups, own_probes
from workstation.evaluation.packs import make_packs
from workstation.journal.journal import Journal
from workstation.site.readings import ReadingKind
from workstation.site.selfcheck import CheckupOwn, CheckupReport, CheckupVerdict
from workstation.site.server import tokens
from workstation.site.server.database import Database, sqlite_url
from workstation.site.server.site import Site

LIMIT_S = 200.0


@pytest.fixture
def bench(tmp_path: Path) -> BenchFile:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState())
    return bench


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    database = Database(sqlite_url(tmp_path))
    context = Site(database=database, tokens=tokens.load_or_create(tmp_path, "a-1"), clock=lambda: datetime.now(UTC))
    context.enrol()
    (tmp_path / "booth.token").write_text(context.tokens.booths["a-1"])
    with serving(context) as url:
        yield url
    database.close()


def configuration(folder: Path, *, site: str, ups_port: int) -> Path:
    file = folder / "booth.toml"
    file.write_text(
        f"""schema_version = 1
mode = "drill"
place.booth_id = "a-1"
reader.driver = "simulated"
camera.driver = "simulated"
drill.bench_file = "{folder / "bench.json"}"
storage.data_dir = "{folder / "data"}"
site.url = "{site}"
site.token_file = "{folder / "booth.token"}"
[headset]
driver = "pulse"
playback = "{PLAYBACK_NAME}"
capture = "{CAPTURE_NAME}"
[[ups]]
id = "booth"
feeds = ["booth"]
driver = "nut"
host = "{HOST}"
port = {ups_port}
name = "{UPS_NAME}"
""",
        encoding="utf-8",
    )
    return file


def check_up(config: Path, pulse: PulseService) -> tuple[int, str, CheckupReport]:
    """Run the command as IT does; return its exit code, what it printed, and the report."""
    report = config.with_name("report.json")
    done = subprocess.run(
        [sys.executable, "-m", "kiosk_config", "self-check", "--config", str(config), "--json", str(report)],
        env=os.environ | {"PULSE_SERVER": pulse.server},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, CheckupReport.model_validate_json(report.read_text())


def test_the_command_line_checks_real_parts(tmp_path: Path, bench: BenchFile, site: str) -> None:
    (tmp_path / "data").mkdir()
    Journal(tmp_path / "data" / "journal.sqlite3").close()
    with UpsdService(tmp_path) as upsd, PulseService(tmp_path) as pulse:
        upsd.set("OL", charge=100, runtime_s=15120, load=22)
        pulse.plug()
        pulse.lay_down()
        config = configuration(tmp_path, site=site, ups_port=upsd.port)
        code, printed, report = check_up(config, pulse)
        by_kind = {item.kind: item for item in report.items}
        good = [ReadingKind.READER, ReadingKind.CAMERA, ReadingKind.HEADSET, ReadingKind.UPS, ReadingKind.DISK]
        for kind in (*good, ReadingKind.SITE, CheckupOwn.JOURNAL, CheckupOwn.FACE_ENGINE):
            assert by_kind[kind].verdict is CheckupVerdict.PASS, by_kind[kind]
        assert by_kind[ReadingKind.UPS].values["runtime_s"] >= 14400
        assert by_kind[ReadingKind.SITE].values
        assert by_kind[CheckupOwn.JOURNAL].values["events"] == 1
        assert by_kind[CheckupOwn.FACE_ENGINE].detail
        assert by_kind[ReadingKind.MAIN_SITE].reason == Reason.NO_PACK
        assert report.duration_s <= TOTAL_S
        assert "✓ 耳麦：正常" in printed
        assert code == (1 if report.verdict is CheckupVerdict.FAIL else 0)

        upsd.set("OL", charge=100, runtime_s=3600, load=80)
        pulse.unplug()
        bench.write(BenchState(camera_plugged=False))
        code, printed, report = check_up(config, pulse)
        by_kind = {item.kind: item for item in report.items}
        assert (by_kind[ReadingKind.HEADSET].verdict, by_kind[ReadingKind.HEADSET].code) == ("fail", "E-401")
        assert (by_kind[ReadingKind.CAMERA].verdict, by_kind[ReadingKind.CAMERA].code) == ("fail", "E-405")
        assert (by_kind[ReadingKind.UPS].verdict, by_kind[ReadingKind.UPS].reason) == ("warn", Reason.TOO_SHORT)
        assert code == 1
        assert "→ 插好耳麦的插头，再检一次；仍没有请更换耳麦。" in printed
    assert json.loads((tmp_path / "report.json").read_text())["trigger"] == "tool"


def test_the_deadlines_of_no_group_add_up_to_more_than_a_minute(tmp_path: Path, bench: BenchFile) -> None:
    config = load(configuration(tmp_path, site="", ups_port=1))
    with closing(Journal(tmp_path / "journal.sqlite3")):
        journal = Probe(kind=CheckupOwn.JOURNAL, deadline_s=30.0, look=lambda _: ())
        own = own_probes(config, CameraHub(SimulatedCamera(bench)), make_packs(config), journal)
    groups = all_groups(ReadingFeed(set()), own)
    assert all(sum(probe.deadline_s for probe in group) <= TOTAL_S for group in groups)
    kinds = [probe.kind for group in groups for probe in group]
    assert sorted(kinds) == sorted([*ReadingKind, *CheckupOwn])  # every kind once


# --- camera ---------------------------------------------------------------------------------------------------------


class Camera:
    """Gives the pictures it is told to."""

    def __init__(self, picture: Callable[[], np.ndarray], *, hangs: threading.Event | None = None) -> None:
        self._picture, self._hangs = picture, hangs

    def present(self) -> DeviceStatus:
        return DeviceStatus(kind=DeviceKind.CAMERA, state=DeviceState.READY, name="UVC", serial="1")

    def open(self) -> None:
        if self._hangs is not None:
            self._hangs.wait(LIMIT_S)

    def read(self, *, timeout_s: float) -> Frame:
        time.sleep(0.05)
        return Frame(image=self._picture(), captured_at=time.monotonic())

    def close(self) -> None: ...


def noise(mean: int, spread: int = 20) -> Callable[[], np.ndarray]:
    generator = np.random.default_rng(1)
    return lambda: np.clip(generator.normal(mean, spread, (240, 320, 3)), 0, 255).astype(np.uint8)


STILL = noise(120)()


@pytest.mark.parametrize(
    ("picture", "verdict", "reason"),
    [
        (noise(120), "pass", Reason.GOOD),
        (STILL.copy, "fail", Reason.FROZEN),
        (noise(3, 2), "fail", Reason.COVERED),
        (noise(40), "warn", Reason.TOO_DARK),
        (noise(235), "warn", Reason.TOO_BRIGHT),
    ],
)
def test_pictures_are_judged(picture: Callable[[], np.ndarray], verdict: str, reason: Reason) -> None:
    [item] = look_at_camera(CameraHub(Camera(picture)).reader(), CancelToken())
    assert (item.verdict, item.reason) == (verdict, reason)
    assert item.values["frames_per_second"] > 0
    assert item.device is not None


def test_a_camera_that_hangs_is_a_fail_in_time_and_holds_up_nobody() -> None:
    release = threading.Event()
    probe = camera_probe(CameraHub(Camera(noise(120), hangs=release)).reader())
    hurried = Probe(kind=probe.kind, deadline_s=0.3, look=probe.look)
    other = Probe(kind=ReadingKind.DISK, deadline_s=20.0, look=lambda _: ())
    found = CheckupRunner().run([[hurried, other]], lambda _items: None, CancelToken())
    release.set()
    assert found is not None
    assert [(item.verdict, item.reason) for item in found] == [("fail", Reason.TIMED_OUT)]


# --- journal, main sites --------------------------------------------------------------------------------------------


def test_a_journal_with_a_broken_chain_is_a_fail(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.sqlite3")) as journal:
        [good] = look_at_journal(journal, CancelToken())
        assert (good.verdict, good.values["events"]) == (CheckupVerdict.PASS, 1)
        # Whoever can write the file can take the triggers away first.
        names = journal._connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            journal._connection.execute(f"DROP TRIGGER {name}")
        journal._connection.execute("UPDATE events SET kind = 'forged' WHERE seq = 1")
        [bad] = look_at_journal(journal, CancelToken())
    assert (bad.verdict, bad.reason, bad.detail) == (CheckupVerdict.FAIL, Reason.CHAIN_BROKEN, "event 1")


def test_a_main_site_is_named_by_its_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.integration.test_bridge_preflight import Packs  # noqa: PLC0415 - a scripted shelf

    packs = Packs()
    packs.ids = ["xinyang"]
    monkeypatch.setattr(packs, "main_site_ids", lambda: ["luohe", "xinyang"])
    without, unreachable = look_at_main_sites(packs, CancelToken())
    assert (without.subject, without.verdict) == ("luohe", CheckupVerdict.FAIL)
    assert (unreachable.subject, unreachable.code) == ("xinyang", "E-501")

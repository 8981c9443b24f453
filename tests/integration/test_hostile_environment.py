"""The real program in an environment that opens Chromium, Python and the loader: nothing of it is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w

from drivers.simulated.child import free_port
from tests.integration.test_main_site_trust import Booth, TlsSite, make_pack
from tests.tls_certificates import make_authority, make_leaf

WAIT_S = 30.0
ROOT = Path(__file__).parents[2]


def some_library() -> str:
    """Return a library of the system that the kiosk never loads."""
    found = sorted(Path("/lib").glob("*-linux-gnu/libanl.so.1"))
    assert found, "no library to preload"
    return str(found[0])


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_the_program_starts_again_without_what_it_was_given(tmp_path: Path) -> None:
    library = some_library()
    config = tmp_path / "booth.toml"
    document = {
        "schema_version": 1,
        "mode": "drill",  # tests run as root
        "place": {"booth_id": "booth-03"},
        "reader": {"driver": "serial", "serial": {"port": str(tmp_path / "none")}},
        "camera": {"source": str(tmp_path / "none")},
        "screen": {"fullscreen": False},
        "storage": {"data_dir": str(tmp_path / "data")},
        "self_check": {"daily_at": ""},
    }
    config.write_text(tomli_w.dumps(document), encoding="utf-8")
    startup = tmp_path / "startup.py"
    startup.write_text("raise SystemExit(3)", encoding="utf-8")
    hostile = {
        "LD_PRELOAD": library,
        "PYTHONINSPECT": "1",
        "PYTHONSTARTUP": str(startup),
        "QTWEBENGINE_REMOTE_DEBUGGING": str(free_port()),
        "QTWEBENGINE_DISABLE_SANDBOX": "1",
        "QTWEBENGINE_CHROMIUM_FLAGS": "--no-sandbox",
        "SSLKEYLOGFILE": str(tmp_path / "keys"),
        "https_proxy": "http://127.0.0.1:9",
    }
    environment = os.environ | hostile | {"HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    kiosk = subprocess.Popen(
        [sys.executable, "-m", "workstation", "--config", str(config)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        proc = Path(f"/proc/{kiosk.pid}")
        wait_for(lambda: kiosk.poll() is not None or "libQt6Widgets" in (proc / "maps").read_text())
        assert kiosk.poll() is None, "it goes on"
        names = {line.partition(b"=")[0].decode() for line in (proc / "environ").read_bytes().split(b"\0") if line}
        assert not names & set(hostile)
        assert Path(library).name not in (proc / "maps").read_text()
        # A window is the sign that the check of the browser's start was passed too.
        wait_for(lambda: kiosk.poll() is not None or (tmp_path / "data").exists())
        assert (tmp_path / "data").exists()
        assert not (tmp_path / "keys").exists()
    finally:
        kiosk.send_signal(signal.SIGTERM)
        _, errors = kiosk.communicate(timeout=WAIT_S)
    assert "refused" not in errors


@pytest.mark.parametrize("cleans", [False, True], ids=["as it came", "cleaned"])
def test_no_debugging_port_is_open_behind_the_page(tmp_path: Path, cleans: bool) -> None:
    """Without the cleaning the port is there: what this test sees is real."""
    port = free_port()
    authority = make_authority()
    site = TlsSite(tmp_path, make_leaf(authority))
    environment = {"QTWEBENGINE_REMOTE_DEBUGGING": f"127.0.0.1:{port}"}
    booth = Booth(tmp_path, None, environment=environment, cleans=cleans)
    try:
        assert booth.open(make_pack(site, certificate_authorities=[authority.pem])) == "opened"
        assert is_open(port) is not cleans
    finally:
        booth.stop()
        site.close()

"""A real Mumble client from Debian, kept by the real bridge, on a real X server with openbox, at a real Mumble server.

xwininfo and xdotool are the witnesses: they see what a person would see, and type what a person would type.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pulsectl
import pytest

from drivers.simulated.pulse import PulseService
from tests.murmur import MurmurService, client_settings
from workstation.drill.__main__ import virtual_screen

pytestmark = pytest.mark.timeout(150)

ALIAS = "zhuanjia-07"
PASSWORD = "sesame-4711"
PANE = (1366 - 414, 60, 414, 768 - 100)
PROCESS = Path(__file__).with_name("external_conference_process.py")
ROOT = PROCESS.parents[2]
FAMILY = "evaluation-workstation-conference"


@pytest.fixture(scope="module", autouse=True)
def _screen() -> Iterator[None]:
    with virtual_screen("1366x768"):
        yield


@pytest.fixture
def murmur(tmp_path: Path) -> Iterator[MurmurService]:
    with MurmurService(tmp_path, PASSWORD) as service:
        yield service


@pytest.fixture
def pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseService]:
    with PulseService(tmp_path_factory.mktemp("pulse")) as service:
        service.plug()
        yield service


def until(look: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """Return the first thing that ``look`` finds."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, "not seen in time"
        time.sleep(0.1)
    return found


class Kiosk:
    """The process of ``external_conference_process``."""

    def __init__(self, runtime: Path, murmur: MurmurService, sound: str, **changes: Any) -> None:
        plan = {"meeting": "", "password": PASSWORD} | changes.pop("plan", {})
        settings = {"pack": pack(murmur, **changes), "plan": plan, "alias": ALIAS}
        self.runtime = runtime
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "QT_QPA_PLATFORM": "xcb",
            "XDG_RUNTIME_DIR": str(runtime),
            "PULSE_SERVER": sound,
        }
        self.process = subprocess.Popen(
            [sys.executable, str(PROCESS), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self.told: list[dict[str, Any]] = []
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.hear("ready")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def hear(self, key: str, value: object = None, timeout_s: float = 40.0) -> dict[str, Any]:
        """Return the next thing told that has ``key``, and ``value`` for it."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                said = json.loads(self._lines.get(timeout=max(0.01, deadline - time.monotonic())))
            except queue.Empty:
                pytest.fail(f"{key}={value} not told; only {self.told}")
            self.told.append(said)
            assert "crashed" not in said
            if key in said and value in {None, said[key]}:
                return said

    def order(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def homes(self) -> list[Path]:
        return sorted(self.runtime.glob(f"{FAMILY}*/session-*/"))

    def clients(self) -> list[psutil.Process]:
        """Return the processes whose home is a folder of this kiosk's clients."""
        found = []
        for process in psutil.process_iter():
            try:
                home = process.environ().get("HOME", "")
                if process.status() != psutil.STATUS_ZOMBIE and FAMILY in home and str(self.runtime) in home:
                    found.append(process)
            except (psutil.Error, ProcessLookupError):  # the second is psutil's own race with an ending process
                continue
        return found

    def close(self) -> None:
        try:
            if self.process.poll() != -signal.SIGKILL:
                self.order("quit")
                assert self.process.wait(20) == 0
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join(5)
            for pipe in (self.process.stdin, self.process.stdout):
                assert pipe is not None
                pipe.close()


def pack(murmur: MurmurService, **changes: Any) -> dict[str, Any]:
    client = {
        "command": ["/usr/bin/mumble", "-n", "mumble://{alias:url}:{password:url}@{server}/"],
        "server": f"127.0.0.1:{murmur.port}",
        "password_by": "argument",
        "window": {"wm_class": "^mumble ", "title": "^Mumble -- "},
        "files": [{"path": ".config/Mumble/Mumble.conf", "text": client_settings()}],
    }
    return {
        "main_site_id": "test",
        "name": "test",
        "serial": 1,
        "origins": [{"origin": "https://main.example.cn"}],
        "launch": {"kind": "ticket-get", "url": "https://main.example.cn/enter"},
        "arrived": {"origin": "https://main.example.cn"},
        "conference": "external",
        "external_client": client | changes,
    }


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory, murmur: MurmurService, pulse: PulseService):
    kiosks: list[Kiosk] = []

    def make(**changes: Any) -> Kiosk:
        kiosks.append(Kiosk(tmp_path_factory.mktemp("run"), murmur, pulse.server, **changes))
        return kiosks[-1]

    yield make
    for kiosk in kiosks:
        kiosk.close()


def window_tree() -> str | None:
    """Return every window, or ``None`` when one of them went while xwininfo walked: it stops there."""
    walked = subprocess.run(["xwininfo", "-root", "-tree"], capture_output=True, text=True, check=False)
    return None if walked.returncode else walked.stdout


def windows(pattern: str) -> dict[str, tuple[int, int, int, int]]:
    """Return the mapped windows of Mumble whose title fits, with their places on the screen, as xwininfo sees them."""
    found = {}
    for number, title in re.findall(r'(0x[0-9a-f]+) "([^"]*)": \("mumble" "Mumble"\)', until(window_tree)):
        seen = subprocess.run(["xwininfo", "-id", number], capture_output=True, text=True, check=False).stdout
        if re.search(pattern, title) and "IsViewable" in seen:
            keys = ("Absolute upper-left X", "Absolute upper-left Y", "Width", "Height")
            found[number] = tuple(int(re.search(rf"{key}: +(-?\d+)", seen)[1]) for key in keys)
    return found


def main_window() -> str | None:
    return next((number for number, place in windows("^Mumble -- ").items() if place == PANE), None)


def xdotool(*words: str) -> str:
    return subprocess.run(["xdotool", *words], capture_output=True, text=True, check=True, timeout=20).stdout


def accept_certificate() -> None:
    """Do what the expert does: the server is unknown, and Mumble asks. Its question is within reach of the pane."""
    [(number, (x, y, width, height))] = until(lambda: list(windows("^Mumble$").items()))
    until(lambda: windows("^Mumble$").get(number, (0,))[0] + width == 1366 or None)
    assert x >= 0
    assert y >= 0
    assert height < 768
    xdotool("windowactivate", "--sync", number, "key", "--window", number, "alt+y")


def joined(kiosk: Kiosk, murmur: MurmurService) -> str:
    """Join, and return the client's window once it stands in the pane and the server has let the expert in."""
    kiosk.order("join")
    kiosk.hear("kind", "conference_joined")
    accept_certificate()
    until(lambda: murmur.arrivals(ALIAS) == 1)
    return until(main_window)


def text_at(x: int, y: int, text: str) -> None:
    xdotool("mousemove", str(x), str(y), "click", "1", "sleep", "0.3", "type", text)


def test_a_client_joins_in_the_pane_stays_above_and_has_its_own_keyboard(start, murmur):
    kiosk = start()
    joined(kiosk, murmur)
    text_at(100, 75, "page")
    until(lambda: kiosk.hear("typed")["typed"] == "page")
    assert main_window(), "a click into the page does not cover the client"
    # The chat field lies at the lower left of Mumble's window.
    text_at(PANE[0] + 60, PANE[1] + PANE[3] - 40, "hello")
    assert xdotool("getwindowfocus", "getwindowname").startswith("Mumble -- ")
    text_at(100, 75, "!")
    assert kiosk.hear("typed")["typed"] == "page!", "what was typed into the client went nowhere else"
    assert PASSWORD not in json.dumps(kiosk.told)


def test_a_killed_client_comes_back_and_leaving_leaves_nothing(start, murmur):
    kiosk = start()
    joined(kiosk, murmur)
    [home] = kiosk.homes()
    assert home.stat().st_mode & 0o777 == 0o700
    [client] = [process for process in kiosk.clients() if process.name() == "mumble"]
    client.send_signal(signal.SIGKILL)
    assert kiosk.hear("kind", "conference_lost")["facts"]["reason"] == "ended"
    assert {"raised": "E-407"} in kiosk.told
    assert kiosk.hear("kind", "conference_back")["facts"]["restarts"] == 1
    assert {"cleared": "E-407"} in kiosk.told
    until(lambda: murmur.arrivals(ALIAS) == 2)
    until(main_window)
    kiosk.order("leave")
    kiosk.hear("kind", "conference_left")
    until(lambda: not kiosk.clients() and not kiosk.homes())
    assert not windows("")
    assert not list(kiosk.runtime.rglob("*umble*"))


def test_a_client_that_hangs_is_seen_by_its_silence(start, murmur):
    kiosk = start(terminate_s=1.0)
    joined(kiosk, murmur)
    [client] = [process for process in kiosk.clients() if process.name() == "mumble"]
    client.suspend()
    assert kiosk.hear("kind", "conference_lost", timeout_s=60)["facts"]["reason"] == "hung"
    kiosk.hear("kind", "conference_back")
    assert not client.is_running()


def test_a_locked_booth_shows_and_plays_nothing_of_it(start, murmur, pulse):
    kiosk = start()
    joined(kiosk, murmur)

    def mutes() -> list[int]:
        with pulsectl.Pulse("witness", server=pulse.server) as control:
            streams = [*control.sink_input_list(), *control.source_output_list()]
            return [stream.mute for stream in streams if "umble" in stream.proplist.get("application.name", "")]

    until(lambda: mutes() and not any(mutes()))
    kiosk.order("hold")
    until(lambda: not windows("") and mutes() and all(mutes()))
    kiosk.order("release")
    until(main_window)
    until(lambda: mutes() and not any(mutes()))
    kiosk.order("cover")
    until(lambda: not windows(""))
    assert not any(mutes()), "another screen is no lock"
    kiosk.order("uncover")
    until(main_window)
    assert murmur.arrivals(ALIAS) == 1
    assert not any(said.get("kind") == "conference_lost" for said in kiosk.told)


@pytest.mark.parametrize("plan", [{"mask": True}, {"voice": True}])
def test_a_project_that_wants_anonymity_starts_no_client(start, murmur, plan):
    kiosk = start(plan=plan)
    kiosk.order("join")
    assert kiosk.hear("kind", "conference_refused")["facts"] == {"client": "external", "reason": "anonymity"}
    assert {"raised": "E-408"} in kiosk.told
    assert not kiosk.clients()
    assert not kiosk.homes()
    kiosk.order("leave")
    kiosk.hear("cleared", "E-408")


def test_a_client_that_ends_again_and_again_is_given_up(start):
    kiosk = start(command=["/bin/false"], password_by="environment", restarts=1)
    kiosk.order("join")
    assert kiosk.hear("kind", "conference_lost")["facts"] == {
        "client": "external", "reason": "ended", "restarts": 1, "given_up": False,
    }  # fmt: skip
    assert kiosk.hear("kind", "conference_lost")["facts"]["given_up"] is True
    assert [said for said in kiosk.told if "raised" in said] == [{"raised": "E-407"}]
    kiosk.order("leave")
    kiosk.hear("cleared", "E-407")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"command": ["/nonexistent/client"], "restarts": 0}, "not-started"),
        ({"command": ["/bin/sleep", "60"], "restarts": 0, "ready_s": 1.0}, "no-window"),
        ({"command": ["/bin/sleep", "60"], "sha256": "0" * 64}, "altered"),
    ],
)
def test_what_cannot_run_is_said_at_once(start, changes, reason):
    kiosk = start(password_by="environment", **changes)
    kiosk.order("join")
    facts = kiosk.hear("kind", "conference_lost")["facts"]
    assert (facts["reason"], facts["given_up"]) == (reason, True)
    kiosk.order("leave")
    until(lambda: not kiosk.clients() and not kiosk.homes())


def test_what_leaves_the_session_is_ended_too_and_the_next_start_ends_what_a_crash_left(start):
    script = "setsid sleep 1000 & setsid sleep 1001 & exec sleep 1002"
    kiosk = start(command=["/bin/sh", "-c", script], password_by="environment", ready_s=100)
    kiosk.order("join")
    until(lambda: len(kiosk.clients()) == 3)
    kiosk.order("leave")
    until(lambda: not kiosk.clients())
    until(lambda: not kiosk.homes())
    kiosk.order("join")
    until(lambda: len(kiosk.clients()) == 3)
    kiosk.process.kill()
    kiosk.process.wait()
    assert len(kiosk.clients()) == 3
    code = "from workstation.conference.external.process import forget_clients; forget_clients()"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(kiosk.runtime)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, stderr=subprocess.DEVNULL)
    assert not kiosk.clients()
    assert not kiosk.homes()

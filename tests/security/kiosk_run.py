"""The whole suite against the real kiosk on Xvfb with the window manager's configuration of the package."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from drivers.simulated.child import free_port
from tests.security.attempts import Attempt
from tests.security.authority import make_authority, trust_in_home
from tests.security.hostile import HostileSite
from tests.security.runner import Outcome, Runner
from tests.security.screen import Eye
from tests.security.sink import Sink
from tests.security.watch import Ground, Snapshot, compare, look
from tests.security.way_in import SESSION_OPENBOX, Surroundings, evaluating_kiosk
from workstation.drill.__main__ import virtual_screen
from workstation.drill.kiosk import KioskProcess

SIZE = "1366x768"
SETTLE_S = 2.0
"""Qt makes a new native window when the page enters it."""
PAGE_MIDDLE = (683, 400)
PROGRAMS = frozenset({"QtWebEngineProcess", "certutil", "python", "python3", "python3.11"})
_DAY = ("*/drill/*", "*/home/.cache/*", "*/home/.local/share/*", "*/home/.config/pulse/*", "*/home/.pki/*")


@dataclass(frozen=True)
class World:
    """The hostile servers, and the folders of the browser that meets them."""

    place: Surroundings
    site: HostileSite
    sink: Sink


@contextlib.contextmanager
def hostile_world(base: Path) -> Iterator[World]:
    """Start the servers and make the folders."""
    place = Surroundings(base)
    place.make()
    authority = make_authority(base / "authority")
    trust_in_home(authority, place.home)
    with Sink(authority) as sink, HostileSite(authority, sink.port) as site:
        yield World(place, site, sink)


@contextlib.contextmanager
def screen() -> Iterator[Eye]:
    """Run Xvfb with the session's window manager."""
    command = ["openbox", "--sm-disable", "--config-file", os.fspath(SESSION_OPENBOX)]
    with virtual_screen(SIZE, command), Eye(os.environ["DISPLAY"]) as eye:
        yield eye


def run(base: Path, attempts: Iterable[Attempt], environment: Mapping[str, str] | None = None) -> list[Outcome]:
    """Run the attempts in one kiosk, or in as many as it takes when one loses the page."""
    left = [attempt for attempt in attempts if not attempt.environment]
    outcomes: list[Outcome] = []
    visit = 0
    while left:
        visit += 1
        with (
            hostile_world(base / f"visit-{visit}") as world,
            screen() as eye,
            evaluating_kiosk(world.place, world.site, environment or {}) as (kiosk, _play),
        ):
            time.sleep(SETTLE_S)
            runner = Runner(_ground(world, kiosk, eye), world.site, PAGE_MIDDLE, lambda kiosk=kiosk: _state(kiosk))
            while left:
                outcomes.append(runner.run(left.pop(0)))
                if not outcomes[-1].page_lives:
                    break
            outcomes += _stragglers(world, outcomes)
    return outcomes


def run_with_environment(base: Path, attempts: Iterable[Attempt]) -> list[Outcome]:
    """Start one kiosk with the environments of all attempts, and look at what came of each.

    Each attempt has a folder and a port of its own, so that an effect names its cause.
    """
    chosen = [attempt for attempt in attempts if attempt.environment]
    with hostile_world(base) as world, screen() as eye:
        ears = {one.id: socket.create_server(("127.0.0.1", 0)) for one in chosen}
        wanted = {one.id: _variables(one, base, ears[one.id].getsockname()[1]) for one in chosen}
        environment = {name: value for variables in wanted.values() for name, value in variables.items()}
        with evaluating_kiosk(world.place, world.site, environment) as (kiosk, _play):
            time.sleep(SETTLE_S)
            ground = _ground(world, kiosk, eye)
            untouched = Snapshot(eye.windows(), look(ground).files, frozenset(), 0, 0)
            effects = sorted(compare(ground, untouched))
            held = _environments(kiosk.pid)
            state = _state(kiosk)
    outcomes = []
    for attempt in chosen:
        passed = [
            f"environment: {name} came through"
            for name, value in wanted[attempt.id].items()
            if value in held.get(name, ())
        ]
        traces = [f"file: {path.name}" for path in (base / attempt.id).iterdir() if path.name != "engine"]
        heard = ["proxy: was asked"] if _was_called(ears[attempt.id]) else []
        common = effects + ([f"state: {state}"] if state else [])
        outcomes.append(Outcome(id=attempt.id, escaped=passed + traces + heard + common))
    return outcomes


def _environments(pid: int) -> dict[str, set[str]]:
    """Return what the kiosk, started again with a clean environment, and its children have in theirs."""
    found: dict[str, set[str]] = {}
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            for name, value in process.environ().items():
                found.setdefault(name, set()).add(value)
    return found


def _variables(attempt: Attempt, base: Path, port: int) -> dict[str, str]:
    """Return the attempt's variables, and make its folder with a program that leaves a trace there."""
    folder = base / attempt.id
    folder.mkdir()
    program = folder / "engine"
    program.write_text(f"#!/bin/sh\ntouch '{folder}/engine-ran'\n", encoding="utf-8")
    program.chmod(0o700)
    words = {"folder": os.fspath(folder), "port": str(port), "free": str(free_port())}
    return {name: value.format(**words) for name, value in attempt.environment.items()}


def _was_called(ear: socket.socket) -> bool:
    """Whether anybody has connected; closes it."""
    with ear:
        ear.settimeout(0.05)
        try:
            ear.accept()[0].close()
        except TimeoutError:
            return False
    return True


def _ground(world: World, kiosk: KioskProcess, eye: Eye) -> Ground:
    place = world.place
    return Ground(
        pid=kiosk.pid,
        eye=eye,
        sink=world.sink,
        folders=(place.home, place.temporary, place.base / "drill" / "kiosk"),
        working_folder=Path.cwd(),
        calls=place.calls,
        usual_programs=PROGRAMS,
        usual_files=(*_DAY, f"{place.temporary}/.org.chromium.*"),
        is_kiosk=True,
    )


def _state(kiosk: KioskProcess) -> str:
    """Say what is wrong with the kiosk."""
    if not kiosk.is_running:
        return "the kiosk ended"
    states = [str(line["state"]) for line in kiosk.lines if line.get("event") == "state_entered"]
    return "" if states[-1] == "evaluating" else states[-1]


def _stragglers(world: World, outcomes: list[Outcome]) -> list[Outcome]:
    """Requests that came when their attempt was over were seen by a later one: none may be missing."""
    requests = [arrival for arrival in world.sink.arrivals if arrival.kind == "request"]
    seen = sum("sink: request" in [*outcome.escaped, *outcome.left] for outcome in outcomes)
    if requests and not seen:
        return [Outcome(id="late-requests", escaped=[f"sink: {request.what}" for request in requests])]
    return []

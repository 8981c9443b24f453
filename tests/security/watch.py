"""Looks at what an escape would leave: windows, processes, files, open ports, and what reached the outside."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.security.screen import Eye, Window
from tests.security.sink import Sink

DESKTOP_PROGRAMS = (
    "xdg-open", "xdg-email", "xdg-settings", "xdg-mime", "gio", "gvfs-open", "kde-open", "kde-open5", "kde-open6",
    "kfmclient", "exo-open", "gnome-open", "mimeopen", "run-mailcap", "sensible-browser", "x-www-browser", "firefox",
    "google-chrome", "thunderbird", "evolution", "xterm", "x-terminal-emulator", "gnome-terminal", "konsole", "lp",
    "lpr", "evince", "okular", "xdg-desktop-portal",
)  # fmt: skip
"""What a browser would call to get something done outside; each is a program that only notes that it was called."""


def plant_programs(folder: Path, calls: Path) -> None:
    """Put the fake programs into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    calls.touch()
    for name in DESKTOP_PROGRAMS:
        program = folder / name
        program.write_text(f'#!/bin/sh\nprintf "%s %s\\n" "{name}" "$*" >> "{calls}"\n', encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)


@dataclass(frozen=True)
class Ground:
    """What is watched.

    Attributes:
        pid: the root of the watched process tree.
        folders: where files could appear, at any depth.
        working_folder: where files could appear, not below it.
        calls: what the fake programs write into.
        usual_programs: names of programs that the tree may hold.
        usual_files: patterns of files that may appear.
        is_kiosk: whether the window must stay full and on top.
    """

    pid: int
    eye: Eye
    sink: Sink
    folders: Sequence[Path]
    working_folder: Path
    calls: Path
    usual_programs: frozenset[str]
    usual_files: tuple[str, ...]
    is_kiosk: bool


@dataclass(frozen=True)
class Snapshot:
    """How things stood before an attempt."""

    windows: list[Window]
    files: dict[Path, int]
    listening: frozenset[tuple[str, int]]
    arrivals: int
    calls: int


def look(ground: Ground) -> Snapshot:
    """Note how things stand."""
    return Snapshot(
        windows=ground.eye.windows(),
        files=_files(ground),
        listening=_listening(ground.pid),
        arrivals=len(ground.sink.arrivals),
        calls=len(_calls(ground)),
    )


def watch(ground: Ground, before: Snapshot, seconds: float) -> set[str]:
    """Watch windows and programs for ``seconds``; return findings.

    Windows and processes are looked at every few hundredths of a second: what comes and goes again is seen.
    """
    findings: set[str] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        findings |= _windows(ground, before) | _programs(ground)
        time.sleep(0.04)
    return findings | _windows(ground, before)


def compare(ground: Ground, before: Snapshot) -> set[str]:
    """Return what is different now and must not be."""
    findings = _windows(ground, before) | _programs(ground)
    for path, size in _files(ground).items():
        if before.files.get(path) != size and not _is_usual(path, ground):
            findings.add(f"file: {path.name}")
    for kind, port in _listening(ground.pid) - before.listening:
        findings.add(f"port: {kind} {port} is open")
    for call in _calls(ground)[before.calls :]:
        findings.add(f"program: {call.split()[0]} was called")
    for arrival in ground.sink.since(before.arrivals):
        findings.add(f"sink: {arrival.kind}")
    return findings


def _windows(ground: Ground, before: Snapshot) -> set[str]:
    now = ground.eye.windows()
    known = {window.number for window in before.windows}
    findings = {f"window: new, {w.width}x{w.height}" for w in now if w.number not in known}
    if ground.is_kiosk and (not now or now[-1] != before.windows[-1]):
        findings.add("window: the kiosk is no longer full and on top")
    return findings


def _programs(ground: Ground) -> set[str]:
    return {f"program: {name} runs" for name in _names(ground.pid) if name and name not in ground.usual_programs}


def _names(pid: int) -> set[str]:
    names = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    # Not its name: a thread's name stands there between fork and exec.
                    names.add(Path(process.exe()).name)
    return names


def _calls(ground: Ground) -> list[str]:
    return ground.calls.read_text(encoding="utf-8").splitlines()


def _files(ground: Ground) -> dict[Path, int]:
    found = {path: path.lstat().st_size for path in ground.working_folder.iterdir() if path.is_file()}
    for folder in ground.folders:
        for place, _, names in os.walk(folder):
            for name in names:
                path = Path(place) / name
                with contextlib.suppress(OSError):
                    found[path] = path.lstat().st_size
    return found


def _is_usual(path: Path, ground: Ground) -> bool:
    return any(fnmatch.fnmatch(os.fspath(path), pattern) for pattern in ground.usual_files)


def _listening(pid: int) -> frozenset[tuple[str, int]]:
    """Return the TCP ports that the tree accepts connections on."""
    ports = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                for link in process.net_connections("tcp"):
                    if link.status == psutil.CONN_LISTEN:
                        ports.add(("tcp", link.laddr.port))
    return frozenset(ports)

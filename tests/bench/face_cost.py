"""What the face worker costs beside what plain ``face_recognition`` calls cost, and while nobody is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import psutil

from drivers.contracts import Image
from drivers.simulated.camera import FPS
from tests.bench.report import Row
from workstation.bridge.face import NOBODY_INTERVAL_S
from workstation.face.client import FaceClient

PEER_FRAMES = 20
SPEEDUP = 3.0
MEMORY_LIMIT_MB = 450.0
IDLE_LIMIT_PERCENT = 5.0
WATCH_S = 10.0
_KIBIBYTE = 1024
_MEGABYTE = 1_000_000


def peer_rows(film: Sequence[Image], portrait: Image, our_rate_hz: float) -> list[Row]:
    """Compare with the calls a program would make that has nothing but the library, at its default settings."""
    import face_recognition  # noqa: PLC0415  # loads 130 MB of networks; the other benchmarks need none of them

    known = face_recognition.face_encodings(cv2.cvtColor(portrait, cv2.COLOR_BGR2RGB))
    if not known:
        raise ValueError("the library finds no face in the drill's photo")
    took_s = []
    for frame in film[:PEER_FRAMES]:
        began = time.monotonic()
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        places = face_recognition.face_locations(rgb)
        encodings = face_recognition.face_encodings(rgb, places)
        if not any(face_recognition.compare_faces(known, found)[0] for found in encodings):
            raise ValueError("the library does not recognise the drill's expert")
        took_s.append(time.monotonic() - began)
    rates = [1 / each for each in took_s]
    speedup = our_rate_hz / sorted(rates)[len(rates) // 2]
    return [
        Row(what="the same frames, plain face_recognition calls", samples=rates, unit="frames/s"),
        Row(what="face loop, times the plain calls", samples=[speedup], unit="x", limit=SPEEDUP, at_least=True),
    ]


def memory_row(client: FaceClient) -> Row:
    """Return the worker's resident memory, after it has done everything it does."""
    return Row(what="worker's memory, VmRSS", samples=[_resident_mb(_pid(client))], unit="MB", limit=MEMORY_LIMIT_MB)


def idle_rows(client: FaceClient, empty: Image) -> list[Row]:
    """Measure the worker without frames, and with as many frames of an empty room as the bridge shows it."""
    process = psutil.Process(_pid(client))
    waiting = _processor_percent(process, lambda: time.sleep(1 / FPS))
    watching = _processor_percent(process, lambda: _watch_once(client, empty))
    return [
        Row(what="worker without frames, of one core", samples=[waiting], unit="%", limit=IDLE_LIMIT_PERCENT),
        Row(
            what=f"worker, nobody there, {1 / NOBODY_INTERVAL_S:.0f} frames/s, of one core",
            samples=[watching],
            unit="%",
            limit=IDLE_LIMIT_PERCENT,
        ),
    ]


def _watch_once(client: FaceClient, empty: Image) -> None:
    began = time.monotonic()
    client.observe(empty, captured_at=began)
    time.sleep(max(NOBODY_INTERVAL_S - (time.monotonic() - began), 0))


def _processor_percent(process: psutil.Process, step: Callable[[], None]) -> float:
    """Return the share of one core the process takes while ``step`` is repeated."""
    began, before = time.monotonic(), process.cpu_times()
    while time.monotonic() - began < WATCH_S:
        step()
    after = process.cpu_times()
    used_s = (after.user + after.system) - (before.user + before.system)
    return 100 * used_s / (time.monotonic() - began)


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * _KIBIBYTE / _MEGABYTE
    raise ValueError("no VmRSS")


def _pid(client: FaceClient) -> int:
    if client.pid is None:
        raise ValueError("the worker does not run")
    return client.pid

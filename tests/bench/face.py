"""The face loop through the worker process at 640 x 480, and the comparison alone."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from assets.build_models import MODELS_DIR
from drivers.contracts import Image
from drivers.simulated.bench import BenchFile, BenchState, Scene
from drivers.simulated.camera import FPS, SimulatedCamera
from drivers.simulated.people import PERSON_A
from drivers.simulated.photo import DrillPhotoDecoder
from tests.bench.face_cost import idle_rows, memory_row, peer_rows
from tests.bench.report import Row, show
from workstation.bridge.face import to_qimage
from workstation.face.client import FaceClient
from workstation.face.verification import Decision

VERIFICATIONS = 10
FILM_FRAMES = 60
RATE_LIMIT_HZ = 10.0
COMPARISON_LIMIT_MS = 250.0
_FRAME_TIMEOUT_S = 3.0


def run(directory: Path) -> None:
    """Verify the drill's expert again and again, each frame given as soon as the one before is answered."""
    film = _frames(directory, Scene.PERSON_A, FILM_FRAMES)
    portrait = DrillPhotoDecoder().decode(PERSON_A.photo_block())
    if portrait is None:
        raise ValueError("the drill's photo does not open")
    references: list[float] = []
    looked: list[float] = []
    compared: list[float] = []
    rates: list[float] = []
    started = time.monotonic()
    with FaceClient(models_dir=MODELS_DIR) as client:
        start_s = time.monotonic() - started
        for _ in range(VERIFICATIONS):
            began = time.monotonic()
            client.set_reference(portrait)
            references.append(1000 * (time.monotonic() - began))
            only_looked, with_comparison = _verify(client, film)
            looked += only_looked
            compared += with_comparison
            rates.append(1000 * (len(only_looked) + len(with_comparison)) / sum(only_looked + with_comparison))
        cost = [memory_row(client), *idle_rows(client, _frames(directory, Scene.NOBODY, 1)[0])]
    rows = (
        Row(what="worker started, networks loaded", samples=[start_s], unit="s"),
        Row(what="face loop through the worker", samples=rates, unit="frames/s", limit=RATE_LIMIT_HZ, at_least=True),
        Row(what="frame: find, place, coach", samples=looked, unit="ms"),
        Row(what="frame that is also compared", samples=compared, unit="ms", limit=COMPARISON_LIMIT_MS),
        Row(what="the card's photo as reference", samples=references, unit="ms", limit=COMPARISON_LIMIT_MS),
        *cost,
        *peer_rows(film, portrait, statistics.median(rates)),
    )
    show("face, 640 x 480, one thread", rows)


def _frames(directory: Path, scene: Scene, count: int) -> list[Image]:
    """Return frames of the drill's camera, rendered beforehand: a real camera costs this process nothing."""
    bench = BenchFile(directory / "bench.json")
    bench.write(BenchState(scene=scene))
    camera = SimulatedCamera(bench)
    camera.open()
    return [camera.read(timeout_s=_FRAME_TIMEOUT_S).image for _ in range(count)]


def _verify(client: FaceClient, film: list[Image]) -> tuple[list[float], list[float]]:
    """Return the milliseconds of frames that were only looked at, and of those that became a probe."""
    looked: list[float] = []
    compared: list[float] = []
    kept = 0
    for number, frame in enumerate(film):
        began = time.monotonic()
        to_qimage(frame)  # the mirror's copy is made in the same thread
        observation = client.observe(frame, captured_at=number / FPS)
        took_ms = 1000 * (time.monotonic() - began)
        (looked if observation.kept_probes == kept else compared).append(took_ms)
        kept = observation.kept_probes
        if observation.decision is Decision.MATCH:
            return looked, compared
    raise ValueError("the drill's expert was not recognised")

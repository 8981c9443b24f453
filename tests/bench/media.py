"""The media process: what masking a picture and changing a voice cost, and how late the voice is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from assets.build_models import ensure
from drivers.contracts import Image
from drivers.simulated.bench import BenchFile, Scene
from drivers.simulated.camera import SimulatedCamera
from tests.bench.report import Row, show
from tests.speech import spoken
from workstation.conference.contract import BLOCK, SAMPLE_RATE
from workstation.conference.media.i420 import fitted, i420
from workstation.conference.media.mask import Masker
from workstation.conference.media.mask_proof import PROVE_EVERY_S, MaskProof
from workstation.conference.media.voice import LATENCY
from workstation.conference.media.voice_proof import VoiceWatch, drawn_change, probe_holds
from workstation.face.detector import FaceDetector
from workstation.face.networks import load_manifest

_Item = TypeVar("_Item")

FRAMES = 60
RATE_HZ = 15
SPEECH_S = 10.0
PROBES = 10
CAMERA_LIMIT_PERCENT = 30.0
VOICE_LIMIT_PERCENT = 15.0
VOICE_LIMIT_MS = 60.0


def run(directory: Path) -> None:
    """Measure both streams, on one thread each as they run."""
    cv2.setNumThreads(1)
    show(f"Face mask, 640x360, {FRAMES} pictures", _mask(directory))
    show(f"Voice change, {SPEECH_S:.0f} s of speech", _voice())


def _mask(directory: Path) -> list[Row]:
    models_dir = ensure()
    detector = FaceDetector(models_dir, load_manifest(models_dir)[0].detector)
    masker, proof = Masker(detector), MaskProof(detector)
    film = _film(directory)
    pictures: list[Image] = []
    masking = _milliseconds(film, lambda image: pictures.append(masker.mask(fitted(image)).image))
    converting = _milliseconds(pictures, i420)
    proving = _milliseconds(list(zip(film, pictures, strict=True)), lambda pair: proof.holds(*pair))
    busy_ms = RATE_HZ * (float(np.median(masking)) + float(np.median(converting)))
    busy_ms += float(np.median(proving)) / PROVE_EVERY_S
    return [
        Row(what="one picture: find, cover", samples=masking, unit="ms"),
        Row(what="one picture to I420", samples=converting, unit="ms"),
        Row(what=f"one proof, every {PROVE_EVERY_S} s", samples=proving, unit="ms"),
        Row(
            what=f"all at {RATE_HZ} pictures/s, of one core",
            samples=[busy_ms / 10],
            unit="%",
            limit=CAMERA_LIMIT_PERCENT,
        ),
    ]


def _voice() -> list[Row]:
    blocks = list(spoken(130, SPEECH_S).reshape(-1, BLOCK))
    make, watch = drawn_change(), VoiceWatch()
    changer, changed = make(), []
    changing = _milliseconds(blocks, lambda block: changed.append(changer.process(block)))
    watching = _milliseconds(list(zip(blocks, changed, strict=True)), lambda pair: watch.holds(*pair))
    probing = _milliseconds([make] * PROBES, probe_holds)
    share = 100 * (sum(changing) + sum(watching)) / (len(blocks) * 1000 * BLOCK / SAMPLE_RATE)
    return [
        Row(what="one block of 10 ms", samples=changing, unit="ms"),
        Row(what="the proof of one second", samples=[sum(watching) * SAMPLE_RATE / BLOCK / len(blocks)], unit="ms"),
        Row(what="the probe before the first word", samples=probing, unit="ms"),
        Row(what="change and proof, of one core", samples=[share], unit="%", limit=VOICE_LIMIT_PERCENT),
        Row(
            what="the voice is late by, with its block",
            samples=[1000 * (LATENCY + BLOCK) / SAMPLE_RATE],
            unit="ms",
            limit=VOICE_LIMIT_MS,
        ),
    ]


def _film(directory: Path) -> list[Image]:
    bench = BenchFile(directory / "bench.json")
    bench.change(scene=Scene.PERSON_A)
    camera = SimulatedCamera(bench)
    camera.open()
    return [np.ascontiguousarray(camera.read(timeout_s=1).image[60:420]) for _ in range(FRAMES)]


def _milliseconds(items: Sequence[_Item], step: Callable[[_Item], object]) -> list[float]:
    """Return the processor time of each step."""
    took = []
    for item in items:
        began = time.thread_time()
        step(item)
        took.append(1000 * (time.thread_time() - began))
    return took

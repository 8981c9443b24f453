"""The engines that the accuracy bench compares, and the reference photos it makes of a portrait."""

from __future__ import annotations

import io
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from drivers.contracts import Image
from workstation.face.contract import Box, DecisionPolicy, FaceEngine, ReferenceKind, compare
from workstation.face.engines import EngineKind, make_engine
from workstation.face.finder import FaceFinder
from workstation.face.networks import load_manifest

Vector = npt.NDArray[np.float64] | npt.NDArray[np.float32]
PEER = "face_recognition"
PEER_THRESHOLD = 0.4
ENGINES = (*(kind.value for kind in EngineKind), PEER)

CARD_SIZE = (102, 126)
CARD_BYTES = 1024
_FACE_IN_CARD = 0.5
"""Width of the face box in parts of the card photo: the head with its ears takes 207 of 358 columns (GA/T 461)."""
_RATE_SEARCH = (5.0, 160.0, 9)
"""Lowest and highest compression rate, and how often the space between is halved."""


class Form(StrEnum):
    """What is done to the reference photo."""

    FULL = "full"
    CARD = "card"
    CARD_1KB = "card-1kb"
    WHITE_1KB = "white-1kb"

    @property
    def title(self) -> str:
        """What a report calls it."""
        return {
            Form.FULL: "full picture",
            Form.CARD: "102x126",
            Form.CARD_1KB: "102x126, 1 KB JPEG 2000",
            Form.WHITE_1KB: "102x126, white background, 1 KB JPEG 2000",
        }[self]


class Describer(Protocol):
    """One engine as the bench asks it: ``None`` where it finds no face."""

    def probe(self, picture: Image) -> Vector | None:
        """Describe the largest face of a live picture."""

    def reference(self, picture: Image) -> Vector | None:
        """Describe the face of a reference photo."""


class _Ours:
    def __init__(self, engine: FaceEngine) -> None:
        self._engine = engine
        self.reference = engine.describe_reference

    def probe(self, picture: Image) -> Vector | None:
        faces = self._engine.detect(picture)
        return self._engine.describe(picture, faces[0]) if faces else None


class Peer:
    """Plain ``face_recognition`` calls at their default settings."""

    def __init__(self) -> None:
        import face_recognition  # noqa: PLC0415  # loads 130 MB of networks, for this engine only

        self._library = face_recognition

    def probe(self, picture: Image) -> Vector | None:
        """Find, then describe the largest face."""
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        places = self._library.face_locations(rgb)
        if not places:
            return None
        largest = max(places, key=lambda place: (place[2] - place[0]) * (place[1] - place[3]))
        return np.asarray(self._library.face_encodings(rgb, [largest])[0])

    reference = probe


def make_describer(name: str, models_dir: Path) -> Describer:
    """Return the engine of that name."""
    return Peer() if name == PEER else _Ours(make_engine(EngineKind(name), models_dir))


def policies_of(name: str, models_dir: Path) -> Mapping[ReferenceKind, DecisionPolicy]:
    """Return the engine's own thresholds; the peer has none."""
    return {} if name == PEER else make_engine(EngineKind(name), models_dir).policies


def score(engine: str, reference: Vector, probe: Vector) -> float:
    """Compare two descriptions of one engine: higher is more alike.

    The peer's is 1 - distance: its ``compare_faces`` takes distances up to 0.6, here scores from 0.4, as a match.
    """
    if engine == PEER:
        return 1 - float(np.linalg.norm(reference - probe))
    return compare(np.asarray(reference, np.float32), np.asarray(probe, np.float32))


class ReferenceMaker:
    """Makes reference photos of a portrait. One detector decides where the head is, for every engine alike."""

    def __init__(self, models_dir: Path) -> None:
        self._finder = FaceFinder(models_dir, load_manifest(models_dir)[0])

    def make(self, picture: Image, form: Form) -> Image | None:
        """Return the reference photo, ``None`` when there is no head to cut out or it does not fit into 1 KB."""
        if form is Form.FULL:
            return picture
        boxes = self._finder.boxes(picture)
        if not boxes:
            return None
        card = card_photo(picture, boxes[0][0])
        if form is Form.CARD:
            return card
        return through_one_kilobyte(before_white(card) if form is Form.WHITE_1KB else card)


def card_photo(picture: Image, box: Box) -> Image:
    """Cut head and shoulders and reduce them to the size of a card photo."""
    width, height = CARD_SIZE
    zoom = 3
    scale = zoom * width * _FACE_IN_CARD / box.width
    middle_x, middle_y = box.centre
    move = np.array([[scale, 0, zoom * width / 2 - scale * middle_x], [0, scale, zoom * height / 2 - scale * middle_y]])
    large = cv2.warpAffine(
        picture, move, (zoom * width, zoom * height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(large, CARD_SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def before_white(card: Image) -> Image:
    """Put what lies beside head and shoulders behind white, as ID photos are taken (GA/T 461)."""
    height, width = card.shape[:2]
    row, column = np.mgrid[0:height, 0:width].astype(np.float32)
    across = (column - width / 2) / width
    head = np.hypot(across / 0.36, (row / height - 0.48) / 0.42)
    shoulders = np.hypot(across / 0.62, (row / height - 1.08) / 0.30)
    person = np.maximum(np.clip((1.12 - head) / 0.20, 0, 1), np.clip((1.10 - shoulders) / 0.15, 0, 1))[..., np.newaxis]
    return np.asarray(card * person + 245 * (1 - person), np.uint8)


def through_one_kilobyte(card: Image) -> Image | None:
    """Return what is left after JPEG 2000 in at most 1 024 bytes: a stand-in for the card's own codec (WLT).

    The card's codec spends its bits on the head alone; this one pays for the background too.
    """
    picture = PillowImage.fromarray(cv2.cvtColor(card, cv2.COLOR_BGR2RGB))
    low, high, halvings = _RATE_SEARCH
    best = None
    for _ in range(halvings):
        rate = (low + high) / 2
        stream = io.BytesIO()
        picture.save(
            stream, "JPEG2000", no_jp2=True, irreversible=True, mct=1, quality_mode="rates", quality_layers=[rate]
        )
        if stream.tell() <= CARD_BYTES:
            best, high = stream, rate
        else:
            low = rate
    if best is None:
        return None
    rgb = np.asarray(PillowImage.open(best).convert("RGB"))
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8)

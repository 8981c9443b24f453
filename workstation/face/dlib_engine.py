"""Second face engine: the manifest's networks find faces, dlib's ``face_recognition`` network describes them.

Of the package ``face_recognition_models`` only the description network is used. Its 68-point file was trained on iBUG
300-W, which excludes commercial use; it is neither opened here nor does it ship.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from drivers.contracts import Image
from workstation.face.contract import (
    DecisionPolicy,
    DetectedFace,
    Embedding,
    Landmarks,
    ModelIdentity,
    ReferenceKind,
    engine_failed,
    require_image,
)
from workstation.face.finder import FaceFinder
from workstation.face.networks import load_manifest
from workstation.face.onnx_engine import aligned, find_in_reference

if TYPE_CHECKING:
    import dlib

PACKAGE = "face_recognition_models"
FILE = "models/dlib_face_recognition_resnet_model_v1.dat"
SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
LICENCE = "CC0-1.0"

CHIP_PX = 150
_PADDING = 0.25
_POINTS = [45, 42, 36, 39, 33]
"""Outer and inner corner of each eye and the nose base among the 68 points: dlib's own five, in its order."""
_MEAN_FACE = np.array(
    [(0.859567, 0.213498), (0.646060, 0.228967), (0.120575, 0.213727), (0.334085, 0.229064), (0.490112, 0.627798)]
)
"""Where dlib's ``get_face_chip`` puts them, in parts of the chip without its padding."""
TEMPLATE: npt.NDArray[np.float64] = (_MEAN_FACE + _PADDING) / (1 + 2 * _PADDING) * CHIP_PX


class DlibFaceEngine:
    """``FaceEngine`` on dlib's network; the finder's networks are those of ``models_dir``.

    Raises:
        KioskError: FACE_ENGINE_FAILED when a package or file is missing, altered, or does not run.
    """

    def __init__(self, models_dir: Path, network_file: Path | None = None) -> None:
        manifest, finder_identity = load_manifest(models_dir)
        finder = self._finder = FaceFinder(models_dir, manifest)
        self.detect, self.eye_openness, self.passive_score = finder.detect, finder.eye_openness, finder.passive_score
        self.policies = POLICIES
        self._network = _load(network_file or _installed_file())
        self.identity = ModelIdentity(
            name=Path(FILE).stem,
            version="1",
            sha256=hashlib.sha256(f"{finder_identity.sha256} {SHA256}".encode()).hexdigest(),
            licence=LICENCE,
        )

    def describe(self, image: Image, face: DetectedFace) -> Embedding:
        """See ``FaceEngine.describe``."""
        return self._embed(require_image(image), face.landmarks)

    def describe_reference(self, image: Image) -> Embedding | None:
        """See ``FaceEngine.describe_reference``."""
        found = find_in_reference(self._finder, image)
        return None if found is None else self._embed(*found)

    def _embed(self, image: Image, landmarks: Landmarks) -> Embedding:
        # Not get_face_chip: it takes whole pixels.
        chip = aligned(image, np.asarray(landmarks[_POINTS], np.float64), TEMPLATE, (CHIP_PX, CHIP_PX))
        rgb = np.asarray(cv2.cvtColor(chip, cv2.COLOR_BGR2RGB), np.uint8)
        embedding = np.array(list(self._network.compute_face_descriptor(rgb)), np.float32)
        length = float(np.linalg.norm(embedding))
        if not np.isfinite(length) or length == 0:
            raise engine_failed("feature network gave no embedding")
        return embedding / np.float32(length)


def _installed_file() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise engine_failed("package is not installed", package=PACKAGE)
    return Path(spec.submodule_search_locations[0]) / FILE


def _load(file: Path) -> dlib.face_recognition_model_v1:
    try:
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise engine_failed("network cannot be read", network=file.name) from error
    if sha256 != SHA256:
        raise engine_failed("network is not the pinned one", network=file.name)
    try:
        import dlib  # noqa: PLC0415  # 30 MB of native code that the default engine must not load
    except ImportError as error:
        raise engine_failed("package is not installed", package="dlib") from error
    try:
        return dlib.face_recognition_model_v1(str(file))
    except RuntimeError as error:
        raise engine_failed("network cannot be loaded", network=file.name) from error


_SET_ON = (
    "LFW deep-funnelled, press photos, no ageing, no real card photo; mean of 2 to 5 probes that are different photos, "
    "402 genuine comparisons, 1189 with East Asian names among 154832 impostor ones; "
)
POLICIES = {
    ReferenceKind.CARD_PHOTO: DecisionPolicy(
        match_threshold=0.965,
        grey_threshold=0.90,
        fmr=6.5e-6,
        fmr_east_asian_names=8.4e-4,
        fnmr=0.876,
        data_set=_SET_ON + "reference 102x126 in 1 KB of JPEG 2000, background kept",
    ),
    ReferenceKind.ROSTER_PHOTO: DecisionPolicy(
        match_threshold=0.965,
        grey_threshold=0.90,
        fmr=1.9e-5,
        fmr_east_asian_names=2.5e-3,
        fnmr=0.336,
        data_set=_SET_ON + "clean reference; no false match was seen, the rates are the rule of three",
    ),
}
"""Where impostors with East Asian names stop, which few genuine scores reach: nearly everyone becomes GREY."""

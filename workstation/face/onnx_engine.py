"""Default face engine: the networks of a manifest, run by ``cv2.dnn``. What ships is MobileFaceNet-512."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from drivers.contracts import Image
from workstation.face.contract import DetectedFace, Embedding, Landmarks, engine_failed, fuse, require_image
from workstation.face.finder import LEFT_EYE, RIGHT_EYE, FaceFinder
from workstation.face.networks import Network, load_manifest

_Points = npt.NDArray[np.float64]

_MIRRORED = [1, 0, 2, 4, 3]
"""The five points of a face in its mirror image: left and right change places."""

SMALL_REFERENCE_PX = 240
"""A reference narrower than this (an ID card photo has 102 columns) is enlarged three times before detection."""


class OnnxFaceEngine:
    """``FaceEngine`` on the networks of ``models_dir`` (``assets.build_models`` writes ours).

    Raises:
        KioskError: FACE_ENGINE_FAILED when a file is missing, altered, or does not run.
    """

    def __init__(self, models_dir: Path) -> None:
        manifest, self.identity = load_manifest(models_dir)
        self.policies = manifest.policies()
        finder = self._finder = FaceFinder(models_dir, manifest)
        self.detect, self.eye_openness, self.passive_score = finder.detect, finder.eye_openness, finder.passive_score
        self._describer = Network(models_dir, manifest.describer)
        self._template: _Points = np.array(manifest.describer.template)
        self._length = manifest.describer.embedding_length
        self._embed(np.full((112, 112, 3), 127, np.uint8), self._template)

    def describe(self, image: Image, face: DetectedFace) -> Embedding:
        """See ``FaceEngine.describe``."""
        return self._embed(require_image(image), five_points(face.landmarks))

    def describe_reference(self, image: Image) -> Embedding | None:
        """See ``FaceEngine.describe_reference``.

        The mean of the photo and its mirror image: of a 1 KB photo that takes FNMR from 22 to 20 % with fused probes
        at the shipped threshold. Probes are not mirrored, it changes nothing there (docs/face-accuracy.md).
        """
        found = find_in_reference(self._finder, image)
        if found is None:
            return None
        photo, points = found[0], five_points(found[1])
        mirrored = points[_MIRRORED] * (-1, 1) + (photo.shape[1] - 1, 0)
        return fuse([self._embed(photo, points), self._embed(np.ascontiguousarray(photo[:, ::-1]), mirrored)])

    def _embed(self, image: Image, points: _Points) -> Embedding:
        (output,) = self._describer.run(aligned(image, points, self._template, self._describer.part.input_size))
        length = float(np.linalg.norm(output))
        if output.size != self._length or not np.isfinite(length) or length == 0:
            raise engine_failed("feature network gave no embedding", shape=str(output.shape))
        return np.asarray(output.reshape(-1) / length, np.float32)


def find_in_reference(finder: FaceFinder, image: Image) -> tuple[Image, Landmarks] | None:
    """Return a reference photo at the size it is described at, and its face's landmarks; ``None`` without a face."""
    image = require_image(image)
    if image.shape[1] < SMALL_REFERENCE_PX:
        enlarged = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
        image = np.asarray(enlarged, np.uint8)
    boxes = finder.boxes(image)
    if not boxes:
        return None
    return image, finder.median_landmarks(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), boxes[0][0])


def five_points(landmarks: Landmarks) -> _Points:
    """Return eye centres, nose tip and mouth corners of the 68 points, in the order of a manifest's template."""
    eyes = (landmarks[part].mean(axis=0) for part in (LEFT_EYE, RIGHT_EYE))
    return np.asarray([*eyes, landmarks[30], landmarks[48], landmarks[54]], np.float64)


def aligned(image: Image, points: _Points, template: _Points, size: tuple[int, int]) -> cv2.typing.MatLike:
    """Turn, scale and shift the face onto the template (least squares similarity, Umeyama 1991, no mirroring)."""
    source_middle, target_middle = points.mean(axis=0), template.mean(axis=0)
    source, target = points - source_middle, template - target_middle
    spread = max(float((source**2).sum()), 1e-6)
    cosine = float((source * target).sum()) / spread
    sine = float((source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum()) / spread
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    shift = target_middle - rotation @ source_middle
    return cv2.warpAffine(image, np.column_stack([rotation, shift]), size)

"""Default face engine: Ultra-Light detector, 68 landmarks and MobileFaceNet-512, all run by ``cv2.dnn``.

The inputs are the measured ones and differ from the JavaScript of the package the networks come from: the feature
network takes B, G, R and a 5-point alignment. Full-size LFW photos, one frame: EER 0.6 % over the official 6 000 pairs
when the pipeline was chosen, 1.3 % over the 600 pairs of the first fold with this code (4 errors of 300).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from drivers.contracts import Image
from drivers.errors import ErrorCode, KioskError
from workstation.face.contract import (
    Box,
    DetectedFace,
    Embedding,
    FaceQuality,
    Landmarks,
    ModelIdentity,
    require_image,
)

_Points = npt.NDArray[np.float64]

DETECTION_THRESHOLD = 0.65
NMS_OVERLAP = 0.4
"""Both as the detector's package sets them; on LFW 100 % of the faces are found."""

SMALL_REFERENCE_PX = 240
"""A reference narrower than this (an ID card photo has 102 columns) is enlarged three times before detection."""

ARCFACE_TEMPLATE: _Points = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Eyes, nose tip and mouth corners in the 112 x 112 input the feature network was trained on."""

LANDMARK_CENTRE_BELOW_BOX_CENTRE = 0.13
"""Landmarks leave out the forehead: their middle lies this part of the box height lower (LFW median)."""

_JITTER: _Points = np.random.default_rng(20_221_025).uniform(-0.06, 0.06, (15, 3))
"""Shift right, shift down (parts of the box) and growth of each extra look at a reference photo."""
_RECENTRED_PASSES = 3


class _Network(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    file: str
    sha256: str
    input_size: tuple[int, int]
    channels: str
    normalisation: str


class _Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    version: str
    licence: str
    models: tuple[_Network, ...]


_FED = {
    "fr_detect": ((320, 240), "RGB", "(x - 127) / 128"),
    "fr_landmark": ((64, 64), "GREY", "x / 256"),
    "fr_feature": ((112, 112), "BGR", "(x - 127) / 128"),
}
"""What this engine feeds each network; the manifest must ask for the same."""


class OnnxFaceEngine:
    """``FaceEngine`` on the networks that ``assets.build_models`` put into ``models_dir``.

    Raises:
        KioskError: FACE_ENGINE_FAILED when a file is missing, altered, or does not run.
    """

    def __init__(self, models_dir: Path) -> None:
        try:
            self.identity, networks = _load(models_dir)
        except (OSError, ValidationError, cv2.error) as error:
            raise _failed("models cannot be loaded", reason=type(error).__name__) from error
        self._detector, self._landmarker, self._describer = networks
        self.describe_reference(np.full((126, 102, 3), 127, np.uint8))
        self._embed(np.full((112, 112, 3), 127, np.uint8), ARCFACE_TEMPLATE)

    def detect(self, image: Image) -> tuple[DetectedFace, ...]:
        """See ``FaceEngine.detect``. Takes the whole picture at any aspect ratio (plain resize to 320 x 240)."""
        image = require_image(image)
        boxes = self._boxes(image)
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if boxes else None
        return tuple(
            DetectedFace(box=box, detection_score=score, landmarks=self._landmarks(grey, box))
            for box, score in boxes
            if grey is not None
        )

    def quality(self, image: Image, face: DetectedFace) -> FaceQuality:
        """See ``FaceEngine.quality``."""
        points = _five_points(face.landmarks)
        grey = cv2.cvtColor(_aligned(require_image(image), points), cv2.COLOR_BGR2GRAY)
        eye_axis = points[1] - points[0]
        off_middle = (points[2] - (points[0] + points[1]) / 2) @ eye_axis / max(eye_axis @ eye_axis, 1e-6)
        return FaceQuality(
            brightness=float(grey.mean()),
            sharpness=float(cv2.Laplacian(grey, cv2.CV_32F).var()),
            frontality=float(np.clip(1 - 2 * abs(off_middle), 0, 1)),
        )

    def describe(self, image: Image, face: DetectedFace) -> Embedding:
        """See ``FaceEngine.describe``."""
        return self._embed(require_image(image), _five_points(face.landmarks))

    def describe_reference(self, image: Image) -> Embedding | None:
        """See ``FaceEngine.describe_reference``.

        Landmarks of a 1 KB photo jump with the crop, so they are the median of 15 jittered and 3 re-centred passes
        (FNMR at FMR 1e-2: 2.5 -> 1.6 % on LFW in 1 KB of JPEG 2000; no difference seen with 1 KB of WebP).
        """
        image = require_image(image)
        if image.shape[1] < SMALL_REFERENCE_PX:
            enlarged = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
            image = np.asarray(enlarged, np.uint8)
        boxes = self._boxes(image)
        if not boxes:
            return None
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        return self._embed(image, _five_points(self._median_landmarks(grey, boxes[0][0])))

    def compare(self, reference: Embedding, probe: Embedding) -> float:
        """See ``FaceEngine.compare``."""
        return float(np.clip(reference @ probe, -1, 1))

    def _boxes(self, image: Image) -> list[tuple[Box, float]]:
        blob = cv2.dnn.blobFromImage(image, 1 / 128, (320, 240), (127, 127, 127), swapRB=True)
        scores, corners = _forward(self._detector, blob, ("scores", "boxes"))
        likely = scores[0, :, 1] > DETECTION_THRESHOLD
        scores = scores[0, likely, 1]
        # The network decodes its priors itself: corners are x1, y1, x2, y2 in parts of the picture.
        corners = corners[0, likely] * np.tile([image.shape[1], image.shape[0]], 2)
        rectangles = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
        kept = cv2.dnn.NMSBoxes(rectangles.tolist(), scores.tolist(), DETECTION_THRESHOLD, NMS_OVERLAP)
        found = [
            (Box(x=float(x), y=float(y), width=float(w), height=float(h)), float(scores[i]))
            for i in kept
            for x, y, w, h in (rectangles[i],)
            if w >= 1 and h >= 1
        ]
        return sorted(found, key=lambda item: -item[0].width * item[0].height)

    def _landmarks(self, grey: cv2.typing.MatLike, box: Box) -> Landmarks:
        """Look at a square of the box's height around the box's centre."""
        side = max(round(box.height), 2)
        left = round(box.x + box.width / 2 - side / 2)
        top = round(box.y)
        crop = _crop(grey, left, top, side)
        blob = cv2.dnn.blobFromImage(cv2.resize(crop, (64, 64)), 1 / 256)
        (output,) = _forward(self._landmarker, blob, ("output",))
        return np.asarray(output.reshape(68, 2) * side + (left, top), np.float32)

    def _median_landmarks(self, grey: cv2.typing.MatLike, box: Box) -> Landmarks:
        def look(centre_x: float, centre_y: float, growth: float) -> Landmarks:
            width, height = box.width * (1 + growth), box.height * (1 + growth)
            moved = Box(x=centre_x - width / 2, y=centre_y - height / 2, width=width, height=height)
            return self._landmarks(grey, moved)

        centre_x, centre_y = box.x + box.width / 2, box.y + box.height / 2
        looks = [
            look(centre_x + right * box.width, centre_y + down * box.height, growth) for right, down, growth in _JITTER
        ]
        for _ in range(_RECENTRED_PASSES):
            median = np.median(looks, axis=0)
            middle = (median.min(axis=0) + median.max(axis=0)) / 2
            looks.append(look(middle[0], middle[1] - LANDMARK_CENTRE_BELOW_BOX_CENTRE * box.height, 0))
        return np.asarray(np.median(looks, axis=0), np.float32)

    def _embed(self, image: Image, points: _Points) -> Embedding:
        blob = cv2.dnn.blobFromImage(_aligned(image, points), 1 / 128, (112, 112), (127, 127, 127))
        (output,) = _forward(self._describer, blob, ("output",))
        length = float(np.linalg.norm(output))
        if output.shape != (1, 512) or not np.isfinite(length) or length == 0:
            raise _failed("feature network gave no embedding", shape=str(output.shape))
        return np.asarray(output[0] / length, np.float32)


def _load(models_dir: Path) -> tuple[ModelIdentity, list[cv2.dnn.Net]]:
    raw = (models_dir / "manifest.json").read_bytes()
    manifest = _Manifest.model_validate_json(raw)
    networks = {network.name: network for network in manifest.models}
    nets = []
    for name, fed in _FED.items():
        network = networks.get(name)
        if network is None or (network.input_size, network.channels, network.normalisation) != fed:
            raise _failed("manifest does not describe the network", network=name)
        content = (models_dir / network.file).read_bytes()
        if hashlib.sha256(content).hexdigest() != network.sha256:
            raise _failed("network is not the one of the manifest", network=name)
        nets.append(cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8)))
    identity = ModelIdentity(
        name=manifest.name,
        version=manifest.version,
        sha256=hashlib.sha256(raw).hexdigest(),
        licence=manifest.licence,
    )
    return identity, nets


def _forward(
    net: cv2.dnn.Net, blob: cv2.typing.MatLike, outputs: tuple[str, ...]
) -> tuple[npt.NDArray[np.float32], ...]:
    try:
        net.setInput(blob)
        return tuple(np.asarray(output, np.float32) for output in net.forward(outputs))
    except cv2.error as error:
        raise _failed("network does not run", reason=error.code) from error


def _crop(grey: cv2.typing.MatLike, left: int, top: int, side: int) -> cv2.typing.MatLike:
    """Cut a square that may reach over the edge; the outermost pixels are repeated there."""
    height, width = grey.shape[:2]
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return np.asarray(grey[np.ix_(rows, columns)])


def _five_points(landmarks: Landmarks) -> _Points:
    """Eye centres, nose tip and mouth corners of the 68 points, in ``ARCFACE_TEMPLATE`` order."""
    eyes = (landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0))
    return np.asarray([*eyes, landmarks[30], landmarks[48], landmarks[54]], np.float64)


def _aligned(image: Image, points: _Points) -> cv2.typing.MatLike:
    """Turn, scale and shift the face onto the template (least squares similarity, Umeyama 1991, no mirroring)."""
    source_middle, target_middle = points.mean(axis=0), ARCFACE_TEMPLATE.mean(axis=0)
    source, target = points - source_middle, ARCFACE_TEMPLATE - target_middle
    spread = max(float((source**2).sum()), 1e-6)
    cosine = float((source * target).sum()) / spread
    sine = float((source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum()) / spread
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    shift = target_middle - rotation @ source_middle
    return cv2.warpAffine(image, np.column_stack([rotation, shift]), (112, 112))


def _failed(message: str, **context: str | int) -> KioskError:
    return KioskError(ErrorCode.FACE_ENGINE_FAILED, message, context=context, retryable=False)

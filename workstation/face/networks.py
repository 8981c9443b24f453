"""The model manifest and the networks it names: what a site writes to bring its own, and how they are run.

A manifest is ``manifest.json`` in a folder with the ONNX files. Every input is described by data (size, channels,
normalisation), every file is pinned by its hash, and the thresholds stand beside the network they were set for.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivers.contracts import Image
from workstation.face.contract import DecisionPolicy, ModelIdentity, ReferenceKind, engine_failed

MANIFEST = "manifest.json"

Tensor = npt.NDArray[np.float32]
_Side = Annotated[int, Field(ge=8, le=1024)]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Cosine = Annotated[float, Field(ge=-1, le=1)]
_Rate = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NetworkFile(_Part):
    """One ONNX file and what it is fed.

    Attributes:
        file: in the manifest's folder.
        input_size: width and height in pixels.
        channels: order of the colours; GREY is one channel.
        mean: subtracted from pixel values of 0..255, then
        scale: multiplies the difference.
    """

    file: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")
    sha256: _Sha256
    source_sha256: _Sha256 | None = None
    input_size: tuple[_Side, _Side]
    channels: Literal["BGR", "RGB", "GREY"]
    mean: float
    scale: float = Field(gt=0)


class DescriberFile(NetworkFile):
    """The feature network.

    Attributes:
        template: where the eyes, the nose tip and the mouth corners lie in its input, pixels.
        embedding_length: how many numbers it gives.
        metric: how two of its embeddings are compared.
    """

    template: Annotated[tuple[tuple[float, float], ...], Field(min_length=5, max_length=5)]
    embedding_length: int = Field(ge=16, le=4096)
    metric: Literal["cosine"] = "cosine"


class Thresholds(_Part):
    """See ``DecisionPolicy``."""

    match_threshold: _Cosine
    grey_threshold: _Cosine
    fmr: _Rate
    fmr_east_asian_names: _Rate
    fnmr: _Rate
    data_set: str = Field(min_length=1)


class Manifest(_Part):
    """Everything an engine needs to know of its networks."""

    name: str = Field(min_length=1)
    version: str
    source_sha256: _Sha256 | None = None
    licence: str
    licence_note: str = ""
    detector: NetworkFile
    landmarker: NetworkFile
    eyes: NetworkFile
    passive: NetworkFile | None = None
    describer: DescriberFile
    thresholds: dict[ReferenceKind, Thresholds]

    def policies(self) -> dict[ReferenceKind, DecisionPolicy]:
        """Return the thresholds by kind of reference."""
        return {kind: DecisionPolicy(**found.model_dump()) for kind, found in self.thresholds.items()}


def load_manifest(models_dir: Path) -> tuple[Manifest, ModelIdentity]:
    """Read the manifest of a folder.

    Raises:
        KioskError: FACE_ENGINE_FAILED when it is missing, no manifest, or lacks thresholds.
    """
    try:
        raw = (models_dir / MANIFEST).read_bytes()
        manifest = Manifest.model_validate_json(raw)
    except (OSError, ValidationError) as error:
        raise engine_failed("no usable model manifest", reason=type(error).__name__) from error
    for kind in ReferenceKind:
        thresholds = manifest.thresholds.get(kind)
        if thresholds is None or thresholds.grey_threshold > thresholds.match_threshold:
            raise engine_failed("manifest lacks sound thresholds", reference=kind.value)
    sha256 = hashlib.sha256(raw).hexdigest()
    return manifest, ModelIdentity(
        name=manifest.name, version=manifest.version, sha256=sha256, licence=manifest.licence
    )


class Network:
    """One ONNX network run by ``cv2.dnn``.

    Raises:
        KioskError: FACE_ENGINE_FAILED when the file is missing, not the one of the manifest, or no network.
    """

    def __init__(self, models_dir: Path, part: NetworkFile) -> None:
        self.part = part
        try:
            content = (models_dir / part.file).read_bytes()
        except OSError as error:
            raise engine_failed("network cannot be read", network=part.file) from error
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise engine_failed("network is not the one of the manifest", network=part.file)
        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
        except cv2.error as error:
            raise engine_failed("file is no network that can be run", network=part.file) from error

    def run(self, picture: cv2.typing.MatLike, *outputs: str) -> tuple[Tensor, ...]:
        """Resize ``picture`` (BGR, or grey where the network takes that) to the input and return the outputs.

        Raises:
            KioskError: FACE_ENGINE_FAILED when the network does not run on it.
        """
        part = self.part
        mean = (part.mean,) * (1 if part.channels == "GREY" else 3)
        try:
            blob = cv2.dnn.blobFromImage(picture, part.scale, part.input_size, mean, swapRB=part.channels == "RGB")
            self._net.setInput(blob)
            results = self._net.forward(outputs or self._net.getUnconnectedOutLayersNames())
        except cv2.error as error:
            raise engine_failed("network does not run", network=part.file, reason=error.code) from error
        return tuple(np.asarray(result, np.float32) for result in results)


def crop(picture: Image | cv2.typing.MatLike, left: int, top: int, width: int, height: int) -> cv2.typing.MatLike:
    """Cut a rectangle that may reach over the edge; the outermost pixels are repeated there."""
    rows = np.clip(np.arange(top, top + height), 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(left, left + width), 0, picture.shape[1] - 1)
    return np.asarray(picture[np.ix_(rows, columns)])

"""The face engines a booth can choose from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from workstation.face.contract import FaceEngine
from workstation.face.onnx_engine import OnnxFaceEngine


class EngineKind(StrEnum):
    """Which network describes the face; both find it with the same ones."""

    ONNX = "onnx"
    DLIB = "dlib"


def make_engine(kind: EngineKind, models_dir: Path) -> FaceEngine:
    """Return the engine.

    Raises:
        KioskError: FACE_ENGINE_FAILED when a package or network is missing, altered, or does not run.
    """
    assert kind is EngineKind.ONNX  # noqa: S101
    return OnnxFaceEngine(models_dir)

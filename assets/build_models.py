"""Build step: fetch the pinned face models, clean them and write ``assets/models/manifest.json``.

Run as ``python -m assets.build_models``. Needs the ``build`` extra; the booth needs neither it nor a network.
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from assets import npm
from assets.npm import PackageError

PACKAGE = npm.Package(
    name="faceplugin-face-recognition-js",
    version="0.0.1",
    sha256="7ea06031d9a3f83753254fcff60506a07b81b46fc84d4ee024cd041f260ec1ba",
)
MODELS_DIR = Path(__file__).parent / "models"
MANIFEST = "manifest.json"

LICENCE_NOTE = (
    "The package carries an MIT licence text. It does not say on which photographs the networks were "
    "trained; a site that needs that answer brings its own networks with a manifest of its own."
)
_SET_ON = (
    "LFW deep-funnelled, press photos, no ageing, no real card photo; mean of 5 probes that are different photos; "
)
THRESHOLDS = {
    "card-photo": {
        "match_threshold": 0.47,
        "grey_threshold": 0.30,
        "fmr": 2e-5,
        "fmr_east_asian_names": 8e-4,
        "fnmr": 0.20,
        "data_set": _SET_ON
        + "reference 102x126 in 1 KB of JPEG 2000, two alignments averaged. Checked with this repository's code, "
        "background kept, 2 to 5 probes: 5 of 154655 impostor comparisons match, 0 of 1189 with East Asian names, "
        "82 of 402 genuine ones do not",
    },
    "roster-photo": {
        "match_threshold": 0.50,
        "grey_threshold": 0.30,
        "fmr": 5e-6,
        "fmr_east_asian_names": 2.6e-4,
        "fnmr": 0.013,
        "data_set": _SET_ON
        + "clean reference. Checked with this repository's code, 2 to 5 probes: 1 of 154832 impostor comparisons "
        "matches, 0 of 1189 with East Asian names, 5 of 402 genuine ones do not",
    },
}
"""Internal tests, no conformity statement; docs/face-accuracy.md says more."""
DENORMAL_LIMIT = 1e-20
"""Weights below this magnitude become 0: denormal arithmetic makes fr_feature six times slower for nothing."""


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """One network of the package and the input it was measured with (not the one its JavaScript feeds it).

    Attributes:
        role: what the manifest calls it.
        input_size: width and height in pixels.
        mean: subtracted from pixel values of 0..255, then
        scale: multiplies the difference.
        more: what the manifest says besides, for the feature network.
    """

    role: str
    name: str
    sha256: str
    input_size: tuple[int, int]
    channels: str
    mean: float
    scale: float
    more: Mapping[str, object] = field(default_factory=dict)


ARCFACE_TEMPLATE = [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
"""Eyes, nose tip and mouth corners in the 112 x 112 input the feature network was trained on."""

SOURCES = (
    ModelSource(
        role="detector",
        name="fr_detect",
        sha256="6c0256ccd3164f844736a401faf936ec2930764a87ae39442180887d0c5c8854",
        input_size=(320, 240),
        channels="RGB",
        mean=127,
        scale=1 / 128,
    ),
    ModelSource(
        role="landmarker",
        name="fr_landmark",
        sha256="f10b0ba1d2a8a099adefede1ebf3733e44fe370715e7303dbeb7f59c02142258",
        input_size=(64, 64),
        channels="GREY",
        mean=0,
        scale=1 / 256,
    ),
    ModelSource(
        role="eyes",
        name="fr_eye",
        sha256="1afcea006abc1ccac3c517022abde0aa092bed74ff3c9fe6878483ef9e6e38de",
        input_size=(24, 24),
        channels="GREY",
        mean=0,
        scale=1 / 255,
    ),
    ModelSource(
        role="passive",
        name="fr_liveness",
        sha256="afa783b7e902fdfcf323a7240cac2a1c580c25314ea4161129dc1b0d100dc32d",
        input_size=(128, 128),
        channels="BGR",
        mean=0,
        scale=1,
    ),
    ModelSource(
        role="describer",
        name="fr_feature",
        sha256="87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581",
        input_size=(112, 112),
        channels="BGR",
        mean=127,
        scale=1 / 128,
        more={"template": ARCFACE_TEMPLATE, "embedding_length": 512, "metric": "cosine"},
    ),
)


def ensure(models_dir: Path = MODELS_DIR) -> Path:
    """Return ``models_dir``, building it first unless it is complete and every hash agrees.

    Raises:
        PackageError: the package cannot be fetched, or its content is not the pinned one.
    """
    return npm.ensure(models_dir, is_complete, _build)


def is_complete(models_dir: Path) -> bool:
    """Say whether the manifest is the one we would write now, for exactly the files that lie there."""
    try:
        manifest = json.loads((models_dir / MANIFEST).read_text(encoding="utf-8"))
        return bool(manifest == _manifest(models_dir))
    except (OSError, ValueError):
        return False


def _build(target: Path, work: Path) -> None:
    with tarfile.open(npm.fetch(PACKAGE, work)) as archive:
        for source in SOURCES:
            content = npm.member(archive, f"package/model/{source.name}.onnx")
            npm.require(source.name, npm.sha256(content), source.sha256)
            (target / f"{source.name}.onnx").write_bytes(without_denormals(content))
        (target / "LICENSE").write_bytes(npm.member(archive, "package/LICENSE"))
    (target / MANIFEST).write_text(json.dumps(_manifest(target), indent=2) + "\n", encoding="utf-8")


def _manifest(models_dir: Path) -> dict[str, object]:
    """Describe the models that lie in ``models_dir``, as ``workstation.face.networks.Manifest``."""
    networks = {
        source.role: {
            "file": f"{source.name}.onnx",
            "sha256": npm.sha256((models_dir / f"{source.name}.onnx").read_bytes()),
            "source_sha256": source.sha256,
            "input_size": list(source.input_size),
            "channels": source.channels,
            "mean": source.mean,
            "scale": source.scale,
            **source.more,
        }
        for source in SOURCES
    }
    return {
        "name": PACKAGE.name,
        "version": PACKAGE.version,
        "source_sha256": PACKAGE.sha256,
        "licence": "MIT",
        "licence_note": LICENCE_NOTE,
        **networks,
        "thresholds": THRESHOLDS,
    }


def without_denormals(content: bytes) -> bytes:
    """Return the ONNX model with every float weight of magnitude below ``DENORMAL_LIMIT`` set to 0."""
    model = onnx.load_model_from_string(content)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            weights = numpy_helper.to_array(tensor)
            weights = np.where(np.abs(weights) < DENORMAL_LIMIT, np.float32(0), weights)
            tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    return bytes(model.SerializeToString())


def main() -> int:
    """Build the models; 0 when they are there, 1 with the reason on stderr."""
    try:
        print(ensure())
    except PackageError as error:
        print(f"face models: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

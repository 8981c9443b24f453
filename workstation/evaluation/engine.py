"""Loads the browser engine late, and only with its sandbox. The sign-in screen must not wait for it.

Order of calls: ``prepare_application_attributes`` before the QApplication exists, ``prepare`` on the GUI thread any
time after the first screen is shown, then ``create_view``. The application must be constructed with
``sys.argv[:1]``: Chromium reads switches from the application's arguments too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QWidget

from drivers.errors import ErrorCode, KioskError

from .authorities import AuthorityStore

if TYPE_CHECKING:
    from workstation.certificate import BoothCertificate

    from .view import EvaluationView

LOAD_TIMEOUT_S = 30.0
HANG_DEADLINE_S = 20.0
"""A page may compute as long as this without answering; then its process is ended and it is loaded again."""

# An allow-list: Chromium has dozens of switches that weaken it, and their names change from version to version.
_HARMLESS_FLAGS = frozenset({"--disable-gpu"})


def check_sandbox(*, drill: bool, is_root: bool, environ: Mapping[str, str]) -> dict[str, str]:
    """Decide how the engine may start.

    Args:
        drill: whether this is drill mode (演练模式), which may run as root without the sandbox.
        is_root: whether the effective user is root; Chromium refuses its sandbox then.
        environ: the process's environment.

    Returns:
        What to add to the environment before the engine loads.

    Raises:
        KioskError: INTERNAL, in production the sandbox would be off or weakened, or a debugger could get in.
    """
    if drill:
        return {"QTWEBENGINE_DISABLE_SANDBOX": "1"} if is_root else {}
    if is_root:
        raise _refusal("the browser must not run as root: Chromium has no sandbox there")
    for name in ("QTWEBENGINE_DISABLE_SANDBOX", "QTWEBENGINE_REMOTE_DEBUGGING", "QTWEBENGINEPROCESS_PATH"):
        if name in environ:
            raise _refusal(f"{name} is set")
    flags = set(environ.get("QTWEBENGINE_CHROMIUM_FLAGS", "").split())
    if not flags <= _HARMLESS_FLAGS:
        raise _refusal("QTWEBENGINE_CHROMIUM_FLAGS has switches other than --disable-gpu")
    return {}


def _refusal(reason: str) -> KioskError:
    return KioskError(ErrorCode.INTERNAL, reason, retryable=False)


def prepare_application_attributes() -> None:
    """Let widgets and the engine share OpenGL contexts. Qt takes this only before the QApplication exists."""
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)


def prepare(*, drill: bool, authorities: AuthorityStore | None = None) -> None:
    """Check the sandbox and load the engine. Cheap when called again.

    Args:
        drill: as for ``check_sandbox``.
        authorities: whom the pages believe besides the public authorities; ``None``: whatever the user's NSS database
            says, which is for tests alone.

    Raises:
        KioskError: as ``check_sandbox`` and ``AuthorityStore.load``.
    """
    if authorities is not None:
        authorities.load()
    os.environ.update(check_sandbox(drill=drill, is_root=_is_root(), environ=os.environ))
    if not has_graphics_hardware():
        # OpenGL would be computed, through more layers: a first picture is 0.1 s later, and more memory is held.
        os.environ["QT_QUICK_BACKEND"] = "software"
    from PySide6 import QtWebEngineCore  # noqa: F401, PLC0415 - importing it is the work: 200 MB of Chromium


def create_view(
    parent: QWidget | None = None,
    *,
    load_timeout_s: float = LOAD_TIMEOUT_S,
    certificate: BoothCertificate | None = None,
    hang_deadline_s: float = HANG_DEADLINE_S,
) -> EvaluationView:
    """Return an empty evaluation view; call ``prepare`` first. ``certificate`` is the booth's, for hosts of a pack."""
    from .spare import Spare  # noqa: PLC0415 - see prepare

    spare = Spare(load_timeout_s=load_timeout_s)
    from .view import EvaluationView  # noqa: PLC0415 - while the processes of the spare page start

    return EvaluationView(
        parent, spare=spare, load_timeout_s=load_timeout_s, hang_deadline_s=hang_deadline_s, certificate=certificate
    )


def has_graphics_hardware(devices: Path = Path("/dev/dri")) -> bool:
    """Say whether a graphics processor can be asked to render (Linux: DRM's render nodes)."""
    return sys.platform != "linux" or any(devices.glob("renderD*"))


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0

"""Whether an external conference client could run here: its program as the pack wants it, and a screen for it."""

from __future__ import annotations

import os
import sys

from kiosk_config.pack.model import ExternalClient, MainSitePack
from workstation.conference.external.screen import DesktopError
from workstation.site.preflight import PreflightCheck, PreflightKind

from .components import file_fault, package_fault
from .findings import Reason, failed, passed, warned

SCREEN = "X11"


def check_client(pack: MainSitePack) -> list[PreflightCheck]:
    """Return the checks of the pack's client, none without one. Reads the whole program: not for the GUI thread."""
    client = pack.external_client
    return [] if client is None else [_check_program(client), _check_screen()]


def _check_program(client: ExternalClient) -> PreflightCheck:
    path = client.command[0]
    reason = file_fault(path, client.sha256) or package_fault(client.package, client.minimum)
    if reason is None and not os.access(path, os.X_OK):
        reason = Reason.NOT_EXECUTABLE
    if reason is None:
        return passed(PreflightKind.CONFERENCE, path)
    return failed(PreflightKind.CONFERENCE, path, reason)


def _check_screen() -> PreflightCheck:
    """A pre-flight over a remote shell has no screen, and says nothing about the booth's: that is no failure."""
    if sys.platform == "win32":
        return failed(PreflightKind.CONFERENCE, SCREEN, Reason.NO_SCREEN)
    from workstation.conference.external.desktop import Desktop  # noqa: PLC0415 - its libraries are there on X11 only

    try:
        Desktop().close()
    except DesktopError:
        return warned(PreflightKind.CONFERENCE, SCREEN, Reason.NO_SCREEN)
    return passed(PreflightKind.CONFERENCE, SCREEN)

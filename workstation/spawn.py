"""How one of our programs starts another, from a checkout as well as from a frozen bundle."""

from __future__ import annotations

import sys

PROGRAMS = frozenset({
    "drivers.headset.enumeration", "drivers.idcard.vendor.child", "kiosk_config", "workstation",
    "workstation.conference.media", "workstation.face.worker", "workstation.headset", "workstation.paper",
    "workstation.preflight", "workstation.preflight.browser", "workstation.site.server",
})  # fmt: skip
"""The modules that a frozen bundle holds as programs. The drill's services and console run from a checkout."""


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs ``module`` with the interpreter (or the frozen executable) we are in.

    A PyInstaller executable has no ``-m``; ``workstation.frozen`` accepts the same words instead.
    """
    return [sys.executable, "-m", module, *arguments]

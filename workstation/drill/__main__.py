"""``python -m workstation.drill``: the kiosk in drill mode with everything around it.

With a display: the kiosk in a window beside the drill console (演练台). Without: a scripted good day on Xvfb.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workstation.drill.packs import LaunchKind

SCREEN = "1920x1080"


def main() -> int:
    """Run the drill; 0 when it went well."""
    parser = argparse.ArgumentParser(prog="python -m workstation.drill", description=__doc__)
    parser.add_argument("--scripted", action="store_true", help="play the good day even when there is a display")
    parser.add_argument("--screens", type=Path, help="folder for the screenshots of the scripted day")
    parser.add_argument("--size", default=SCREEN, help="size of the virtual screen, such as 1366x768")
    kinds = ("ticket-get", "ticket-post", "ticket-header", "oidc", "account")
    parser.add_argument("--launch", choices=kinds, default="ticket-get", help="how the main site is entered")
    options = parser.parse_args()
    # Leaving by exception ends every service that was started.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    with tempfile.TemporaryDirectory(prefix="evaluation-drill-") as directory:
        if has_display and not options.scripted:
            from workstation.drill.session import run_session  # noqa: PLC0415 - opens the display

            return run_session(Path(directory), options.launch)
        screens = options.screens or Path(tempfile.mkdtemp(prefix="evaluation-screens-"))
        with virtual_screen(options.size):
            return _play(Path(directory), screens, options.launch)


def _play(directory: Path, screens: Path, launch: LaunchKind) -> int:
    from PySide6.QtGui import QGuiApplication  # noqa: PLC0415 - connects to the virtual screen

    from workstation.drill.kiosk import KioskProcess  # noqa: PLC0415
    from workstation.drill.script import Playwright, good_day  # noqa: PLC0415
    from workstation.drill.stage import Stage  # noqa: PLC0415

    painter = QGuiApplication(sys.argv[:1])
    with Stage(directory, launch=launch, fullscreen=True) as stage:
        for device, reason in stage.notes.items():
            print(f"simulated {device}: {reason}")
        if os.geteuid() == 0:
            print("running as root: in drill mode, and only there, Chromium's sandbox is off")
        with KioskProcess(stage.config_file, stage.environment) as kiosk:
            play = Playwright(stage, kiosk, screens, lambda line: print(line, flush=True))
            good_day(play)
    del painter
    print(f"screenshots: {screens}")
    return 0


@contextlib.contextmanager
def virtual_screen(size: str, manager_command: Sequence[str] = ("openbox",)) -> Iterator[None]:
    """Run Xvfb and a window manager, and point DISPLAY at them."""
    read, write = os.pipe()
    xvfb = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as answer:
        display = answer.readline().strip()
    if not display:
        xvfb.wait()
        raise RuntimeError("Xvfb did not start")
    before = {name: os.environ.get(name) for name in ("DISPLAY", "QT_QPA_PLATFORM", "WAYLAND_DISPLAY")}
    os.environ["DISPLAY"] = f":{display}"
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    os.environ.pop("WAYLAND_DISPLAY", None)
    manager = subprocess.Popen(list(manager_command), stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        for process in (manager, xvfb):
            process.terminate()
            process.wait(10)


if __name__ == "__main__":
    sys.exit(main())

"""A booth's health bridge and nothing else, for ``health_idle``: watches as the configuration says until its end.

``python -m tests.bench.health_child CONFIG MAIN_SITE SYSFS CHRONYC-OPTION...``: writes "ready" once it watches, and
ends with its standard input.
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

from PySide6.QtCore import QObject, QSocketNotifier
from PySide6.QtGui import QGuiApplication

from drivers.machine.chrony import Chrony
from drivers.machine.usb_bus import SysfsUsbBus
from kiosk_config.loader import load
from workstation import devices
from workstation.composition import make_health
from workstation.evaluation.packs import make_packs


def main() -> int:
    """Run until the standard input ends."""
    config_file, main_site, sysfs, *options = sys.argv[1:]
    qt, root = QGuiApplication(sys.argv[:1]), QObject()
    config = load(Path(config_file))
    with (
        patch.object(devices, "make_usb_bus", lambda: SysfsUsbBus(Path(sysfs))),
        patch.object(devices, "make_time_service", lambda: Chrony(*options)),
    ):
        health = make_health(config, devices.make_camera(config), make_packs(config), root)
    health.watch_main_site(main_site)
    lifeline = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read, root)
    lifeline.activated.connect(qt.quit)
    health.start()
    print("ready", flush=True)
    code = qt.exec()
    health.stop()
    return code


if __name__ == "__main__":
    sys.exit(main())

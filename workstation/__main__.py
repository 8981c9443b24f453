"""``evaluation-workstation``: starts the booth with its configuration."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
from pathlib import Path

from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QApplication

from drivers.errors import KioskError
from kiosk_config.loader import ConfigError, load
from kiosk_config.model import BoothConfig
from workstation import logs
from workstation.app import Application, install_excepthook
from workstation.evaluation import engine
from workstation.ui.theme import install_fonts

DEFAULT_CONFIG = Path("/etc/evaluation-workstation/booth.toml")
EXIT_CONFIG = 78
"""Exit code of a configuration that cannot be used (sysexits.h EX_CONFIG)."""

_log = logging.getLogger(__name__)


def main() -> int:
    """Run the booth until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="evaluation-workstation", description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="configuration file")
    options = parser.parse_args()
    os.umask(0o077)
    logs.install()
    try:
        config = load(options.config)
        environment = engine.check_sandbox(drill=config.is_drill, is_root=_is_root(), environ=os.environ)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n{len(error.problems)} problem(s) in the configuration\n")
        return EXIT_CONFIG
    except KioskError as error:
        sys.stderr.write(f"refused to start: {error}\n")
        return EXIT_CONFIG
    if environment:
        _log.warning("drill as root: Chromium runs without its sandbox; a production start refuses this")
    return _run(config)


def _run(config: BoothConfig) -> int:
    engine.prepare_application_attributes()
    # Chromium reads switches from the application's arguments: it gets none.
    qt = QApplication(sys.argv[:1])
    install_fonts(qt)
    application = Application(config, qt)
    install_excepthook(application)
    stop_signals = _StopSignals(qt)
    application.start()
    code = qt.exec()
    stop_signals.close()
    application.stop()
    return code


class _StopSignals:
    """Ends the program on SIGTERM and SIGINT. Python handlers only run when Qt lets Python run: hence the socket."""

    def __init__(self, qt: QApplication) -> None:
        self._qt = qt
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._on_signal)
        signal.set_wakeup_fd(self._write.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def close(self) -> None:
        """Let go of the signals."""
        signal.set_wakeup_fd(-1)
        self._notifier.setEnabled(False)
        self._read.close()
        self._write.close()

    def _on_signal(self) -> None:
        self._qt.exit(0)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


if __name__ == "__main__":
    sys.exit(main())

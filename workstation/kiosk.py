"""Starts the booth with its configuration, in an environment that ``workstation.environment`` has cleaned."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSocketNotifier, Slot
from PySide6.QtWidgets import QApplication

from drivers.errors import KioskError
from kiosk_config.loader import ConfigError, load
from kiosk_config.model import BoothConfig
from workstation import logs
from workstation.evaluation import engine
from workstation.exits import EXIT_AFRESH, EXIT_CONFIG, EXIT_RESTART
from workstation.opening import open_window
from workstation.spawn import module_command
from workstation.ui.theme import install_fonts
from workstation.ui.window import KioskWindow

if TYPE_CHECKING:
    from workstation.app import Application

DEFAULT_CONFIG = Path("/etc/evaluation-workstation/booth.toml")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
CHILDREN_END_S = 2.0
"""So long the processes of an engine may take to end once its application is gone."""

_log = logging.getLogger(__name__)


def main() -> int:
    """Run the booth until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="evaluation-workstation", description=main.__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="configuration file")
    options = parser.parse_args()
    os.umask(0o077)
    if os.name == "posix":
        _bury_children()
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
    code = _run(config)
    if code == EXIT_AFRESH and os.name == "posix":  # elsewhere the watchdog starts it again
        _start_afresh()
    return code


def _start_afresh() -> None:
    """Go on as a new program under the same process id, so that whoever watches us sees no end."""
    logs.log_event(_log, "started_afresh")
    sys.stderr.flush()
    command = module_command("workstation", *sys.argv[1:])
    os.execv(command[0], command)  # noqa: S606 - our own program, with our own arguments


def _run(config: BoothConfig) -> int:
    engine.prepare_application_attributes()
    # Chromium reads switches from the application's arguments: it gets none.
    qt = QApplication(sys.argv[:1])
    install_fonts(qt)
    window = open_window(config, qt)
    booth = _Booth(config, qt, window)
    stop_signals = _StopSignals(qt)
    code = qt.exec()
    stop_signals.close(keep_for_next=code == EXIT_AFRESH)
    booth.stop()
    return code


def _bury_children() -> None:
    """Wait for the children of the program that was here before: the engine's end when their sockets close, by exec.

    Only before we have children of our own, whose exit codes their makers want.
    """
    deadline = time.monotonic() + CHILDREN_END_S
    with contextlib.suppress(ChildProcessError):  # none left
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)


class _Booth(QObject):
    """Starts the application when the window has been painted: loading it takes longer than showing the window."""

    def __init__(self, config: BoothConfig, qt: QApplication, window: KioskWindow) -> None:
        super().__init__()
        self._config, self._qt, self._window = config, qt, window
        self._application: Application | None = None
        window.first_painted.connect(self._on_window_first_painted)

    @Slot()
    def _on_window_first_painted(self) -> None:
        logs.log_event(_log, "window_painted")
        try:
            self._start()
        except KioskError as error:
            sys.stderr.write(f"refused to start: {error} {error.context}\n")
            self._qt.exit(EXIT_RESTART if error.retryable else EXIT_CONFIG)
        except Exception:  # noqa: BLE001 - nobody else is there yet to take it: leave for a fresh start
            _log.critical("could not start", exc_info=True)
            self._qt.exit(EXIT_RESTART)

    def _start(self) -> None:
        from workstation.app import Application, install_excepthook  # noqa: PLC0415 - half a second of imports

        self._application = Application(self._config, self._qt, self._window)
        install_excepthook(self._application)
        self._application.start()

    def stop(self) -> None:
        """End what was started."""
        if self._application is not None:
            self._application.stop()


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
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: None)
        if os.name == "posix":
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def close(self, *, keep_for_next: bool = False) -> None:
        """Let go of the signals.

        Args:
            keep_for_next: what comes from now on waits for the program that takes our place: masks survive exec.
        """
        if keep_for_next and os.name == "posix":
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        signal.set_wakeup_fd(-1)
        self._notifier.setEnabled(False)
        self._read.close()
        self._write.close()

    def _on_signal(self) -> None:
        self._qt.exit(0)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0

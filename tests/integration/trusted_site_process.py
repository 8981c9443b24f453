"""Child process of test_main_site_trust: the real browser bridge; JSON commands on stdin, events on stdout."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, os.fspath(Path(__file__).parents[2]))  # PYTHONPATH does not survive the cleaning

from workstation import environment

if json.loads(sys.argv[1]).pop("cleans", False):
    environment.enter()

from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSocketNotifier, Slot
from PySide6.QtWidgets import QApplication

from drivers.errors import ErrorCode
from kiosk_config.pack.model import MainSitePack
from workstation.bridge.browser import BrowserBridge
from workstation.certificate import BoothCertificate
from workstation.evaluation import engine
from workstation.evaluation.authorities import AuthorityStore
from workstation.evaluation.entry import Entry


def tell(event: str, **facts: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


class Driver(QObject):
    def __init__(self, folder: str, certificate: list[str] | None, *, drill: bool = True, cleans: bool = False) -> None:
        super().__init__()
        booth = None
        if certificate is not None:
            booth = BoothCertificate(certificate_file=Path(certificate[0]), key_file=Path(certificate[1]))
        self.bridge = BrowserBridge(is_drill=drill, authorities=AuthorityStore(Path(folder)), certificate=booth)
        self.bridge.opened.connect(self.on_opened)
        self.bridge.failed.connect(self.on_failed)
        self.bridge.lost.connect(self.on_lost)
        self.bridge.navigation_refused.connect(self.on_refused)
        self.pending = b""
        self.notifier = QSocketNotifier(0, QSocketNotifier.Type.Read, self)
        self.notifier.activated.connect(self.on_input)

    @property
    def page(self) -> Any:
        view = self.bridge._view
        assert view is not None
        return view.page

    @Slot(int)
    def on_opened(self, attempt: int) -> None:
        tell("opened", attempt=attempt)

    @Slot(int, object)
    def on_failed(self, attempt: int, code: ErrorCode) -> None:
        tell("failed", attempt=attempt, code=str(code))

    @Slot(object)
    def on_lost(self, code: ErrorCode) -> None:
        tell("lost", code=str(code), page=self.page is not None)

    @Slot(str, str)
    def on_refused(self, host: str, reason: str) -> None:
        tell("refused", host=host, reason=reason)

    def on_input(self) -> None:
        received = os.read(0, 65536)
        if not received:
            QApplication.exit(0)
        *lines, self.pending = (self.pending + received).split(b"\n")
        for line in lines:
            command = json.loads(line)
            getattr(self, f"do_{command.pop('do')}")(**command)

    def do_open(self, attempt: int, pack: dict[str, Any]) -> None:
        self.bridge.open(attempt, Entry(pack=MainSitePack.model_validate(pack)))
        view = self.bridge._view
        assert view is not None
        view.resize(400, 300)
        view.show()

    def do_run(self, script: str) -> None:
        self.page.runJavaScript(script, 0, lambda result: tell("done", result=result))

    def do_condition(self, code: str) -> None:
        self.bridge.on_condition_raised(ErrorCode(code))

    def do_tell(self, booth: str, alias: str, state: str) -> None:
        self.bridge.tell_page(booth=booth, alias=alias, state=state)

    def do_renderer(self) -> None:
        tell("done", result=self.page.renderProcessPid())

    def do_close(self) -> None:
        self.bridge.close_page()
        self.bridge.lane.drain()
        tell("done", result=None)


def main(arguments: dict[str, Any]) -> int:
    engine.prepare_application_attributes()
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    driver = Driver(**arguments)
    tell("ready")
    code = app.exec()
    driver.bridge.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return code


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))

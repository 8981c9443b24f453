"""Child process: the real locked browser opens the launch address without a ticket and tells what it saw.

Reads a ``DryRunOrder`` from stdin, writes one ``DryRun`` as the last line of stdout. It has no screen.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import AccountForm, MainSitePack, TicketGet
from workstation.evaluation import engine
from workstation.evaluation.authorities import AuthorityStore
from workstation.evaluation.entry import Entry

from .request import DryRun, DryRunOrder, Refused

SETTLE_MS = 3000
"""A page goes on asking for things after it is there; so long we listen."""

LOOK_INTERVAL_MS = 500
LOOKS = 20
"""A form that a script builds is waited for this often."""

MAX_REFUSED = 200
MAX_ORDER_BYTES = 4 << 20

_OUTCOMES = {
    ErrorCode.TICKET_REFUSED: "asked-ticket",
    ErrorCode.MAIN_SITE_NOT_TRUSTED: "not-trusted",
    ErrorCode.MAIN_SITE_UNREACHABLE: "not-reached",
}

_LOOK = """
(() => {
  const found = {};
  for (const selector of %s) {
    try { found[selector] = document.querySelector(selector) !== null; } catch { found[selector] = null; }
  }
  return JSON.stringify(found);
})()
"""


def without_ticket(pack: MainSitePack) -> MainSitePack:
    """Return the pack as a plain visit to its launch address: nothing is posted, typed or handed over."""
    return pack.model_copy(update={"launch": TicketGet(url=pack.launch.url), "signed_out": None})


def form_selectors(pack: MainSitePack) -> list[str]:
    """Return what must be on the login page, nothing for a launch with a ticket."""
    if not isinstance(pack.launch, AccountForm):
        return []
    return [pack.launch.user, pack.launch.password, pack.launch.submit]


class Visitor(QObject):
    """Opens, listens, looks for the form, tells, quits."""

    def __init__(self, order: DryRunOrder) -> None:
        super().__init__()
        self._selectors = form_selectors(order.pack)
        self._refused: dict[tuple[str, str], None] = {}
        self._outcome = ""
        self._found: dict[str, bool | None] = {}
        self._looks_left = LOOKS
        self._began = time.monotonic()
        self._load_s = 0.0
        self._view = engine.create_view(load_timeout_s=order.load_timeout_s, certificate=order.certificate)
        self._view.resize(1366, 768)
        self._view.navigation_refused.connect(self._on_view_navigation_refused)
        self._view.failed.connect(self._on_view_failed)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._on_settle_timeout)
        self._view.show()
        self._view.open(Entry(pack=without_ticket(order.pack)))
        if self._view.page is not None:
            self._view.page.loadFinished.connect(self._on_page_load_finished)

    @property
    def result(self) -> DryRun:
        """What was seen."""
        return DryRun.model_validate(
            {
                "outcome": self._outcome or "crashed",
                "refused": [Refused(host=host, reason=reason) for host, reason in self._refused],
                "selectors": self._found,
                "load_s": self._load_s,
            }
        )

    def close(self) -> None:
        """Let go of the page."""
        self._view.close_page()

    @Slot(str, str)
    def _on_view_navigation_refused(self, host: str, reason: str) -> None:
        if len(self._refused) < MAX_REFUSED:
            self._refused[host, reason] = None

    @Slot(bool)
    def _on_page_load_finished(self, is_good: bool) -> None:
        """Any page of an allowed host is an answer: without a ticket we do not get to where ``opened`` comes."""
        if is_good and not self._outcome:
            self._finish("opened")

    @Slot(object)
    def _on_view_failed(self, code: ErrorCode) -> None:
        outcome = _OUTCOMES.get(code, "crashed")
        # After the page was there only what took it away counts; that it let nobody in was to be expected.
        if self._outcome != "opened" or outcome in {"not-trusted", "crashed"}:
            self._finish(outcome)

    def _finish(self, outcome: str) -> None:
        self._outcome, self._load_s = outcome, time.monotonic() - self._began
        self._settle.start()

    @Slot()
    def _on_settle_timeout(self) -> None:
        page = self._view.page
        if self._outcome == "opened" and self._selectors and page is not None:
            page.runJavaScript(_LOOK % json.dumps(self._selectors), 0, self._on_looked)
            # A page whose script never ends never answers.
            self._settle.timeout.disconnect(self._on_settle_timeout)
            self._settle.timeout.connect(self._on_no_answer)
            self._settle.start()
        else:
            QApplication.quit()

    def _on_looked(self, answer: object) -> None:
        self._settle.stop()
        self._found = json.loads(answer) if isinstance(answer, str) else {}
        self._looks_left -= 1
        if False in self._found.values() and self._looks_left:
            self._settle.timeout.disconnect(self._on_no_answer)
            self._settle.timeout.connect(self._on_settle_timeout)
            self._settle.start(LOOK_INTERVAL_MS)
        else:
            QTimer.singleShot(0, QApplication.quit)

    @Slot()
    def _on_no_answer(self) -> None:
        self._found = dict.fromkeys(self._selectors, False)
        QApplication.quit()


def main() -> int:
    """Make the visit; always 0, the outcome is in the answer."""
    order = DryRunOrder.model_validate_json(sys.stdin.buffer.read(MAX_ORDER_BYTES))
    os.environ["QT_QPA_PLATFORM"] = "offscreen"  # never over the screen of somebody who sits there
    engine.prepare_application_attributes()
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    with tempfile.TemporaryDirectory(prefix="preflight-") as folder:
        _tell(_visit(order, app, AuthorityStore(Path(folder))))
    return 0


def _visit(order: DryRunOrder, app: QApplication, authorities: AuthorityStore) -> DryRun:
    """Make the visit, believing the pack's own authorities as a session does."""
    try:
        engine.check_sandbox(drill=order.drill, is_root=is_root(), environ=os.environ)
    except KioskError:
        return DryRun(outcome="runs-as-root")
    try:
        authorities.use(order.pack.certificate_authorities)
        engine.prepare(drill=order.drill, authorities=authorities)
    except KioskError as error:
        return DryRun.model_validate({"outcome": _OUTCOMES.get(error.code, "crashed")})
    visitor = Visitor(order)
    app.exec()
    visitor.close()
    return visitor.result


def is_root() -> bool:
    """Whether Chromium would refuse its sandbox."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _tell(result: DryRun) -> None:
    sys.stdout.write(f"\n{result.model_dump_json()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""Watches one way into the main site: types the account, sees who has arrived, and when the main site signs them out.

It looks into the page from a script world of its own (``ApplicationWorld``), where the page cannot change what a look
finds, nor see that somebody looks.
"""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineScript

from drivers.errors import ErrorCode

from . import looks
from .entry import Entry
from .looks import Look
from .marks import lies_at

LOOK_MS = 250
WATCH_MS = 2000
PATIENCE = 4
"""So many looks in a row must find a ticket's bearer signed out: pages pass through their login page on the way in."""
SILENCE = 20
"""After so many looks without an answer the next one is sent all the same."""

_WORLD = QWebEngineScript.ScriptWorldId.ApplicationWorld.value


class _Phase(Enum):
    ENTERING = auto()
    INSIDE = auto()
    OVER = auto()


class Entrance(QObject):
    """Lives beside its page, in the GUI thread.

    Signals:
        arrived(): the page that the pack calls the evaluation is on the screen. Once.
        refused(ErrorCode): the main site did not take ticket or account (E-505, E-506), or ended the session of
            somebody who had arrived (E-507). Once, and nothing follows.
    """

    arrived = Signal()
    refused = Signal(object)

    def __init__(self, page: QWebEnginePage, entry: Entry) -> None:
        super().__init__(page)
        self._page, self._entry = page, entry
        self._phase = _Phase.ENTERING
        self._is_loaded = False
        self._is_submitted = False
        self._last: Look | None = None
        self._signed_out_looks = 0
        self._unanswered = 0
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._on_timer_timeout)

    @property
    def is_inside(self) -> bool:
        """Whether the expert has arrived."""
        return self._phase is _Phase.INSIDE

    @property
    def refusal(self) -> ErrorCode:
        """What it means that the main site does not take who knocks."""
        return ErrorCode.TICKET_REFUSED if self._entry.form is None else ErrorCode.ACCOUNT_REFUSED

    def document_started(self) -> None:
        """A document begins to load: what was seen of the one before counts no more."""
        self._is_loaded, self._signed_out_looks = False, 0
        self._timer.start()

    def document_loaded(self) -> None:
        """A document of an allowed origin is there, without an error of the main site."""
        self._is_loaded = True
        self._look()

    def stop(self) -> None:
        """Look no more."""
        self._phase = _Phase.OVER
        self._timer.stop()

    def overdue(self) -> ErrorCode:
        """Return why nobody had arrived by the deadline."""
        if self._is_submitted:
            # To try again by ourselves could lock the account.
            return ErrorCode.ACCOUNT_REFUSED
        if not self._is_loaded or self._last is None:
            return ErrorCode.MAIN_SITE_UNREACHABLE
        if self._is_signed_out(self._last):
            return self.refusal
        if lies_at(self._entry.pack.arrived, self._last.address):
            return ErrorCode.MAIN_SITE_UNREACHABLE
        return ErrorCode.MAIN_SITE_NOT_TRUSTED

    @Slot()
    def _on_timer_timeout(self) -> None:
        if self._phase is _Phase.INSIDE or self._is_loaded:
            self._look()

    def _look(self) -> None:
        if self._phase is _Phase.OVER or 0 < self._unanswered < SILENCE:
            self._unanswered += self._unanswered > 0
            return
        self._unanswered = 1
        self._page.runJavaScript(looks.look(self._entry), _WORLD, self._on_looked)

    def _on_looked(self, answer: object) -> None:
        self._unanswered = 0
        look = looks.read(answer)
        if look is None or self._phase is _Phase.OVER:
            return
        self._last = look
        if self._phase is _Phase.INSIDE:
            if self._is_signed_out(look):
                self._refuse(ErrorCode.MAIN_SITE_SIGNED_OUT)
        elif self._is_loaded:
            self._enter(look)

    def _enter(self, look: Look) -> None:
        form = self._entry.form
        if lies_at(self._entry.pack.arrived, look.address) and look.arrived:
            self._phase = _Phase.INSIDE
            self._timer.setInterval(WATCH_MS)
            self.arrived.emit()
        elif form is None:
            self._signed_out_looks = self._signed_out_looks + 1 if self._is_signed_out(look) else 0
            if self._signed_out_looks >= PATIENCE:
                self._refuse(ErrorCode.TICKET_REFUSED)
        elif self._is_submitted:
            if look.refused or (look.form and not look.submitted):
                self._refuse(ErrorCode.ACCOUNT_REFUSED)
        elif look.form and not look.typed:
            self._run(looks.fill(self._entry))
        elif look.form and look.typed and look.ready:
            self._is_submitted = True
            self._run(looks.submit(form))

    def _is_signed_out(self, look: Look) -> bool:
        mark = self._entry.pack.signed_out
        return mark is not None and look.signed_out and lies_at(mark, look.address)

    def _run(self, script: str) -> None:
        self._page.runJavaScript(script, _WORLD)

    def _refuse(self, code: ErrorCode) -> None:
        self.stop()
        self.refused.emit(code)

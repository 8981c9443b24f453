"""The locked browser for the journey: loaded late, one page an attempt."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import DocumentType
from workstation.certificate import BoothCertificate
from workstation.evaluation import engine
from workstation.evaluation.authorities import AuthorityStore
from workstation.evaluation.documents import forget_documents
from workstation.evaluation.entry import Entry
from workstation.evaluation.page_api import Facts
from workstation.evaluation.surface import Command
from workstation.health.trust import MainSiteTrust, check_pins, trust_of

from .threads import Lane

if TYPE_CHECKING:
    from workstation.evaluation.view import EvaluationView

_log = logging.getLogger(__name__)


class BrowserBridge(QObject):
    """Lives in the GUI thread.

    Signals:
        opened(int attempt), failed(int attempt, ErrorCode): how opening the page for that attempt went.
        lost(ErrorCode): the open page is gone.
        navigation_refused(str host, str reason): the page wanted to leave its origins.
        view_changed(QWidget | None): the widget to show.
        trust_found(MainSiteTrust): what the hosts of the main site that is being opened must show.
        surface_changed(Surface): what stands around the page.
        noticed(Notice): something for the expert to read.

    Args:
        authorities: where a pack's private authorities are put for the engine.
        certificate: the booth's client certificate, ``None`` when it has none.
    """

    opened = Signal(int)
    failed = Signal(int, object)
    lost = Signal(object)
    navigation_refused = Signal(str, str)
    view_changed = Signal(object)
    trust_found = Signal(object)
    _made_sure = Signal(int, object)
    surface_changed = Signal(object)
    noticed = Signal(object)

    def __init__(
        self,
        *,
        is_drill: bool,
        authorities: AuthorityStore,
        certificate: BoothCertificate | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._is_drill, self._authorities, self._certificate = is_drill, authorities, certificate
        self._waiting: Entry | None = None
        self._facts = Facts()
        self.lane = Lane("main-site-trust", self)
        self._made_sure.connect(self._on_made_sure)
        self._view: EvaluationView | None = None
        self._attempt = 0
        self._is_open = False
        self._is_shown = False
        forget_documents()

    @property
    def is_loaded(self) -> bool:
        """Whether the engine is in memory. It cannot be unloaded."""
        return self._view is not None

    def prepare(self) -> None:
        """Load the engine and make the empty view, while the expert reads."""
        if self._view is not None:
            return
        engine.prepare(drill=self._is_drill, authorities=self._authorities)
        from workstation.conference.scheme import register_scheme  # noqa: PLC0415 - needs the engine

        register_scheme()  # no later: the view has a profile
        view = engine.create_view(certificate=self._certificate)
        view.opened.connect(self._on_view_opened)
        view.failed.connect(self._on_view_failed)
        view.navigation_refused.connect(self.navigation_refused)
        view.tell_page(self._facts)
        view.surface_changed.connect(self.surface_changed)
        view.noticed.connect(self.noticed)
        view.set_shown(is_shown=self._is_shown)
        self._view = view
        self.view_changed.emit(view)

    def tell_page(self, *, booth: str, alias: str, state: str) -> None:
        """Keep what pages may know of the booth (``window.workstation``)."""
        self._facts = Facts(booth=booth, alias=alias, state=state)
        if self._view is not None:
            self._view.tell_page(self._facts)

    def open(self, attempt: int, entry: Entry) -> None:
        """Open the main site for this attempt. Pinned hosts must have shown their keys before anything is sent."""
        self.prepare()
        self._attempt, self._is_open, self._waiting = attempt, False, None
        try:
            trust = trust_of(entry.pack, self._certificate)
        except KioskError as error:
            self.failed.emit(attempt, error.code)
            return
        self.trust_found.emit(trust)
        self._waiting = entry
        self.lane.submit(lambda: self._make_sure(attempt, entry, trust))

    def command(self, command: Command) -> None:
        """Do what was pressed around the page."""
        if self._view is not None:
            self._view.command(command)

    def document_file(self, name: str) -> tuple[Path, DocumentType] | None:
        """Return file and type of a document of this session, ``None`` when there is none of that name."""
        return None if self._view is None else self._view.document_file(name)

    def set_shown(self, *, is_shown: bool) -> None:
        """Say whether the expert sits before the page: not while the booth is locked or asks something itself."""
        if is_shown != self._is_shown:
            self._is_shown = is_shown
            if self._view is not None:
                self._view.set_shown(is_shown=is_shown)

    def close_page(self) -> None:
        """Close the page and its profile. Idempotent."""
        self._waiting = None
        if self._view is not None:
            self._view.close_page()
            self.lane.submit(self._forget_authorities)

    def close(self) -> None:
        """Let go of the view at the end of the program."""
        self._waiting = None
        self.lane.close()
        if self._view is not None:
            self.view_changed.emit(None)
            self._view.dispose()
            self._view = None

    @Slot(object)
    def on_condition_raised(self, code: ErrorCode) -> None:
        """Close an open page whose main site is not the right one any more (fail closed)."""
        if code is ErrorCode.MAIN_SITE_NOT_TRUSTED and self._is_open:
            self._is_open = False
            self.close_page()
            self.lost.emit(code)

    def _make_sure(self, attempt: int, entry: Entry, trust: MainSiteTrust) -> None:
        """Runs in the lane's thread: a host that does not answer takes seconds."""
        try:
            self._authorities.use(entry.pack.certificate_authorities)
            check_pins(trust)
        except KioskError as error:
            self._made_sure.emit(attempt, error.code)
        else:
            self._made_sure.emit(attempt, None)

    def _forget_authorities(self) -> None:
        try:
            self._authorities.use(())
        except KioskError as error:
            _log.error("the authorities of the last main site stay until the next one: %s", error)

    @Slot(int, object)
    def _on_made_sure(self, attempt: int, code: ErrorCode | None) -> None:
        entry = self._waiting
        if attempt != self._attempt or entry is None or self._view is None:
            return  # closed meanwhile, or opened anew
        self._waiting = None
        if code is None:
            self._view.open(entry)
        else:
            self.failed.emit(attempt, code)

    @Slot()
    def _on_view_opened(self) -> None:
        self._is_open = True
        self.opened.emit(self._attempt)

    @Slot(object)
    def _on_view_failed(self, code: ErrorCode) -> None:
        if self._is_open:
            self.lost.emit(code)
        else:
            self.failed.emit(self._attempt, code)

"""The widget the kiosk window shows for the main site: one throw-away session at a time, its windows as tabs."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWebEngineCore import QWebEngineNewWindowRequest
from PySide6.QtWidgets import QVBoxLayout, QWidget

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import DocumentType
from workstation.certificate import BoothCertificate

from . import surface as sf
from .clipboard import clear_clipboard
from .entry import Entry
from .history import Trail
from .launch import first_request
from .page import LockedPage
from .page_api import Facts
from .policy import OriginPolicy
from .recovery import Recovery
from .session import BrowserSession
from .spare import Spare
from .steering import Steering
from .viewer import make_viewer
from .watchdog import Watchdog
from .windows import Window, Windows

_log = logging.getLogger(__name__)


class EvaluationView(QWidget):
    """Shows the main site and keeps nothing of it.

    Every ``open`` makes a new session, so cookies, cache, storage and documents of one cannot meet the next;
    ``close_page`` deletes the pages, then the profile, and empties the clipboard.

    Signals:
        navigation_refused(str host, str reason): as ``LockedPage``.
        opened(): as ``LockedPage``.
        failed(ErrorCode code): as ``LockedPage``, or the page was lost too often. It stays until ``close_page``.
        surface_changed(Surface): the booth's frame around the page has something else to show.
        noticed(Notice): something for the expert to read.
    """

    navigation_refused = Signal(str, str)
    opened = Signal()
    failed = Signal(object)
    surface_changed = Signal(object)
    noticed = Signal(object)

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        spare: Spare,
        load_timeout_s: float,
        hang_deadline_s: float,
        certificate: BoothCertificate | None = None,
    ) -> None:
        super().__init__(parent)
        self._spare = spare
        spare.setParent(self)
        self._certificate = certificate
        self._facts = Facts()
        self._load_timeout_s = load_timeout_s
        self._session: BrowserSession | None = None
        self._trail = Trail()
        self._surface = sf.Surface()
        self._desk = spare.desk
        self._desk.changed.connect(self._refresh)
        self._recovery = Recovery(self)
        self._watchdog = Watchdog(self._is_excused, deadline_s=hang_deadline_s, parent=self)
        self._watchdog.hung.connect(self._on_hung)
        self._windows = Windows(self)
        self._windows.changed.connect(self._on_windows_changed)
        self._steering = Steering(self._windows, self)
        self._steering.changed.connect(self._refresh)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._windows)
        self.setFocusProxy(self._windows)
        for keys, step in (("Ctrl++", 1), ("Ctrl+=", 1), ("Ctrl+-", -1), ("Ctrl+0", 0)):
            shortcut = QShortcut(QKeySequence(keys), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.setProperty("step", step)
            shortcut.activated.connect(self._on_zoom_shortcut)

    @property
    def page(self) -> LockedPage | None:
        """The page the session began with, ``None`` between sessions."""
        return self._windows.all[0].page if self._windows.all else None

    @property
    def active_page(self) -> LockedPage | None:
        """The shown page, ``None`` while a document is shown."""
        window = self._windows.active
        return window.page if window is not None else None

    @property
    def surface(self) -> sf.Surface:
        """What the frame shows now."""
        return self._surface

    # --- the session ---

    def tell_page(self, facts: Facts) -> None:
        """From now on a page that asks ``window.workstation`` hears this."""
        self._facts = facts

    def _get_facts(self) -> Facts:
        return self._facts

    def open(self, entry: Entry) -> None:
        """Start a session: close what is open, make a fresh profile and enter the main site.

        Never raises: an address or origin that is not acceptable comes back as ``failed(E-504)``.

        Args:
            entry: the pack says where to go and what may be loaded; the ticket is neither logged nor kept.
        """
        self.close_page()
        try:
            policy = OriginPolicy(entry.pack.origins)
            session = BrowserSession(
                entry, self._spare, policy, certificate=self._certificate, facts=self._get_facts, parent=self
            )
        except KioskError as error:
            _log.error("evaluation not opened: %s", error)
            self.failed.emit(error.code)
            return
        self._session = session
        self._recovery.reset()
        session.noticed.connect(self.noticed)
        session.filter.request_refused.connect(self._on_request_refused)
        session.downloads.refused.connect(self._on_download_refused)
        session.downloads.admitted.connect(self._on_download_admitted)
        self._trail = Trail(policy, first_request(entry).url(), is_ticket=bool(entry.ticket))
        self._steering.begin(self._trail, zoom=entry.pack.browser.zoom)
        page = self._make_page(session)
        page.opened.connect(self._on_page_opened)
        page.failed.connect(self.failed)
        self._add_page(page, select=True)
        page.start(entry)

    def close_page(self) -> None:
        """End the session. Safe at any time, also from a slot of this view's own signals or while a page asks."""
        session = self._session
        if session is None:
            return
        self._session = None
        self._watchdog.watch(None)
        self._desk.abort()
        self._steering.end()
        for window in reversed(self._windows.all):
            self._retire(window)
        session.end()
        clear_clipboard()
        # After the pages, and not inside a call of one.
        self._desk.after(session.profile.deleteLater)
        self._desk.after(session.deleteLater)
        self._refresh()

    def dispose(self) -> None:
        """End the session and this widget. Only where no page's call is on the stack."""
        self.close_page()
        self._desk.abort()
        self._desk.settle()
        self.deleteLater()

    def set_shown(self, *, is_shown: bool) -> None:
        """Say whether the expert can see the page. While not, questions get the safe answer; the clipboard is empty."""
        self._desk.set_open(is_open=is_shown)
        if not is_shown:
            self._steering.drop_question()
            clear_clipboard()

    # --- what the frame asks for ---

    def command(self, command: sf.Command) -> None:
        """Do what was pressed in the frame; what is not possible any more is dropped. A question comes first."""
        if self._session is None:
            return
        match command:
            case sf.Answer(number=number, reply=reply):
                if not self._steering.answer(number, reply):
                    self._desk.answer(number, reply)
            case _ if self._surface.question is not None:
                pass
            case sf.CloseTab(number=number):
                self._close_tab(number)
            case sf.OpenDocument(name=name):
                self._open_document(name)
            case _:
                self._steering.command(command)

    def document_file(self, name: str) -> tuple[Path, DocumentType] | None:
        """Return file and type of a document of this session, ``None`` when there is none of that name."""
        folder = self._session.folder if self._session is not None else None
        kinds = [document.kind for document in folder.documents if document.name == name] if folder else []
        file = folder.file_of(name) if folder else None
        return (file, kinds[0]) if file is not None and kinds else None

    def _close_tab(self, number: int) -> None:
        window = self._windows.numbered(number)
        if window is None or window is self._windows.all[0]:
            return
        self._windows.select(number)
        if window.page is None:
            self._retire(window)
        else:
            # The page may ask to stay; otherwise it says windowCloseRequested.
            window.page.triggerAction(LockedPage.WebAction.RequestClose)

    def _open_document(self, name: str) -> None:
        session = self._session
        if (window := self._windows.of_document(name)) is not None:
            self._windows.select(window.number)
            return
        if session is None or session.folder is None:
            return
        if self._windows.is_full:
            self.noticed.emit(sf.Notice(kind=sf.NoticeKind.TABS_FULL))
            return
        found = self.document_file(name)
        viewer = None if found is None else make_viewer(name, *found, self)
        if viewer is None:
            self.noticed.emit(sf.Notice(kind=sf.NoticeKind.UNREADABLE))
            return
        viewer.changed.connect(self._refresh)
        self._windows.add_document(viewer)
        self._steering.apply_zoom()

    @Slot()
    def _on_zoom_shortcut(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.command(sf.Zoom(int(sender.property("step"))))

    # --- windows ---

    def _make_page(self, session: BrowserSession) -> LockedPage:
        page = session.make_page(open_window=self._open_window, load_timeout_s=self._load_timeout_s)
        # Children die in the order they came: views, which the windows hold, then pages, then the profile.
        page.setParent(self)
        session.profile.setParent(None)
        session.profile.setParent(self)
        page.navigation_refused.connect(self.navigation_refused)
        page.noticed.connect(self.noticed)
        page.lost.connect(self._on_page_lost)
        page.windowCloseRequested.connect(self._on_window_close_requested)
        page.loadStarted.connect(self._on_load_started)
        page.loadFinished.connect(self._on_load_finished)
        page.titleChanged.connect(self._refresh)
        page.urlChanged.connect(self._refresh)
        page.findTextFinished.connect(self._steering.on_find_text_finished)
        return page

    def _add_page(self, page: LockedPage, *, select: bool) -> Window:
        window = self._windows.add_page(page, select=select)
        self._steering.apply_zoom()
        return window

    def _open_window(self, request: QWebEngineNewWindowRequest) -> bool:
        session = self._session
        if session is None or self._windows.is_full:
            return False
        page = self._make_page(session)
        page.adopt()
        # Only what the expert pressed comes to the front; the engine keeps the opener's relation by openIn.
        self._add_page(page, select=request.isUserInitiated())
        request.openIn(page)
        return True

    def _retire(self, window: Window) -> None:
        """Take a tab away and delete it, the view before its page, outside any call of the page."""
        if window.page is not None:
            window.page.disconnect(self)
            self._desk.abort(window.page)
        self._windows.remove(window)
        self._desk.after(window.widget.deleteLater)
        if window.page is not None:
            self._desk.after(window.page.deleteLater)

    @Slot()
    def _on_window_close_requested(self) -> None:
        window = self._windows.of(self.sender())
        if window is not None and window is not self._windows.all[0]:
            self._retire(window)

    @Slot()
    def _on_windows_changed(self) -> None:
        self._steering.drop_matches()
        self._watchdog.watch(self.active_page)
        self._refresh()

    # --- crash and hang ---

    def _is_excused(self) -> bool:
        return self._desk.is_waiting

    @Slot()
    def _on_hung(self) -> None:
        """End the process of a page that hangs: what follows is the same as after a crash."""
        page = self.active_page
        if page is None or not page.is_open:
            return
        self._recovery.end(page.renderProcessPid())

    @Slot()
    def _on_page_lost(self) -> None:
        window = self._windows.of(self.sender())
        if window is None or window.page is None:
            return
        kind = sf.NoticeKind.HUNG if self._recovery.was_ended() else sf.NoticeKind.CRASHED
        is_first = window is self._windows.all[0]
        address = self._trail.last_address(window.page)
        if address is None or not self._recovery.may_recover():
            if is_first:
                self.failed.emit(ErrorCode.INTERNAL)
            else:
                self._retire(window)
                self.noticed.emit(sf.Notice(kind=kind))
            return
        self.noticed.emit(sf.Notice(kind=kind))
        window.page.load(address)
        self._watchdog.watch(self.active_page)

    # --- what pages tell ---

    @Slot()
    def _on_page_opened(self) -> None:
        if self.page is not None:
            self._trail.arrived(self.page)
        self.opened.emit()

    @Slot()
    def _on_load_started(self) -> None:
        if self.sender() is self.active_page:
            self._steering.drop_matches()
            self._watchdog.watch(self.active_page)

    @Slot(bool)
    def _on_load_finished(self, is_loaded: bool) -> None:
        window = self._windows.of(self.sender())
        if window is None or window.page is None:
            return
        if is_loaded:
            self._trail.note(window.page)
        # The engine keeps a factor for each host; the session has one for all.
        self._steering.apply_zoom()
        self._refresh()

    @Slot(str, str)
    def _on_request_refused(self, host: str, reason: str) -> None:
        page = self.active_page or self.page
        if page is not None:
            page.note_refused_request(host, reason)

    @Slot(QUrl, object)
    def _on_download_refused(self, url: QUrl, kind: sf.NoticeKind) -> None:
        page = self.active_page or self.page
        if page is not None:
            page.note_refused_download(url, kind)

    @Slot(object)
    def _on_download_admitted(self, document: sf.Document) -> None:
        self.noticed.emit(sf.Notice(kind=sf.NoticeKind.DOWNLOADED))
        self._refresh()
        self._open_document(document.name)

    # --- the frame ---

    @Slot()
    def _refresh(self) -> None:
        """Tell the frame if it has something else to show."""
        surface = self._look()
        if surface != self._surface:
            self._surface = surface
            self.surface_changed.emit(surface)

    def _look(self) -> sf.Surface:
        session, window = self._session, self._windows.active
        if session is None or window is None:
            return sf.Surface()
        return self._steering.look(
            window,
            sf.Surface(
                tabs=self._windows.tabs,
                active=window.number,
                documents=session.folder.documents if session.folder is not None else (),
                takes_documents=bool(session.pack.documents.download),
                question=self._desk.question,
            ),
        )

"""What lives as long as one expert's session: the profile in memory, its filter, the folder, the clipboard."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from kiosk_config.pack.model import MainSitePack
from workstation.certificate import BoothCertificate

from .client_certificates import ClientCertificates
from .clipboard import SessionClipboard
from .documents import SessionFolder
from .downloads import Downloads
from .entry import Entry
from .page import LockedPage, OpenWindow
from .page_api import Facts, NoToken
from .page_bridge import PageBridge
from .policy import OriginPolicy
from .request_filter import RequestFilter
from .spare import Spare
from .surface import Document, Notice, NoticeKind, QuestionKind

_log = logging.getLogger(__name__)


class BrowserSession(QObject):
    """One profile and what belongs to it. ``end`` forgets all of it; the pages must be gone before ``profile``.

    Args:
        spare: its profile and page are used, if they still are there.
        certificate: the booth's client certificate, ``None`` when it has none.
        facts: what pages may know of the booth, asked on each call.

    Attributes:
        pack: what this main site may do.
        folder: ``None`` when the pack lets no document in, or there is no place for them.

    Signals:
        noticed(Notice): something for the expert to read.

    Raises:
        KioskError: INTERNAL, the pack wants the booth's certificate and there is none that can be used.
    """

    noticed = Signal(object)

    def __init__(
        self,
        entry: Entry,
        spare: Spare,
        policy: OriginPolicy,
        *,
        certificate: BoothCertificate | None,
        facts: Callable[[], Facts],
        parent: QObject | None = None,
    ) -> None:
        super().__init__()
        self.pack: MainSitePack = entry.pack
        self.policy = policy
        self._desk, self._facts = spare.desk, facts
        # In this order they are deleted when the rest fails.
        self._first_page, self.profile = spare.take()
        profile = self.profile
        self._certificates = ClientCertificates(profile, self.pack.client_certificate, certificate, self)
        if self.pack.browser.user_agent:
            profile.setHttpUserAgent(self.pack.browser.user_agent)
        self.folder = self._make_folder()
        self.filter = RequestFilter(policy, self)
        profile.setUrlRequestInterceptor(self.filter)
        self.downloads = Downloads(self.pack.documents, self.folder, policy, self)
        profile.downloadRequested.connect(self.downloads.consider)
        self._clipboard: SessionClipboard | None = SessionClipboard(self)
        self.setParent(parent)  # not before nothing can fail any more

    def make_page(self, *, open_window: OpenWindow, load_timeout_s: float) -> LockedPage:
        """Return a new page of this session."""
        page, self._first_page = self._first_page, None
        if page is None:
            page = LockedPage(self.profile, self._desk, load_timeout_s=load_timeout_s)
        page.join(
            self.policy,
            self.pack,
            request_filter=self.filter,
            choose_file=self._choose_file,
            open_window=open_window,
        )
        self._certificates.attach(page)
        if self.pack.browser.page_bridge:
            PageBridge(page, self.policy, facts=self._facts, signatures=NoToken())
        return page

    def _choose_file(self, page: LockedPage) -> Path | None:
        """Ask the expert for one document that may be handed to the main site."""
        types = self.pack.documents.upload
        names = tuple(document.name for document in self._documents if document.kind in types)
        if not names:
            self.noticed.emit(Notice(kind=NoticeKind.UPLOAD))
            return None
        reply = self._desk.ask(page, QuestionKind.FILE, choices=names)
        if reply is None or not reply.accepted or self.folder is None:  # the session may be over by now
            return None
        return self.folder.file_of(reply.text, types)

    @property
    def _documents(self) -> tuple[Document, ...]:
        return self.folder.documents if self.folder is not None else ()

    def end(self) -> None:
        """Stop downloads, delete the documents, empty the clipboard. Idempotent."""
        self.downloads.close()
        if self.folder is not None:
            self.folder.wipe()
            self.folder = None
        if self._clipboard is not None:
            self._clipboard.close()
            self._clipboard = None

    def _make_folder(self) -> SessionFolder | None:
        if not self.pack.documents.download:
            return None
        try:
            return SessionFolder()
        except OSError as error:
            # Without a place for documents the evaluation goes on; each download says that it is refused.
            _log.error("no folder for documents: %s", type(error).__name__)
            return None

"""Lets documents of the pack's types into the session folder and refuses every other download."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtWebEngineCore import QWebEngineDownloadRequest

from kiosk_config.pack.model import Documents

from .documents import MAX_DOCUMENTS, SessionFolder, agrees, type_of_name
from .policy import OriginPolicy, Use
from .request_filter import url_text
from .surface import Document, NoticeKind

_State = QWebEngineDownloadRequest.DownloadState
MIB = 1 << 20
MAX_AT_ONCE = 4


@dataclass(frozen=True)
class _Arrival:
    """A download on its way: the name it has meanwhile, and the page's name for it."""

    request: QWebEngineDownloadRequest
    arrived: str
    suggested: str


class Downloads(QObject):
    """Decides on each download of a profile.

    Signals:
        refused(QUrl url, NoticeKind kind): one was refused or thrown away.
        admitted(Document document): one is in the folder.
    """

    refused = Signal(QUrl, object)
    admitted = Signal(object)

    def __init__(
        self, rules: Documents, folder: SessionFolder | None, policy: OriginPolicy, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._rules, self._folder, self._policy = rules, folder, policy
        self._arrivals: list[_Arrival] = []

    @Slot(QWebEngineDownloadRequest)
    def consider(self, request: QWebEngineDownloadRequest) -> None:
        """Begin or refuse a download. Its name, its MIME type and its place must fit before a byte is taken."""
        suggested = request.suggestedFileName() or request.downloadFileName()
        kind = type_of_name(suggested)
        is_fit = (
            self._folder is not None
            and kind is not None
            and kind in self._rules.download
            and agrees(kind, request.mimeType())
            and not request.isSavePageDownload()
            and self._policy.decide(url_text(request.url()), Use.SUB_RESOURCE).allowed
            and len(self._arrivals) < MAX_AT_ONCE
            and len(self._folder.documents) + len(self._arrivals) < MAX_DOCUMENTS
        )
        if not is_fit or self._folder is None:
            request.cancel()
            self.refused.emit(request.url(), NoticeKind.DOWNLOAD)
            return
        if self._is_too_large(request.totalBytes()):
            request.cancel()
            self.refused.emit(request.url(), NoticeKind.DOWNLOAD_TOO_LARGE)
            return
        arrived = self._folder.arrival_name()
        request.setDownloadDirectory(str(self._folder.path))
        request.setDownloadFileName(arrived)
        self._arrivals.append(_Arrival(request, arrived, suggested))
        request.receivedBytesChanged.connect(self._on_received_bytes_changed)
        request.stateChanged.connect(self._on_state_changed)
        request.accept()

    def close(self) -> None:
        """Stop what is still on its way."""
        arrivals, self._arrivals = self._arrivals, []
        for arrival in arrivals:
            arrival.request.disconnect(self)
            arrival.request.cancel()

    def _is_too_large(self, size: int) -> bool:
        used = self._folder.used_bytes if self._folder is not None else 0
        coming = sum(arrival.request.receivedBytes() for arrival in self._arrivals)
        return used + coming + max(size, 0) > self._rules.max_mb * MIB

    @Slot()
    def _on_received_bytes_changed(self) -> None:
        if self._arrivals and self._is_too_large(0):
            self._drop(self._arrivals[-1], NoticeKind.DOWNLOAD_TOO_LARGE)

    def _drop(self, arrival: _Arrival, why: NoticeKind) -> None:
        self._arrivals.remove(arrival)
        arrival.request.cancel()
        if self._folder is not None:
            self._folder.discard(arrival.arrived)
        self.refused.emit(arrival.request.url(), why)

    @Slot(QWebEngineDownloadRequest.DownloadState)
    def _on_state_changed(self, _state: QWebEngineDownloadRequest.DownloadState) -> None:
        for arrival in tuple(self._arrivals):
            match arrival.request.state():
                case _State.DownloadCompleted:
                    self._take_in(arrival)
                case _State.DownloadCancelled | _State.DownloadInterrupted:
                    self._drop(arrival, NoticeKind.DOWNLOAD)
                case _:
                    pass

    def _take_in(self, arrival: _Arrival) -> None:
        self._arrivals.remove(arrival)
        kind = type_of_name(arrival.suggested)
        document: Document | None = None
        if self._folder is not None and kind is not None:
            document = self._folder.admit(arrival.arrived, arrival.suggested, kind)
        if document is None:
            self.refused.emit(arrival.request.url(), NoticeKind.DOWNLOAD)
        else:
            self.admitted.emit(document)

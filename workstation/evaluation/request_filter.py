"""Puts the origin policy before every request of a profile."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QObject, QUrl, Signal
from PySide6.QtWebEngineCore import QWebEngineUrlRequestInfo, QWebEngineUrlRequestInterceptor

from .policy import OriginPolicy, Use

_Resource = QWebEngineUrlRequestInfo.ResourceType
_USES = {
    _Resource.ResourceTypeMainFrame: Use.MAIN_FRAME,
    _Resource.ResourceTypeNavigationPreloadMainFrame: Use.MAIN_FRAME,
    _Resource.ResourceTypeSubFrame: Use.SUB_FRAME,
    _Resource.ResourceTypeNavigationPreloadSubFrame: Use.SUB_FRAME,
    _Resource.ResourceTypeWorker: Use.WORKER,
    _Resource.ResourceTypeSharedWorker: Use.WORKER,
    _Resource.ResourceTypeServiceWorker: Use.WORKER,
    _Resource.ResourceTypeWebSocket: Use.WEBSOCKET,
}


def url_text(url: QUrl) -> str:
    """Return ``url`` as Chromium wrote it, "" when Qt finds it invalid."""
    return bytes(url.toEncoded().data()).decode("ascii", "replace")


class RequestFilter(QWebEngineUrlRequestInterceptor):
    """Blocks every request of a profile that its policy does not allow.

    Not everything is a request: the engine shows us neither WebRTC nor the bare connection of ``<link
    rel=preconnect>``. Neither can load anything; keeping them in is the firewall's part.

    Attributes:
        carries_ticket: the main frame's request has the ticket in a header, which the engine would repeat on redirects.

    Signals:
        request_refused(str host, str reason): a request was blocked.
    """

    request_refused = Signal(str, str)

    def __init__(self, policy: OriginPolicy, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._policy = policy
        self._ticket: tuple[str, bytes, bytes] | None = None
        self.carries_ticket = False

    def send_once(self, url: str, header: tuple[str, str]) -> None:
        """Put ``header`` on the next request of the main frame if it goes to ``url``, and on no other."""
        name, value = header
        self._ticket = (url, name.encode("ascii"), value.encode("ascii", "replace"))

    def interceptRequest(self, info: QWebEngineUrlRequestInfo) -> None:
        """Decide on one request; Qt calls it on the GUI thread for every redirect too."""
        use = _USES.get(info.resourceType(), Use.SUB_RESOURCE)
        verdict = self._policy.decide(url_text(info.requestUrl()), use)
        if verdict.refusal is not None:
            info.block(True)
            self.request_refused.emit(verdict.host, verdict.refusal.value)
        elif use is Use.MAIN_FRAME and self._ticket is not None:
            (url, name, value), self._ticket = self._ticket, None
            if url_text(info.requestUrl()) == url:
                self.carries_ticket = True
                info.setHttpHeader(QByteArray(name), QByteArray(value))

"""What no page gets, whatever the pack says: the engine's own switches at their closed side, and requests refused."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtWebEngineCore import (
    QWebEngineDesktopMediaRequest,
    QWebEngineFileSystemAccessRequest,
    QWebEngineFullScreenRequest,
    QWebEnginePage,
    QWebEngineRegisterProtocolHandlerRequest,
    QWebEngineSettings,
    QWebEngineWebAuthUxRequest,
)

from .policy import Refusal

_Attribute = QWebEngineSettings.WebAttribute
_ATTRIBUTES = {
    _Attribute.AllowGeolocationOnInsecureOrigins: False,
    _Attribute.AllowRunningInsecureContent: False,
    _Attribute.AllowWindowActivationFromJavaScript: False,
    _Attribute.AutoLoadIconsForPage: False,
    _Attribute.DnsPrefetchEnabled: False,
    _Attribute.ErrorPageEnabled: False,
    _Attribute.FocusOnNavigationEnabled: False,
    _Attribute.FullScreenSupportEnabled: False,
    _Attribute.HyperlinkAuditingEnabled: False,
    _Attribute.JavascriptCanAccessClipboard: False,
    _Attribute.JavascriptCanOpenWindows: False,
    _Attribute.JavascriptCanPaste: False,
    _Attribute.LocalContentCanAccessFileUrls: False,
    _Attribute.LocalContentCanAccessRemoteUrls: False,
    _Attribute.NavigateOnDropEnabled: False,
    _Attribute.PdfViewerEnabled: False,
    _Attribute.PluginsEnabled: False,
    _Attribute.WebRTCPublicInterfacesOnly: True,
}

Capture = Callable[[QWebEngineDesktopMediaRequest], bool]


class ClosedDoors(QObject):
    """Closes them for one page, which must not have loaded anything yet: the switches count only before.

    Args:
        capture: answers a request for the screen and says whether it did; ``None`` where no page may ever have it.

    Signals:
        refused(QUrl, Refusal): a document of that address asked for something.
    """

    refused = Signal(QUrl, object)

    def __init__(self, page: QWebEnginePage, *, capture: Capture | None = None) -> None:
        super().__init__(page)
        self._page, self._capture = page, capture
        settings = page.settings()
        for attribute, is_on in _ATTRIBUTES.items():
            settings.setAttribute(attribute, is_on)
        settings.setAttribute(_Attribute.ScreenCaptureEnabled, capture is not None)
        # Others would be handed to the desktop's programs.
        settings.setUnknownUrlSchemePolicy(QWebEngineSettings.UnknownUrlSchemePolicy.DisallowUnknownUrlSchemes)
        page.desktopMediaRequested.connect(self._on_desktop_media_requested)
        page.fileSystemAccessRequested.connect(self._on_file_system_access_requested)
        page.fullScreenRequested.connect(self._on_full_screen_requested)
        page.printRequested.connect(self._on_print_requested)
        page.printRequestedByFrame.connect(self._on_print_requested)
        page.registerProtocolHandlerRequested.connect(self._on_protocol_handler_requested)
        page.webAuthUxRequested.connect(self._on_web_auth_requested)

    def _on_desktop_media_requested(self, request: QWebEngineDesktopMediaRequest) -> None:
        if self._capture is not None and self._capture(request):
            return
        request.cancel()
        self.refused.emit(self._page.url(), Refusal.CAPTURE)

    def _on_file_system_access_requested(self, request: QWebEngineFileSystemAccessRequest) -> None:
        request.reject()
        self.refused.emit(request.origin(), Refusal.FILE_SYSTEM)

    def _on_full_screen_requested(self, request: QWebEngineFullScreenRequest) -> None:
        request.reject()
        self.refused.emit(request.origin(), Refusal.FULL_SCREEN)

    def _on_protocol_handler_requested(self, request: QWebEngineRegisterProtocolHandlerRequest) -> None:
        request.reject()
        self.refused.emit(request.origin(), Refusal.PROTOCOL_HANDLER)

    def _on_web_auth_requested(self, request: QWebEngineWebAuthUxRequest) -> None:
        request.cancel()
        self.refused.emit(self._page.url(), Refusal.SECURITY_KEY)

    def _on_print_requested(self, _frame: object = None) -> None:
        self.refused.emit(self._page.url(), Refusal.PRINT)

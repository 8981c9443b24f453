"""The conference page in the engine: it stays where it is, and of all a page may ask for it gets the screen alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtWebEngineCore import (
    QWebEngineCertificateError,
    QWebEngineDesktopMediaRequest,
    QWebEngineNewWindowRequest,
    QWebEnginePage,
    QWebEnginePermission,
    QWebEngineProfile,
    QWebEngineSettings,
    QWebEngineUrlRequestInfo,
    QWebEngineUrlRequestInterceptor,
)

from workstation.evaluation.doors import ClosedDoors
from workstation.evaluation.permissions import word
from workstation.evaluation.policy import Refusal
from workstation.evaluation.request_filter import url_text

from .contract import PAGE_URL
from .reach import Reach, host_of, is_own

_Type = QWebEnginePermission.PermissionType
_Attribute = QWebEngineSettings.WebAttribute
_OPEN_ATTRIBUTES = {
    # What the others say is to be heard without a press of a button first.
    _Attribute.PlaybackRequiresUserGesture: False,
    # The conference server is often in the same private network, where mDNS names lead nowhere.
    _Attribute.WebRTCPublicInterfacesOnly: False,
}


class ReachFilter(QWebEngineUrlRequestInterceptor):
    """Blocks every request that leads elsewhere.

    Signals:
        refused(str host, str reason): a request was blocked.
    """

    refused = Signal(str, str)

    def __init__(self, reach: Reach, parent: QObject) -> None:
        super().__init__(parent)
        self.reach = reach

    def interceptRequest(self, info: QWebEngineUrlRequestInfo) -> None:
        """Decide on one request; Qt calls it on the GUI thread."""
        url = url_text(info.requestUrl())
        if not self.reach.allows(url):
            info.block(True)
            self.refused.emit(host_of(url), "request")


class ConferencePage(QWebEnginePage):
    """One page of one stay.

    Args:
        may_capture: whether the screen may be captured now, asked on each request.

    Signals:
        refused(str subject, str reason): it asked for something that it does not get.
    """

    refused = Signal(str, str)

    def __init__(self, profile: QWebEngineProfile, *, may_capture: Callable[[], bool]) -> None:
        super().__init__(profile)
        self._may_capture = may_capture
        self._doors = ClosedDoors(self, capture=self._choose_screen)
        self._doors.refused.connect(self._on_doors_refused)
        for attribute, is_on in _OPEN_ATTRIBUTES.items():
            self.settings().setAttribute(attribute, is_on)
        self.certificateError.connect(self._on_certificate_error)
        self.newWindowRequested.connect(self._on_new_window_requested)
        self.permissionRequested.connect(self._on_permission_requested)

    def _choose_screen(self, request: QWebEngineDesktopMediaRequest) -> bool:
        """Give the booth's own screen, without asking: that monitoring runs is on the screen all the time."""
        screens = request.screensModel()
        if not self._may_capture() or screens.rowCount() == 0:
            return False
        request.selectScreen(screens.index(0, 0))
        return True

    def _on_permission_requested(self, permission: QWebEnginePermission) -> None:
        kind = permission.permissionType()
        if kind is _Type.DesktopVideoCapture and self._may_capture() and is_own(url_text(permission.origin())):
            permission.grant()
            return
        permission.deny()
        self.refused.emit(word(kind), "permission")

    def _on_doors_refused(self, _url: QUrl, refusal: Refusal) -> None:
        self.refused.emit("", refusal.value)

    def _on_certificate_error(self, error: QWebEngineCertificateError) -> None:
        error.rejectCertificate()
        self.refused.emit(error.url().host(), Refusal.CERTIFICATE.value)

    def _on_new_window_requested(self, request: QWebEngineNewWindowRequest) -> None:
        self.refused.emit(host_of(url_text(request.requestedUrl())), Refusal.WINDOW.value)

    # --- overrides ---

    def acceptNavigationRequest(
        self, url: QUrl | str, _type: QWebEnginePage.NavigationType, is_main_frame: bool
    ) -> bool:
        """Go to the page itself and nowhere else; it has no frames."""
        text = url_text(QUrl(url))
        is_allowed = is_main_frame and text == PAGE_URL
        if not is_allowed:
            self.refused.emit(host_of(text), "navigation")
        return is_allowed

    def chooseFiles(
        self, _mode: QWebEnginePage.FileSelectionMode, _old_files: Sequence[str], _mime_types: Sequence[str]
    ) -> list[str]:
        """Open no dialog: documents are chosen in the booth's own frame."""
        self.refused.emit("", Refusal.UPLOAD.value)
        return []

    def javaScriptAlert(self, _origin: QUrl | str, _message: str) -> None:
        """Show nothing."""
        self.refused.emit("", Refusal.DIALOG.value)

    def javaScriptConfirm(self, _origin: QUrl | str, _message: str) -> bool:
        """Say no."""
        self.refused.emit("", Refusal.DIALOG.value)
        return False

    def javaScriptPrompt(self, _origin: QUrl | str, _message: str, _default: str) -> tuple[bool, str]:
        """Say nothing."""
        self.refused.emit("", Refusal.DIALOG.value)
        return False, ""

    def javaScriptConsoleMessage(
        self, _level: QWebEnginePage.JavaScriptConsoleMessageLevel, _message: str, _line: int, _source: str
    ) -> None:
        """Drop what the page writes to its console: it may hold what people said."""

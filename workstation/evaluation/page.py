"""One web page that stays at its origins: whatever a page can ask a browser for is refused unless it is loading.

QtWebEngine leaves more open than it looks (mail programs by link, file dialogs, drops, devtools pages, downloads).
Every such door has its handler here, and each refusal is reported with the host and one word.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QObject, QTimer, QUrl, Signal, Slot
from PySide6.QtWebEngineCore import (
    QWebEngineCertificateError,
    QWebEngineDesktopMediaRequest,
    QWebEngineDownloadRequest,
    QWebEngineFileSystemAccessRequest,
    QWebEngineFullScreenRequest,
    QWebEngineLoadingInfo,
    QWebEngineNewWindowRequest,
    QWebEnginePage,
    QWebEnginePermission,
    QWebEngineProfile,
    QWebEngineRegisterProtocolHandlerRequest,
    QWebEngineSettings,
    QWebEngineUrlRequestInfo,
    QWebEngineUrlRequestInterceptor,
    QWebEngineWebAuthUxRequest,
)

from drivers.errors import ErrorCode

from .entrance import Entrance
from .entry import Entry
from .launch import first_request, ticket_header
from .policy import OriginPolicy, Refusal, Use, Verdict

_Resource = QWebEngineUrlRequestInfo.ResourceType
_USES = {
    _Resource.ResourceTypeMainFrame: Use.MAIN_FRAME,
    _Resource.ResourceTypeNavigationPreloadMainFrame: Use.MAIN_FRAME,
    _Resource.ResourceTypeSubFrame: Use.SUB_FRAME,
    _Resource.ResourceTypeNavigationPreloadSubFrame: Use.SUB_FRAME,
    _Resource.ResourceTypeWebSocket: Use.WEBSOCKET,
}

_Attribute = QWebEngineSettings.WebAttribute
_ATTRIBUTES = {
    _Attribute.AllowGeolocationOnInsecureOrigins: False,
    _Attribute.AllowRunningInsecureContent: False,
    _Attribute.AllowWindowActivationFromJavaScript: False,
    _Attribute.AutoLoadIconsForPage: False,
    _Attribute.DnsPrefetchEnabled: False,
    _Attribute.ErrorPageEnabled: False,
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
    _Attribute.ScreenCaptureEnabled: False,
    _Attribute.WebRTCPublicInterfacesOnly: True,
}

# What a main site answers to a ticket or an account that it does not take (RFC 9110 sections 15.5.2, 15.5.4, 15.5.11).
_REFUSED_STATUS = frozenset({401, 403, 410})
_NET_ERR_ABORTED = -3  # Chromium net_error_list.h: another navigation, a download or ourselves ended this load.


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


class LockedPage(QWebEnginePage):
    """A page that cannot leave its policy's origins and opens nothing beside itself.

    Script dialogs never wait for a person: an alert is over at once, a confirm answers no, a prompt is cancelled.
    No is the answer that changes nothing. A link to a new window loads in place when its origin is allowed.

    Signals:
        navigation_refused(str host, str reason): something was refused (``policy.Refusal``); each pair of a refused
            sub-resource is told once per document.
        opened(): the expert has arrived: the main frame shows the page that the pack calls the evaluation. Once.
        failed(ErrorCode code): nobody arrived, or what was open is lost, or its session over (E-507).
    """

    navigation_refused = Signal(str, str)
    opened = Signal()
    failed = Signal(object)

    def __init__(self, profile: QWebEngineProfile, policy: OriginPolicy, *, load_timeout_s: float) -> None:
        super().__init__(profile)
        self._policy = policy
        self._entrance: Entrance | None = None
        self._redirected_to = QUrl()
        self._is_open = False
        self._has_failed = False
        self._told: set[tuple[str, str]] = set()
        self._deadline = QTimer(self, singleShot=True, interval=round(load_timeout_s * 1000))
        self._deadline.timeout.connect(self._on_deadline)
        settings = self.settings()
        for attribute, is_on in _ATTRIBUTES.items():
            settings.setAttribute(attribute, is_on)
        settings.setUnknownUrlSchemePolicy(QWebEngineSettings.UnknownUrlSchemePolicy.DisallowUnknownUrlSchemes)
        self._filter = RequestFilter(policy, self)
        self._filter.request_refused.connect(self._on_request_refused)
        profile.setUrlRequestInterceptor(self._filter)
        profile.downloadRequested.connect(self._on_download_requested)
        self._connect_refusals()
        self.loadStarted.connect(self._told.clear)
        self.loadingChanged.connect(self._on_loading_changed)
        self.renderProcessTerminated.connect(self._on_render_process_terminated)

    def start(self, entry: Entry) -> None:
        """Enter the main site, once; ``opened`` or ``failed`` follows within the load timeout."""
        request, header = first_request(entry), ticket_header(entry)
        verdict = self._policy.decide(url_text(request.url()), Use.MAIN_FRAME)
        if not verdict.allowed:
            self._report(verdict)
            self._fail(ErrorCode.MAIN_SITE_NOT_TRUSTED)
            return
        self._entrance = Entrance(self, entry)
        self._entrance.arrived.connect(self._on_arrived)
        self._entrance.refused.connect(self._fail)
        if header is not None:
            self._filter.send_once(url_text(request.url()), header)
        self._deadline.start()
        self.load(request)

    @Slot()
    def note_dialog(self) -> None:
        """Report a dialog that the engine opened by itself and that was refused."""
        self._refuse(self.url(), Refusal.DIALOG)

    @Slot()
    def _follow_redirect(self) -> None:
        self.load(self._redirected_to)

    def _connect_refusals(self) -> None:
        self.authenticationRequired.connect(self._on_authentication_required)
        self.proxyAuthenticationRequired.connect(self._on_proxy_authentication_required)
        self.certificateError.connect(self._on_certificate_error)
        self.desktopMediaRequested.connect(self._on_desktop_media_requested)
        self.fileSystemAccessRequested.connect(self._on_file_system_access_requested)
        self.fullScreenRequested.connect(self._on_full_screen_requested)
        self.newWindowRequested.connect(self._on_new_window_requested)
        self.permissionRequested.connect(self._on_permission_requested)
        self.printRequested.connect(self._on_print_requested)
        self.printRequestedByFrame.connect(self._on_print_requested)
        self.registerProtocolHandlerRequested.connect(self._on_protocol_handler_requested)
        self.webAuthUxRequested.connect(self._on_web_auth_requested)

    # --- loading ---

    @Slot(QWebEngineLoadingInfo)
    def _on_loading_changed(self, info: QWebEngineLoadingInfo) -> None:
        match info.status():
            case QWebEngineLoadingInfo.LoadStatus.LoadStartedStatus:
                self._has_failed = False
                if self._entrance is not None:
                    self._entrance.document_started()
            case QWebEngineLoadingInfo.LoadStatus.LoadSucceededStatus:
                self._on_load_succeeded()
            case QWebEngineLoadingInfo.LoadStatus.LoadFailedStatus:
                self._on_load_failed(info)
            case _:
                pass

    def _on_load_succeeded(self) -> None:
        self._filter.carries_ticket = False
        if not self._has_failed and self._entrance is not None:
            self._entrance.document_loaded()

    @Slot()
    def _on_arrived(self) -> None:
        self._is_open = True
        self._deadline.stop()
        self.opened.emit()

    def _on_load_failed(self, info: QWebEngineLoadingInfo) -> None:
        domain = info.errorDomain()
        if domain is QWebEngineLoadingInfo.ErrorDomain.HttpStatusCodeDomain:
            # Once the evaluation is open, an error page of the main site is the main site's to show.
            if not self._is_open:
                is_refusal = info.errorCode() in _REFUSED_STATUS
                self._fail(self._refusal if is_refusal else ErrorCode.MAIN_SITE_UNREACHABLE)
        elif domain is QWebEngineLoadingInfo.ErrorDomain.CertificateErrorDomain:
            self._fail(ErrorCode.MAIN_SITE_NOT_TRUSTED)
        elif info.errorCode() != _NET_ERR_ABORTED and self._policy.decide(url_text(info.url()), Use.MAIN_FRAME).allowed:
            self._fail(ErrorCode.MAIN_SITE_UNREACHABLE)

    @Slot()
    def _on_deadline(self) -> None:
        self._fail(ErrorCode.MAIN_SITE_UNREACHABLE if self._entrance is None else self._entrance.overdue())

    @property
    def _refusal(self) -> ErrorCode:
        return ErrorCode.TICKET_REFUSED if self._entrance is None else self._entrance.refusal

    @Slot(QWebEnginePage.RenderProcessTerminationStatus, int)
    def _on_render_process_terminated(
        self, status: QWebEnginePage.RenderProcessTerminationStatus, _exit_code: int
    ) -> None:
        if status is not QWebEnginePage.RenderProcessTerminationStatus.NormalTerminationStatus:
            self._fail(ErrorCode.INTERNAL)

    @Slot(object)
    def _fail(self, code: ErrorCode) -> None:
        """Tell the first failure of this load; what follows from it is not news."""
        self._deadline.stop()
        if not self._is_open and self._entrance is not None:
            self._entrance.stop()
        if not self._has_failed:
            self._has_failed = True
            self.failed.emit(code)

    # --- refusals ---

    def _report(self, verdict: Verdict) -> None:
        if verdict.refusal is not None:
            self.navigation_refused.emit(verdict.host, verdict.refusal.value)

    def _refuse(self, url: QUrl, refusal: Refusal) -> None:
        """Report that the page at ``url`` asked for something that no page gets."""
        host = self._policy.decide(url_text(url), Use.MAIN_FRAME).host
        self.navigation_refused.emit(host, refusal.value)

    @Slot(str, str)
    def _on_request_refused(self, host: str, reason: str) -> None:
        if (host, reason) not in self._told:
            self._told.add((host, reason))
            self.navigation_refused.emit(host, reason)

    @Slot(QWebEngineNewWindowRequest)
    def _on_new_window_requested(self, request: QWebEngineNewWindowRequest) -> None:
        url = request.requestedUrl()
        verdict = self._policy.decide(url_text(url), Use.MAIN_FRAME)
        if verdict.allowed:
            self.load(url)
        else:
            self._report(verdict)

    @Slot(QWebEngineDownloadRequest)
    def _on_download_requested(self, request: QWebEngineDownloadRequest) -> None:
        request.cancel()
        self._refuse(request.url(), Refusal.DOWNLOAD)

    @Slot(QWebEngineCertificateError)
    def _on_certificate_error(self, error: QWebEngineCertificateError) -> None:
        error.rejectCertificate()
        self._refuse(error.url(), Refusal.CERTIFICATE)
        if error.isMainFrame():
            self._fail(ErrorCode.MAIN_SITE_NOT_TRUSTED)

    # PySide6 cannot hand back the null authenticator that means "cancel", and an untouched one is sent as empty
    # credentials, again and again for as long as the server says 401. Stopping what loads ends that.
    def _on_authentication_required(self, url: QUrl, _authenticator: object) -> None:
        self._stop_authentication(url)

    def _on_proxy_authentication_required(self, url: QUrl, _authenticator: object, _proxy: str) -> None:
        self._stop_authentication(url)

    def _stop_authentication(self, url: QUrl) -> None:
        self.triggerAction(QWebEnginePage.WebAction.Stop)
        self._refuse(url, Refusal.AUTHENTICATION)
        if not self._is_open:
            self._fail(self._refusal)

    def _on_permission_requested(self, permission: QWebEnginePermission) -> None:
        permission.deny()
        self._refuse(permission.origin(), Refusal.PERMISSION)

    def _on_desktop_media_requested(self, request: QWebEngineDesktopMediaRequest) -> None:
        request.cancel()
        self._refuse(self.url(), Refusal.CAPTURE)

    def _on_file_system_access_requested(self, request: QWebEngineFileSystemAccessRequest) -> None:
        request.reject()
        self._refuse(request.origin(), Refusal.FILE_SYSTEM)

    def _on_full_screen_requested(self, request: QWebEngineFullScreenRequest) -> None:
        request.reject()
        self._refuse(request.origin(), Refusal.FULL_SCREEN)

    def _on_protocol_handler_requested(self, request: QWebEngineRegisterProtocolHandlerRequest) -> None:
        request.reject()
        self._refuse(request.origin(), Refusal.PROTOCOL_HANDLER)

    def _on_web_auth_requested(self, request: QWebEngineWebAuthUxRequest) -> None:
        request.cancel()
        self._refuse(self.url(), Refusal.SECURITY_KEY)

    def _on_print_requested(self, _frame: object = None) -> None:
        self._refuse(self.url(), Refusal.PRINT)

    # --- overrides ---

    def acceptNavigationRequest(
        self, url: QUrl | str, _type: QWebEnginePage.NavigationType, is_main_frame: bool
    ) -> bool:
        """Decide on a navigation of any frame, redirects and blob: included."""
        use = Use.MAIN_FRAME if is_main_frame else Use.SUB_FRAME
        verdict = self._policy.decide(url_text(QUrl(url)), use)
        self._report(verdict)
        if not verdict.allowed and is_main_frame and not self._is_open:
            self._fail(ErrorCode.MAIN_SITE_NOT_TRUSTED)
        if verdict.allowed and is_main_frame and self._filter.carries_ticket:
            # A redirect of the first request: what it asks for is asked for anew, without the ticket.
            self._filter.carries_ticket = False
            self._redirected_to = QUrl(url)
            QTimer.singleShot(0, self._follow_redirect)
            return False
        return verdict.allowed

    def chooseFiles(
        self,
        _mode: QWebEnginePage.FileSelectionMode,
        _old_files: Sequence[str],
        _accepted_mime_types: Sequence[str],
    ) -> list[str]:
        """Give a file input nothing: a booth has no files."""
        self._refuse(self.url(), Refusal.UPLOAD)
        return []

    def javaScriptAlert(self, origin: QUrl | str, _message: str) -> None:
        """Return at once; the text is the page's and goes nowhere."""
        self._refuse(QUrl(origin), Refusal.DIALOG)

    def javaScriptConfirm(self, origin: QUrl | str, _message: str) -> bool:
        """Answer no."""
        self._refuse(QUrl(origin), Refusal.DIALOG)
        return False

    def javaScriptPrompt(self, origin: QUrl | str, _message: str, _default: str) -> tuple[bool, str]:
        """Answer cancelled."""
        self._refuse(QUrl(origin), Refusal.DIALOG)
        return False, ""

    def javaScriptConsoleMessage(
        self,
        _level: QWebEnginePage.JavaScriptConsoleMessageLevel,
        _message: str,
        _line: int,
        _source: str,
    ) -> None:
        """Drop what a page writes to its console: it may name people or carry tickets."""

"""The one class of all windows: a web page that stays at its origins and gets what its pack allows, nothing else.

QtWebEngine leaves more open than it looks (mail programs by link, file dialogs, drops, devtools pages, downloads).
Every such door has its handler here, and each refusal is reported with the host and one word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QTimer, QUrl, Signal, Slot
from PySide6.QtNetwork import QAuthenticator
from PySide6.QtWebEngineCore import (
    QWebEngineCertificateError,
    QWebEngineLoadingInfo,
    QWebEngineNewWindowRequest,
    QWebEnginePage,
    QWebEnginePermission,
    QWebEngineProfile,
)

from drivers.errors import ErrorCode

from . import permissions
from .dialogs import DialogDesk, Row
from .doors import ClosedDoors
from .policy import OriginPolicy, Refusal, Use, Verdict
from .processes import is_running
from .request_filter import RequestFilter, url_text
from .surface import Notice, NoticeKind, QuestionKind, Reply

if TYPE_CHECKING:
    from kiosk_config.pack.model import MainSitePack

    from .entrance import Entrance
    from .entry import Entry

# What a main site answers to a ticket or an account that it does not take (RFC 9110 sections 15.5.2, 15.5.4, 15.5.11).
_REFUSED_STATUS = frozenset({401, 403, 410})
_NET_ERR_ABORTED = -3  # Chromium net_error_list.h: another navigation, a download or ourselves ended this load.


_BLOCKED = "about:blank#blocked"  # Chromium content/public/common/url_constants.h, kBlockedURL

# How the engine words "beforeunload", which reaches us as a confirmation; the page has no say in the words.
_LEAVE = "Are you sure you want to leave this page? Changes that you made may not be saved."

ChooseFile = Callable[["LockedPage"], Path | None]
OpenWindow = Callable[[QWebEngineNewWindowRequest], bool]


class LockedPage(QWebEnginePage):
    """A page that cannot leave its policy's origins.

    Questions of scripts and of the server go to the desk, which shows them in the booth's own frame; a question that
    cannot be shown gets the answer that changes nothing: no, or cancelled.

    It can be made before its session is known, so that its renderer starts early; until ``join`` it goes nowhere.

    Args of ``join``:
        choose_file: asks the expert for one document of the session, ``None`` for none.
        open_window: takes a new window of an allowed address; false when there is no room for it.

    Signals:
        navigation_refused(str host, str reason): something was refused (``policy.Refusal``); each pair of a refused
            sub-resource is told once per document.
        opened(): the expert has arrived: the main frame shows the page that the pack calls the evaluation. Once.
        failed(ErrorCode code): nobody arrived, or the document could not be loaded, or its session is over (E-507).
        lost(): the renderer of the open page is gone, or the engine put an empty page in its place.
        noticed(Notice): something for the expert to read.
    """

    navigation_refused = Signal(str, str)
    opened = Signal()
    failed = Signal(object)
    lost = Signal()
    noticed = Signal(object)

    def __init__(
        self,
        profile: QWebEngineProfile,
        desk: DialogDesk,
        *,
        load_timeout_s: float,
    ) -> None:
        super().__init__(profile)
        self._desk = desk
        self._has_joined = False
        self._row = Row(self)
        self._entrance: Entrance | None = None
        self._redirected_to = QUrl()
        self._is_open = False
        self._may_leave = False
        self._has_failed = False
        self._told: set[tuple[str, str]] = set()
        self._deadline = QTimer(self, singleShot=True, interval=round(load_timeout_s * 1000))
        self._deadline.timeout.connect(self._on_deadline)
        ClosedDoors(self).refused.connect(self._refuse)
        self._connect_refusals()
        self.loadStarted.connect(self._on_load_started)
        self.loadingChanged.connect(self._on_loading_changed)
        self.renderProcessTerminated.connect(self._on_render_process_terminated)
        self.urlChanged.connect(self._on_url_changed)

    def warm(self) -> None:
        """Start the renderer for the empty document. No navigation: nothing is loaded, no signal of one comes."""
        self.runJavaScript("0")

    def join(
        self,
        policy: OriginPolicy,
        pack: MainSitePack,
        *,
        request_filter: RequestFilter,
        choose_file: ChooseFile,
        open_window: OpenWindow,
    ) -> None:
        """Belong to a session: before anything is loaded, once."""
        self._policy, self._pack = policy, pack
        self._filter, self._choose_file, self._open_window = request_filter, choose_file, open_window
        self._has_joined = True

    @property
    def is_open(self) -> bool:
        """Whether ``opened`` was told."""
        return self._is_open

    def is_alive(self) -> bool:
        """Whether its renderer still runs."""
        return is_running(self.renderProcessPid())

    def adopt(self) -> None:
        """Be a further window: the session is open already, and this page's errors are its own."""
        self._is_open = True

    def reload_now(self) -> None:
        """Load again; the expert has agreed to lose what is not saved, so the page's own question is answered."""
        self._may_leave = True
        self.triggerAction(QWebEnginePage.WebAction.Reload)

    def start(self, entry: Entry) -> None:
        """Enter the main site, once; ``opened`` or ``failed`` follows within the load timeout."""
        # Not before: the models of a pack take their time to build, and this page's processes start early (spare.py).
        from .entrance import Entrance  # noqa: PLC0415
        from .launch import first_request, ticket_header  # noqa: PLC0415

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
        self.newWindowRequested.connect(self._on_new_window_requested)
        self.permissionRequested.connect(self._on_permission_requested)

    # --- loading ---

    @Slot()
    def _on_load_started(self) -> None:
        self._may_leave = False
        self._told.clear()
        self._row.reset()

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
        self._desk.abort(self)
        if status is QWebEnginePage.RenderProcessTerminationStatus.NormalTerminationStatus:
            return
        if self._is_open:
            self.lost.emit()
        else:
            self._fail(ErrorCode.INTERNAL)

    @Slot(QUrl)
    def _on_url_changed(self, url: QUrl) -> None:
        # What the engine refuses by itself (about:version) never asks us: it shows this instead of the page.
        if self._is_open and url_text(url) == _BLOCKED:
            QTimer.singleShot(0, self, self.lost.emit)

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

    @Slot(QUrl, object)
    def _refuse(self, url: QUrl, refusal: Refusal) -> None:
        """Report that the page at ``url`` asked for something that no page gets."""
        host = self._policy.decide(url_text(url), Use.MAIN_FRAME).host
        self.navigation_refused.emit(host, refusal.value)

    def note_refused_request(self, host: str, reason: str) -> None:
        """Tell of a request that the filter blocked, once per document."""
        if (host, reason) not in self._told:
            self._told.add((host, reason))
            self.navigation_refused.emit(host, reason)

    @Slot(QWebEngineNewWindowRequest)
    def _on_new_window_requested(self, request: QWebEngineNewWindowRequest) -> None:
        url = request.requestedUrl()
        verdict = self._policy.decide(url_text(url), Use.MAIN_FRAME)
        if not verdict.allowed:
            self._report(verdict)
        elif not self._open_window(request):
            self._refuse(url, Refusal.WINDOW)
            self.noticed.emit(Notice(kind=NoticeKind.TABS_FULL))

    def note_refused_download(self, url: QUrl, kind: NoticeKind) -> None:
        """Tell of a download that did not get in."""
        self._refuse(url, Refusal.DOWNLOAD)
        self.noticed.emit(Notice(kind=kind))

    @Slot(QWebEngineCertificateError)
    def _on_certificate_error(self, error: QWebEngineCertificateError) -> None:
        error.rejectCertificate()
        self._refuse(error.url(), Refusal.CERTIFICATE)
        if error.isMainFrame():
            self._fail(ErrorCode.MAIN_SITE_NOT_TRUSTED)

    # PySide6 cannot hand back the null authenticator that means "cancel", and an untouched one is sent as empty
    # credentials, again and again for as long as the server says 401. Stopping what loads ends that.
    def _on_authentication_required(self, url: QUrl, authenticator: QAuthenticator) -> None:
        reply: Reply | None = None
        # Only for the server that the policy names: the name on the question is that of the main site.
        if self._pack.browser.http_authentication and self._policy.decide(url_text(url), Use.MAIN_FRAME).allowed:
            reply = self._desk.ask(self, QuestionKind.PASSWORD)
        if reply is not None and reply.accepted:
            authenticator.setUser(reply.text)
            authenticator.setPassword(reply.password)
        else:
            self._stop_authentication(url)

    def _on_proxy_authentication_required(self, url: QUrl, _authenticator: object, _proxy: str) -> None:
        self._stop_authentication(url)

    def _stop_authentication(self, url: QUrl) -> None:
        self.triggerAction(QWebEnginePage.WebAction.Stop)
        self._refuse(url, Refusal.AUTHENTICATION)
        if not self._is_open:
            self._fail(self._refusal)

    def _on_permission_requested(self, permission: QWebEnginePermission) -> None:
        kind = permission.permissionType()
        if self._policy.decide(url_text(permission.origin()), Use.MAIN_FRAME).allowed and permissions.may(
            self._pack, kind, permission.origin()
        ):
            permission.grant()
            return
        permission.deny()
        self._refuse(permission.origin(), Refusal.PERMISSION)
        self.noticed.emit(Notice(kind=NoticeKind.PERMISSION, word=permissions.word(kind)))

    # --- overrides ---

    def acceptNavigationRequest(
        self, url: QUrl | str, _type: QWebEnginePage.NavigationType, is_main_frame: bool
    ) -> bool:
        """Decide on a navigation of any frame, redirects and blob: included."""
        if not self._has_joined:
            return False
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
        mode: QWebEnginePage.FileSelectionMode,
        _old_files: Sequence[str],
        _accepted_mime_types: Sequence[str],
    ) -> list[str]:
        """Let the expert choose one document of this session; never a folder, and never Qt's own dialog."""
        kinds = QWebEnginePage.FileSelectionMode
        is_file = mode in {kinds.FileSelectOpen, kinds.FileSelectOpenMultiple}
        file = self._choose_file(self) if is_file else None
        if file is None:
            self._refuse(self.url(), Refusal.UPLOAD)
            return []
        return [str(file)]

    def javaScriptAlert(self, origin: QUrl | str, message: str) -> None:
        """Show the page's words until they are read."""
        self._ask(origin, QuestionKind.ALERT, message)

    def javaScriptConfirm(self, origin: QUrl | str, message: str) -> bool:
        """Ask yes or no; no when nobody can be asked. Leaving a page that has unsaved input is asked here too."""
        is_leave = message == QCoreApplication.translate("QWebEnginePage", _LEAVE)
        if is_leave and self._may_leave:
            return True
        reply = self._ask(origin, QuestionKind.LEAVE if is_leave else QuestionKind.CONFIRM, "" if is_leave else message)
        return reply.accepted

    def javaScriptPrompt(self, origin: QUrl | str, message: str, default: str) -> tuple[bool, str]:
        """Ask for a line of text."""
        reply = self._ask(origin, QuestionKind.PROMPT, message, default)
        return reply.accepted, reply.text if reply.accepted else ""

    def _ask(self, origin: QUrl | str, kind: QuestionKind, text: str, default: str = "") -> Reply:
        reply = self._desk.ask(self, kind, text=text, default=default, row=self._row)
        if reply is None:
            self._refuse(QUrl(origin), Refusal.DIALOG)
            return Reply()
        return reply

    def javaScriptConsoleMessage(
        self,
        _level: QWebEnginePage.JavaScriptConsoleMessageLevel,
        _message: str,
        _line: int,
        _source: str,
    ) -> None:
        """Drop what a page writes to its console: it may name people or carry tickets."""

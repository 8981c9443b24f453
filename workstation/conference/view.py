"""The widget that shows the conference page: a profile of its own, the channel, and the way back from a crash.

Call ``scheme.register_scheme`` once after the engine is loaded and before its first profile.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWebChannel import QWebChannel
from PySide6.QtWebEngineCore import QWebEngineDownloadRequest, QWebEnginePage, QWebEngineScript
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QVBoxLayout, QWidget
from shiboken6 import isValid

from workstation.evaluation.call_rate import CallRate
from workstation.evaluation.engine_dialogs import EngineDialogs
from workstation.evaluation.policy import Refusal
from workstation.evaluation.spare import make_profile

from .contract import PAGE_URL, SCHEME
from .messages import ToPage, read
from .page import ConferencePage, ReachFilter
from .reach import Reach
from .scheme import PageFiles

MESSAGES_PER_S = 30.0
BURST = 90.0
MAX_STRIKES = 500
"""So many messages beyond the rate, and the page is loaded anew: each costs the booth's own thread."""

BACK_OFF_MS = (200, 1000, 3000, 10_000)
_CALM_MS = 60_000
_BACKGROUND = "#0F1B33"


class _Door(QObject):
    """The one object that the page can reach. All of a QObject is open to it, so nothing else of ours hangs on it.

    Signals:
        told(str): a ``ToPage`` as JSON.
        said(str): what the page said, unread.
    """

    told = Signal(str)
    said = Signal(str)

    @Slot(str)
    def say(self, text: str) -> None:
        """Take one message of the page."""
        self.said.emit(text)


class ConferenceView(QWidget):
    """One stay in one meeting. ``dispose`` ends it.

    Args:
        reach: what the page may ask for.
        has_desktop: whether the booth's screen may be captured, while ``set_joining`` says that a join is on.

    Signals:
        said(FromPage): the page said something; what is none of its words is dropped.
        refused(str subject, str reason): the page asked for something that it does not get.
        crashed(): the page is gone and is loaded anew after a pause; ``Ready`` follows.
    """

    said = Signal(object)
    refused = Signal(str, str)
    crashed = Signal()

    def __init__(self, reach: Reach, *, has_desktop: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._has_desktop, self._is_joining = has_desktop, False
        self._crashes = 0
        self._profile = make_profile()
        self._files = PageFiles(self._profile)
        self._profile.installUrlSchemeHandler(SCHEME.encode("ascii"), self._files)
        self._filter = ReachFilter(reach, self._profile)
        self._filter.refused.connect(self.refused)
        self._profile.setUrlRequestInterceptor(self._filter)
        self._profile.downloadRequested.connect(self._on_download_requested)
        self._page = ConferencePage(self._profile, may_capture=self._may_capture)
        self._page.setBackgroundColor(QColor(_BACKGROUND))
        self._page.refused.connect(self.refused)
        self._page.renderProcessTerminated.connect(self._on_render_process_terminated)
        self._channel = QWebChannel(self._page)
        self._make_door()
        self._page.setWebChannel(self._channel, QWebEngineScript.ScriptWorldId.MainWorld)
        self._web = QWebEngineView(self)
        self._web.setPage(self._page)
        self._web.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self._web.setAcceptDrops(False)
        self._dialogs = EngineDialogs(self._web)
        # Children die in the order they came: the view, then its page, then the profile.
        self._page.setParent(self)
        self._profile.setParent(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._web)
        self.setFocusProxy(self._web)
        self._again = QTimer(self, singleShot=True)
        self._again.timeout.connect(self.reload)
        self._calm = QTimer(self, singleShot=True, interval=_CALM_MS)
        self._calm.timeout.connect(self._on_calm)
        self.reload()

    @property
    def page(self) -> QWebEnginePage:
        """The page in the engine."""
        return self._page

    def tell(self, message: ToPage) -> None:
        """Say something to the page. Before it is ``Ready`` nobody hears it."""
        if isValid(self._door):
            self._door.told.emit(message.model_dump_json())
        elif not self._again.isActive():
            self._lose()  # the page has destroyed its own door

    def set_reach(self, reach: Reach) -> None:
        """From now on the page may ask for this."""
        self._filter.reach = reach

    def set_joining(self, *, is_joining: bool) -> None:
        """Say whether the expert takes part, or is on the way in: only then the screen may be captured."""
        self._is_joining = is_joining

    @Slot()
    def reload(self) -> None:
        """Load the page anew."""
        self._is_joining = False
        self._rate = CallRate(per_s=MESSAGES_PER_S, burst=BURST)
        if not isValid(self._door):
            self._make_door()
        self._page.load(QUrl(PAGE_URL))

    def dispose(self) -> None:
        """Take the page off and delete all of it. Only outside a call of the page."""
        self._again.stop()
        self._calm.stop()
        self._is_joining = False
        self._page.disconnect(self)
        self.hide()
        self.setParent(None)
        self.deleteLater()

    def _may_capture(self) -> bool:
        return self._has_desktop and self._is_joining

    def _make_door(self) -> None:
        self._door = _Door(self._channel)
        self._door.said.connect(self._on_said)
        self._channel.registerObject("booth", self._door)

    @Slot(str)
    def _on_said(self, text: str) -> None:
        if not self._rate.admits():
            if self._rate.strikes == MAX_STRIKES:
                self.refused.emit("", "too-many-messages")
                QTimer.singleShot(0, self, self._lose)  # not inside the channel's own call
            return
        message = read(text)
        if message is not None:
            self.said.emit(message)

    @Slot(QWebEnginePage.RenderProcessTerminationStatus, int)
    def _on_render_process_terminated(
        self, status: QWebEnginePage.RenderProcessTerminationStatus, _exit_code: int
    ) -> None:
        if status is not QWebEnginePage.RenderProcessTerminationStatus.NormalTerminationStatus:
            self._lose()

    @Slot()
    def _lose(self) -> None:
        self._is_joining = False
        self._again.start(BACK_OFF_MS[min(self._crashes, len(BACK_OFF_MS) - 1)])
        self._crashes += 1
        self._calm.start()
        self.crashed.emit()

    @Slot()
    def _on_calm(self) -> None:
        self._crashes = 0

    @Slot(QWebEngineDownloadRequest)
    def _on_download_requested(self, download: QWebEngineDownloadRequest) -> None:
        download.cancel()
        self.refused.emit("", Refusal.DOWNLOAD.value)

"""The kiosk's one window: keeps what is known as a ``Scene``, shows it, and reports presses as ``Intent``."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QImage, QKeySequence, QPaintEvent, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QLayout, QVBoxLayout, QWidget

from workstation.checkup.progress import Progress
from workstation.conference.pane import Pane
from workstation.evaluation.surface import Notice, Surface
from workstation.health.outages import OutageClock
from workstation.journey.states import Evaluating, FaceCheck, Journey, Locked, SoundCheck, holder_of
from workstation.ui.content import Content
from workstation.ui.messages import Messages
from workstation.ui.theme import Theme
from workstation.ui.views import BoothView, FaceView, PowerView, Scene, StatusView

_TICK_MS: Final = 1000


class KioskWindow(QWidget):
    """Shows where the expert is and reports what was pressed.

    The whole content is made for one window size and one text size, and made anew when either changes.

    Signals:
        pressed(Intent): the expert pressed something.
        commanded(Command): the expert pressed something that is the main site's page's matter.
        text_size_changed(bool is_large): the expert wants larger or normal text.
        document_shared(str): the document that the expert shows to the meeting.
        checkup_wanted(), checkup_closed(): somebody wants a check-up of the booth, or does not want to see it.
        first_painted(): the window can be seen.
    """

    pressed = Signal(object)
    commanded = Signal(object)
    document_shared = Signal(str)
    text_size_changed = Signal(bool)
    checkup_wanted = Signal()
    checkup_closed = Signal()
    first_painted = Signal()

    def __init__(self, messages: Messages, parent: QWidget | None = None, *, large_text: bool = False) -> None:
        super().__init__(parent)
        self.setObjectName("window")
        self.setWindowTitle(messages.text("app.product"))
        self._messages = messages
        self._scene = Scene()
        self._page: QWidget | None = None
        self._surface = Surface()
        self._conference: QWidget | None = None
        self._content: Content | None = None
        self._large_text = large_text
        self._closable = False
        self._painted = False
        self._evaluating_since: float | None = None
        self._locked_since: float | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        leave_page = QShortcut(QKeySequence("F10"), self)
        leave_page.activated.connect(self._on_leave_page_activated)
        self._ticker = QTimer(self)
        self._ticker.setInterval(_TICK_MS)
        self._ticker.timeout.connect(self._on_ticker_timeout)

    def show_journey(self, journey: Journey) -> None:
        """Show where the expert is. Pictures of a person are dropped as soon as the state is about nobody."""
        now = time.monotonic()
        is_locked = isinstance(journey.state, Locked)
        self._locked_since = (self._locked_since or now) if is_locked else None
        is_evaluating = isinstance(journey.state, Evaluating) or is_locked
        self._evaluating_since = (self._evaluating_since or now) if is_evaluating else None
        shown = self._scene.journey
        entered = (journey.attempt, journey.state) != (shown.attempt, shown.state)
        known = holder_of(journey.state) is not None
        left = self._scene.holder is not None and not known
        face = FaceView() if entered else self._scene.face
        portrait = self._scene.portrait if known else None
        before = self._scene
        self._scene = replace(before, journey=journey, face=face, portrait=portrait)
        self._measure_time()
        self._render()
        if self._content is not None:
            self._content.follow_focus(before, self._scene)
            if left:
                self._content.forget_person()

    def show_booth(self, booth: BoothView) -> None:
        """Show where this booth is and what it is booked for."""
        self._show(replace(self._scene, booth=booth))

    def show_status(self, status: StatusView) -> None:
        """Show how network, power and devices are."""
        self._show(replace(self._scene, status=status))

    def show_power(self, power: PowerView) -> None:
        """Show how long the battery lasts, and the countdown."""
        if power != self._scene.power:
            self._show(replace(self._scene, power=power))

    @Slot(object)
    def show_outages(self, outages: tuple[OutageClock, ...]) -> None:
        """Show how long what is away has been away."""
        self._show(replace(self._scene, outages=outages))

    def show_portrait(self, portrait: QImage | None) -> None:
        """Show the photo on the card; ``None`` drops it."""
        self._show(replace(self._scene, portrait=portrait))

    def show_face(self, face: FaceView) -> None:
        """Show how the face check is going."""
        self._show(replace(self._scene, face=face))

    def show_frame(self, frame: QImage) -> None:
        """Show a camera picture; dropped where no mirror is on the screen."""
        state = self._scene.journey.state
        has_mirror = isinstance(state, FaceCheck) or (isinstance(state, Locked) and state.checking)
        if self._content is not None and has_mirror:
            self._content.show_frame(frame)

    @Slot(QImage)
    def show_preview(self, frame: QImage) -> None:
        """Show the expert's picture as the others will see it; dropped outside of the sound check."""
        if self._content is not None and isinstance(self._scene.journey.state, SoundCheck):
            self._content.show_frame(frame)

    @Slot(int, float, float)
    def show_level(self, attempt: int, level_dbfs: float, peak_dbfs: float) -> None:
        """Show how loud the microphone is; dropped when it belongs to a test before."""
        if self._content is not None and attempt == self._scene.journey.attempt:
            self._content.show_level(level_dbfs, peak_dbfs)

    def set_page(self, page: QWidget | None) -> None:
        """Take the main site's page for the evaluation screen; ``None`` lets go of it. The caller keeps owning it."""
        self._page = page
        if self._content is not None:
            self._content.set_page(page)

    def set_conference(self, view: QWidget | None) -> None:
        """Take the conference page for the evaluation screen; ``None`` lets go of it. The caller keeps owning it."""
        self._conference = view
        if self._content is not None:
            self._content.set_conference(view)

    def show_meeting(self, meeting: Pane) -> None:
        """Show where the meeting stands, and that the booth is watched and recorded."""
        self._show(replace(self._scene, meeting=meeting))

    @Slot(object)
    def show_checkup(self, progress: Progress | None) -> None:
        """Show a check-up while nobody is here; ``None`` lets the sign-in be seen again."""
        before = self._scene
        self._show(replace(before, checkup=progress))
        if self._content is not None:
            self._content.follow_focus(before, self._scene)

    def ask_document(self) -> None:
        """Let the expert choose a document to show to the meeting."""
        if self._content is not None:
            self._content.ask_document()

    def note_refused_navigation(self, host: str) -> None:
        """Say for a moment that the page was kept from going to ``host`` (E-707)."""
        if self._content is not None:
            self._content.note_refused(host)

    def show_surface(self, surface: Surface) -> None:
        """Show what stands around the main site's page: tabs, zoom, documents, what the page asks."""
        self._surface = surface
        if self._content is not None:
            self._content.show_surface(surface)

    def note(self, notice: Notice) -> None:
        """Say for a moment what happened to the page."""
        if self._content is not None:
            self._content.note(notice)

    def allow_close(self) -> None:
        """Let the window be closed. Until then it also vetoes ``QApplication.quit()``, as Qt asks every window."""
        self._closable = True

    def _show(self, scene: Scene) -> None:
        self._scene = scene
        self._render()

    def _measure_time(self) -> None:
        now = time.monotonic()
        evaluating, locked = (
            0 if since is None else int(now - since) for since in (self._evaluating_since, self._locked_since)
        )
        self._scene = replace(self._scene, evaluating_s=evaluating, locked_s=locked)

    def _render(self) -> None:
        if self._content is not None:
            self._content.show_scene(self._scene)

    def _fit(self) -> None:
        theme = Theme.for_size(self.width(), self.height(), large_text=self._large_text)
        if self._content is not None and self._content.theme == theme:
            return
        old, self._content = self._content, None
        self.setUpdatesEnabled(False)
        try:
            self.setStyleSheet(theme.style_sheet())
            content = Content(theme, self._messages)
            content.pressed.connect(self.pressed)
            content.commanded.connect(self.commanded)
            content.document_shared.connect(self.document_shared)
            content.text_size_toggled.connect(self._on_text_size_toggled)
            content.checkup_wanted.connect(self.checkup_wanted)
            content.checkup_closed.connect(self.checkup_closed)
            self._column.addWidget(content)
            content.show()
            content.set_page(self._page)
            content.show_surface(self._surface)
            content.set_conference(self._conference)
            self._content = content
            self._render()
            content.follow_focus(None, self._scene)
            if old is not None:
                old.dismiss()
        finally:
            self.setUpdatesEnabled(True)

    def _on_text_size_toggled(self) -> None:
        self._large_text = not self._large_text
        self._fit()
        self.text_size_changed.emit(self._large_text)
        if self._content is not None:
            self._content.focus_text_size()

    @Slot()
    def _tell_first_painted(self) -> None:
        self.first_painted.emit()

    def _on_leave_page_activated(self) -> None:
        """Bring the keyboard from the main site's page, which keeps the Tab key for itself, to the footer."""
        if self._content is not None:
            self._content.focus_footer()

    def _on_ticker_timeout(self) -> None:
        if self._evaluating_since is not None:
            self._measure_time()
            self._render()
        if self._content is not None:
            self._content.show_time()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stay open unless ``allow_close`` was called."""
        if not self._closable:
            event.ignore()
            return
        event.accept()
        self._ticker.stop()
        if self._content is not None:
            self._content.dismiss()
            self._content = None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell of the first paint once it has reached the screen: the loop comes round after it is flushed."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self._tell_first_painted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the content for the new size."""
        super().resizeEvent(event)
        if self.isVisible():
            self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Make the content on first sight and start the clock."""
        super().showEvent(event)
        self._fit()
        self._ticker.start()

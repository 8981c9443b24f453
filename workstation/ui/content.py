"""Everything inside the kiosk's window, made for one theme: header, banners, steps, the screen of the state, footer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QTime, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from workstation.conference.pane import Pane
from workstation.evaluation.surface import Notice, Surface
from workstation.journey.states import (
    Arriving,
    AwaitingMatch,
    CardProblem,
    Evaluating,
    FaceCheck,
    FaceProblem,
    Farewell,
    FetchingReference,
    HumanReview,
    Idle,
    Launching,
    Locked,
    OutOfService,
    ReadingCard,
    SelfCheck,
    SigningOut,
    SoundCheck,
    State,
    TaskReview,
    step_of,
)
from workstation.ui.banners import Banners
from workstation.ui.chrome import DrillBand, Footer, Header
from workstation.ui.messages import Messages
from workstation.ui.screens.base import Screen
from workstation.ui.screens.checkup import CheckupScreen
from workstation.ui.screens.evaluation import EvaluationScreen
from workstation.ui.screens.face import FaceScreen
from workstation.ui.screens.farewell import FarewellScreen
from workstation.ui.screens.locked import LockedScreen
from workstation.ui.screens.notice import NoticeScreen
from workstation.ui.screens.power_off import PowerOffScreen
from workstation.ui.screens.self_check import SelfCheckScreen
from workstation.ui.screens.sign_in import SignInScreen
from workstation.ui.screens.sound_check import SoundCheckScreen
from workstation.ui.screens.task import TaskScreen
from workstation.ui.theme import Theme
from workstation.ui.views import Scene
from workstation.ui.widgets.step_bar import StepBar

SCREENS: Final[Mapping[type[State], type[Screen]]] = {
    Idle: SignInScreen,
    ReadingCard: SignInScreen,
    CardProblem: SignInScreen,
    FaceCheck: FaceScreen,
    FetchingReference: NoticeScreen,
    FaceProblem: NoticeScreen,
    HumanReview: NoticeScreen,
    Arriving: NoticeScreen,
    AwaitingMatch: NoticeScreen,
    TaskReview: TaskScreen,
    SelfCheck: SelfCheckScreen,
    SoundCheck: SoundCheckScreen,
    Launching: NoticeScreen,
    Evaluating: EvaluationScreen,
    Locked: LockedScreen,
    SigningOut: NoticeScreen,
    Farewell: FarewellScreen,
    OutOfService: NoticeScreen,
}
"""Which screen shows which state; a screen is built when it is first needed."""


class Content(QWidget):
    """Everything inside the window.

    Signals:
        pressed(Intent), commanded(Command), document_shared(str), text_size_toggled(): what was pressed.
        checkup_wanted(), checkup_closed(): the administrator's buttons while nobody is here.
    """

    pressed = Signal(object)
    commanded = Signal(object)
    document_shared = Signal(str)
    text_size_toggled = Signal()
    checkup_wanted = Signal()
    checkup_closed = Signal()

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__()
        self.setMinimumSize(1, 1)
        self.theme = theme
        self._messages = messages
        self._page: QWidget | None = None
        self._surface = Surface()
        self._conference: QWidget | None = None
        self._meeting = Pane()
        self._screens: dict[type[Screen], Screen] = {}
        self._header = Header(theme, messages)
        self._drill = DrillBand(theme, messages)
        self._drill.hide()
        self._banners = Banners(theme, messages)
        self._steps = StepBar(theme, messages)
        self._stack = QStackedWidget()
        self._stack.setMinimumSize(1, 1)  # otherwise the largest screen ever shown would set the size of all
        self._footer = Footer(theme, messages)
        for part in (self._banners, self._footer):
            part.pressed.connect(self.pressed)
        self._footer.text_size_toggled.connect(self.text_size_toggled)
        self._footer.checkup_wanted.connect(self.checkup_wanted)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self._steps)
        middle.addWidget(self._stack, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._header)
        column.addWidget(self._drill)
        column.addWidget(self._banners)
        column.addLayout(middle, 1)
        column.addWidget(self._footer)
        self.show_time()

    def show_scene(self, scene: Scene) -> None:
        """Show the scene on the screen of its state."""
        state = scene.journey.state
        screen = self._screen(_screen_of(scene))
        self._header.show_scene(scene)
        self._drill.setVisible(scene.booth.drill)
        self._banners.show_scene(scene)
        self._footer.show_scene(scene)
        self._show_meeting(scene.meeting)
        self._steps.show_step(step_of(state), finished=isinstance(state, (SigningOut, Farewell)))
        screen.show_scene(scene)
        self._steps.setVisible(screen.has_steps)
        if self._stack.currentWidget() is not screen:
            self._drop_frame()
            self._stack.setCurrentWidget(screen)

    def show_frame(self, frame: QImage) -> None:
        """Show a camera picture on the current screen."""
        self._current().show_frame(frame)

    def show_level(self, level_dbfs: float, peak_dbfs: float) -> None:
        """Show how loud the microphone is, where a meter is."""
        screen = self._current()
        if isinstance(screen, SoundCheckScreen):
            screen.show_level(level_dbfs, peak_dbfs)

    def show_time(self) -> None:
        """Show the time of day."""
        self._header.show_time(QTime.currentTime())

    def set_page(self, page: QWidget | None) -> None:
        """Hand the page to the evaluation screen, now or when it is built."""
        self._page = page
        screen = self._screens.get(EvaluationScreen)
        if isinstance(screen, EvaluationScreen):
            screen.set_page(page)

    def set_conference(self, view: QWidget | None) -> None:
        """Hand the conference page to the evaluation screen, now or when it is built."""
        self._conference = view
        screen = self._screens.get(EvaluationScreen)
        if isinstance(screen, EvaluationScreen):
            screen.set_conference(view)

    def _show_meeting(self, meeting: Pane) -> None:
        self._meeting = meeting
        screen = self._screens.get(EvaluationScreen)
        if isinstance(screen, EvaluationScreen):
            screen.show_meeting(meeting)

    def ask_document(self) -> None:
        """Let the expert choose a document to show, where the page is."""
        screen = self._current()
        if isinstance(screen, EvaluationScreen):
            screen.ask_document()

    def show_surface(self, surface: Surface) -> None:
        """Hand what stands around the page to the evaluation screen, now or when it is built."""
        self._surface = surface
        screen = self._screens.get(EvaluationScreen)
        if isinstance(screen, EvaluationScreen):
            screen.show_surface(surface)

    def note(self, notice: Notice) -> None:
        """Show the notice where the page is."""
        screen = self._current()
        if isinstance(screen, EvaluationScreen):
            screen.note(notice)

    def note_refused(self, host: str) -> None:
        """Show the refusal where the page is."""
        screen = self._current()
        if isinstance(screen, EvaluationScreen):
            screen.note_refused(host)

    def follow_focus(self, before: Scene | None, after: Scene) -> None:
        """Give the primary button the focus whenever the state has become another one."""
        is_same = before is not None and before.journey.state == after.journey.state
        if before is not None and is_same and _screen_of(before) is _screen_of(after):
            return
        # Where nothing is primary, nothing looks pressed: the content itself takes the focus.
        (self._current().primary() or self).setFocus()

    def focus_footer(self) -> None:
        """Give the focus to the footer's main button."""
        self._footer.take_focus()

    def focus_text_size(self) -> None:
        """Give the focus back to the button that was pressed."""
        self._footer.text_size.setFocus()

    def forget_person(self) -> None:
        """Throw away every screen that is not shown now: their labels still hold the last person's name."""
        current = self._current()
        for kind, screen in list(self._screens.items()):
            if screen is current:
                continue
            if isinstance(screen, EvaluationScreen):
                screen.set_page(None)
                screen.set_conference(None)
            del self._screens[kind]
            self._stack.removeWidget(screen)
            screen.setParent(None)
            screen.deleteLater()

    def dismiss(self) -> None:
        """Go away for good; the page stays with its new holder."""
        self._drop_frame()
        self.set_page(None)
        self.set_conference(None)
        self.hide()
        self.deleteLater()

    def _drop_frame(self) -> None:
        for screen in self._screens.values():
            screen.show_frame(None)

    def _current(self) -> Screen:
        current = self._stack.currentWidget()
        if not isinstance(current, Screen):
            raise TypeError("the window shows no screen yet")
        return current

    def _screen(self, kind: type[Screen]) -> Screen:
        screen = self._screens.get(kind)
        if screen is None:
            screen = kind(self.theme, self._messages)
            screen.pressed.connect(self.pressed)
            self._screens[kind] = screen
            self._stack.addWidget(screen)
            if isinstance(screen, CheckupScreen):
                screen.again_wanted.connect(self.checkup_wanted)
                screen.close_wanted.connect(self.checkup_closed)
            if isinstance(screen, EvaluationScreen):
                screen.commanded.connect(self.commanded)
                screen.set_page(self._page)
                screen.show_surface(self._surface)
                screen.document_shared.connect(self.document_shared)
                screen.set_conference(self._conference)
                screen.show_meeting(self._meeting)
        return screen


def _screen_of(scene: Scene) -> type[Screen]:
    """Return the screen of the state; a power-off stands before all, a check-up before the sign-in."""
    if scene.power.is_closing:
        return PowerOffScreen
    state = scene.journey.state
    if scene.checkup is not None and isinstance(state, Idle):
        return CheckupScreen
    return SCREENS[type(state)]

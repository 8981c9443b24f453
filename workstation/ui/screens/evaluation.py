"""评审中: the main site's page with its rows above, what the page asks, and the question before the end."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from drivers.errors import ErrorCode
from workstation.conference.pane import Pane, PanePhase
from workstation.evaluation import surface as sf
from workstation.journey.states import Evaluating
from workstation.site.outages import OutageKind
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages, clock
from workstation.ui.screens.base import Screen
from workstation.ui.theme import Color, Role, Theme, Tone
from workstation.ui.views import Scene
from workstation.ui.widgets.basics import IconMark, Tag, restyle, text
from workstation.ui.widgets.browser_bar import BrowserBar, FindBar, SmallButton, TabStrip
from workstation.ui.widgets.conference_pane import ConferencePane
from workstation.ui.widgets.end_question import EndQuestion
from workstation.ui.widgets.page_question import TO_OPEN, TO_SHARE, DocumentsPanel, DocumentsWords, PageQuestion

_REFUSAL_SHOWN_MS = 6000
_RECOVERY_SHOWN_MS = 15_000
_LONGEST_HOST = 32


class EvaluationScreen(Screen):
    """Holds the page it is given; the page belongs to whoever made it.

    Signals:
        commanded(Command): something that is the page's matter was pressed.
        document_shared(str): the document that is to be shown to the meeting.
    """

    has_steps = False

    commanded = Signal(object)
    document_shared = Signal(str)

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self._surface = sf.Surface()
        self._main_site = ""
        self._is_confirming_end = False
        self._question: PageQuestion | None = None
        self._documents: DocumentsPanel | None = None
        self._bar = BrowserBar(theme, messages)
        self._tabs = TabStrip(theme)
        self._find = FindBar(theme, messages)
        self._fold = SmallButton(theme, messages.text("conference.button"))
        self._fold.hide()
        self._page: QWidget | None = None
        self._is_site_away = False
        self._scope = text(role=Role.NOTE)
        self._refused = text(role=Role.NOTE, tone=Tone.WARN)
        self._refused.hide()
        self._refusal_timer = QTimer(self)
        self._refusal_timer.setSingleShot(True)
        self._refusal_timer.setInterval(_REFUSAL_SHOWN_MS)
        self._quiet = text(role=Role.CAPTION)
        self._quiet_mark = IconMark(Icon.SERVER, theme.text(20), Color.MUTED)
        self._slot = QFrame()
        self._slot.setObjectName("slot")
        self._slot_column = QVBoxLayout(self._slot)
        self._slot_column.setContentsMargins(0, 0, 0, 0)
        opening = text(messages.text("evaluation.opening"), Role.LEAD)
        opening.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._opening = opening
        self._slot_column.addWidget(opening)
        self._address = self._make_address()
        self._page_column = QVBoxLayout()
        self._page_column.setSpacing(0)
        self._page_column.addWidget(self._tabs)
        self._page_column.addWidget(self._find)
        self._page_column.addWidget(self._slot, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._address)
        column.addLayout(self._page_column, 1)
        self._conference = ConferencePane(theme, messages, self)
        self._meeting = Pane()
        self._is_folded = self._is_unstaged = False
        self._beside_px = 0
        self._veil = EndQuestion(self)
        self._connect()
        self.show_surface(self._surface)

    def _connect(self) -> None:
        for part in (self._bar, self._tabs, self._find):
            part.commanded.connect(self.commanded)
        self._bar.find_pressed.connect(self._on_find_pressed)
        self._bar.documents_pressed.connect(self._on_documents_pressed)
        self._find.closed.connect(self._on_find_closed)
        find = QShortcut(QKeySequence("Ctrl+F"), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self._on_find_pressed)
        self._fold.clicked.connect(self._on_fold_clicked)
        self._refusal_timer.timeout.connect(self._on_refusal_timer_timeout)

    def _make_address(self) -> QFrame:
        theme = self.theme
        address = QFrame()
        address.setObjectName("address")
        address.setFixedHeight(theme.with_text(56))
        self._address_row = row = QHBoxLayout(address)
        row.setContentsMargins(theme.px(24), 0, theme.px(24), 0)
        row.setSpacing(theme.px(16))
        row.addWidget(Tag(theme, self.messages.text("evaluation.system"), Tone.OK, Icon.SHIELD))
        row.addWidget(self._scope)
        row.addWidget(self._refused)
        row.addStretch(1)
        row.addWidget(self._quiet_mark)
        row.addWidget(self._quiet)
        row.addWidget(self._bar)
        row.addWidget(self._fold)
        return address

    def set_page(self, page: QWidget | None) -> None:
        """Put the main site's page into the slot; ``None`` lets go of it."""
        if self._page is not None and self._page is not page:
            self._slot_column.removeWidget(self._page)
            if self._page.parent() is self._slot:
                self._page.setParent(None)
        self._page = page
        self._opening.setVisible(page is None)
        if page is None:
            self._refusal_timer.stop()
            self._close_documents()
        if page is not None:
            self._slot_column.addWidget(page)
            page.show()

    def note_refused(self, host: str) -> None:
        """Say for a few seconds, beside the address, that a navigation was refused."""
        shown = host if len(host) <= _LONGEST_HOST else f"{host[:_LONGEST_HOST]}…"
        self._say(self.messages.text("evaluation.refused", host=shown), _REFUSAL_SHOWN_MS)

    def note(self, notice: sf.Notice) -> None:
        """Say for a few seconds what happened to the page; that it was brought back, or must be saved, longer."""
        content = self.messages.text(f"page_notice.{notice.kind}")
        if notice.word:
            content = self.messages.text(f"permission.{notice.word}")
        is_recovery = notice.kind in {sf.NoticeKind.CRASHED, sf.NoticeKind.HUNG, sf.NoticeKind.SAVE}
        self._say(content, _RECOVERY_SHOWN_MS if is_recovery else _REFUSAL_SHOWN_MS)

    def _say(self, content: str, shown_ms: int) -> None:
        self._refused.setText(content)
        self._refusal_timer.start(shown_ms)
        self._show_notes()

    def show_surface(self, surface: sf.Surface) -> None:
        """Show the page's rows, and what it asks."""
        self._surface = surface
        self._bar.show_surface(surface)
        self._tabs.show_tabs(surface.tabs, surface.active, beside_px=self._beside_px)
        self._find.show_matches(surface.matches)
        if not surface.tabs or not surface.can_search:
            self._find.close_search()
        self._show_question()

    def _show_question(self) -> None:
        asked = self._surface.question if not self._is_confirming_end else None
        shown = self._question.question if self._question is not None else None
        if asked != shown:
            self._drop_question()
            if asked is not None:
                self._close_documents()
                self._question = PageQuestion(self.theme, self.messages, asked, self._main_site, self)
                self._question.commanded.connect(self.commanded)
                self._cover(self._question)
        self._enable()

    def _cover(self, veil: PageQuestion | DocumentsPanel) -> None:
        self._enable()
        veil.setGeometry(self.rect())
        veil.show()
        veil.raise_()
        veil.take_focus()

    def _drop_question(self) -> None:
        question, self._question = self._question, None
        if question is not None:
            question.hide()
            question.deleteLater()
            self._give_page_focus()

    def _close_documents(self) -> None:
        documents, self._documents = self._documents, None
        if documents is not None:
            documents.hide()
            documents.deleteLater()
            self._give_page_focus()

    def _give_page_focus(self) -> None:
        self._enable()
        if self._page is not None and self.isVisible() and self._slot.isEnabled():
            self._page.setFocus()

    def _enable(self) -> None:
        """Only what is seen and not covered takes keys: hidden is not enough, scripts could still take the keyboard."""
        is_covered = self._is_confirming_end or self._question is not None or self._documents is not None
        is_free = not is_covered and not self.isHidden()
        self._conference.setEnabled(is_free)
        self._fold.setEnabled(is_free)
        is_free = is_free and not self._is_staged
        for part in (self._slot, self._bar, self._tabs, self._find):
            part.setEnabled(is_free)

    # --- the conference ---

    def set_conference(self, view: QWidget | None) -> None:
        """Put the conference page beside the main site's page; ``None`` lets go of it."""
        self._conference.set_view(view)
        self._conference.show_pane(self._meeting)

    def show_meeting(self, meeting: Pane) -> None:
        """Show where the meeting stands, and give a shared document the room that it asks for."""
        if meeting.is_staged and not self._meeting.is_staged:
            self._is_folded = self._is_unstaged = False
        if meeting.phase is PanePhase.NONE:
            self._is_folded = False
        self._meeting = meeting
        self._conference.show_pane(meeting)
        self._place_conference()
        self._enable()

    @property
    def _is_staged(self) -> bool:
        return self._meeting.is_staged and not self._is_unstaged and not self._is_folded

    def _place_conference(self) -> None:
        """Lay the pane over the right end; a staged document over all but the address, so that the way back is there.

        The main site's page keeps its size then: it is under the document, as it was.
        """
        is_there = self._meeting.phase is not PanePhase.NONE
        is_open = is_there and not self._is_folded
        width = self._beside_px = self._conference.wide_px if is_open else 0
        self._tabs.show_tabs(self._surface.tabs, self._surface.active, beside_px=width)
        self._page_column.setContentsMargins(0, 0, width, 0)
        side = self.theme.px(24)
        self._address_row.setContentsMargins(side, 0, side + width, 0)
        room = self.rect()
        if self._is_staged:
            room.setTop(self._address.height())
        else:
            room.setLeft(room.right() + 1 - width)
        self._conference.setGeometry(room)
        self._conference.setVisible(is_open)
        self._fold.setVisible(is_there)
        restyle(self._fold, "chosen", "yes" if is_open else "no")
        self._show_notes()

    def _on_fold_clicked(self) -> None:
        if self._is_staged:
            self._is_unstaged = True
        else:
            self._is_folded = not self._is_folded
        self._place_conference()
        self._enable()

    # --- what is pressed ---

    def _on_find_pressed(self) -> None:
        if self._surface.can_search and self._slot.isEnabled():
            self._find.open_search()

    def _on_find_closed(self) -> None:
        self._give_page_focus()

    def _on_documents_pressed(self) -> None:
        panel = self._list_documents(self._surface.documents, TO_OPEN)
        panel.chosen.connect(self._on_document_chosen)

    def ask_document(self) -> None:
        """Let the expert choose a document to show to the meeting."""
        if self._question is None and not self._is_confirming_end:
            documents = tuple(each for each in self._surface.documents if each.kind != "text")
            self._list_documents(documents, TO_SHARE).chosen.connect(self.document_shared)

    def _list_documents(self, documents: tuple[sf.Document, ...], words: DocumentsWords) -> DocumentsPanel:
        self._close_documents()
        panel = self._documents = DocumentsPanel(self.theme, self.messages, documents, self, words)
        panel.dismissed.connect(self._on_documents_dismissed)
        self._cover(panel)
        return panel

    def _on_document_chosen(self, name: str) -> None:
        self.commanded.emit(sf.OpenDocument(name))

    def _on_documents_dismissed(self) -> None:
        self._close_documents()

    def show_scene(self, scene: Scene) -> None:
        """Show the main site's name, the small grey mark and the end question."""
        state = cast("Evaluating", scene.journey.state)
        self._main_site = state.session.assignment.main_site
        self._scope.setText(self.messages.text("evaluation.scope", main_site=self._main_site))
        self._is_site_away = ErrorCode.SITE_SERVER_UNREACHABLE in scene.journey.conditions
        away_s = sum(
            item.seconds for item in scene.outages if item.outage is OutageKind.SITE_SERVER and not item.is_over
        )
        self._quiet.setText(self.messages.text("outage.site_server", clock=clock(away_s)))
        self._show_notes()
        self._is_confirming_end = state.confirming_end
        self._show_question()
        self._veil.setVisible(state.confirming_end)
        if state.confirming_end:
            self._veil.raise_()

    def _show_notes(self) -> None:
        """Show one note at a time: the refusal in the place of the scope, then the small grey mark."""
        refused = self._refusal_timer.isActive()
        self._refused.setVisible(refused)
        self._scope.setVisible(not refused)
        if self._address_row.minimumSize().width() > self.width():
            self._scope.hide()  # rather than buttons with cut captions
        for part in (self._quiet, self._quiet_mark):
            part.setVisible(self._is_site_away and not refused)

    def _on_refusal_timer_timeout(self) -> None:
        self._show_notes()

    def primary(self) -> QWidget | None:
        """Return "back to the evaluation" while the end is being confirmed; otherwise what is asked, or the page."""
        if not self._veil.isHidden():
            return self._veil.back
        return self._page if self._question is None else self._question.first

    def hideEvent(self, event: QHideEvent) -> None:
        """Disable the pages behind another screen."""
        self._enable()
        super().hideEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Enable them again."""
        self._enable()
        super().showEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the questions over the whole screen."""
        for veil in (self._veil, self._question, self._documents):
            if veil is not None:
                veil.setGeometry(self.rect())
        self._place_conference()
        super().resizeEvent(event)

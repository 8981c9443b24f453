"""What a page asks, and the documents of the session, on a veil over the page, in our own style."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from workstation.evaluation import surface as sf
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages
from workstation.ui.theme import Role, Theme, Tone
from workstation.ui.widgets.basics import Button, Card, Kind, Medallion, text

_RISKY = frozenset({sf.QuestionKind.LEAVE, sf.QuestionKind.RELOAD})
_LONGEST_NAME = 36


class Veil(QFrame):
    """Dims the page and holds a card in the middle.

    Signals:
        dismissed(): Escape, or the button that changes nothing.
    """

    dismissed = Signal()

    def __init__(self, theme: Theme, messages: Messages, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("veil")
        self.theme, self.messages = theme, messages
        self.card = Card(theme, spacing=16)
        self.card.setFixedWidth(theme.px(860 if not theme.large_text else 980))
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(self.card)
        middle.addStretch(1)
        column = QVBoxLayout(self)
        column.addStretch(1)
        column.addLayout(middle)
        column.addStretch(1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take Escape as the answer that changes nothing; no key reaches what lies behind."""
        if event.key() == Qt.Key.Key_Escape:
            self.dismissed.emit()
        event.accept()

    def head(self, title: str, icon: Icon, tone: Tone) -> None:
        """Put the sign and the title at the top."""
        theme = self.theme
        size = theme.px(72)
        sign = Medallion(size, radius=size // 2, icon=icon, tone=tone)
        heading = text(title, Role.HEADING, wrap=True)
        heading.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.card.column.addWidget(sign, 0, Qt.AlignmentFlag.AlignHCenter)
        self.card.column.addWidget(heading)

    def add_scrolled(self, inner: QWidget, height: int) -> None:
        """Put ``inner`` next, in an area at most ``height`` design pixels high."""
        area = QScrollArea()
        area.setObjectName("plain")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner.setObjectName("plain")
        area.setWidget(inner)
        self.card.column.addWidget(area)
        # In its place it has the style sheet's type, and so its height.
        for part in (inner, *inner.findChildren(QWidget)):
            part.ensurePolished()
        width = self.card.width() - 2 * self.theme.px(32) - self.theme.px(8)
        wanted = inner.heightForWidth(width) if inner.hasHeightForWidth() else inner.sizeHint().height()
        area.setFixedHeight(
            min(max(wanted, inner.minimumSizeHint().height()), self.theme.px(height)) + self.theme.px(6)
        )


class PageQuestion(Veil):
    """One question, made anew for each and thrown away with what was typed.

    Signals:
        commanded(Answer): the answer.
    """

    commanded = Signal(object)

    def __init__(
        self, theme: Theme, messages: Messages, question: sf.Question, main_site: str, parent: QWidget
    ) -> None:
        super().__init__(theme, messages, parent)
        self.question = question
        self._edits: list[QLineEdit] = []
        self._choices: dict[QWidget, str] = {}
        kind = question.kind
        tone = Tone.WARN if kind in _RISKY else Tone.INFO
        icon = Icon.WARNING if kind in _RISKY else Icon.LOCK if kind is sf.QuestionKind.PASSWORD else Icon.MESSAGE
        self.head(messages.text(f"question.{kind}", main_site=main_site), icon, tone)
        lead = question.text or (messages.text(f"question.{kind}_lead") if kind in _WITH_LEAD else "")
        if lead:
            # The words are the page's: plain text, and never wider or longer than the card.
            words = text(lead.replace("\t", " "), Role.BODY, wrap=True)
            words.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
            self.add_scrolled(words, 300)
        self._add_inputs()
        self._silence = self._add_silence()
        self._add_buttons()
        self.dismissed.connect(self._on_dismissed)

    @property
    def first(self) -> QWidget:
        """What is answered first."""
        if self._edits:
            return self._edits[0]
        return self.no if self.question.kind in _RISKY else self.yes

    def take_focus(self) -> None:
        """Give the keyboard to what is answered first."""
        self.first.setFocus()

    def _add_inputs(self) -> None:
        kind = self.question.kind
        if kind is sf.QuestionKind.PROMPT:
            self._edit().setText(self.question.default)
        elif kind is sf.QuestionKind.PASSWORD:
            self._edit(self.messages.text("question.user"))
            self._edit(self.messages.text("question.secret")).setEchoMode(QLineEdit.EchoMode.Password)
        elif kind is sf.QuestionKind.FILE:
            self.add_scrolled(self._choice_list(), 360)

    def _edit(self, hint: str = "") -> QLineEdit:
        edit = QLineEdit()
        edit.setMaxLength(2000)
        edit.setFixedHeight(self.theme.with_text(56))
        edit.setPlaceholderText(hint)
        edit.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        edit.returnPressed.connect(self._on_yes)
        self.card.column.addWidget(edit)
        self._edits.append(edit)
        return edit

    def _choice_list(self) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        for name in self.question.choices:
            button = Button(self.theme, short_name(name), icon=Icon.TASK)
            self._choices[button] = name
            button.clicked.connect(self._on_choice_clicked)
            column.addWidget(button)
        return holder

    def _add_silence(self) -> QCheckBox | None:
        if not self.question.may_silence:
            return None
        box = QCheckBox(self.messages.text("question.silence"))
        self.card.column.addWidget(box, 0, Qt.AlignmentFlag.AlignHCenter)
        return box

    def _add_buttons(self) -> None:
        kind = self.question.kind
        risky = kind in _RISKY
        yes, no = (f"question.{kind}_yes", f"question.{kind}_no") if risky else ("question.yes", "question.no")
        self.no = Button(self.theme, self.messages.text(no), kind=Kind.PRIMARY if risky else Kind.SECONDARY)
        self.yes = Button(self.theme, self.messages.text(yes), kind=Kind.DANGER if risky else Kind.PRIMARY)
        self.no.clicked.connect(self._on_dismissed)
        self.yes.clicked.connect(self._on_yes)
        if kind is sf.QuestionKind.ALERT:
            self.no.hide()
        row = QHBoxLayout()
        row.setSpacing(self.theme.px(24))
        row.addStretch(1)
        for button in (self.yes, self.no) if risky else (self.no, self.yes):
            if not (kind is sf.QuestionKind.FILE and button is self.yes):
                row.addWidget(button)
        row.addStretch(1)
        if kind is sf.QuestionKind.FILE:
            self.yes = self.no
        self.card.column.addLayout(row)

    def _reply(self, *, accepted: bool, chosen: str = "") -> None:
        typed = [edit.text() for edit in self._edits]
        reply = sf.Reply(
            accepted=accepted,
            text=chosen or (typed[0] if typed and accepted else ""),
            password=typed[1] if len(typed) > 1 and accepted else "",
            silence=self._silence is not None and self._silence.isChecked(),
        )
        self.commanded.emit(sf.Answer(self.question.number, reply))

    def _on_yes(self) -> None:
        self._reply(accepted=True)

    def _on_dismissed(self) -> None:
        self._reply(accepted=False)

    def _on_choice_clicked(self) -> None:
        sender = self.sender()
        if isinstance(sender, QWidget):
            self._reply(accepted=True, chosen=self._choices[sender])


_WITH_LEAD = frozenset({sf.QuestionKind.LEAVE, sf.QuestionKind.RELOAD, sf.QuestionKind.PASSWORD, sf.QuestionKind.FILE})


@dataclass(frozen=True, kw_only=True)
class DocumentsWords:
    """What a list of documents says above them, by the keys of its texts."""

    title: str
    lead: str
    none: str


TO_OPEN = DocumentsWords(title="documents.title", lead="documents.lead", none="documents.none")
TO_SHARE = DocumentsWords(title="conference.share_title", lead="conference.share_lead", none="conference.share_none")


class DocumentsPanel(Veil):
    """Documents of this session; one is chosen by pressing it.

    Signals:
        chosen(str): this one.
    """

    chosen = Signal(str)

    def __init__(
        self,
        theme: Theme,
        messages: Messages,
        documents: tuple[sf.Document, ...],
        parent: QWidget,
        words: DocumentsWords = TO_OPEN,
    ) -> None:
        super().__init__(theme, messages, parent)
        self._names: dict[QWidget, str] = {}
        self.head(messages.text(words.title), Icon.TASK, Tone.INFO)
        lead = text(messages.text(words.lead if documents else words.none), Role.BODY, wrap=True)
        lead.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.card.column.addWidget(lead)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        for document in documents:
            size = max(1, round(document.size / 1024))
            caption = messages.text("documents.entry", name=short_name(document.name), size=f"{size:,}")
            button = Button(theme, caption, icon=Icon.TASK)
            self._names[button] = document.name
            button.clicked.connect(self._on_document_clicked)
            column.addWidget(button)
        if documents:
            self.add_scrolled(holder, 460)
        self.close_button = Button(theme, messages.text("documents.close"), kind=Kind.PRIMARY)
        self.close_button.clicked.connect(self.dismissed)
        self.card.column.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignHCenter)

    def take_focus(self) -> None:
        """Give the keyboard to the first document."""
        first: QWidget = next(iter(self._names), self.close_button)
        first.setFocus()

    def _on_document_clicked(self) -> None:
        sender = self.sender()
        if isinstance(sender, QWidget):
            self.chosen.emit(self._names[sender])
            self.dismissed.emit()


def short_name(name: str) -> str:
    """Return a file name short enough for a button; its ending stays."""
    if len(name) <= _LONGEST_NAME:
        return name
    stem, _, ending = name.rpartition(".")
    return f"{stem[: _LONGEST_NAME - len(ending) - 2]}….{ending}"

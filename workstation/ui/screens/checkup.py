"""工位自检: the list of parts fills item by item, each with colour, icon and word; below, what to do about it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from workstation.checkup.progress import Progress
from workstation.site.readings import ReadingKind
from workstation.site.selfcheck import CheckupItem, CheckupKind, CheckupOwn, CheckupVerdict
from workstation.ui.checkup_words import CheckupWords
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages
from workstation.ui.screens.base import TitledScreen
from workstation.ui.theme import Role, Theme, Tone
from workstation.ui.views import Scene
from workstation.ui.widgets.basics import Button, Kind, Medallion, Tag, text

_COLUMNS: Final = 2
_ICONS: Final[dict[CheckupKind, Icon]] = {
    ReadingKind.READER: Icon.READER,
    ReadingKind.CAMERA: Icon.CAMERA,
    ReadingKind.HEADSET: Icon.HEADSET,
    ReadingKind.TOKEN: Icon.LOCK,
    ReadingKind.SIGNATURE_PAD: Icon.TASK,
    ReadingKind.UPS: Icon.BATTERY,
    ReadingKind.DISK: Icon.STORAGE,
    ReadingKind.CLOCK: Icon.CLOCK,
    ReadingKind.SITE: Icon.SERVER,
    ReadingKind.MAIN_SITE: Icon.NETWORK,
    ReadingKind.CONFERENCE: Icon.PERSONS,
    CheckupOwn.JOURNAL: Icon.SHIELD,
    CheckupOwn.FACE_ENGINE: Icon.FACE,
}
_TONES: Final = {
    CheckupVerdict.PASS: (Tone.OK, Icon.CHECK_MARK),
    CheckupVerdict.WARN: (Tone.WARN, Icon.WARNING),
    CheckupVerdict.FAIL: (Tone.BAD, Icon.CROSS),
    CheckupVerdict.NOT_FITTED: (Tone.QUIET, Icon.INFO),
}
_WORST_FIRST: Final = (CheckupVerdict.FAIL, CheckupVerdict.WARN, CheckupVerdict.PASS, CheckupVerdict.NOT_FITTED)


class CheckupScreen(TitledScreen):
    """Shown over the sign-in while nobody is here.

    Signals:
        again_wanted(), close_wanted(): what was pressed.
    """

    again_wanted = Signal()
    close_wanted = Signal()

    has_steps = False

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self._words = CheckupWords(messages)
        self._shown: Progress | None = None
        self._rows: list[_Row] = []
        inside = QWidget()
        inside.setObjectName("checkup-rows")
        self._grid = QGridLayout(inside)
        self._grid.setContentsMargins(0, 0, theme.px(12), 0)
        self._grid.setHorizontalSpacing(theme.px(24))
        self._grid.setVerticalSpacing(theme.px(10))
        for column in range(_COLUMNS):
            self._grid.setColumnStretch(column, 1)
        area = QScrollArea()
        area.setObjectName("checkup-area")
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        area.setWidget(inside)
        self.column.addWidget(area, 1)
        self._again = Button(theme, messages.text("checkup.again"))
        self._again.clicked.connect(self.again_wanted)
        self._close = Button(theme, messages.text("checkup.close"), kind=Kind.PRIMARY)
        self._close.clicked.connect(self.close_wanted)
        row = QHBoxLayout()
        row.setSpacing(theme.px(24))
        row.addStretch(1)
        row.addWidget(self._again)
        row.addWidget(self._close)
        self.column.addSpacing(theme.px(20))
        self.column.addLayout(row)

    def show_scene(self, scene: Scene) -> None:
        """Show how far it is."""
        progress = scene.checkup
        if progress is None or progress == self._shown:
            return
        self._shown = progress
        self.show_head(self.messages.text("checkup.title"), self._lead(progress))
        self._again.setEnabled(progress.verdict is not None)
        self._show_rows(progress)

    def primary(self) -> QWidget | None:
        """Return the way back."""
        return self._close

    def _lead(self, progress: Progress) -> str:
        verdicts = [item.verdict for item in progress.items]
        match progress.verdict:
            case None:
                done, left = len(progress.plan) - len(progress.waiting), len(progress.waiting)
                return self.messages.text("checkup.lead_running", done=done, left=left)
            case CheckupVerdict.WARN:
                return self.messages.text("checkup.lead_warn", warned=verdicts.count(CheckupVerdict.WARN))
            case CheckupVerdict.FAIL:
                return self.messages.text("checkup.lead_fail", failed=verdicts.count(CheckupVerdict.FAIL))
            case _:
                return self.messages.text("checkup.lead_pass")

    def _show_rows(self, progress: Progress) -> None:
        """Show every part in its place; once all is known, the worst first: nobody should have to look for it."""
        items = list(progress.items)
        if progress.verdict is not None:
            items.sort(key=lambda item: _WORST_FIRST.index(item.verdict))
        entries: list[CheckupItem | CheckupKind] = [*items, *progress.waiting]
        if progress.verdict is None:
            entries.sort(key=lambda entry: progress.plan.index(entry.kind if isinstance(entry, CheckupItem) else entry))
        while len(self._rows) < len(entries):
            row = _Row(self.theme, self.messages, self._words)
            number = len(self._rows)
            self._grid.addWidget(row, number // _COLUMNS, number % _COLUMNS)
            self._rows.append(row)
        self._grid.setRowStretch(len(self._rows) // _COLUMNS + 1, 1)
        for number, row in enumerate(self._rows):
            row.setVisible(number < len(entries))
            if number < len(entries):
                row.show_entry(entries[number])


class _Row(QFrame):
    def __init__(self, theme: Theme, messages: Messages, words: CheckupWords) -> None:
        super().__init__()
        self.setObjectName("card")
        self._messages, self._words = messages, words
        self._mark = Medallion(theme.px(48), radius=theme.px(12))
        self._part = text(role=Role.STRONG, wrap=True)
        self._found = text(role=Role.NOTE, wrap=True)
        self._fix = text(role=Role.NOTE, wrap=True)
        self._tag = Tag(theme)
        column = QVBoxLayout()
        column.setSpacing(theme.px(2))
        for part in (self._part, self._found, self._fix):
            column.addWidget(part)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.px(18), theme.px(12), theme.px(18), theme.px(12))
        row.setSpacing(theme.px(16))
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)
        row.addWidget(self._tag, 0, Qt.AlignmentFlag.AlignTop)

    def show_entry(self, entry: CheckupItem | CheckupKind) -> None:
        """Show an item, or a part that has not answered yet."""
        if not isinstance(entry, CheckupItem):
            self._mark.show_mark(_ICONS.get(entry, Icon.INFO), Tone.QUIET)
            self._tag.show_state(self._messages.text("checkup.running"), Tone.QUIET, Icon.WAIT)
            self._say(self._words.part(entry), "", "")
            return
        tone, icon = _TONES[entry.verdict]
        self._mark.show_mark(_ICONS.get(entry.kind, Icon.INFO), tone)
        self._tag.show_state(self._messages.text(f"checkup_verdict.{entry.verdict}"), tone, icon)
        self._say(entry.part, entry.found, self._messages.text("checkup.fix", fix=entry.fix) if entry.fix else "")

    def _say(self, part: str, found: str, fix: str) -> None:
        for label, words in ((self._part, part), (self._found, found), (self._fix, fix)):
            label.setText(words)
            label.setVisible(bool(words))

"""The rows above the main site's page: what can be done with it, its tabs, and the search."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QWidget

from workstation.evaluation import surface as sf
from workstation.ui.icons import Icon, button_icon
from workstation.ui.messages import Messages
from workstation.ui.theme import Color, Role, Theme
from workstation.ui.widgets.basics import Button, restyle, text
from workstation.ui.widgets.pointer import is_pointer_large, set_pointer_large


class SmallButton(Button):
    """A button of the rows above the page; a click leaves the keyboard with the page, Tab still reaches it."""

    def __init__(self, theme: Theme, caption: str) -> None:
        super().__init__(theme, caption)
        self._small_theme = theme
        self.setProperty("fit", "small")
        self.setFixedHeight(theme.with_text(42))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def sizeHint(self) -> QSize:
        """Return the size of the caption with little padding."""
        self.ensurePolished()
        icon = 0 if self.icon().isNull() else self.iconSize().width() + self._small_theme.px(4)
        width = self.fontMetrics().horizontalAdvance(self.text()) + 2 * self._small_theme.px(16) + icon
        return QSize(width, self.height())


class BrowserBar(QWidget):
    """Back, reload, search, documents, zoom and pointer; for a document also its sheets.

    Signals:
        commanded(Command): something for the page was pressed.
        find_pressed(), documents_pressed(): a part of the frame is wanted.
    """

    commanded = Signal(object)
    find_pressed = Signal()
    documents_pressed = Signal()

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__()
        self._messages = messages
        self._commands: dict[QWidget, sf.Command] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme.px(8))
        self._sheet_back = self._button(theme, messages.text("browser.sheet_back"), sf.TurnSheet(-1))
        self._sheet = text(role=Role.CAPTION)
        self._row.addWidget(self._sheet)
        self._sheet_on = self._button(theme, messages.text("browser.sheet_on"), sf.TurnSheet(1))
        self.back = self._button(theme, messages.text("browser.back"), sf.GoBack())
        self.reload = self._button(theme, messages.text("browser.reload"), sf.Reload())
        self.search = self._plain(theme, messages.text("browser.find"))
        self.search.clicked.connect(self.find_pressed)
        self.documents = self._plain(theme, "")
        self.documents.clicked.connect(self.documents_pressed)
        self._out = self._button(theme, "−", sf.Zoom(-1))
        self.zoom = self._button(theme, "", sf.Zoom(0))
        self._in = self._button(theme, "+", sf.Zoom(1))
        self.pointer = self._plain(theme, messages.text("browser.pointer"))
        self.pointer.clicked.connect(self._on_pointer_clicked)
        self._mark_pointer()

    def show_surface(self, surface: sf.Surface) -> None:
        """Show what can be done now."""
        is_there = bool(surface.tabs)
        self.setVisible(is_there)
        if not is_there:
            set_pointer_large(on=False)
        self._mark_pointer()
        self.back.setEnabled(surface.can_go_back)
        self.reload.setEnabled(surface.can_reload)
        self.search.setEnabled(surface.can_search)
        self.documents.setVisible(surface.takes_documents)
        self.documents.setText(self._messages.text("browser.documents", count=len(surface.documents)))
        self.zoom.setText(self._messages.text("browser.zoom", percent=round(surface.zoom * 100)))
        for part in (self._sheet_back, self._sheet, self._sheet_on):
            part.setVisible(surface.sheet is not None)
        for part in (self.back, self.reload):
            part.setVisible(surface.sheet is None)
        if surface.sheet is not None:
            number, total = surface.sheet
            self._sheet.setText(self._messages.text("browser.sheet", number=number, total=total))
            self._sheet_back.setEnabled(number > 1)
            self._sheet_on.setEnabled(number < total)

    def _plain(self, theme: Theme, caption: str) -> SmallButton:
        button = SmallButton(theme, caption)
        self._row.addWidget(button)
        return button

    def _button(self, theme: Theme, caption: str, command: sf.Command) -> SmallButton:
        button = self._plain(theme, caption)
        self._commands[button] = command
        button.clicked.connect(self._on_button_clicked)
        return button

    def _on_button_clicked(self) -> None:
        sender = self.sender()
        if isinstance(sender, QWidget):
            self.commanded.emit(self._commands[sender])

    def _on_pointer_clicked(self) -> None:
        set_pointer_large(on=not is_pointer_large())
        self._mark_pointer()

    def _mark_pointer(self) -> None:
        restyle(self.pointer, "chosen", "yes" if is_pointer_large() else "no")
        self.pointer.style().unpolish(self.pointer)
        self.pointer.style().polish(self.pointer)


_ROW_WIDTH = 1840
_TAB_FRAME = 120
"""Widths in the measure of the design (1920 wide): the row, and of each tab all but its title."""


class TabStrip(QFrame):
    """The windows of the main site and the documents; there only when there is more than one.

    Signals:
        commanded(Command): a tab was pressed.
    """

    commanded = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("tabs")
        self._theme = theme
        self._shown: tuple[tuple[sf.Tab, ...], int, int] = ((), 0, 0)
        self._commands: dict[QWidget, sf.Command] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(theme.px(24), theme.px(6), theme.px(24), theme.px(6))
        self._row.setSpacing(theme.px(12))
        self.hide()

    def show_tabs(self, tabs: tuple[sf.Tab, ...], active: int, *, beside_px: int = 0) -> None:
        """Show ``tabs`` with ``active`` marked, in a row that leaves ``beside_px`` to what stands beside it."""
        self.setVisible(len(tabs) > 1)
        if (tabs, active, beside_px) == self._shown:
            return
        self._shown = (tabs, active, beside_px)
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._commands.clear()
        row = self._theme.px(_ROW_WIDTH) - beside_px
        widest = min(self._theme.px(360), row // max(len(tabs), 1) - self._theme.px(_TAB_FRAME))
        for tab in tabs:
            self._add(tab, is_active=tab.number == active, widest=widest)
        self._row.addStretch(1)

    def _add(self, tab: sf.Tab, *, is_active: bool, widest: int) -> None:
        theme = self._theme
        whole = QWidget()
        pair = QHBoxLayout(whole)
        pair.setContentsMargins(0, 0, 0, 0)
        pair.setSpacing(0)
        button = SmallButton(theme, "")
        # A title is the page's: "&" would make a shortcut of the next letter.
        button.ensurePolished()
        title = button.fontMetrics().elidedText(tab.title or "…", Qt.TextElideMode.ElideRight, widest)
        button.setText(title.replace("&", "&&"))
        restyle(button, "chosen", "yes" if is_active else "no")
        self._commands[button] = sf.SelectTab(tab.number)
        button.clicked.connect(self._on_button_clicked)
        pair.addWidget(button)
        if tab.closable:
            button.setProperty("join", "left")
            close = SmallButton(theme, "")
            side = theme.text(16)
            close.setIconSize(QSize(side, side))
            close.setIcon(button_icon(Icon.CROSS, side, 0, (Color.BRAND, Color.DISABLED), self.devicePixelRatioF()))
            close.setAccessibleName(title)
            close.setProperty("join", "right")
            restyle(close, "chosen", "yes" if is_active else "no")
            self._commands[close] = sf.CloseTab(tab.number)
            close.clicked.connect(self._on_button_clicked)
            pair.addWidget(close)
        self._row.addWidget(whole)
        whole.show()

    def _on_button_clicked(self) -> None:
        sender = self.sender()
        if isinstance(sender, QWidget) and sender in self._commands:
            self.commanded.emit(self._commands[sender])


class FindBar(QFrame):
    """The search row; closed it holds no text.

    Signals:
        commanded(Command): search on.
        closed(): the keyboard may go back to the page.
    """

    commanded = Signal(object)
    closed = Signal()

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__()
        self.setObjectName("tabs")
        self._messages = messages
        self.edit = QLineEdit()
        self.edit.setMaxLength(200)
        self.edit.setFixedHeight(theme.with_text(42))
        self.edit.setFixedWidth(theme.px(420))
        self.edit.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.edit.setPlaceholderText(messages.text("browser.find_hint"))
        self.edit.textChanged.connect(self._on_edit_text_changed)
        self._count = text(role=Role.CAPTION)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.px(24), theme.px(6), theme.px(24), theme.px(6))
        row.setSpacing(theme.px(8))
        row.addWidget(self.edit)
        for caption, slot in (
            ("browser.find_previous", self._on_previous),
            ("browser.find_next", self._on_next),
            ("browser.find_close", self.close_search),
        ):
            button = SmallButton(theme, messages.text(caption))
            button.clicked.connect(slot)
            row.addWidget(button)
        row.addWidget(self._count)
        row.addStretch(1)
        self.hide()

    def open_search(self) -> None:
        """Show the row and take the keyboard."""
        self.show()
        self.edit.setFocus()
        self.edit.selectAll()

    def close_search(self) -> None:
        """Forget the text and its marks."""
        if self.isHidden():
            return
        self.edit.clear()
        self.hide()
        self.closed.emit()

    def show_matches(self, matches: sf.Matches | None) -> None:
        """Say how many there are."""
        if matches is None or not self.edit.text():
            self._count.setText("")
        elif matches.total:
            self._count.setText(self._messages.text("browser.find_count", current=matches.current, total=matches.total))
        else:
            self._count.setText(self._messages.text("browser.find_none"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Search on with Enter, back with Shift+Enter, end with Escape."""
        match event.key():
            case Qt.Key.Key_Escape:
                self.close_search()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                is_back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self._search(backward=is_back)
            case _:
                super().keyPressEvent(event)

    def _search(self, *, backward: bool) -> None:
        if self.edit.text():
            self.commanded.emit(sf.Find(self.edit.text(), backward))

    def _on_edit_text_changed(self, content: str) -> None:
        self.commanded.emit(sf.Find(content))

    def _on_previous(self) -> None:
        self._search(backward=True)

    def _on_next(self) -> None:
        self._search(backward=False)

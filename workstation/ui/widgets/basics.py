"""Text, buttons, tags, cards and the other small parts every screen is made of."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from workstation.ui.icons import Icon, button_icon, paint
from workstation.ui.theme import TONES, Color, Role, Theme, Tone


def restyle(widget: QWidget, name: str, value: str) -> None:
    """Set a dynamic property that the style sheet selects on, and apply the sheet again if it changed."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    for part in (widget, *widget.findChildren(QLabel)):
        part.style().unpolish(part)
        part.style().polish(part)


def label(text: str = "", name: str = "") -> QLabel:
    """Return a label whose look comes from the object that holds it. Text is never taken for markup."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if name:
        made.setObjectName(name)
    return made


def text(content: str = "", role: Role = Role.BODY, *, wrap: bool = False, tone: Tone | None = None) -> QLabel:
    """Return a label in one of the type scale's roles."""
    made = label(content)
    made.setProperty("role", role.value)
    if tone is not None:
        made.setProperty("tone", tone.value)
    if wrap:
        made.setWordWrap(True)
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    return made


def rule() -> QFrame:
    """Return a hairline between rows."""
    line = QFrame()
    line.setObjectName("rule")
    line.setFixedHeight(1)
    return line


class Kind(StrEnum):
    """How much a button asks to be pressed."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    DANGER = "danger"


_BUTTON_COLORS = {Kind.PRIMARY: Color.SURFACE, Kind.SECONDARY: Color.BRAND, Kind.DANGER: Color.BAD}


class Button(QPushButton):
    """A button that Enter presses as well as Space."""

    def __init__(self, theme: Theme, caption: str, *, kind: Kind = Kind.SECONDARY, icon: Icon | None = None) -> None:
        super().__init__(caption)
        self._theme, self._kind = theme, kind
        self.setProperty("kind", kind.value)
        self.setFixedHeight(theme.with_text(56))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._icon: Icon | None = None
        self.set_icon(icon)

    def set_icon(self, icon: Icon | None) -> None:
        """Show another icon, or none."""
        if icon is self._icon:
            return
        self._icon = icon
        size, gap = self._theme.text(24), self._theme.px(6)
        colors = (_BUTTON_COLORS[self._kind], Color.DISABLED)
        self.setIconSize(QSize(size + gap, size))
        self.setIcon(QIcon() if icon is None else button_icon(icon, size, gap, colors, self.devicePixelRatioF()))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return the size of the caption and icon with the design's padding."""
        self.ensurePolished()
        width = self.fontMetrics().horizontalAdvance(self.text()) + 2 * self._theme.px(34)
        if not self.icon().isNull():
            width += self.iconSize().width() + self._theme.px(10)
        return QSize(width, self.height())

    def minimumSizeHint(self) -> QSize:
        """Return ``sizeHint``: a caption is never cut."""
        return self.sizeHint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press on Enter and Return too; a kiosk has no default-button machinery."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and not event.isAutoRepeat():
            self.click()
            return
        super().keyPressEvent(event)


class IconMark(QWidget):
    """One icon at a fixed size; icon and colour may change."""

    def __init__(self, icon: Icon, size: int, color: Color) -> None:
        super().__init__()
        self._icon = icon
        self._color = color
        self.setFixedSize(size, size)

    def set_icon(self, icon: Icon, color: Color) -> None:
        """Show another icon or colour."""
        if (icon, color) != (self._icon, self._color):
            self._icon, self._color = icon, color
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the icon."""
        del event
        painter = QPainter(self)
        paint(painter, self._icon, QRectF(self.rect()), self._color)
        painter.end()


class Medallion(QFrame):
    """An icon in a soft round or rounded field: device rows and the big mark of a notice."""

    def __init__(self, size: int, *, radius: int, icon: Icon = Icon.INFO, tone: Tone = Tone.INFO) -> None:
        super().__init__()
        self._icon, self._tone, self._radius = icon, tone, radius
        self.setFixedSize(size, size)

    def show_mark(self, icon: Icon, tone: Tone) -> None:
        """Show another icon or tone."""
        self._icon, self._tone = icon, tone
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the field and the icon in its middle."""
        del event
        colors = TONES[self._tone]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.soft))
        painter.drawRoundedRect(self.rect(), self._radius, self._radius)
        side = round(self.width() * 0.5)
        corner = (self.width() - side) / 2
        paint(painter, self._icon, QRectF(corner, corner, side, side), colors.text)
        painter.end()


class Tag(QFrame):
    """A pill with an icon and a word; the colour only repeats what they say."""

    def __init__(self, theme: Theme, caption: str = "", tone: Tone = Tone.QUIET, icon: Icon | None = None) -> None:
        super().__init__()
        self.setObjectName("tag")
        self.setProperty("tone", tone.value)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._mark = IconMark(Icon.INFO, theme.text(18), Color.INK)
        self._caption = label()
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.px(14), 0, theme.px(14), 0)
        row.setSpacing(theme.px(6))
        row.addWidget(self._mark)
        row.addWidget(self._caption)
        self.setFixedHeight(theme.with_text(38))
        self.show_state(caption, tone, icon)

    def show_state(self, caption: str, tone: Tone, icon: Icon | None = None) -> None:
        """Show another word, tone and icon; without an icon the tone's own is used."""
        restyle(self, "tone", tone.value)
        self._caption.setText(caption)
        colors = TONES[tone]
        self._caption.setProperty("tone", tone.value)
        self._caption.style().unpolish(self._caption)
        self._caption.style().polish(self._caption)
        self._mark.set_icon(icon or TONE_ICONS[tone], colors.text)


TONE_ICONS = {
    Tone.OK: Icon.CHECK_MARK,
    Tone.INFO: Icon.INFO,
    Tone.WARN: Icon.WARNING,
    Tone.BAD: Icon.WARNING,
    Tone.QUIET: Icon.CLOCK,
}


class Card(QFrame):
    """A white rounded surface with a column of widgets, tinted when it has a tone."""

    def __init__(self, theme: Theme, *, tone: Tone | None = None, heading: str = "", spacing: int = 16) -> None:
        super().__init__()
        self.setObjectName("card")
        if tone is not None:
            self.setProperty("tone", tone.value)
        self.column = QVBoxLayout(self)
        margin = theme.px(32)
        self.column.setContentsMargins(margin, theme.px(28), margin, theme.px(28))
        self.column.setSpacing(theme.px(spacing))
        if heading:
            self.column.addWidget(text(heading, Role.HEADING))


class Banner(QFrame):
    """A full-width line that says what is wrong with the booth; it pushes the page down and never covers it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setProperty("tone", Tone.INFO.value)
        self._mark = IconMark(Icon.INFO, theme.text(26), TONES[Tone.INFO].text)
        self._text, self._detail = _wrapped(), _wrapped("detail")
        self._detail.hide()
        self._code = label(name="code")
        lines = QVBoxLayout()
        lines.setSpacing(theme.px(4))
        lines.addWidget(self._text)
        lines.addWidget(self._detail)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(theme.px(32), theme.px(12), theme.px(32), theme.px(12))
        self.row.setSpacing(theme.px(14))
        self.row.addWidget(self._mark)
        self.row.addLayout(lines, 1)
        self.row.addWidget(self._code)

    def show_notice(self, content: str, tone: Tone, icon: Icon, code: str = "", detail: str = "") -> None:
        """Show a sentence, with the code small at the end, and below it what else there is to know."""
        restyle(self, "tone", tone.value)
        for part in (self._text, self._detail, self._code):
            restyle(part, "tone", tone.value)
        self._mark.set_icon(icon, TONES[tone].text)
        self._text.setText(content)
        self._detail.setText(detail)
        self._detail.setVisible(bool(detail))
        self._code.setText(code)


def _wrapped(name: str = "") -> QLabel:
    """Return a label that takes as many lines as it needs in the width it gets."""
    made = label(name=name)
    made.setWordWrap(True)
    policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    policy.setHeightForWidth(True)  # a new policy forgets that words wrap
    made.setSizePolicy(policy)
    return made


class ProgressBar(QWidget):
    """A rounded bar filled to a fraction."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._fraction = 0.0
        self.setFixedHeight(theme.px(14))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def fraction(self) -> float:
        """How much is done, 0..1."""
        return self._fraction

    def set_fraction(self, fraction: float) -> None:
        """Show how much is done, 0..1."""
        self._fraction = min(max(fraction, 0.0), 1.0)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the trough and the done part."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        radius = self.height() / 2
        painter.setBrush(QColor(Color.LINE))
        painter.drawRoundedRect(self.rect(), radius, radius)
        if self._fraction > 0:
            width = max(self.height(), round(self.width() * self._fraction))
            painter.setBrush(QColor(Color.OK))
            painter.drawRoundedRect(QRectF(0, 0, width, self.height()), radius, radius)
        painter.end()

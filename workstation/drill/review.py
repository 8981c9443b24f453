"""The review that waits at the booth, as the site administrator sees it: three pictures side by side and a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from drivers.errors import ErrorCode
from workstation.drill.controls import THEME, make_button
from workstation.site.administration import ReviewPicture
from workstation.site.contract import CommandKind
from workstation.ui.icons import Icon, paint
from workstation.ui.messages import Messages
from workstation.ui.theme import Color, Role, Tone
from workstation.ui.widgets.basics import Card, Kind, Tag, text

_CAPTIONS = {ReviewPicture.CARD: "证件照", ReviewPicture.LIVE: "现场照", ReviewPicture.POOL: "专家库照"}
_MISSING = {ReviewPicture.CARD: "卡内无照片", ReviewPicture.LIVE: "未拍摄", ReviewPicture.POOL: "库内无照片"}
CHOICES = {
    CommandKind.REVIEW_PASSED: "通过",
    CommandKind.REVIEW_AGAIN: "再拍",
    CommandKind.REVIEW_ON_SITE: "到场",
    CommandKind.REVIEW_REJECTED: "不通过",
}
_LOOKS = {CommandKind.REVIEW_PASSED: Kind.PRIMARY, CommandKind.REVIEW_REJECTED: Kind.DANGER}
_PICTURE_HEIGHT = 150
_RADIUS = 8


@dataclass(frozen=True, kw_only=True)
class WaitingReview:
    """A review that waits. Before the booth has handed its pictures in, it has none and ``code`` is empty."""

    code: str = ""
    may_repeat: bool = False
    card_year: int | None = None
    pictures: Mapping[ReviewPicture, bytes] = field(default_factory=dict, repr=False)


class ReviewPanel(QWidget):
    """Hidden while nobody waits.

    Args:
        reason: why reviews cannot be decided on this machine, ``""`` when they can.

    Signals:
        decided(CommandKind): what the administrator chose.
    """

    decided = Signal(object)

    def __init__(self, reason: str) -> None:
        super().__init__()
        card = Card(THEME, spacing=8)
        card.column.setContentsMargins(16, 10, 16, 12)
        margin = QVBoxLayout(self)
        margin.setContentsMargins(12, 10, 12, 0)
        margin.addWidget(card)
        self._words = Messages()
        self._reason = reason
        self._code = Tag(THEME)
        place = self._code.sizePolicy()
        place.setRetainSizeWhenHidden(True)
        self._code.setSizePolicy(place)
        self._line = text("", Role.CAPTION, wrap=True)
        head = QHBoxLayout()
        head.addWidget(text("人工复核", Role.NOTE))
        head.addStretch(1)
        head.addWidget(self._code)
        self._tiles = {picture: _Tile() for picture in ReviewPicture}
        tiles, choices = QHBoxLayout(), QHBoxLayout()
        tiles.setSpacing(8)
        for tile in self._tiles.values():
            tiles.addWidget(tile, 1)
        self._buttons = {
            kind: make_button(caption, kind=_LOOKS.get(kind, Kind.SECONDARY)) for kind, caption in CHOICES.items()
        }
        for kind, button in self._buttons.items():
            button.setMinimumWidth(72)  # four in a row, without the padding of the kiosk's buttons
            button.clicked.connect(lambda _checked=False, kind=kind: self.decided.emit(kind))
            choices.addWidget(button)
        card.column.addLayout(head)
        card.column.addWidget(self._line)
        card.column.addLayout(tiles)
        card.column.addLayout(choices)
        self.show_review(None)

    def show_review(self, review: WaitingReview | None) -> None:
        """Show the review that waits; ``None`` hides the panel and forgets its pictures."""
        self.setVisible(review is not None)
        review = review or WaitingReview()
        self._code.show_state(review.code, Tone.WARN)
        self._code.setVisible(bool(review.code))
        said = self._words.admin(ErrorCode(review.code)) if review.code else "工位还没有送来照片"
        self._line.setText(self._reason or said)
        for picture, tile in self._tiles.items():
            caption = _CAPTIONS[picture]
            if picture is ReviewPicture.CARD and review.card_year is not None:
                caption += f" · {review.card_year} 年"
            tile.show_picture(caption, review.pictures.get(picture, b""), _MISSING[picture] if review.code else "")
        for kind, button in self._buttons.items():
            button.setEnabled(not self._reason and (review.may_repeat or kind is not CommandKind.REVIEW_AGAIN))


class _Tile(QWidget):
    """A picture with its caption, or what is said in its place."""

    def __init__(self) -> None:
        super().__init__()
        self._picture = _Picture()
        self._caption = text("", Role.CAPTION)
        self._caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._picture)
        column.addWidget(self._caption)

    def show_picture(self, caption: str, encoded: bytes, missing: str) -> None:
        """Show a picture; without one ``missing`` stands below its place."""
        image = QImage.fromData(encoded)
        self._picture.show_image(image)
        self._caption.setText(caption if not image.isNull() or not missing else missing)


class _Picture(QWidget):
    """The whole picture in a rounded field: nothing of it is cut away."""

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()
        self.setFixedHeight(_PICTURE_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_image(self, image: QImage) -> None:
        """Show another picture."""
        self._image = image
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the field and the picture in its middle, or a sign where there is none."""
        del event
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        field_ = QRectF(self.rect())
        path = QPainterPath()
        path.addRoundedRect(field_, _RADIUS, _RADIUS)
        painter.fillPath(path, QColor(Color.QUIET))
        if self._image.isNull():
            sign = QRectF(0, 0, 40, 40)
            sign.moveCenter(field_.center())
            paint(painter, Icon.PERSON, sign, Color.CONTROL)
        else:
            size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRectF(0, 0, size.width(), size.height())
            place.moveCenter(field_.center())
            painter.setClipPath(path)
            painter.drawImage(place, self._image)
        painter.end()

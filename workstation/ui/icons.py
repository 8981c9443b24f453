"""The project's icon set (``assets/icons``): 24x24 outlines, tinted by a token and drawn at the screen's density."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib.resources import files

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from workstation.ui.theme import Color


class Icon(StrEnum):
    """The drawings; the value is the file's name."""

    BATTERY = "battery"
    BLINK = "blink"
    CAMERA = "camera"
    CARD = "card"
    CHECK = "check"
    CHECK_MARK = "check-mark"
    CLOCK = "clock"
    CROSS = "cross"
    EAR_LEFT = "ear-left"
    EAR_RIGHT = "ear-right"
    ENTER = "enter"
    FACE = "face"
    HEADSET = "headset"
    HELP = "help"
    INFO = "info"
    LOCK = "lock"
    LOGO = "logo"
    MESSAGE = "message"
    MICROPHONE = "microphone"
    NETWORK = "network"
    OPEN_MOUTH = "open-mouth"
    PERSON = "person"
    PERSONS = "persons"
    POWER_PLUG = "power-plug"
    READER = "reader"
    RECORD = "record"
    SEAT = "seat"
    SERVER = "server"
    SHIELD = "shield"
    SPEAKER = "speaker"
    STORAGE = "storage"
    TASK = "task"
    TEXT_SIZE = "text-size"
    TURN_LEFT = "turn-left"
    TURN_RIGHT = "turn-right"
    WAIT = "wait"
    WARNING = "warning"
    WIPE = "wipe"


@cache
def _renderer(icon: Icon) -> QSvgRenderer:
    svg = files("assets").joinpath("icons", f"{icon}.svg").read_bytes()
    return QSvgRenderer(QByteArray(svg))


def paint(painter: QPainter, icon: Icon, target: QRectF, color: Color) -> None:
    """Draw ``icon`` in ``color`` into ``target`` (logical pixels)."""
    ratio = painter.device().devicePixelRatioF()
    painter.drawPixmap(target.topLeft(), pixmap(icon, round(target.width()), color, ratio))


def pixmap(icon: Icon, size: int, color: Color, ratio: float = 1.0) -> QPixmap:
    """Return ``icon`` as ``size`` x ``size`` logical pixels for a screen of ``ratio`` physical per logical pixel."""
    picture = QPixmap(QSize(size, size) * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _renderer(icon).render(painter, QRectF(0, 0, size, size))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(QRectF(0, 0, size, size), QColor(color))
    painter.end()
    return picture


def button_icon(icon: Icon, size: int, gap: int, colors: tuple[Color, Color], ratio: float = 1.0) -> QIcon:
    """Return ``icon`` for a button, followed by ``gap`` empty pixels; ``colors`` are for enabled and disabled."""
    made = QIcon()
    for color, mode in zip(colors, (QIcon.Mode.Normal, QIcon.Mode.Disabled), strict=True):
        picture = QPixmap(QSize(size + gap, size) * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        paint(painter, icon, QRectF(0, 0, size, size), color)
        painter.end()
        made.addPixmap(picture, mode)
    return made

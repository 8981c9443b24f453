"""The first half second: the sign-in screen, before anything that takes time to load or to start.

Imports only what the window needs; pictures, requests and devices come with ``workstation.app`` after the first paint.
"""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication

from kiosk_config.model import BoothConfig
from workstation.ui.messages import Language, Messages
from workstation.ui.views import BoothView
from workstation.ui.window import KioskWindow

DRILL_CONSOLE_PX = 440
TITLE_BAR_PX = 32


def open_window(config: BoothConfig, qt: QApplication) -> KioskWindow:
    """Show the kiosk's window; ``KioskWindow.first_painted`` tells when the sign-in screen can be seen."""
    window = KioskWindow(Messages(Language(config.screen.language)), large_text=config.screen.large_text)
    window.show_booth(BoothView(booth_label=config.place.booth_id, drill=config.is_drill))
    if config.screen.fullscreen:
        # At its final size from the start: the window manager's answer then changes nothing, and nothing is laid
        # out twice.
        window.setGeometry(qt.primaryScreen().geometry())
        window.showFullScreen()
    else:
        window.allow_close()
        window.setGeometry(_beside_the_console(qt.primaryScreen().availableGeometry()))
        window.show()
    return window


def _beside_the_console(screen: QRect) -> QRect:
    """Return where a kiosk in a window stands: on the left, with room for the drill console on the right."""
    width = max(min(screen.width() - DRILL_CONSOLE_PX, 1600), 900)
    height = min(screen.height() - TITLE_BAR_PX, width * 10 // 16)
    return QRect(screen.x(), screen.y() + TITLE_BAR_PX, width, height)

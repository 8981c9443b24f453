"""How many screens the booth has, from the window system: told at once when one comes or goes (E-706)."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication

from drivers.errors import ErrorCode
from workstation.health.readings import Moment, Reading
from workstation.site.readings import ReadingKind, ReadingState

REPEAT_MS = 20_000
"""A third of what the reading may grow old: Qt tells of changes, not of their absence."""


class ScreenWatch(QObject):
    """Lives in the GUI thread.

    Args:
        wanted: how many screens belong to the booth; 0 for any number.

    Signals:
        reading_taken(Reading): how many there are now.
    """

    reading_taken = Signal(object)

    def __init__(self, wanted: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wanted = wanted
        self._repeat = QTimer(self)
        self._repeat.setInterval(REPEAT_MS)
        self._repeat.timeout.connect(self.look)

    def start(self) -> None:
        """Tell how many there are, and whenever that changes."""
        qt = QGuiApplication.instance()
        if isinstance(qt, QGuiApplication):
            qt.screenAdded.connect(self.look)
            qt.screenRemoved.connect(self.look)
        self._repeat.start()
        self.look()

    def stop(self) -> None:
        """Tell no more."""
        self._repeat.stop()

    @Slot()
    def look(self) -> None:
        """Tell how many there are now."""
        names = [screen.name() for screen in QGuiApplication.screens()]
        self.reading_taken.emit(read_screens(names, self._wanted, Moment.now()))


def read_screens(names: list[str], wanted: int, at: Moment) -> Reading:
    """Judge the number of screens: one too many shows the evaluation to somebody else, one too few hides a part."""
    count = len(names)
    if wanted and count > wanted:
        state, code = ReadingState.BAD, ErrorCode.DEVICE_NOT_REGISTERED
    else:
        state, code = (ReadingState.WARN if count < wanted else ReadingState.OK), None
    return Reading(
        kind=ReadingKind.DISPLAY,
        state=state,
        observed=at,
        values={"screen_count": float(count)},
        code=code,
        detail=" ".join(names),
    )

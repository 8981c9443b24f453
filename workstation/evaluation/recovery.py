"""How often a page that crashed or hung is brought back before the booth gives up."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

MAX_IN_A_ROW = 3
_CALM_MS = 120_000


class Recovery(QObject):
    """Counts recoveries; after two calm minutes the count begins anew."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self._calm = QTimer(self, singleShot=True, interval=_CALM_MS)
        self._calm.timeout.connect(self.reset)

    def may_recover(self) -> bool:
        """Whether to bring the page back once more."""
        self._count += 1
        self._calm.start()
        return self._count <= MAX_IN_A_ROW

    def reset(self) -> None:
        """Begin anew."""
        self._count = 0
        self._calm.stop()

"""Ends pages that hang, and says how often one that was lost is brought back before the booth gives up."""

from __future__ import annotations

import os
import signal

from PySide6.QtCore import QObject, QTimer

MAX_IN_A_ROW = 3
_CALM_MS = 120_000


class Recovery(QObject):
    """Counts recoveries; after two calm minutes the count begins anew."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self._has_ended = False
        self._calm = QTimer(self, singleShot=True, interval=_CALM_MS)
        self._calm.timeout.connect(self.reset)

    def end(self, process: int) -> None:
        """End the renderer of a page that hangs: what follows is the same as after a crash."""
        if process > 0:
            self._has_ended = True
            os.kill(process, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)

    def was_ended(self) -> bool:
        """Whether it was us who ended the renderer that is gone now. True once."""
        has_ended, self._has_ended = self._has_ended, False
        return has_ended

    def may_recover(self) -> bool:
        """Whether to bring the page back once more."""
        self._count += 1
        self._calm.start()
        return self._count <= MAX_IN_A_ROW

    def reset(self) -> None:
        """Begin anew."""
        self._count = 0
        self._calm.stop()

"""Reads the whole journal while nobody sits in the booth: damage is found before the file is needed as evidence."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from drivers.contracts import CancelToken
from drivers.errors import CancelledError, KioskError
from workstation.journal.journal import Journal

from .threads import Lane

_log = logging.getLogger(__name__)

SETTLE_S = 60.0
"""How long the booth must be idle before the check begins."""

INTERVAL_S = 24 * 3600.0


class JournalCheck(QObject):
    """One check a minute after the start, then one a day, each begun anew when somebody came in between.

    Signals (emitted in the check's thread):
        checked(bool is_sound): the whole journal was read. A damaged one has been set aside then.
    """

    checked = Signal(bool)

    def __init__(self, journal: Journal, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._journal = journal
        self._is_free = False
        self._is_due = True
        self._cancel = CancelToken()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.timeout.connect(self._on_settle_timeout)
        self._again = QTimer(self)
        self._again.timeout.connect(self._on_again_timeout)
        self._again.start(round(INTERVAL_S * 1000))
        self.lane = Lane("journal-check", self)
        self.checked.connect(self._on_checked)

    def set_free(self, *, is_free: bool) -> None:
        """Say whether nobody sits here: the check runs then, and stops for whoever comes."""
        self._is_free = is_free
        if is_free and self._is_due:
            self._settle.start(round(SETTLE_S * 1000))
        elif not is_free:
            self._settle.stop()
            self._cancel.cancel()

    def stop(self) -> None:
        """End the check and its thread."""
        self._settle.stop()
        self._again.stop()
        self._cancel.cancel()
        self.lane.close()

    @Slot()
    def _on_again_timeout(self) -> None:
        self._is_due = True
        self.set_free(is_free=self._is_free)

    @Slot()
    def _on_settle_timeout(self) -> None:
        self._cancel = cancel = CancelToken()
        self.lane.submit(lambda: self._check(cancel))

    @Slot(bool)
    def _on_checked(self, _is_sound: bool) -> None:
        self._is_due = False

    def _check(self, cancel: CancelToken) -> None:
        try:
            report = self._journal.verify(cancel)
            if not report.is_sound:
                _log.error("the journal is damaged, first at %s", report.first_broken_seq)
                self._journal.mend()
        except CancelledError:
            return
        except KioskError as error:
            _log.info("the journal cannot be checked now: %s %s", error.code, error.context)
            return
        self.checked.emit(report.is_sound)

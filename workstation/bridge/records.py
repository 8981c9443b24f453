"""The journal's thread: events and the restart record reach the disk in order, without holding up the screen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from pydantic import TypeAdapter, ValidationError
from PySide6.QtCore import QObject, Signal

from drivers.errors import KioskError
from workstation.journal.journal import Journal
from workstation.journey.effects import Fact
from workstation.journey.states import Resume

from .threads import Lane

_log = logging.getLogger(__name__)

URGENT = frozenset({"help_called", "review_needed", "signed_out"})
"""Events somebody waits for: they are reported at once instead of at the next interval."""


_RESUME = TypeAdapter(Resume)


def resume_from(stored: str | None) -> Resume | None:
    """Return the restart record as the journal kept it, ``None`` when there is none or it is not one of ours."""
    if stored is None:
        return None
    try:
        return _RESUME.validate_json(stored)
    except ValidationError:
        return None


class RecordBridge(QObject):
    """Writes in the order of the calls.

    Signals (emitted in the journal's thread):
        urgent_recorded(): an event that somebody waits for is on disk.
        failed(ErrorCode): an event could not be written.
        recovered(): events can be written again.
    """

    urgent_recorded = Signal()
    failed = Signal(object)
    recovered = Signal()

    def __init__(self, journal: Journal, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._journal = journal
        self._failed = False
        self.lane = Lane("journal", self)

    def append(self, kind: str, session_id: str, facts: Mapping[str, Fact]) -> None:
        """Write an event."""
        data = dict(facts)
        _log.info(kind, extra={"facts": {"event": "recorded", "kind": kind, **data}})
        self._submit(lambda: self._append(kind, session_id, data))

    def keep_resume(self, resume: Resume) -> None:
        """Store the restart record."""
        body = _RESUME.dump_json(resume).decode()
        self._submit(lambda: self._journal.save_resume(body))

    def forget_resume(self) -> None:
        """Delete the restart record."""
        self._submit(self._journal.forget_resume)

    def close(self) -> None:
        """Write what waits, then end the thread."""
        self.lane.drain()
        self.lane.close()

    def _append(self, kind: str, session_id: str, data: Mapping[str, Fact]) -> None:
        self._journal.append(kind, session_id, data)
        if kind in URGENT:
            self.urgent_recorded.emit()

    def _submit(self, write: Callable[[], object]) -> None:
        self.lane.submit(lambda: self._write(write))

    def _write(self, write: Callable[[], object]) -> None:
        try:
            write()
        except KioskError as error:
            if not self._failed:
                _log.error("journal cannot be written: %s %s", error.code, error.context)
            self._failed = True
            self.failed.emit(error.code)
            return
        if self._failed:
            _log.info("journal can be written again")
            self.recovered.emit()
        self._failed = False

"""Who sits there during the evaluation: frames of the camera's thread to changes that the journey has to know."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from drivers.errors import ErrorCode
from workstation.face.seat import SeatObservation
from workstation.identity.presence import ActiveFinding, PresenceWatch, Rules
from workstation.journey.events import SeatChanged, SeatTaken
from workstation.journey.facts import Attempt
from workstation.journey.seat import SeatLevel

from .face import FaceBridge

TICK_MS = 1000
_ORDER = tuple(SeatLevel)


class PresenceBridge(QObject):
    """Lives in the GUI thread.

    Signals:
        found(SeatChanged | SeatTaken): what the journey has to know; that somebody came back once an attempt.
        failed(ErrorCode): nothing is seen at the moment. Once until frames come again.
    """

    found = Signal(object)
    failed = Signal(object)

    def __init__(self, face: FaceBridge, rules: Rules, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._face, self._rules = face, rules
        self._attempt = 0
        self._watch: PresenceWatch | None = None
        self._levels: dict[ErrorCode, SeatLevel] = {}
        self._is_taken = self._has_failed = False
        face.seat_observed.connect(self._on_face_seat_observed)
        face.seat_lost.connect(self._on_face_seat_lost)
        self._ticker = QTimer(self)
        self._ticker.setInterval(TICK_MS)
        self._ticker.timeout.connect(self._on_ticker_timeout)

    def watch(self, attempt: int, *, is_empty: bool = False) -> None:
        """Watch the seat for this attempt, from nothing seen on but that it ``is_empty``."""
        self._attempt = attempt
        self._watch = PresenceWatch(self._rules, is_empty=is_empty)
        self._levels = {}
        self._is_taken = self._has_failed = False
        self._face.watch(attempt)
        self._ticker.start()

    def stop(self) -> None:
        """Close the camera and forget what was seen. Idempotent."""
        if self._watch is not None:
            self._watch = None
            self._ticker.stop()
            self._face.stop()

    @Slot(int, object)
    def _on_face_seat_observed(self, attempt: int, seen: SeatObservation) -> None:
        watch = self._watch
        if watch is None or attempt != self._attempt:
            return
        self._has_failed = False
        self._follow(watch.observe(seen))
        if watch.has_returned and not self._is_taken:
            self._is_taken = True
            self.found.emit(SeatTaken(attempt=Attempt(attempt)))

    @Slot(int, object)
    def _on_face_seat_lost(self, attempt: int, code: ErrorCode) -> None:
        watch = self._watch
        if watch is None or attempt != self._attempt:
            return
        if not self._has_failed:
            self._has_failed = True
            self.failed.emit(code)
        if code is ErrorCode.CAMERA_LOST:
            self._follow(watch.camera_lost(time.monotonic()))

    @Slot()
    def _on_ticker_timeout(self) -> None:
        if self._watch is not None:
            self._follow(self._watch.tick(time.monotonic()))

    def _follow(self, found: frozenset[ActiveFinding]) -> None:
        """Tell every change of a code's level; of two findings with one code the worse counts."""
        ordered = sorted(found, key=lambda presence: _ORDER.index(presence.level))
        now = {presence.code: presence.level for presence in ordered}
        before, self._levels = self._levels, now
        attempt = Attempt(self._attempt)
        for code in before.keys() | now.keys():
            if now.get(code) is not before.get(code):
                self.found.emit(SeatChanged(attempt=attempt, code=code, level=now.get(code)))

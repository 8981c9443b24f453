"""Who looks when: one loop that starts each look when it is due, and lets no slow one hold up the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from drivers.contracts import CancelToken
from workstation.health.coordinator import Coordinator
from workstation.health.readings import Reading

_log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 5.0
_LONGEST_SLEEP_S = 60.0


@dataclass
class _Shift:
    """One coordinator's turn. Guarded by the rota's lock.

    Attributes:
        due_s: monotonic seconds.
        thread: who looks now, ``None`` while nobody does.
        again: somebody asked while a look was under way, which may have seen the state before.
        is_failing: the last look raised; logged already.
    """

    coordinator: Coordinator
    due_s: float = 0.0
    thread: threading.Thread | None = None
    again: bool = False
    is_failing: bool = False


class Rota:
    """Runs ``run`` in one thread for life; looks run in short-lived threads of their own, one per coordinator at most.

    A look that hangs is left alone: nobody else waits, and what it should have said grows old and becomes UNKNOWN.

    Args:
        coordinators: with names that differ.
        tell: takes each reading; called from the looks' threads.
    """

    def __init__(self, coordinators: Iterable[Coordinator], tell: Callable[[Reading], None]) -> None:
        self._shifts = [_Shift(coordinator) for coordinator in coordinators]
        self._tell = tell
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._is_over = False

    def run(self, cancel: CancelToken) -> None:
        """Start looks as they fall due, until cancelled."""
        cancel.on_cancel(self._wake.set)
        while not cancel.is_cancelled:
            self._wake.wait(self._start_due())
            self._wake.clear()

    def look_now(self, *names: str) -> None:
        """Let the named ones look at once, or all of them: each takes a look that begins after this call."""
        with self._lock:
            for shift in self._shifts:
                if not names or shift.coordinator.name in names:
                    shift.due_s = 0.0
                    shift.again = shift.thread is not None
        self._wake.set()

    def stop(self) -> None:
        """Start no more looks and wait for those under way, for a bounded time. ``run`` is cancelled before."""
        with self._lock:
            self._is_over = True
            threads = [shift.thread for shift in self._shifts if shift.thread is not None]
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        for thread in threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _start_due(self) -> float:
        """Start what is due; return the seconds until the next is."""
        now_s = time.monotonic()
        with self._lock:
            for shift in self._shifts:
                if shift.due_s > now_s or self._is_over:
                    continue
                shift.due_s = now_s + shift.coordinator.period_s
                if shift.thread is None:
                    name = f"look-{shift.coordinator.name}"
                    shift.thread = threading.Thread(target=self._look, args=(shift,), name=name, daemon=True)
                    shift.thread.start()
            next_s = min((shift.due_s for shift in self._shifts), default=now_s + _LONGEST_SLEEP_S)
        return max(0.0, min(next_s - now_s, _LONGEST_SLEEP_S))

    def _look(self, shift: _Shift) -> None:
        while True:
            self._look_once(shift)
            with self._lock:
                if not shift.again or self._is_over:
                    shift.thread = None
                    return
                shift.again = False

    def _look_once(self, shift: _Shift) -> None:
        name = shift.coordinator.name
        try:
            readings = list(shift.coordinator.observe())
        except Exception:  # noqa: BLE001 - whatever a probe raises, the others go on and it is asked again
            if not shift.is_failing:
                _log.exception("%s cannot be looked at", name)
            shift.is_failing = True
            return
        if shift.is_failing:
            _log.info("%s can be looked at again", name)
        shift.is_failing = False
        for reading in readings:
            if not self._is_over:
                self._tell(reading)

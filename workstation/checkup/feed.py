"""The readings that the booth takes anyway, for the probes of a check-up to wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from functools import partial

from drivers.contracts import CancelToken
from workstation.checkup.findings import FOUR_HOURS_S, Reason, failed, judge, not_fitted
from workstation.checkup.runner import Items, Probe
from workstation.health.board import HealthSnapshot
from workstation.health.readings import Reading
from workstation.site.readings import ReadingKind, ReadingState
from workstation.site.selfcheck import CheckupItem

WAIT_S = 12.0
"""Longer than two rounds of whoever takes the reading."""
DEADLINE_S = WAIT_S + 3.0

_POLLED = frozenset({ReadingKind.READER})
"""Taken every few seconds: the check-up waits for one of its own time. The others are as fresh as their age says."""


class ReadingFeed:
    """Keeps the newest snapshot. One thread offers, any number of them wait.

    Args:
        fitted: what this booth has by its configuration. What it does not name counts as fitted once it was read.
        required_s: what every UPS has to carry by the rule, seconds; 0 where none applies.
    """

    def __init__(self, fitted: Iterable[ReadingKind], *, required_s: float = FOUR_HOURS_S) -> None:
        self._required_s = required_s
        self._fitted = set(fitted)
        self._news = threading.Condition()
        self._snapshot: HealthSnapshot | None = None

    def offer(self, snapshot: HealthSnapshot) -> None:
        """Take the newest snapshot."""
        with self._news:
            self._snapshot = snapshot
            known = (reading.kind for reading in (*snapshot.readings.values(), *snapshot.parts) if _is_known(reading))
            self._fitted.update(known)
            self._news.notify_all()

    def probes(self, kinds: Iterable[ReadingKind]) -> list[Probe]:
        """Return a probe for each kind of reading."""
        return [Probe(kind=kind, deadline_s=DEADLINE_S, look=partial(self.look, kind)) for kind in kinds]

    def look(self, kind: ReadingKind, cancel: CancelToken, *, wait_s: float = WAIT_S) -> Items:
        """Wait for what is known of ``kind`` now and judge it."""
        since_s = time.monotonic()
        deadline = since_s + wait_s
        cancel.on_cancel(self._wake)
        with self._news:
            while not cancel.is_cancelled:
                if kind not in self._fitted and self._snapshot is not None:
                    return (not_fitted(kind),)
                readings = self._readings(kind)
                if readings and all(_is_known(reading) and _is_fresh(reading, since_s) for reading in readings):
                    return tuple(judge(reading, self._required_s) for reading in readings)
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return tuple(self._late(reading, since_s) for reading in readings) or (
                        failed(kind, Reason.NO_ANSWER),
                    )
                self._news.wait(left_s)
        return ()

    def _wake(self) -> None:
        with self._news:
            self._news.notify_all()

    def _late(self, reading: Reading, since_s: float) -> CheckupItem:
        """Judge what is there when the waiting is over: one that is known but old comes from a device that hangs."""
        if _is_known(reading) and not _is_fresh(reading, since_s):
            return failed(reading.kind, Reason.TIMED_OUT, subject=reading.subject)
        return judge(reading, self._required_s)

    def _readings(self, kind: ReadingKind) -> list[Reading]:
        """Return the reading of the kind; of the UPSes, and of what has no summary, that of each."""
        if self._snapshot is None:
            return []
        parts = [reading for reading in self._snapshot.parts if reading.kind is kind]
        only = self._snapshot.readings.get(kind)
        has_summary = kind is not ReadingKind.UPS and only is not None and _is_known(only)
        return parts if parts and not has_summary else [only] if only is not None else []


def _is_known(reading: Reading) -> bool:
    return reading.state is not ReadingState.UNKNOWN


def _is_fresh(reading: Reading, since_s: float) -> bool:
    return reading.kind not in _POLLED or reading.observed.monotonic_s >= since_s

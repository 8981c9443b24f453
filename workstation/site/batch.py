"""How many waiting events ride on one report: as many as the line and the server take without delaying live state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workstation.site.contract import MAX_EVENTS, EventReport

MAX_BATCH_BYTES = 1 << 20
"""Estimated JSON of one report's events, before compression."""

TARGET_S = 1.0
"""A report with events shall take no longer: the next state of the booth waits behind it."""

_FIRST = 50
_EVENT_BYTES = 340
"""JSON of an event without data: two hashes, an id, a time and the names."""


class BatchSize:
    """Grows while reports are quick, halves when one was slow, lost or refused. Never below one event."""

    def __init__(self) -> None:
        self.events = _FIRST

    def took(self, seconds: float, events: int) -> None:
        """Learn from a report with ``events`` events that was answered after ``seconds``."""
        if events and seconds > TARGET_S:
            self.shrink(events)
        elif events >= self.events and seconds < TARGET_S / 2:
            self.events = min(MAX_EVENTS, self.events * 2)

    def shrink(self, events: int) -> None:
        """Take half as many as these next time."""
        self.events = max(1, min(self.events, events) // 2)


def within_bytes(events: Iterable[EventReport]) -> Iterator[EventReport]:
    """Yield events from the start while their JSON stays within ``MAX_BATCH_BYTES``; the first in any case."""
    total = 0
    for position, event in enumerate(events):
        total += _EVENT_BYTES + sum(len(name) + len(str(value)) + 6 for name, value in event.data.items())
        if position and total > MAX_BATCH_BYTES:
            return
        yield event

"""Runs the journey: takes events in the GUI thread, asks ``transition`` what follows, and carries the effects out."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from workstation.journey import effects as fx
from workstation.journey.events import Crashed, Event, Timer, TimerExpired
from workstation.journey.facts import Attempt, PhotoPolicy, Resume
from workstation.journey.seat import USUAL_SEAT_POLICY, SeatPolicy
from workstation.journey.states import Journey
from workstation.journey.transition import start, transition


class Actions(Protocol):
    """What the application can do for the journey. Every call returns at once; answers come back as events."""

    def carry_out(self, effect: fx.Effect) -> None:
        """Carry out any effect but a timer."""


class JourneyBridge(QObject):
    """Lives in the GUI thread, like everything that calls it.

    Signals:
        changed(Journey): after every event that changed something, before its effects run.
    """

    changed = Signal(object)

    def __init__(self, actions: Actions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._journey: Journey | None = None
        self._events: deque[Event] = deque()
        self._draining = False
        self._timers = {timer: _OneShot(timer, self) for timer in Timer}

    @property
    def journey(self) -> Journey:
        """Where the expert is."""
        if self._journey is None:
            raise RuntimeError("the journey has not begun")
        return self._journey

    def begin(
        self,
        resume: Resume | None,
        photo_policy: PhotoPolicy = PhotoPolicy.MANUAL,
        seat_policy: SeatPolicy = USUAL_SEAT_POLICY,
    ) -> None:
        """Enter the first state."""
        self._draining = True
        try:
            self._apply(*start(resume, photo_policy, seat_policy))
        finally:
            self._draining = False
        self._drain()

    def stop(self) -> None:
        """Stop every timer; the program ends."""
        for timer in self._timers.values():
            timer.stop()

    def handle(self, event: Event) -> None:
        """Take an event. One that comes while another is handled waits for its turn; after a crash none counts."""
        if isinstance(event, Crashed):
            self._events.clear()
        self._events.append(event)
        self._drain()

    def _drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        try:
            while self._events:
                journey, effects = transition(self.journey, self._events.popleft())
                if effects or journey != self._journey:
                    self._apply(journey, effects)
        finally:
            self._draining = False

    def _apply(self, journey: Journey, effects: tuple[fx.Effect, ...]) -> None:
        self._journey = journey
        self.changed.emit(journey)
        for effect in effects:
            match effect:
                case fx.StartTimer(timer=timer, attempt=attempt, seconds=seconds):
                    self._timers[timer].arm(attempt, seconds)
                case fx.StopTimer(timer=timer):
                    self._timers[timer].stop()
                case _:
                    self._actions.carry_out(effect)


class _OneShot(QTimer):
    """A timer that knows for which attempt it was started."""

    def __init__(self, timer: Timer, bridge: JourneyBridge) -> None:
        super().__init__(bridge)
        self._timer, self._bridge = timer, bridge
        self._attempt = Attempt(0)
        self.setSingleShot(True)
        self.timeout.connect(self._on_timeout)

    def arm(self, attempt: Attempt, seconds: float) -> None:
        """(Re)start it."""
        self._attempt = attempt
        self.start(round(seconds * 1000))

    @Slot()
    def _on_timeout(self) -> None:
        self._bridge.handle(TimerExpired(attempt=self._attempt, timer=self._timer))

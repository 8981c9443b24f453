"""The outage clocks of the booth: fed by the board and the meeting, told to the journal and the screen."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from PySide6.QtCore import QObject, Signal, Slot

from drivers.errors import KioskError
from workstation.health.board import HealthSnapshot
from workstation.health.outages import OutageClock, OutageClocks, OutageEvent, OutageRule, Sight, Unfinished
from workstation.health.readings import Moment
from workstation.health.sights import JOURNAL_LOOK, sights, unfinished
from workstation.journal.journal import Journal
from workstation.journey.effects import Fact
from workstation.site.outages import OUTAGE_EVENTS, OutageKind

_log = logging.getLogger(__name__)

_LOST, _BACK = "conference_lost", "conference_back"
_MEETING = {_LOST: Sight.OUT, _BACK: Sight.IN, "conference_joined": Sight.IN, "conference_left": Sight.UNWATCHED}


class OutageBridge(QObject):
    """Lives in the GUI thread; ``follow`` once a second.

    Signals:
        event_found(str kind, str session_id, dict facts): something for the journal.
        changed(tuple[OutageClock, ...]): what the screen shows; while a clock runs, once a second.
    """

    event_found = Signal(str, str, object)
    changed = Signal(object)

    def __init__(self, journal: Journal, rules: Iterable[OutageRule] = (), parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clocks = OutageClocks(rules, _begun(journal), Moment.now())
        self._shown: tuple[OutageClock, ...] = ()
        self._meeting_id = ""

    @Slot(object)
    def follow(self, snapshot: HealthSnapshot) -> None:
        """Take what the board knows now."""
        for outage, sight, at in sights(snapshot):
            self._tell(self._clocks.look(outage, sight, at))
        self._tell(self._clocks.tick(snapshot.at))
        shown = self._clocks.clocks(snapshot.at)
        if shown != self._shown:
            self._shown = shown
            self.changed.emit(shown)

    @Slot(str, str, object)
    def hear_meeting(self, kind: str, session_id: str, facts: Mapping[str, Fact]) -> None:
        """Take an event of the meeting. That it was lost, or is back, is an outage; the rest goes to the journal."""
        sight = _MEETING.get(kind)
        if sight is not None:
            self._meeting_id = session_id
            told = {name: value for name, value in facts.items() if name != "duration_s"}
            self._tell(self._clocks.look(OutageKind.CONFERENCE, sight, Moment.now(), told if kind == _LOST else {}))
        if kind == _LOST and facts.get("given_up"):
            self.event_found.emit("conference_given_up", session_id, facts)
        elif kind not in {_LOST, _BACK}:
            self.event_found.emit(kind, session_id, facts)

    def _tell(self, events: Iterable[OutageEvent]) -> None:
        for event in events:
            session_id = self._meeting_id if event.outage is OutageKind.CONFERENCE else ""
            self.event_found.emit(event.kind, session_id, dict(event.facts))


def _begun(journal: Journal) -> list[Unfinished]:
    """Return what had begun before; a journal with a damaged event keeps no booth from starting."""
    try:
        return unfinished(journal.latest(OUTAGE_EVENTS, JOURNAL_LOOK))
    except KioskError as error:
        _log.error("outages of before cannot be read: %s %s", error.code, dict(error.context))
        return []

"""The second kind of conference: a program of its own beside the main site's page, kept by ``conference.external``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from PySide6.QtCore import QObject, Signal, Slot

from drivers.contracts import CancelToken
from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import ExternalClient, MainSitePack
from workstation.conference.external.place import ClientPlace
from workstation.conference.external.process import forget_clients
from workstation.conference.external.run import ClientRun, News, StreamMuter
from workstation.conference.external.start import Invitation
from workstation.conference.external.supervision import Phase
from workstation.conference.external.windows import Pane as ClientPane
from workstation.conference.pane import Pane, PanePhase
from workstation.site.conference import ConferencePlan
from workstation.site.contract import MatchReply

from .threads import Lane

Facts = dict[str, str | int | float | bool | None]


class HeadsetKeeper(Protocol):
    """What is needed of ``HeadsetBridge``: a client plays and records on the system's defaults."""

    def take(self) -> None:
        """Keep the plugged headset the default from now on."""

    def give_back(self) -> None:
        """Restore what was the default before."""


@dataclass
class _Stay:
    """One stay in a conference.

    Attributes:
        lost_at: since when the client is away, monotonic seconds; ``None`` while it is there.
    """

    session_id: str
    begun_at: float
    run: ClientRun | None = None
    place: ClientPlace | None = None
    cancel: CancelToken = field(default_factory=CancelToken)
    has_joined: bool = False
    lost_at: float | None = None


class ExternalConferenceBridge(QObject):
    """Lives in the GUI thread; one stay at a time. Everything of a stay is gone soon after ``leave``.

    Nobody can cover faces or change voices inside a foreign program: a project that demands either gets no conference
    and E-408, whatever the client may be able to do by itself.

    Args:
        pack: of the main site at hand; raises ``KioskError`` without one.
        sound: silences the client while the booth is locked; used and closed in the lane's thread.
        headset: kept while a client runs.

    Signals:
        condition_raised(ErrorCode), condition_cleared(ErrorCode): E-407, E-408.
        view_changed(QWidget | None): where the screen has to keep room for the client.
        pane_changed(Pane): whether there is such a place.
        event_found(str kind, str session_id, dict facts): something for the journal.
    """

    condition_raised = Signal(object)
    condition_cleared = Signal(object)
    view_changed = Signal(object)
    pane_changed = Signal(object)
    event_found = Signal(str, str, object)
    _told = Signal(object, object)

    def __init__(
        self,
        pack: Callable[[], MainSitePack],
        sound: StreamMuter,
        headset: HeadsetKeeper,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._pack, self._sound, self._headset = pack, sound, headset
        self._invited: tuple[str, ConferencePlan] | None = None
        self._stay: _Stay | None = None
        self._condition: ErrorCode | None = None
        self.lane = Lane("external-conference", self)
        self._told.connect(self._on_told)
        self.lane.submit(forget_clients)

    @Slot(int, object)
    def on_match_answered(self, _attempt: int, reply: MatchReply) -> None:
        """Take the invitation out of the assignment."""
        if reply.assignment is not None:
            self.invite(reply.assignment.alias, reply.assignment.conference)

    def invite(self, alias: str, plan: ConferencePlan) -> None:
        """Say what the coming stay joins with: it arrives with the expert's assignment. Forgotten by ``leave``."""
        self._invited = (alias, plan)

    def join(self, _attempt: int, session_id: str, _project_id: str) -> None:
        """Start the client for this stay; one that was started for the same stay goes on."""
        if self._stay is not None and self._stay.session_id == session_id:
            return
        invited = self._invited
        self._end()
        stay = self._stay = _Stay(session_id=session_id, begun_at=time.monotonic())
        if invited is None:
            self._refuse(stay, ErrorCode.CONFERENCE_LOST, "no-invitation")
            return
        alias, plan = invited
        if plan.mask or plan.voice:
            self._refuse(stay, ErrorCode.ANONYMITY_NOT_READY, "anonymity")
            return
        try:
            client = self._pack().external_client
        except KioskError:
            client = None
        if client is None:
            self._refuse(stay, ErrorCode.CONFERENCE_LOST, "no-client")
            return
        self._start(stay, client, Invitation(alias=alias, meeting=plan.meeting, password=plan.password))

    def hold(self, *, held: bool) -> None:
        """Hide and silence the client while the booth is locked."""
        if self._stay is not None and self._stay.run is not None:
            self._stay.run.hold(held=held)

    def leave(self) -> None:
        """End the client and forget what it was started with. Idempotent."""
        self._invited = None
        self._end()

    def close(self) -> None:
        """End the client and the thread; returns when nothing of it is left."""
        self.leave()
        self.lane.close()

    def _start(self, stay: _Stay, client: ExternalClient, invitation: Invitation) -> None:
        run = stay.run = ClientRun(client, invitation, sound=self._sound, tell=lambda news: self._told.emit(stay, news))
        place = stay.place = ClientPlace()
        place.moved.connect(self._on_place_moved)
        self._headset.take()
        self.lane.submit(lambda: run.run(stay.cancel))
        self.view_changed.emit(place)
        # The client needs its place to come to: the pane is there from the beginning.
        self.pane_changed.emit(Pane(phase=PanePhase.JOINED))

    def _refuse(self, stay: _Stay, code: ErrorCode, reason: str) -> None:
        self._raise(code)
        self.event_found.emit("conference_refused", stay.session_id, {"client": "external", "reason": reason})

    def _end(self) -> None:
        stay, self._stay = self._stay, None
        if stay is None:
            return
        stay.cancel.cancel()
        self._raise(None)
        if stay.place is not None:
            stay.place.stop()
            self._headset.give_back()
            self.pane_changed.emit(Pane())
            self.view_changed.emit(None)
            stay.place.deleteLater()
        if stay.run is not None:
            facts: Facts = {"client": "external", "duration_s": round(time.monotonic() - stay.begun_at, 1)}
            self.event_found.emit("conference_left", stay.session_id, facts)

    def _raise(self, code: ErrorCode | None) -> None:
        before, self._condition = self._condition, code
        if before is not code and before is not None:
            self.condition_cleared.emit(before)
        if before is not code and code is not None:
            self.condition_raised.emit(code)

    @Slot(object)
    def _on_place_moved(self, pane: ClientPane) -> None:
        if self._stay is not None and self._stay.run is not None:
            self._stay.run.show(pane)

    @Slot(object, object)
    def _on_told(self, stay: _Stay, news: News) -> None:
        if stay is not self._stay:
            return
        match news.phase:
            case Phase.STARTING:
                pass
            case Phase.READY:
                self._note_ready(stay, news)
            case Phase.PAUSED | Phase.GIVEN_UP:
                self._note_lost(stay, news)

    def _note_ready(self, stay: _Stay, news: News) -> None:
        facts: Facts = {"client": "external", "restarts": news.restarts}
        if stay.lost_at is not None:
            facts["duration_s"] = round(time.monotonic() - stay.lost_at, 1)
        stay.lost_at = None
        self._raise(None)
        self.event_found.emit("conference_back" if stay.has_joined else "conference_joined", stay.session_id, facts)
        stay.has_joined = True

    def _note_lost(self, stay: _Stay, news: News) -> None:
        stay.lost_at = time.monotonic() if stay.lost_at is None else stay.lost_at
        self._raise(ErrorCode.CONFERENCE_LOST)
        given_up = news.phase is Phase.GIVEN_UP
        facts: Facts = {"client": "external", "reason": news.reason, "restarts": news.restarts, "given_up": given_up}
        self.event_found.emit("conference_lost", stay.session_id, facts)

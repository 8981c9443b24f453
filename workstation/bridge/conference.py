"""The built-in conference for the journey: ticket, media process, page and headset of one stay, and what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from drivers.contracts import HeadsetPair
from drivers.errors import ErrorCode
from kiosk_config.pack.model import DocumentType
from workstation.conference import messages as ms
from workstation.conference.contract import MediaAddress, MediaStatus
from workstation.conference.figures import read_conference
from workstation.conference.pane import Pane, PanePhase
from workstation.conference.reach import Reach
from workstation.conference.stay import Stay
from workstation.health.readings import Moment
from workstation.site.conference import ConferenceTicket

from .conference_documents import DocumentBridge
from .conference_media import MediaBridge
from .conference_ticket import TicketBridge
from .headset import HeadsetBridge
from .threads import Lane

if TYPE_CHECKING:
    from workstation.conference.view import ConferenceView

    MakeView = Callable[[Reach, bool], ConferenceView]

TICK_MS = 500
FAREWELL_MS = 400
"""So long the page may say goodbye to the server before it is deleted."""

MEDIA_RETRIES_S = (0.5, 2.0, 5.0, 15.0)
_LOWEST_DBFS = -100.0
_STOPPED = ms.Protected(video="stopped", voice="stopped", fault="process")


class ConferenceBridge(QObject):
    """Lives in the GUI thread; one stay at a time. Everything of a stay is gone after ``leave``.

    Args:
        make_view: loads the engine and makes the page's view: what it may reach, and whether the screen is monitored.

    Signals:
        condition_raised(ErrorCode), condition_cleared(ErrorCode): E-404, E-407, E-408.
        view_changed(QWidget | None), pane_changed(Pane): what the screen shows.
        reading_taken(Reading), reading_ended(): figures of the meeting for the board, and that there are none any more.
        event_found(str kind, str session_id, dict facts): something for the journal.
        choice_wanted(): the expert wants to show a document: ask which one, then call ``present``.
    """

    condition_raised = Signal(object)
    condition_cleared = Signal(object)
    view_changed = Signal(object)
    pane_changed = Signal(object)
    reading_taken = Signal(object)
    reading_ended = Signal()
    event_found = Signal(str, str, object)
    choice_wanted = Signal()

    def __init__(
        self,
        *,
        tickets: TicketBridge,
        media: MediaBridge,
        headset: HeadsetBridge,
        make_view: MakeView,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._tickets, self._media, self._headset, self._make_view = tickets, media, headset, make_view
        self._documents = DocumentBridge(self)
        self._stay: Stay | None = None
        self._view: ConferenceView | None = None
        self._leaving: list[ConferenceView] = []
        self._conditions: frozenset[ErrorCode] = frozenset()
        self._pane = Pane()
        self._large_text = False
        self._ticker = QTimer(self, interval=TICK_MS)
        self._ticker.timeout.connect(self._follow)
        self._media_again = QTimer(self, singleShot=True)
        self._media_again.timeout.connect(self._start_media)
        self._farewell = QTimer(self, singleShot=True, interval=FAREWELL_MS)
        self._farewell.timeout.connect(self._dispose_leaving)
        tickets.granted.connect(self._on_tickets_granted)
        tickets.refused.connect(self._on_tickets_refused)
        media.started.connect(self._on_media_started)
        media.heard.connect(self._on_media_heard)
        media.ended.connect(self._on_media_ended)
        headset.taken.connect(self._on_headset_taken)
        headset.lost.connect(self._on_headset_lost)
        self._documents.said.connect(self._tell)
        self._documents.began.connect(self._on_documents_began)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Its threads: their crashes are the application's to take."""
        return self._tickets.lane, self._media.lane, self._documents.lane

    # --- what the journey wants ---

    def join(self, _attempt: int, session_id: str, project_id: str) -> None:
        """Enter the meeting of this project; see ``meeting.Conference``."""
        if self._stay is not None and self._stay.session_id == session_id:
            return
        self.leave()
        self._stay = Stay(session_id=session_id, begun_at=time.monotonic())
        self._headset.take()
        self._tickets.begin(session_id, project_id)
        self._ticker.start()
        self._follow()

    def hold(self, *, held: bool) -> None:
        """Send and play nothing while the booth is locked."""
        stay = self._stay
        if stay is None or stay.is_held == held:
            return
        stay.is_held = held
        self._tell(ms.Hold(on=held))
        self._media.wish(stay.media_wish())

    def leave(self) -> None:
        """Leave for good and forget the meeting. Idempotent."""
        stay, self._stay = self._stay, None
        if stay is None:
            return
        self._ticker.stop()
        self._media_again.stop()
        self._tickets.end()
        self._media.end()
        self._documents.end()
        self._headset.give_back()
        self._drop_view()
        stay.end(time.monotonic())
        self._record(stay)
        self._show(Pane())
        self._set_conditions(frozenset())

    def dismiss(self) -> None:
        """End everything at the end of the program."""
        self.leave()
        self._farewell.stop()
        self._dispose_leaving()
        self._tickets.stop()
        self._media.stop()
        self._documents.stop()

    # --- what the screen wants ---

    def present(self, name: str, file: Path, kind: DocumentType) -> None:
        """Show this document of the session to the meeting."""
        if self._stay is not None:
            self._documents.show(name, file, kind)

    @Slot(bool)
    def set_large_text(self, is_large: bool) -> None:
        """Use this size of text from the next join on."""
        self._large_text = is_large

    # --- the ticket ---

    @Slot(object)
    def _on_tickets_granted(self, ticket: ConferenceTicket) -> None:
        stay = self._stay
        if stay is None:
            return
        if stay.take_ticket(ticket):
            self._start_media()
        elif self._view is not None and stay.address is not None:
            self._view.set_reach(Reach(stay.address, ticket.server))
            self._tell(ms.Renew(ticket=ticket))
        self._follow()

    @Slot(object)
    def _on_tickets_refused(self, _code: ErrorCode) -> None:
        stay = self._stay
        if stay is not None and stay.phase is not PanePhase.JOINED:  # who is inside does not need it yet
            stay.troubles.is_refused = True
            self._follow()

    # --- the media process ---

    @Slot()
    def _start_media(self) -> None:
        stay = self._stay
        if stay is not None:
            stay.media_run = self._media.start(stay.anonymity)
            stay.troubles.await_media(time.monotonic())

    @Slot(int, object)
    def _on_media_started(self, run: int, address: MediaAddress) -> None:
        stay = self._stay
        if stay is None or run != stay.media_run or stay.ticket is None:
            return
        stay.address = address
        self._media.wish(stay.media_wish())
        reach = Reach(address, stay.ticket.server)
        if self._view is None:
            view = self._view = self._make_view(reach, stay.has_desktop)
            view.said.connect(self._on_view_said)
            view.refused.connect(self._on_view_refused)
            view.crashed.connect(self._on_view_crashed)
            self.view_changed.emit(view)
        else:
            # Another key and another port: the page begins anew.
            self._view.set_reach(reach)
            self._view.reload()

    @Slot(int, object)
    def _on_media_heard(self, run: int, status: MediaStatus) -> None:
        stay = self._stay
        if stay is None or run != stay.media_run:
            return
        if stay.hear_media(status, time.monotonic()) and stay.protected is not None:
            self._tell(stay.protected)
            self._follow()
        self._tell(ms.Level(dbfs=max(status.level_dbfs, _LOWEST_DBFS), speaking=status.speaking))

    @Slot(int)
    def _on_media_ended(self, run: int) -> None:
        stay = self._stay
        if stay is None or run != stay.media_run:
            return
        stay.protected = _STOPPED
        self._tell(_STOPPED)
        stay.troubles.lose_media()
        stay.note("media_process_lost")
        pause_s = MEDIA_RETRIES_S[min(stay.media_failures, len(MEDIA_RETRIES_S) - 1)]
        stay.media_failures += 1
        self._media_again.start(round(pause_s * 1000))
        self._follow()

    # --- the headset ---

    @Slot(object)
    def _on_headset_taken(self, pair: HeadsetPair) -> None:
        stay = self._stay
        if stay is None:
            return
        stay.take_headset(pair.capture.name, is_spare=pair.is_spare)
        self._media.wish(stay.media_wish())
        self._tell(ms.Sound(label=pair.playback.description))
        self._follow()

    @Slot()
    def _on_headset_lost(self) -> None:
        stay = self._stay
        if stay is not None:
            stay.lose_headset()
            self._media.wish(stay.media_wish())
            self._follow()

    # --- the page ---

    @Slot(object)
    def _on_view_said(self, said: ms.FromPage) -> None:
        stay = self._stay
        if stay is None:
            return
        match said:
            case ms.Ready():
                self._enter(stay)
            case ms.Wish():
                stay.wish = said
                self._media.wish(stay.media_wish())
            case ms.Statistics():
                self.reading_taken.emit(read_conference(said, Moment.now()))
            case ms.Present() | ms.Turn() | ms.StopPresenting():
                self._present(said)
            case _:
                self._hear(stay, said)
        self._follow()

    def _present(self, said: ms.Present | ms.Turn | ms.StopPresenting) -> None:
        match said:
            case ms.Present():
                self.choice_wanted.emit()
            case ms.Turn(page=page):
                self._documents.turn(page)
            case ms.StopPresenting():
                self._documents.end()

    def _hear(self, stay: Stay, said: ms.Phase | ms.Muted | ms.Desktop | ms.Stage) -> None:
        now = time.monotonic()
        match said:
            case ms.Phase():
                stay.hear_phase(said, now)
                if said.phase == "lost" and said.reason == "refused":
                    self._tickets.renew()
            case ms.Muted(by_moderator=by_moderator):
                stay.hear_muted(by_moderator=by_moderator)
            case ms.Desktop():
                stay.desktop.hear(said, now)
            case ms.Stage(on=on):
                stay.is_staged = on

    def _enter(self, stay: Stay) -> None:
        """Say to a page that has just been loaded all that it must know."""
        if stay.ticket is None or stay.address is None or self._view is None:
            return
        self._view.set_joining(is_joining=True)
        self._tell(ms.Join(ticket=stay.ticket, media=stay.address.url, large_text=self._large_text))
        if stay.is_held:
            self._tell(ms.Hold(on=True))
        if stay.protected is not None:
            self._tell(stay.protected)

    @Slot()
    def _on_view_crashed(self) -> None:
        stay = self._stay
        if stay is None:
            return
        stay.lose_page(time.monotonic())
        self._media.wish(stay.media_wish())
        self._documents.end()
        self._follow()

    @Slot(str, str)
    def _on_view_refused(self, subject: str, reason: str) -> None:
        if self._stay is not None:
            self._stay.hear_refusal(subject, reason)
            self._follow()

    @Slot(int)
    def _on_documents_began(self, pages: int) -> None:
        if self._stay is not None:
            self._stay.note("document_shown", pages=pages)
            self._follow()

    # --- what follows ---

    @Slot()
    def _follow(self) -> None:
        stay = self._stay
        if stay is None:
            return
        now = time.monotonic()
        stay.follow_monitoring(now)
        self._record(stay)
        self._show(stay.pane())
        self._set_conditions(stay.troubles.conditions(now))

    def _show(self, pane: Pane) -> None:
        if pane != self._pane:
            if self._pane.phase is PanePhase.JOINED and pane.phase is not PanePhase.JOINED:
                self.reading_ended.emit()
            self._pane = pane
            self.pane_changed.emit(pane)

    def _set_conditions(self, conditions: frozenset[ErrorCode]) -> None:
        before, self._conditions = self._conditions, conditions
        for code in sorted(conditions - before):
            self.condition_raised.emit(code)
        for code in sorted(before - conditions):
            self.condition_cleared.emit(code)

    def _record(self, stay: Stay) -> None:
        for kind, facts in stay.take_notes():
            self.event_found.emit(kind, stay.session_id, facts)

    @Slot(object)
    def _tell(self, message: ms.ToPage) -> None:
        if self._view is not None:
            self._view.tell(message)

    def _drop_view(self) -> None:
        view, self._view = self._view, None
        if view is not None:
            view.tell(ms.Leave())
            view.set_joining(is_joining=False)
            view.disconnect(self)
            self.view_changed.emit(None)
            self._leaving.append(view)
            self._farewell.start()

    @Slot()
    def _dispose_leaving(self) -> None:
        views, self._leaving = self._leaving, []
        for view in views:
            view.dispose()

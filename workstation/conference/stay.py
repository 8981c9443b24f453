"""What the booth knows of one stay in a meeting while it lasts, and what of it goes into the journal. Pure.

Times are monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from workstation.site.conference import ConferenceTicket

from .contract import Anonymity, MediaAddress, MediaStatus, MediaWish
from .messages import Phase, Protected, Wish
from .pane import DesktopWatch, Monitoring, Pane, PanePhase
from .troubles import Troubles

MAX_REFUSALS = 50
NOTHING_WISHED = Wish(microphone=False, camera=False)

Fact = str | int | float | bool
Note = tuple[str, dict[str, Fact]]


@dataclass
class Stay:
    """One stay.

    Attributes:
        session_id: whose events are journaled.
        begun_at: when the booth was told to join.
        capture: the sound server's name of the microphone, "" while there is no headset.
        wish: what the expert wants to leave the booth.
        is_held: the booth is locked: nothing leaves it and nothing is played.
        media_run: the run of the media process, 0 before the first.
        protected: what the page was told last of the gates.
    """

    session_id: str
    begun_at: float
    ticket: ConferenceTicket | None = None
    capture: str = ""
    wish: Wish = NOTHING_WISHED
    is_held: bool = False
    is_staged: bool = False
    media_run: int = 0
    media_failures: int = 0
    address: MediaAddress | None = None
    protected: Protected | None = None
    phase: PanePhase = PanePhase.JOINING
    monitoring: Monitoring = Monitoring.OFF
    troubles: Troubles = field(init=False)
    desktop: DesktopWatch = field(default_factory=lambda: DesktopWatch(is_demanded=False))
    _notes: list[Note] = field(default_factory=list)
    _lost_at: float | None = None
    _monitored_at: float | None = None
    _is_muted: bool = False
    _refusals: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.troubles = Troubles(anonymity=Anonymity(), out_since=self.begun_at)

    @property
    def anonymity(self) -> Anonymity:
        """What the project demands; nothing before the first ticket."""
        plan = None if self.ticket is None else self.ticket.plan
        return Anonymity() if plan is None else Anonymity(mask=plan.mask, voice=plan.voice)

    @property
    def has_desktop(self) -> bool:
        """Whether the screen is to be monitored."""
        return self.ticket is not None and self.ticket.plan.desktop and self.ticket.desktop is not None

    def media_wish(self) -> MediaWish:
        """Return what is wanted of the media process now."""
        is_free = not self.is_held
        return MediaWish(
            microphone=is_free and self.wish.microphone and bool(self.capture),
            camera=is_free and self.wish.camera,
            capture=self.capture,
        )

    def pane(self) -> Pane:
        """Return what the screen shows."""
        is_in = self.phase is PanePhase.JOINED
        return Pane(
            phase=self.phase,
            monitoring=self.monitoring,
            is_recorded=is_in and self.ticket is not None and self.ticket.plan.record,
            is_staged=self.is_staged and is_in,
        )

    # --- what happens ---

    def take_ticket(self, ticket: ConferenceTicket) -> bool:
        """Keep a ticket; true for the first one, which says how the project meets."""
        is_first, self.ticket = self.ticket is None, ticket
        self.troubles.is_refused = False
        if is_first:
            self.troubles.anonymity = self.anonymity
            self.desktop = DesktopWatch(is_demanded=self.has_desktop)
        return is_first

    def hear_media(self, status: MediaStatus, now: float) -> bool:
        """Note what the media process said; true when the page must hear of the gates anew."""
        self.media_failures = 0
        self.troubles.hear(status, now)
        fault = status.video_fault or status.voice_fault
        before = self.protected
        self.protected = Protected(video=status.video.value, voice=status.voice.value, fault=fault.value)
        return self.protected != before

    def hear_phase(self, said: Phase, now: float) -> None:
        """Note where the page says that the meeting stands."""
        match said.phase:
            case "joined":
                self._enter(said, now)
            case "lost" | "left":
                self.lose(said.reason or said.phase, now)
            case "joining":
                self.troubles.lose(now)

    def _enter(self, said: Phase, now: float) -> None:
        if self.phase is PanePhase.LOST and self._lost_at is not None:
            self.note("conference_back", people=said.people, duration_s=round(now - self._lost_at, 1))
        elif self.phase is not PanePhase.JOINED:
            self.note("conference_joined", people=said.people, wait_s=round(now - self.begun_at, 1))
        self.phase, self._lost_at = PanePhase.JOINED, None
        self.troubles.enter()
        self.desktop.begin(now)

    def lose(self, reason: str, now: float) -> None:
        """Note that the booth is not in the meeting any more."""
        if self.phase is PanePhase.JOINED:
            self.phase, self._lost_at = PanePhase.LOST, now
            self.note("conference_lost", reason=reason)
        self.troubles.lose(now)

    def lose_page(self, now: float) -> None:
        """Note that the page is gone. What the expert wished was said to it: the next one begins muted."""
        self.wish, self.is_staged = NOTHING_WISHED, False
        self.lose("page-crashed", now)

    def hear_muted(self, *, by_moderator: bool) -> None:
        """Note that a moderator muted this booth, or lifted that."""
        if by_moderator != self._is_muted:
            self._is_muted = by_moderator
            self.note("muted_by_moderator" if by_moderator else "unmuted_by_moderator")

    def hear_refusal(self, subject: str, reason: str) -> None:
        """Note what the page asked for and did not get: each once, and no more of them than anybody reads."""
        if (subject, reason) not in self._refusals and len(self._refusals) < MAX_REFUSALS:
            self._refusals.add((subject, reason))
            self.note("conference_refused", subject=subject[:100], reason=reason)

    def take_headset(self, capture: str, *, is_spare: bool) -> None:
        """Note which microphone is spoken into now."""
        if self.capture or not self.troubles.has_headset:
            self.note("headset_switched", is_spare=is_spare)
        self.capture, self.troubles.has_headset = capture, True

    def lose_headset(self) -> None:
        """Note that there is none."""
        self.capture, self.troubles.has_headset = "", False

    def follow_monitoring(self, now: float) -> None:
        """See what becomes of the screen."""
        before, self.monitoring = self.monitoring, self.desktop.state(now)
        if self.monitoring is before:
            return
        if self.monitoring is Monitoring.RUNNING:
            self._monitored_at = now
            self.note("desktop_monitoring_started")
        elif before is Monitoring.RUNNING:
            self._end_monitoring(now)
        else:
            self.note("desktop_monitoring_missing")

    def end(self, now: float) -> None:
        """Note that the booth leaves for good."""
        self._end_monitoring(now)
        self.note("conference_left", duration_s=round(now - self.begun_at, 1))

    def _end_monitoring(self, now: float) -> None:
        started, self._monitored_at = self._monitored_at, None
        if started is not None:
            self.note("desktop_monitoring_stopped", duration_s=round(now - started, 1))

    # --- the journal ---

    def note(self, kind: str, **facts: Fact) -> None:
        """Keep an event for the journal."""
        self._notes.append((kind, facts))

    def take_notes(self) -> list[Note]:
        """Return the events since the last call."""
        notes, self._notes = self._notes, []
        return notes

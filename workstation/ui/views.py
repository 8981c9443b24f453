"""What the window shows besides the journey: plain frozen records that the application fills in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from PySide6.QtGui import QImage

from workstation.checkup.progress import Progress
from workstation.conference.pane import Pane
from workstation.health.outages import OutageClock
from workstation.health.shutdown import PowerPhase
from workstation.health.supply import Verdict
from workstation.journey.facts import Holder
from workstation.journey.states import Idle, Journey, holder_of
from workstation.site.readings import ReadingKind, ReadingState


@dataclass(frozen=True, kw_only=True)
class BookingView:
    """A time at which the booth is booked, as ``HH:MM``; says nothing about the project."""

    starts_at: str
    ends_at: str
    projects: int


@dataclass(frozen=True, kw_only=True)
class BoothView:
    """Where the expert sits.

    Attributes:
        bookings: today's, in order; the first three are shown.
        drill: shows the 演练 band.
        bundle: version of the booth's configuration, ``""`` when unknown.
    """

    centre: str = ""
    room: str = ""
    booth_label: str = ""
    hotline: str = ""
    bookings: tuple[BookingView, ...] = ()
    drill: bool = False
    bundle: str = ""


@dataclass(frozen=True, kw_only=True)
class DeviceView:
    """The judgement about one device."""

    kind: ReadingKind
    state: ReadingState


@dataclass(frozen=True, kw_only=True)
class StatusView:
    """The chips of the header.

    Attributes:
        network_ms: round trip to the site in milliseconds.
        minutes_left: what the UPS can still carry.
    """

    network: ReadingState = ReadingState.UNKNOWN
    network_ms: int | None = None
    power: ReadingState = ReadingState.UNKNOWN
    on_battery: bool = False
    minutes_left: int | None = None
    devices: tuple[DeviceView, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PowerView:
    """How the power stands.

    Attributes:
        is_monitored: a UPS is known to feed the booth.
        off_in_s: seconds to the power-off, while the countdown runs.
        until: ``HH:MM`` until which the battery lasts, "" when unknown.
        needed: ``HH:MM`` until which it is needed: by the evaluation, or by the rule when ``is_rule``; "" for neither.
    """

    is_monitored: bool = True
    phase: PowerPhase = PowerPhase.UNKNOWN
    off_in_s: int = 0
    until: str = ""
    needed: str = ""
    is_rule: bool = False
    verdict: Verdict | None = None

    @property
    def is_closing(self) -> bool:
        """Whether the countdown fills the screen: nothing else counts any more."""
        return self.phase in {PowerPhase.CLOSING, PowerPhase.OFF}


class Coaching(StrEnum):
    """What the person in front of the camera should change; the values are those of ``workstation.face``."""

    NONE = "none"
    NO_FACE = "no-face"
    TOO_FAR = "too-far"
    TOO_CLOSE = "too-close"
    OFF_CENTRE = "off-centre"
    LOOK_STRAIGHT = "look-straight"
    TOO_DARK = "too-dark"
    TOO_BRIGHT = "too-bright"
    BACKLIT = "backlit"
    COVERED = "covered"
    GLARE = "glare"
    BLURRED = "blurred"
    SEVERAL = "several"


class Prompt(StrEnum):
    """What the person is asked to do; the values are those of ``workstation.face``. Left is the person's own."""

    TURN_LEFT = "turn-left"
    TURN_RIGHT = "turn-right"
    BLINK = "blink"
    OPEN_MOUTH = "open-mouth"


@dataclass(frozen=True, kw_only=True)
class FaceView:
    """How the face check is going; which try it is says the state.

    Attributes:
        box: x, y, width, height of the face in 0..1 of the frame as the camera sees it (not mirrored).
        prompt: what the person is asked to do now.
        actions_done: of the ``actions_total`` that are asked for; 0 of 0 without liveness detection.
        kept: pictures good enough for the comparison so far, of ``wanted``.
    """

    box: tuple[float, float, float, float] | None = field(default=None, repr=False)
    coaching: Coaching = Coaching.NO_FACE
    prompt: Prompt | None = None
    actions_done: int = 0
    actions_total: int = 0
    kept: int = 0
    wanted: int = 5
    max_tries: int = 3

    @property
    def progress(self) -> float:
        """How much of the check is done, 0..1: every action counts as two pictures."""
        most = 2 * self.actions_total + self.wanted
        return (2 * self.actions_done + self.kept) / most if most else 0.0


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything a screen may look at. Screens are functions of it and keep nothing of their own.

    Attributes:
        checkup: the check-up that runs or has just run, ``None`` for none. Shown while nobody is here.
        portrait: the photo on the card, ``None`` when there is none.
        evaluating_s: seconds since the evaluation began on this booth.
        locked_s: seconds since the booth was locked.
        outages: the outage clocks that run, and those that stopped a moment ago.
    """

    journey: Journey = field(default_factory=lambda: Journey(state=Idle()))
    booth: BoothView = field(default_factory=BoothView)
    status: StatusView = field(default_factory=StatusView)
    power: PowerView = field(default_factory=PowerView)
    face: FaceView = field(default_factory=FaceView)
    meeting: Pane = field(default_factory=Pane)
    checkup: Progress | None = None
    portrait: QImage | None = field(default=None, repr=False)
    evaluating_s: int = 0
    locked_s: int = 0
    outages: tuple[OutageClock, ...] = ()

    @property
    def holder(self) -> Holder | None:
        """The person the journey is about."""
        return holder_of(self.journey.state)

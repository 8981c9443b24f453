"""What a transition wants done. Imperatives, carried out by ``workstation.bridge``; answers come back as events."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.errors import ErrorCode

from .events import Timer
from .facts import Attempt, Reference, Resume, SessionId

Fact = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class ReadCard:
    """Read the card that lies there; answer CardRead or CardFailed."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class StopReading:
    """Forget about a read under way."""


@dataclass(frozen=True, kw_only=True)
class FetchReference:
    """Get the site's photo of the card holder; answer ReferenceArrived, ReferenceMissing or SiteFailed."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class StartFace:
    """Open the camera and compare with this reference; answer FaceDecided or FaceFailed."""

    attempt: Attempt
    reference: Reference


@dataclass(frozen=True, kw_only=True)
class StopFace:
    """Close the camera and forget the live pictures."""


@dataclass(frozen=True, kw_only=True)
class ForgetPicture:
    """Forget the live picture that was kept for the reviewer."""


@dataclass(frozen=True, kw_only=True)
class SendReview:
    """Give the reviewer the pictures there are; answer SiteFailed when that failed.

    Attributes:
        may_repeat: the journey would take one more face check.
    """

    attempt: Attempt
    session_id: SessionId
    code: ErrorCode
    may_repeat: bool


@dataclass(frozen=True, kw_only=True)
class WatchSeat:
    """Watch who sits there, a frame or two a second; tell it by SeatChanged and SeatTaken.

    Attributes:
        is_empty: the seat is known to be empty when the watch begins.
    """

    attempt: Attempt
    is_empty: bool = False


@dataclass(frozen=True, kw_only=True)
class StopWatching:
    """Close the camera and forget what was seen of the seat."""


@dataclass(frozen=True, kw_only=True)
class StartUnlock:
    """Open the camera and compare with the person who was verified; answer FaceDecided or FaceFailed."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class SendArrival:
    """Tell the site that presence was verified; answer ArrivalRecorded or SiteFailed."""

    attempt: Attempt
    session_id: SessionId
    method: str


@dataclass(frozen=True, kw_only=True)
class AskMatch:
    """Ask the site for this arrival's assignment; answer ExpertMatched, MatchPending or SiteFailed."""

    attempt: Attempt
    session_id: SessionId


@dataclass(frozen=True, kw_only=True)
class PrepareBrowser:
    """Load the browser engine now, while the expert reads."""


@dataclass(frozen=True, kw_only=True)
class RunChecks:
    """Look at the devices; answer ChecksDone."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class RequestLaunch:
    """Get a one-time ticket, or the expert's account; answer LaunchGranted or SiteFailed.

    Attributes:
        by_account: the account, although the pack opens with a ticket.
    """

    attempt: Attempt
    session_id: SessionId
    project_id: str
    by_account: bool = False


@dataclass(frozen=True, kw_only=True)
class OpenPage:
    """Open the main site with the ticket; answer PageOpened or PageFailed."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class ClosePage:
    """Close the main site's page and its browser profile."""


@dataclass(frozen=True, kw_only=True)
class JoinConference:
    """Join the meeting of this stay, or go on with it; troubles are conditions (E-404, E-407, E-408)."""

    attempt: Attempt
    session_id: SessionId
    project_id: str


@dataclass(frozen=True, kw_only=True)
class HoldConference:
    """While ``held``, nothing of this booth is sent and nothing is played, as nobody proven sits there."""

    held: bool


@dataclass(frozen=True, kw_only=True)
class LeaveConference:
    """Leave the meeting for good and give the headset back; nothing where none was joined."""


@dataclass(frozen=True, kw_only=True)
class StartSoundCheck:
    """Test the headset with the expert; answer SoundStepped and, once, SoundChecked.

    Attributes:
        voice: the project wants voices changed: that is how the expert hears the own voice.
        mask: the project wants faces covered: that is how the expert sees the own picture.
    """

    attempt: Attempt
    voice: bool
    mask: bool


@dataclass(frozen=True, kw_only=True)
class StopSoundCheck:
    """End the test and forget what was recorded."""


@dataclass(frozen=True, kw_only=True)
class AnswerSoundCheck:
    """The expert heard what was played, or wants to hear it again."""

    heard: bool


@dataclass(frozen=True, kw_only=True)
class WipeIdentity:
    """Overwrite and drop everything the booth knows of the person; answer Wiped."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class Record:
    """Write an event into the journal. Facts are codes, hashes and aliases, never personal data.

    Attributes:
        since: kind of an event recorded before; ``duration_s`` from it to this one is added to the facts.
    """

    kind: str
    session_id: str = ""
    facts: tuple[tuple[str, Fact], ...] = ()
    since: str = ""


@dataclass(frozen=True, kw_only=True)
class StartTimer:
    """(Re)start a timer; answer TimerExpired with this attempt."""

    timer: Timer
    attempt: Attempt
    seconds: float


@dataclass(frozen=True, kw_only=True)
class StopTimer:
    """Stop a timer."""

    timer: Timer


@dataclass(frozen=True, kw_only=True)
class KeepResume:
    """Store what a restart needs to come back to this evaluation."""

    resume: Resume


@dataclass(frozen=True, kw_only=True)
class ForgetResume:
    """Delete the restart record."""


@dataclass(frozen=True, kw_only=True)
class Restart:
    """Leave the program; the watchdog starts it again."""


@dataclass(frozen=True, kw_only=True)
class StartAfresh:
    """Put a new process in the place of this one, if the browser engine was loaded: only so its memory comes back."""


Effect = (
    ReadCard
    | StopReading
    | FetchReference
    | StartFace
    | StopFace
    | ForgetPicture
    | SendReview
    | WatchSeat
    | StopWatching
    | StartUnlock
    | SendArrival
    | AskMatch
    | PrepareBrowser
    | RunChecks
    | RequestLaunch
    | OpenPage
    | ClosePage
    | JoinConference
    | HoldConference
    | LeaveConference
    | StartSoundCheck
    | StopSoundCheck
    | AnswerSoundCheck
    | WipeIdentity
    | Record
    | StartTimer
    | StopTimer
    | KeepResume
    | ForgetResume
    | Restart
    | StartAfresh
)

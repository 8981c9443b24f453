"""What is wrong with a meeting, from what page, media process, headset and site have said. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.errors import ErrorCode

from .contract import SILENCE_S, Anonymity, MediaFault, MediaStatus, StreamPhase

JOIN_S = 20.0
"""A first join may take as long as this: the engine's and the media process's start are in it."""

LOST_S = 4.0
"""The page rejoins by itself; shorter interruptions are nobody's news."""

_CONDITIONS = frozenset({ErrorCode.HEADSET_LOST, ErrorCode.CONFERENCE_LOST, ErrorCode.ANONYMITY_NOT_READY})

LOST_PROCESS = MediaStatus(
    video=StreamPhase.STOPPED,
    voice=StreamPhase.STOPPED,
    video_fault=MediaFault.PROCESS,
    voice_fault=MediaFault.PROCESS,
)


@dataclass
class Troubles:
    """Of one stay. Times are monotonic seconds.

    Attributes:
        anonymity: what the project demands.
        out_since: since when the booth is not in the meeting, ``None`` while it is.
        was_in: it has been in the meeting before.
        is_refused: the site gives no ticket.
        has_headset: there is one.
        media_since: since when the media process is awaited or was heard, ``None`` where none is wanted any more.
        status: what that process said last, ``None`` before its first word.
    """

    anonymity: Anonymity
    out_since: float | None
    was_in: bool = False
    is_refused: bool = False
    has_headset: bool = True
    media_since: float | None = None
    status: MediaStatus | None = None

    def enter(self) -> None:
        """Note that the booth is in the meeting."""
        self.out_since, self.was_in, self.is_refused = None, True, False

    def lose(self, now: float) -> None:
        """Note that it is not, or not any more."""
        if self.out_since is None:
            self.out_since = now

    def await_media(self, now: float) -> None:
        """Note that the media process was started."""
        if self.status is None and self.media_since is None:
            self.media_since = now

    def lose_media(self) -> None:
        """Note that the media process is gone."""
        self.status = LOST_PROCESS

    def hear(self, status: MediaStatus, now: float) -> None:
        """Note what the media process said."""
        self.status, self.media_since = status, now

    def conditions(self, now: float) -> frozenset[ErrorCode]:
        """Return what people are told now."""
        found = {
            ErrorCode.HEADSET_LOST: not self.has_headset,
            ErrorCode.CONFERENCE_LOST: self._is_out(now),
            ErrorCode.ANONYMITY_NOT_READY: self._is_unprotected(now),
        }
        return frozenset(code for code in _CONDITIONS if found[code])

    def _is_out(self, now: float) -> bool:
        if self.is_refused:
            return True
        limit_s = LOST_S if self.was_in else JOIN_S
        return self.out_since is not None and now - self.out_since > limit_s

    def _is_unprotected(self, now: float) -> bool:
        """Whether a protection that the project demands does not work. A stream that is merely off is protected."""
        if not (self.anonymity.mask or self.anonymity.voice):
            return False
        if self.media_since is None:
            return False
        status = self.status
        if status is None:
            return now - self.media_since > JOIN_S
        if now - self.media_since > SILENCE_S:
            return True
        streams = (
            (self.anonymity.mask, status.video, status.video_fault, MediaFault.MASK),
            (self.anonymity.voice, status.voice, status.voice_fault, MediaFault.VOICE),
        )
        return any(
            is_demanded and phase is StreamPhase.STOPPED and fault in {its_fault, MediaFault.PROCESS}
            for is_demanded, phase, fault, its_fault in streams
        )

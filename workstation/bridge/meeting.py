"""What the journey needs of the conference and of the sound check before it. Every call returns at once. GUI thread."""

from __future__ import annotations

from typing import Protocol


class Conference(Protocol):
    """The meeting of the experts. What goes wrong with it is a condition (E-404, E-407, E-408), never an answer."""

    def join(self, attempt: int, session_id: str, project_id: str) -> None:
        """Join the meeting of this stay. One that was joined for the same stay goes on; nothing is joined twice."""

    def hold(self, *, held: bool) -> None:
        """While held, nothing of this booth is sent and nothing is played."""

    def leave(self) -> None:
        """Leave for good and forget the meeting; nothing where none was joined."""


class SoundCheck(Protocol):
    """The test of the headset before a meeting. It answers by ``SoundStepped`` and ``SoundChecked``."""

    def start(self, attempt: int, *, voice: bool, mask: bool) -> None:
        """Begin, or begin again.

        Args:
            attempt: goes with every answer.
            voice: the expert hears the own voice changed.
            mask: the expert sees the own face covered.
        """

    def answer(self, *, heard: bool) -> None:
        """Tell it what the expert says: heard, or play it again."""

    def stop(self) -> None:
        """End it at any moment, and forget what was recorded."""


class NoMeeting:
    """A booth without a conference: nobody is met, and nothing is checked."""

    def join(self, attempt: int, session_id: str, project_id: str) -> None:
        """Join nothing."""

    def hold(self, *, held: bool) -> None:
        """Hold nothing."""

    def leave(self) -> None:
        """Leave nothing."""

    def start(self, attempt: int, *, voice: bool, mask: bool) -> None:
        """Check nothing."""

    def answer(self, *, heard: bool) -> None:
        """Answer nothing."""

    def stop(self) -> None:
        """Stop nothing."""

"""Leads the journey to the conference that the main site's pack asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from workstation.journey.meeting import ConferenceKind

from .meeting import Conference


class Meetings:
    """One meeting at a time, held and left where it was joined. See ``Conference``.

    Args:
        kinds: what this booth can do.
        kind: which one the main site at hand asks for.
    """

    def __init__(self, kinds: Mapping[ConferenceKind, Conference], kind: Callable[[], ConferenceKind]) -> None:
        self._kinds, self._kind = kinds, kind
        self._joined: Conference | None = None

    def join(self, attempt: int, session_id: str, project_id: str) -> None:
        """Join where the pack says; nothing where this booth cannot."""
        conference = self._kinds.get(self._kind())
        if conference is not self._joined:
            self.leave()
        self._joined = conference
        if conference is not None:
            conference.join(attempt, session_id, project_id)

    def hold(self, *, held: bool) -> None:
        """Send and play nothing while held."""
        if self._joined is not None:
            self._joined.hold(held=held)

    def leave(self) -> None:
        """Leave for good."""
        joined, self._joined = self._joined, None
        if joined is not None:
            joined.leave()

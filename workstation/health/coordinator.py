"""What every source of readings promises: the one thing that the rota knows of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from workstation.health.readings import Reading


class Coordinator(Protocol):
    """Looks at one part of the booth.

    Never asked twice at a time, each time in whatever thread the rota has; may block for a few seconds, which holds up
    nobody else. What it cannot find out is a reading that is UNKNOWN, not an exception. Losing and finding a thing is
    logged by whoever follows the readings (``HealthBoard``), once each.
    """

    @property
    def name(self) -> str:
        """For the thread, the log, and whoever wants it to look now."""

    @property
    def period_s(self) -> float:
        """Seconds between two looks; a third of what its readings may grow old (``MAX_AGE_S``), or less."""

    def observe(self) -> Iterable[Reading]:
        """Look once. No reading where there is nothing to watch at the moment."""

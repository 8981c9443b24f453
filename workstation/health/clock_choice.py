"""Which clock to believe: the time service's own account where there is one, else the site server's stamp. Pure."""

from __future__ import annotations

from dataclasses import replace

from workstation.health.board import MAX_AGE_S
from workstation.health.readings import Reading
from workstation.site.readings import ReadingKind, ReadingState

TIME_SERVICE = "chrony"
"""Subject of the time service's readings on their way here; what leaves has none."""


class ClockChoice:
    """Takes both kinds of reading and returns what the board shall see. One thread owns it."""

    def __init__(self) -> None:
        self._service: Reading | None = None
        self._site: Reading | None = None

    def take(self, reading: Reading) -> Reading | None:
        """Return the booth's clock as it looks after this reading; ``None`` when it adds nothing.

        An answer of a synchronised time service beats a stamp from the network, which is then only a figure beside it.
        """
        if reading.subject == TIME_SERVICE:
            self._service = replace(reading, subject="")
            return self._with_site(self._service) if self._is_known(self._service, reading) else self._fallback(reading)
        self._site = reading
        if self._service is not None and self._is_known(self._service, reading):
            return None  # the next look of the service carries the figure
        return reading

    def _fallback(self, at: Reading) -> Reading | None:
        """A service that knows nothing changes nothing while the site's stamp is there."""
        has_site = self._site is not None and self._is_known(self._site, at)
        return None if has_site else self._service

    def _with_site(self, reading: Reading) -> Reading:
        offset_s = None if self._site is None else self._site.values.get("offset_s")
        if self._site is None or offset_s is None or not self._is_known(self._site, reading):
            return reading
        return replace(reading, values={**reading.values, "site_offset_s": offset_s})

    @staticmethod
    def _is_known(reading: Reading, now: Reading) -> bool:
        age_s = now.observed.monotonic_s - reading.observed.monotonic_s
        return reading.state is not ReadingState.UNKNOWN and age_s <= MAX_AGE_S[ReadingKind.CLOCK]

"""When the daily check-up is due, by a clock that is stepped now and then. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

SITE_ZONE = timezone(timedelta(hours=8))
"""China Standard Time."""

MADE_UP_WITHIN = timedelta(hours=1)
"""A time that was missed (somebody sat here, the booth was off) is made up within this; later it is skipped."""

_APART_S = 12 * 3600.0
"""Two daily ones are further apart than this however the clock is stepped; 07:50 after 08:50 is 23 hours later."""


class DailyTime:
    """Says when the daily check-up is due.

    Within one run of the program the time that really went by decides, so that no step of the clock makes a second
    one. After a start only the date of the last one is known.

    Args:
        at: when, by the site's clock; ``None`` for never.
    """

    def __init__(self, at: time | None) -> None:
        self._at = at
        self._last: date | None = None
        self._last_uptime_s: float | None = None

    def is_due(self, now: datetime, uptime_s: float) -> bool:
        """Whether the day's check-up should begin.

        Args:
            now: aware.
            uptime_s: seconds on a clock that nobody steps and that goes on while the machine sleeps.
        """
        day = self.day_of(now)
        if day is None:
            return False
        if self._last_uptime_s is not None:
            return uptime_s - self._last_uptime_s >= _APART_S
        return day != self._last

    def remember(self, made_at: datetime) -> None:
        """Note when one was made before this start."""
        self._last = self.day_of(made_at) or self._last

    def done(self, now: datetime, uptime_s: float) -> None:
        """Note that one was made, whoever asked for it: within its hour, it is the day's."""
        day = self.day_of(now)
        if day is not None:
            self._last, self._last_uptime_s = day, uptime_s

    def day_of(self, moment: datetime) -> date | None:
        """Return the day whose time it was at ``moment``, ``None`` when it was nobody's."""
        if self._at is None:
            return None
        local = moment.astimezone(SITE_ZONE)
        begun = datetime.combine(local.date(), self._at, SITE_ZONE)
        if begun > local:
            begun -= timedelta(days=1)  # 23:30 is made up after midnight
        return begun.date() if local - begun < MADE_UP_WITHIN else None

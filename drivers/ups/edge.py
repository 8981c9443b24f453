"""One log line when a UPS is lost and one when it is back."""

from __future__ import annotations

import logging

from drivers.contracts import UpsReading


class EdgeLog:
    """Follows the readings of one UPS, in the log of its driver."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._is_lost = False

    def follow(self, reading: UpsReading) -> None:
        """Take a reading."""
        is_lost = reading.flags is None
        if is_lost and not self._is_lost:
            self._log.warning("UPS lost: %s", reading.detail)
        elif self._is_lost and not is_lost:
            self._log.info("UPS back")
        self._is_lost = is_lost

"""Bounds how often a page may call the application: each call costs the booth's own thread."""

from __future__ import annotations

import time


class CallRate:
    """A bucket of calls that fills again with time.

    Args:
        per_s: calls a second that a page may make for ever.
        burst: calls it may make at once.
    """

    def __init__(self, *, per_s: float, burst: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._allowance, self._counted_s = burst, time.monotonic()
        self._strikes = 0

    @property
    def strikes(self) -> int:
        """Calls beyond the rate so far."""
        return self._strikes

    def admits(self) -> bool:
        """Count one call; false when it is one too many."""
        now_s = time.monotonic()
        self._allowance = min(self._burst, self._allowance + (now_s - self._counted_s) * self._per_s)
        self._counted_s = now_s
        if self._allowance >= 1:
            self._allowance -= 1
            return True
        self._strikes += 1
        return False

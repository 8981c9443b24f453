"""The clock as chronyd keeps it, asked of ``chronyc``, whose answers are for anybody on the machine."""

from __future__ import annotations

import math
import subprocess

from drivers.machine_facts import ClockTracking

TIMEOUT_S = 3.0
_TRACKING_FIELDS = 14
_SOURCE_FIELDS = 10
_UNSYNCHRONISED = "Not synchronised"
_MAX_STRATUM = 15


class Chrony:
    """Runs ``chronyc`` once for each look: three milliseconds of processor.

    Args:
        options: for ``chronyc``, such as a host and port; none for the machine's own service.
    """

    def __init__(self, *options: str) -> None:
        self._command = ("chronyc", *options, "-n", "-c", "-m", "tracking", "sources")

    def tracking(self) -> ClockTracking | None:
        """See ``TimeService``. ``None`` too when ``chronyc`` is not installed or hangs."""
        try:
            done = subprocess.run(
                self._command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return parse(done.stdout.decode("ascii", "replace")) if done.returncode == 0 else None


def parse(text: str) -> ClockTracking | None:
    """Return what ``chronyc -c -m tracking sources`` says, ``None`` when it is nothing of the kind.

    The first line is the tracking report: reference id, its name, stratum, time, the correction still to be made
    (positive: this clock is slow), two offsets, three frequencies, root delay, root dispersion, interval, leap status.
    Each further one is a source, whose sixth field is its reach register in octal.
    """
    lines = [line.split(",") for line in text.splitlines()]
    if not lines or len(lines[0]) != _TRACKING_FIELDS:
        return None
    tracking, sources = lines[0], [line for line in lines[1:] if len(line) == _SOURCE_FIELDS]
    try:
        stratum = int(tracking[2])
        correction_s, delay_s, dispersion_s = (float(tracking[index]) for index in (4, 10, 11))
        reaches = [int(source[5], 8) for source in sources]
    except ValueError:
        return None
    figures = (correction_s, delay_s, dispersion_s)
    if not all(math.isfinite(figure) for figure in figures) or not 0 <= stratum <= _MAX_STRATUM + 1:
        return None
    return ClockTracking(
        is_synchronised=tracking[13] != _UNSYNCHRONISED and 0 < stratum <= _MAX_STRATUM,
        offset_s=-correction_s,
        uncertainty_s=abs(delay_s) / 2 + abs(dispersion_s),
        stratum=stratum,
        sources=len(reaches),
        reachable=sum(reach != 0 for reach in reaches),
    )

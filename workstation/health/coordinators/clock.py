"""How the time service of the machine keeps its clock (E-606)."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.errors import ErrorCode
from drivers.machine_facts import ClockTracking, TimeService
from workstation.health.clock_choice import TIME_SERVICE
from workstation.health.probes import CLOCK_LIMIT_S
from workstation.health.readings import Moment, Reading
from workstation.site.readings import ReadingKind, ReadingState


class ClockCoordinator:
    """Asks once a minute: a clock does not drift further in one than the limit."""

    name = "clock"
    period_s = 60.0

    def __init__(self, service: TimeService) -> None:
        self._service = service

    def observe(self) -> Iterable[Reading]:
        """Look once."""
        return [read_tracking(self._service.tracking(), Moment.now())]


def read_tracking(tracking: ClockTracking | None, at: Moment, limit_s: float = CLOCK_LIMIT_S) -> Reading:
    """Judge it. A clock that follows nothing is UNKNOWN here: the site server's stamp may still tell."""
    state, code, detail = ReadingState.UNKNOWN, None, "no time service"
    values: dict[str, float] = {}
    if tracking is not None:
        values = {"source_count": float(tracking.sources), "reachable_count": float(tracking.reachable)}
        detail = "not synchronised"
    if tracking is not None and tracking.is_synchronised:
        values |= {
            "offset_s": tracking.offset_s,
            "uncertainty_s": tracking.uncertainty_s,
            "stratum": float(tracking.stratum),
        }
        state, code, detail = _judge(tracking, limit_s)
    return Reading(
        kind=ReadingKind.CLOCK,
        subject=TIME_SERVICE,
        state=state,
        observed=at,
        values=values,
        code=code,
        detail=detail,
    )


def _judge(tracking: ClockTracking, limit_s: float) -> tuple[ReadingState, ErrorCode | None, str]:
    if abs(tracking.offset_s) > limit_s:
        return ReadingState.WARN, ErrorCode.CLOCK_OFF, "chrony"
    if tracking.sources and not tracking.reachable:
        return ReadingState.WARN, None, "no time source answers"
    return ReadingState.OK, None, "chrony"

"""The booth's power: one reading of each UPS, and what they mean together for the booth. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from drivers.contracts import Feeds, UpsFlag, UpsReading
from drivers.errors import ErrorCode
from workstation.health.power import Forecast
from workstation.health.readings import Moment, Reading
from workstation.site.readings import DeviceIdentity, Quality, ReadingKind, ReadingState

NOT_MONITORED = "not monitored"
STALE = "stale"
STALE_AFTER_S = 30.0
"""A poll older than this says nothing of now; as ``board.MAX_AGE_S``."""
MAINS_GONE_V = 50.0
"""Less than this at the input is no mains of any country: a battery test during which the mains failed."""

_FEED_BOOTH = frozenset({Feeds.BOOTH, Feeds.ROOM})
_FEED_SWITCH = frozenset({Feeds.SWITCH, Feeds.ROOM})
"""The UPS of a whole room feeds what stands in it."""
_ATTENTION = UpsFlag.LB | UpsFlag.RB | UpsFlag.BYPASS | UpsFlag.OFF | UpsFlag.OVER | UpsFlag.ALARM
"""What needs somebody to look at a UPS although the mains are there."""
_CHARGED_PERCENT = 95.0
"""Below it the battery is being charged again, and what it carries is no fault of it."""
_SEVERITY = (ReadingState.OK, ReadingState.UNKNOWN, ReadingState.WARN, ReadingState.BAD)


@dataclass(frozen=True, kw_only=True)
class PowerLimits:
    """When what is done, in seconds of runtime.

    Attributes:
        warn_s: the expert is asked to save, again and again (E-602).
        close_s: the countdown to the power-off begins.
        required_s: what a battery has to carry by the rule (附件 一(一)4: four hours); 0 where none applies.
    """

    warn_s: float = 20 * 60.0
    close_s: float = 5 * 60.0
    required_s: float = 4 * 3600.0


USUAL_LIMITS = PowerLimits()


@dataclass(frozen=True, kw_only=True)
class UpsSeen:
    """One poll of one UPS, with what it means for the time left.

    Attributes:
        id: its name in the configuration.
        is_testing: this booth has asked it to run on battery.
    """

    id: str
    feeds: frozenset[Feeds]
    reading: UpsReading
    at: Moment
    forecast: Forecast | None = None
    is_testing: bool = False

    @property
    def on_battery(self) -> bool:
        """Whether the mains are lost; a UPS that was asked to run on its battery says nothing of the mains."""
        if self.is_testing and not self.reading.battery_low:
            voltage = self.reading.input_voltage_v
            return self.reading.on_battery and voltage is not None and voltage < MAINS_GONE_V
        return self.reading.on_battery

    @property
    def is_ending(self) -> bool:
        """Whether it says that its end is near: on battery and low, or a forced shutdown was announced."""
        flags = self.reading.flags
        return flags is not None and (UpsFlag.FSD in flags or (self.on_battery and UpsFlag.LB in flags))


@dataclass(frozen=True, kw_only=True)
class BoothSupply:
    """What all UPSes together say of the booth.

    Attributes:
        reading: the summary, subject "".
        id: whose runtime it is: of the one that gives up first, "" without one.
        is_forced: somebody has ordered the shutdown (FSD): the power goes in seconds.
    """

    reading: Reading
    id: str = ""
    is_ending: bool = False
    is_forced: bool = False


def read_ups(seen: UpsSeen, limits: PowerLimits = USUAL_LIMITS) -> Reading:
    """Judge one poll of a UPS: WARN on battery (E-601), BAD when that ends soon (E-602).

    A UPS that says neither "on line" nor "on battery" is UNKNOWN. A low battery that is charging again, a battery due
    for replacement, and one that is full and would not carry what the rule asks for are a WARN without a code: nobody
    has to save anything.
    """
    ups = seen.reading
    state, code = _judge(seen, limits)
    quality = seen.forecast.quality if seen.forecast is not None else Quality.GOOD
    detail = ups.detail or _flag_names(ups.flags)
    if seen.is_testing:
        detail = f"battery test: {detail}"
    identity = DeviceIdentity(name=ups.model[:200], serial=ups.serial[:100]) if ups.model or ups.serial else None
    return Reading(
        kind=ReadingKind.UPS,
        subject=seen.id,
        state=state,
        quality=Quality.BAD if state is ReadingState.UNKNOWN else quality,
        observed=seen.at,
        values=_figures(seen, limits),
        code=code,
        detail=detail,
        device=identity,
    )


def read_supply(all_seen: Iterable[UpsSeen], now: Moment, limits: PowerLimits = USUAL_LIMITS) -> BoothSupply:
    """Return what the UPSes mean for the booth.

    The worst of those that feed the booth or its switch counts: without either the booth is out. Unknown is worse than
    good and better than a fault that is seen. Where none is known to feed the booth itself, nothing is known of its
    power, whatever the others say.
    """
    carriers = [seen for seen in all_seen if seen.feeds & (_FEED_BOOTH | _FEED_SWITCH)]
    if not any(seen.feeds & _FEED_BOOTH for seen in carriers):
        return BoothSupply(reading=_unknown(now, NOT_MONITORED))
    judged = [(seen, _current(seen, now, limits)) for seen in carriers]
    seen, worst = max(judged, key=lambda pair: (_SEVERITY.index(pair[1].state), pair[1].code or ""))
    shortest = _shortest(judged, worst.code) or seen
    quality = Quality.BAD if worst.state is ReadingState.UNKNOWN else read_ups(shortest, limits).quality
    return BoothSupply(
        reading=Reading(
            kind=ReadingKind.UPS,
            state=worst.state,
            quality=quality,
            observed=now if worst.state is ReadingState.UNKNOWN else worst.observed,
            values={} if worst.state is ReadingState.UNKNOWN else _figures(shortest, limits),
            code=worst.code,
            detail=_summary_detail(seen, worst, carriers),
        ),
        id=shortest.id,
        is_ending=any(one.is_ending for one, reading in judged if reading.state is not ReadingState.UNKNOWN),
        is_forced=any(
            one.reading.flags is not None and UpsFlag.FSD in one.reading.flags
            for one, reading in judged
            if reading.state is not ReadingState.UNKNOWN
        ),
    )


class Verdict(StrEnum):
    """Whether the battery lasts as long as it is needed."""

    ENOUGH = "enough"
    TIGHT = "tight"
    SHORT = "short"


@dataclass(frozen=True, kw_only=True)
class Endurance:
    """能撑到几点: until when the battery lasts, and what that is compared with.

    Attributes:
        lasts_until: wall clock, UTC.
        needed_until: expected end of the evaluation; without one, the end of what the rule asks for.
        is_rule: ``needed_until`` comes from the rule.
        verdict: ENOUGH only when the low end of the estimate is, SHORT when not even the estimate is.
    """

    lasts_until: datetime
    needed_until: datetime | None = None
    is_rule: bool = False
    verdict: Verdict | None = None


def endurance(
    reading: Reading, now: datetime, *, ends_at: datetime | None, outage_s: float, required_s: float
) -> Endurance | None:
    """Compare what the battery carries with what it is needed for; ``None`` where the runtime is not known.

    Args:
        reading: of the booth's supply.
        now: aware.
        ends_at: expected end of the evaluation; one that is past says nothing of what is still needed.
        outage_s: since when the mains are away; the rule counts from there.
        required_s: what the rule asks for, 0 where none applies.
    """
    runtime_s = reading.values.get("runtime_s")
    if runtime_s is None:
        return None
    low_s = reading.values.get("runtime_low_s", runtime_s)
    lasts_until = now + timedelta(seconds=runtime_s)
    is_rule = ends_at is None or ends_at <= now
    needed = now + timedelta(seconds=required_s - outage_s) if is_rule else ends_at
    if needed is None or (is_rule and (required_s <= 0 or outage_s >= required_s)):
        return Endurance(lasts_until=lasts_until)
    if now + timedelta(seconds=low_s) >= needed:
        verdict = Verdict.ENOUGH
    else:
        verdict = Verdict.TIGHT if lasts_until >= needed else Verdict.SHORT
    return Endurance(lasts_until=lasts_until, needed_until=needed, is_rule=is_rule, verdict=verdict)


def _judge(seen: UpsSeen, limits: PowerLimits) -> tuple[ReadingState, ErrorCode | None]:
    flags = seen.reading.flags
    if flags is None or not flags & (UpsFlag.OL | UpsFlag.OB | UpsFlag.FSD):
        return ReadingState.UNKNOWN, None
    runtime_s = seen.forecast.seconds if seen.forecast is not None else None
    if seen.is_ending:
        return ReadingState.BAD, ErrorCode.BATTERY_LOW
    if seen.on_battery:
        if runtime_s is not None and runtime_s < limits.warn_s:
            return ReadingState.BAD, ErrorCode.BATTERY_LOW
        return ReadingState.WARN, ErrorCode.ON_BATTERY
    if seen.is_testing or flags & _ATTENTION or _carries_too_little(seen, limits):
        return ReadingState.WARN, None
    return ReadingState.OK, None


def _carries_too_little(seen: UpsSeen, limits: PowerLimits) -> bool:
    """Whether a full battery would not carry what the rule asks for, at the present load."""
    charge = seen.reading.battery_charge_percent
    if seen.forecast is None or charge is None or charge < _CHARGED_PERCENT:
        return False
    return seen.forecast.seconds < limits.required_s


def _figures(seen: UpsSeen, limits: PowerLimits) -> dict[str, float]:
    ups, forecast = seen.reading, seen.forecast
    figures = {
        "charge_percent": ups.battery_charge_percent,
        "load_percent": ups.load_percent,
        "input_voltage_v": ups.input_voltage_v,
        "battery_voltage_v": ups.battery_voltage_v,
        "temperature_celsius": ups.temperature_celsius,
        "power_w": ups.power_w,
        "runtime_s": round(forecast.seconds) if forecast is not None else None,
        "runtime_low_s": round(forecast.low_s) if forecast is not None else None,
        "runtime_high_s": round(forecast.high_s) if forecast is not None else None,
        "required_s": limits.required_s if forecast is not None and limits.required_s else None,
    }
    return {name: float(value) for name, value in figures.items() if value is not None}


def _current(seen: UpsSeen, now: Moment, limits: PowerLimits) -> Reading:
    if now.monotonic_s - seen.at.monotonic_s > STALE_AFTER_S:
        return _unknown(now, STALE)
    return read_ups(seen, limits)


def _shortest(judged: Sequence[tuple[UpsSeen, Reading]], code: ErrorCode | None) -> UpsSeen | None:
    """Return the one that gives up first; during an outage, among those that are on battery."""
    known = [
        (seen.forecast.seconds, at)
        for at, (seen, reading) in enumerate(judged)
        if seen.forecast is not None
        and reading.state is not ReadingState.UNKNOWN
        and (code is None or reading.code is not None)
    ]
    return judged[min(known)[1]][0] if known else None


def _summary_detail(seen: UpsSeen, worst: Reading, carriers: Sequence[UpsSeen]) -> str:
    detail = f"{seen.id}: {worst.detail}"
    if not any(one.feeds & _FEED_SWITCH for one in carriers):
        detail += f"; switch: {NOT_MONITORED}"
    return detail


def _unknown(now: Moment, detail: str) -> Reading:
    return Reading(kind=ReadingKind.UPS, state=ReadingState.UNKNOWN, quality=Quality.BAD, observed=now, detail=detail)


def _flag_names(flags: UpsFlag | None) -> str:
    return " ".join(flag.name or "" for flag in flags) if flags is not None else ""

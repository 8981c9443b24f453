"""How a reading is judged in a check-up, and the words an item can end with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from drivers.errors import ErrorCode
from workstation.health.readings import Reading
from workstation.site.readings import DeviceIdentity, ReadingKind, ReadingState
from workstation.site.selfcheck import CheckupItem, CheckupKind, CheckupVerdict

FOUR_HOURS_S = 4 * 3600.0
"""What a booth must be able to evaluate without mains (rule, annex 一(一)4)."""

_MAX_DETAIL = 200


class Reason(StrEnum):
    """Why an item is judged so. On the wire; never renamed."""

    GOOD = "good"
    FAULT = "fault"
    ATTENTION = "attention"
    NO_ANSWER = "no-answer"
    TIMED_OUT = "timed-out"
    CRASHED = "crashed"
    NOT_FITTED = "not-fitted"
    NOT_MONITORED = "not-monitored"
    TOO_SHORT = "too-short"
    NO_FORECAST = "no-forecast"
    COVERED = "covered"
    FROZEN = "frozen"
    TOO_DARK = "too-dark"
    TOO_BRIGHT = "too-bright"
    EARS_NOT_HEARD = "ears-not-heard"
    NO_PACK = "no-pack"
    CHAIN_BROKEN = "chain-broken"
    NO_JOURNAL = "no-journal"


_STATES = {
    ReadingState.OK: (CheckupVerdict.PASS, Reason.GOOD),
    ReadingState.WARN: (CheckupVerdict.WARN, Reason.ATTENTION),
    ReadingState.BAD: (CheckupVerdict.FAIL, Reason.FAULT),
    ReadingState.UNKNOWN: (CheckupVerdict.FAIL, Reason.NO_ANSWER),
}


def item(
    kind: CheckupKind,
    verdict: CheckupVerdict,
    reason: Reason,
    *,
    subject: str = "",
    code: ErrorCode | None = None,
    values: Mapping[str, float] | None = None,
    detail: str = "",
    device: DeviceIdentity | None = None,
) -> CheckupItem:
    """Return an item without its words. What a device or a server wrote is cut and made printable."""
    return CheckupItem(
        kind=kind,
        subject=subject,
        verdict=verdict,
        reason=reason.value,
        code="" if code is None else code.value,
        values={name: round(value, 3) for name, value in (values or {}).items()},
        detail="".join(letter if letter.isprintable() else "?" for letter in detail)[:_MAX_DETAIL],
        device=device,
    )


def failed(
    kind: CheckupKind, reason: Reason, *, subject: str = "", code: ErrorCode | None = None, detail: str = ""
) -> CheckupItem:
    """Return the item of something that does not work."""
    return item(kind, CheckupVerdict.FAIL, reason, subject=subject, code=code, detail=detail)


def judge(reading: Reading, required_s: float = FOUR_HOURS_S) -> CheckupItem:
    """Return the item of a reading of something that is fitted; unknown is not good.

    Args:
        reading: what was seen.
        required_s: what a UPS has to carry by the rule, seconds; 0 where none applies.
    """
    verdict, reason = _STATES[reading.state]
    is_quiet = reading.code is None and reading.state in {ReadingState.OK, ReadingState.WARN}
    if reading.kind is ReadingKind.UPS and is_quiet and required_s > 0:
        runtime_s = reading.values.get("runtime_s")
        if runtime_s is None:
            verdict, reason = CheckupVerdict.WARN, Reason.NO_FORECAST
        elif runtime_s < required_s:
            verdict, reason = CheckupVerdict.WARN, Reason.TOO_SHORT
    return item(
        reading.kind,
        verdict,
        reason,
        subject=reading.subject,
        code=reading.code,
        values=reading.values,
        detail=reading.detail,
        device=reading.device,
    )


def not_fitted(kind: ReadingKind) -> CheckupItem:
    """Return the item of what this booth does not have. Power that nobody watches is never good (未接入监测)."""
    if kind is ReadingKind.UPS:
        return item(kind, CheckupVerdict.WARN, Reason.NOT_MONITORED)
    return item(kind, CheckupVerdict.NOT_FITTED, Reason.NOT_FITTED)


def tally(items: list[CheckupItem]) -> dict[str, int]:
    """Return how many items ended how, as it is journaled."""
    verdicts = [each.verdict for each in items]
    return {
        "passed": verdicts.count(CheckupVerdict.PASS),
        "warned": verdicts.count(CheckupVerdict.WARN),
        "failed": verdicts.count(CheckupVerdict.FAIL),
        "not_fitted": verdicts.count(CheckupVerdict.NOT_FITTED),
    }

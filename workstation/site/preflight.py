"""What a booth found about a main site before the day (主场预检), and how the booths of a site stand together."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, FiniteFloat, model_validator

from workstation.site.contract import BoothId
from workstation.site.wire import Wire

MAX_CHECKS = 1000
"""A pack names at most 200 origins; each is asked for an answer, a certificate and a key."""

MainSiteId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Booths = Annotated[list[BoothId], Field(min_length=1, max_length=500)]


class PreflightKind(StrEnum):
    """What was looked at."""

    PACK = "pack"
    ORIGIN = "origin"
    CERTIFICATE = "certificate"
    PIN = "pin"
    CLOCK = "clock"
    COMPONENT = "component"
    CONFERENCE = "conference"
    LAUNCH = "launch"
    REQUEST = "request"
    FORM = "form"


class PreflightVerdict(StrEnum):
    """Judgement of one check, and of the whole: the worst of its checks."""

    PASS = "pass"  # noqa: S105 - a judgement
    WARN = "warn"
    FAIL = "fail"


_RANK = list(PreflightVerdict)


def worst(checks: list[PreflightCheck]) -> PreflightVerdict:
    """Return the judgement of the whole. Nothing checked is not passed."""
    return max((check.verdict for check in checks), key=_RANK.index, default=PreflightVerdict.FAIL)


class PreflightCheck(Wire):
    """One thing that was looked at.

    Attributes:
        subject: which one: a host, a component, a selector.
        reason: why it is judged so, in one word of ``workstation.preflight.findings.Reason``.
        values: numbers with the unit in the name, such as ``valid_days``.
        fix: what to do about it, for the administrator; "" when nothing is to be done.
    """

    kind: PreflightKind
    subject: Annotated[str, Field(max_length=300)]
    verdict: PreflightVerdict
    reason: Word
    values: Annotated[dict[str, FiniteFloat], Field(default_factory=dict)]
    fix: Annotated[str, Field(max_length=300)] = ""


class PreflightReport(Wire):
    """What one booth found with one pack; or why it did not look.

    Attributes:
        report_id: made by the booth, so sending it twice is harmless.
        main_site: its name, "" without a pack.
        serial: of the pack, 0 without one.
        not_done: "" when the checks were made, else why not: ``visit``, ``no-pack``, ``no-result``.
    """

    report_id: UUID
    main_site_id: MainSiteId
    main_site: Annotated[str, Field(max_length=100)] = ""
    serial: Annotated[int, Field(ge=0, le=2**53 - 1)] = 0
    checked_at: AwareDatetime
    duration_s: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    not_done: Literal["", "visit", "no-pack", "no-result"] = ""
    verdict: PreflightVerdict
    checks: Annotated[list[PreflightCheck], Field(max_length=MAX_CHECKS, default_factory=list)]

    @model_validator(mode="after")
    def _is_its_checks(self) -> Self:
        if self.not_done and self.checks:
            raise ValueError("a pre-flight that was not made has no checks")
        if self.verdict is not worst(self.checks):
            raise ValueError("the verdict is the worst of the checks")
        return self


# --- administrator -------------------------------------------------------------------------------------------------


class PreflightOrder(Wire):
    """Ask booths for a pre-flight. The same ``order_id`` again changes nothing.

    Attributes:
        day: in the site's time zone; ``None`` for tomorrow.
        booths: ``None`` for those booked on that day.
    """

    order_id: UUID
    main_site_id: MainSiteId
    day: date | None = None
    booths: Booths | None = None


class PreflightOrdered(Wire):
    """The booths that were asked."""

    booths: list[BoothId]


class Standing(StrEnum):
    """How a booth stands. A booth without a result of today's pack is unchecked (未检查), never passed."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    UNCHECKED = "unchecked"


class PreflightRow(Wire):
    """One booth.

    Attributes:
        why: of an unchecked one: ``never``, ``stale``, ``old-pack``, or as ``PreflightReport.not_done``.
        report_id: of the last report, made or not, ``None`` before the first.
        checks: those that did not pass.
    """

    booth_id: BoothId
    booth_label: str
    standing: Standing
    why: str = ""
    serial: int = 0
    report_id: UUID | None = None
    checked_at: AwareDatetime | None = None
    checks: Annotated[list[PreflightCheck], Field(default_factory=list)]


class PreflightSummary(Wire):
    """How the booths of one day stand for one main site.

    Attributes:
        serial: of the newest pack that is known of.
        passed: booths that passed, warned ones too: of ``len(rows)``.
    """

    main_site_id: MainSiteId
    main_site: str
    day: date
    serial: int
    passed: int
    rows: list[PreflightRow]

"""Check-up reports for the tests."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from workstation.checkup.findings import Reason, item
from workstation.checkup.store import Paper
from workstation.site.checkup_signature import read_report, sign_report, sign_seal
from workstation.site.readings import ReadingKind
from workstation.site.selfcheck import CheckupItem, CheckupReport, CheckupTrigger, CheckupVerdict, PaperSeal, worst

MORNING = datetime(2026, 6, 1, 23, 50, tzinfo=UTC)  # 07:50 at the site, on the 2nd
PDF = b"%PDF-1.4 synthetic"
GOOD = item(ReadingKind.READER, CheckupVerdict.PASS, Reason.GOOD)
BAD = item(ReadingKind.CAMERA, CheckupVerdict.FAIL, Reason.FROZEN)


def a_report(
    *items: CheckupItem, booth: str = "booth-03", at: datetime = MORNING, report_id: UUID | None = None
) -> CheckupReport:
    """Return a report of these items."""
    return CheckupReport(
        report_id=report_id or uuid4(),
        booth_id=booth,
        trigger=CheckupTrigger.SCHEDULE,
        checked_at=at,
        duration_s=12.0,
        version="1",
        verdict=worst(list(items)),
        items=list(items),
    )


def a_paper(token: str, key: Ed25519PrivateKey, pdf: bytes = PDF) -> Paper:
    """Return a PDF and the seal that binds it to the report."""
    signed = read_report(token)
    seal = PaperSeal(
        report_id=signed.report.report_id,
        report_sha256=signed.sha256,
        paper_sha256=hashlib.sha256(pdf).hexdigest(),
    )
    return Paper(pdf=pdf, seal=sign_seal(seal, key))


def signed_report(key: Ed25519PrivateKey, *items: CheckupItem, at: datetime = MORNING) -> str:
    """Return a signed report."""
    return sign_report(a_report(*(items or (GOOD,)), at=at), key)

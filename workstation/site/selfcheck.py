"""What a booth found about itself (自检): the health report (工位体检报告), how it is handed in, and how booths stand.

The program calls it a check-up. It is none of the two others that are near: the self-check of one stay
(``workstation.health.selfcheck``) opens the door for one expert, and a pre-flight tries a main site.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Base64Bytes, Field, FiniteFloat, model_validator

from workstation.site.contract import BoothId
from workstation.site.readings import DeviceIdentity, ReadingKind, ValueName
from workstation.site.wire import HexDigest, Wire

MAX_ITEMS = 100
MAX_TOKEN = 256 << 10
"""Longest signed report: a hundred items at their longest, in base64url, with the header."""
MAX_PAPER_BYTES = 900_000
"""Longest PDF, within one reply of the site server: one sheet with its fonts in it has about a tenth."""

JWS_MEDIA_TYPE = "application/jose"
PAPER_MEDIA_TYPE = "application/pdf"

Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Thumbprint = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""RFC 7638, SHA-256 in base64url."""
SignedText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$", max_length=MAX_TOKEN)]
"""JWS compact serialization (RFC 7515)."""


class CheckupOwn(StrEnum):
    """Parts of a booth that have no readings and are looked at by a check-up only."""

    JOURNAL = "journal"
    FACE_ENGINE = "face-engine"


CheckupKind = ReadingKind | CheckupOwn


class CheckupVerdict(StrEnum):
    """Judgement of one item, and of the whole. What is not fitted is neither good nor bad."""

    NOT_FITTED = "not-fitted"
    PASS = "pass"  # noqa: S105 - a judgement
    WARN = "warn"
    FAIL = "fail"


class CheckupTrigger(StrEnum):
    """Who asked for a check-up."""

    BUTTON = "button"
    SCHEDULE = "schedule"
    COMMAND = "command"
    TOOL = "tool"


class CheckupItem(Wire):
    """One part of the booth.

    Attributes:
        subject: which of several, such as a UPS or a main site; "" for the only one.
        reason: why it is judged so, in one word of ``workstation.checkup.findings.Reason``.
        code: the fault by its code, "" when it has none.
        values: figures by names that end in their unit; see ``workstation.site.readings.unit_of``.
        detail: short technical fact; never a person's data.
        part: what it is called, found: what was found, fix: what to do ("" for nothing), in the booth's language.
    """

    kind: CheckupKind
    subject: Annotated[str, Field(max_length=100)] = ""
    verdict: CheckupVerdict
    reason: Word
    code: Annotated[str, Field(pattern=r"^(E-\d{3})?$")] = ""
    values: Annotated[dict[ValueName, FiniteFloat], Field(default_factory=dict, max_length=32)]
    detail: Annotated[str, Field(max_length=200)] = ""
    device: DeviceIdentity | None = None
    part: Annotated[str, Field(max_length=100)] = ""
    found: Annotated[str, Field(max_length=400)] = ""
    fix: Annotated[str, Field(max_length=400)] = ""


_RANK = list(CheckupVerdict)


def worst(items: list[CheckupItem]) -> CheckupVerdict:
    """Return the judgement of the whole. A booth of which nothing could be looked at has not passed."""
    verdict = max((item.verdict for item in items), key=_RANK.index, default=CheckupVerdict.NOT_FITTED)
    return CheckupVerdict.FAIL if verdict is CheckupVerdict.NOT_FITTED else verdict


class CheckupReport(Wire):
    """A whole check-up: what is signed.

    Attributes:
        report_id: made by the booth, so sending it twice is harmless.
        booth_label: the booth's name for people, "" before the site told it.
        version: of the program.
        is_drill: made with simulated devices allowed; proves nothing of a real booth.
    """

    report_id: UUID
    booth_id: BoothId
    booth_label: Annotated[str, Field(max_length=60)] = ""
    trigger: CheckupTrigger
    checked_at: AwareDatetime
    duration_s: Annotated[FiniteFloat, Field(ge=0)]
    version: Annotated[str, Field(max_length=100)]
    is_drill: bool = False
    verdict: CheckupVerdict
    items: Annotated[list[CheckupItem], Field(max_length=MAX_ITEMS)]

    @model_validator(mode="after")
    def _is_its_items(self) -> Self:
        if self.verdict is not worst(self.items):
            raise ValueError("the verdict is the worst of the items")
        return self


class PaperSeal(Wire):
    """What is signed of a report's PDF: its digest, and that of the report's JSON, which is printed on it."""

    report_id: UUID
    report_sha256: HexDigest
    paper_sha256: HexDigest


def _paper(data: bytes) -> bytes:
    if len(data) > MAX_PAPER_BYTES or not data.startswith(b"%PDF-"):
        raise ValueError("a PDF of at most 900 000 bytes is needed")
    return data


class CheckupHandIn(Wire):
    """A report on its way to the site: the signed JSON; the PDF with its seal, or neither where none could be made."""

    report: SignedText
    paper: Annotated[Base64Bytes, AfterValidator(_paper)] | None = None
    seal: SignedText | None = None

    @model_validator(mode="after")
    def _is_sealed(self) -> Self:
        if (self.paper is None) is not (self.seal is None):
            raise ValueError("a paper comes with its seal")
        return self


# --- administrator -------------------------------------------------------------------------------------------------


class CheckupOrder(Wire):
    """Ask booths for a check-up (全部自检). The same ``order_id`` again changes nothing; ``None``: every booth."""

    order_id: UUID
    booths: Annotated[list[BoothId] | None, Field(min_length=1, max_length=500)] = None


class CheckupOrdered(Wire):
    """The booths that were asked."""

    booths: list[BoothId]


class CheckupRow(Wire):
    """One report of a booth.

    Attributes:
        thumbprint: of the key that signed it.
        is_key_known: whether that is the key this booth signed with first; false is an incident.
        has_paper: whether there is a PDF of it.
        items: those that warn or fail.
    """

    report_id: UUID
    booth_id: BoothId
    booth_label: str
    trigger: CheckupTrigger
    checked_at: AwareDatetime
    received_at: AwareDatetime
    verdict: CheckupVerdict
    thumbprint: Thumbprint
    is_key_known: bool
    has_paper: bool
    items: list[CheckupItem]


class CheckupKeyIncident(Wire):
    """A booth signed with another key than the one that it signed with first."""

    booth_id: BoothId
    report_id: UUID
    thumbprint: Thumbprint
    pinned: Thumbprint
    found_at: AwareDatetime

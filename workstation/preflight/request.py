"""What the pre-flight's process is told, and what the browser's process tells back: JSON over pipes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from kiosk_config.pack.model import MainSitePack
from workstation.certificate import BoothCertificate

BROWSER_TIMEOUT_S = 60.0
"""Longest time of the dry run."""

PROBES_TIMEOUT_S = 90.0
"""Longest time of all checks together."""

PROCESS_TIMEOUT_S = PROBES_TIMEOUT_S + 30.0
"""With the start of the process."""


class Told(BaseModel):
    """Base: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PreflightRequest(Told):
    """One pre-flight.

    Attributes:
        pack: verified already.
        drill: the browser may run as root without its sandbox.
        known_serial: of the pack that this booth has, 0 for none.
        sub_site: who we are in a pack's audience, "" when that is not known.
        certificate: the booth's client certificate, for the hosts of the pack alone.
        now: the moment to judge certificates and the pack for; ``None`` for the present.
    """

    report_id: UUID
    pack: MainSitePack
    drill: bool = False
    known_serial: int = 0
    sub_site: str = ""
    now: AwareDatetime | None = None
    certificate: BoothCertificate | None = None


class DryRunOrder(Told):
    """What the browser is to open, and for how long."""

    pack: MainSitePack
    drill: bool
    load_timeout_s: float = 30.0
    certificate: BoothCertificate | None = None


class Refused(Told):
    """What the page asked for and did not get: a host, and why in one word."""

    host: str
    reason: str


class DryRun(Told):
    """What the browser saw.

    Attributes:
        outcome: ``opened``; ``asked-ticket`` when the main site answered that a ticket is needed; else what failed.
        selectors: of an account's form, whether each is on the page; ``None`` for one that is not CSS.
        load_s: seconds until the page was there.
    """

    outcome: Literal["opened", "asked-ticket", "not-trusted", "not-reached", "crashed", "runs-as-root"]
    refused: list[Refused] = []
    selectors: dict[str, bool | None] = {}
    load_s: Annotated[float, Field(ge=0)] = 0.0


def moment(request: PreflightRequest, present: datetime) -> datetime:
    """Return the moment to judge for."""
    return request.now or present

"""What the printing process is told, and how it is started. Loads no Qt: whoever orders a paper needs none."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from workstation.site.preflight import PreflightReport, PreflightSummary
from workstation.site.selfcheck import CheckupReport
from workstation.spawn import module_command

PRINT_TIMEOUT_S = 60.0


class CheckupPage(BaseModel):
    """A check-up and what its paper says of its signature; "" for one that is not signed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    report: CheckupReport
    thumbprint: str = ""
    sha256: str = ""


class PaperOrder(BaseModel):
    """What to print: a booth's pre-flight, a site's summary of them, or a check-up.

    Attributes:
        file: ends in ``.html`` for HTML, else it is a PDF.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path
    booth: str = ""
    report: PreflightReport | None = None
    summary: PreflightSummary | None = None
    checkup: CheckupPage | None = None


def print_paper(order: PaperOrder) -> bool:
    """Print in a process of its own; whether the file is there now. The process says on stderr why it is not."""
    try:
        done = subprocess.run(
            module_command("workstation.paper"),
            input=order.model_dump_json().encode(),
            timeout=PRINT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0

"""Process that prints: a ``PaperOrder`` on stdin, a PDF and an HTML file where it says. Needs no screen."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from workstation.site.preflight import PreflightReport, PreflightSummary

from .page import Page, booth_page, site_page, to_html
from .pdf import PaperError, offscreen, write_pdf

MAX_ORDER_BYTES = 16 << 20


class PaperOrder(BaseModel):
    """What to print: a booth's report or a site's summary. ``file`` ends in ``.html`` for HTML, else it is a PDF."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path
    booth: str = ""
    report: PreflightReport | None = None
    summary: PreflightSummary | None = None

    @property
    def page(self) -> Page:
        """What stands on it."""
        if self.report is not None:
            return booth_page(self.report, self.booth)
        if self.summary is not None:
            return site_page(self.summary)
        raise ValueError("nothing to print")


def main() -> int:
    """Print; 0 done, 1 the file could not be written."""
    order = PaperOrder.model_validate_json(sys.stdin.buffer.read(MAX_ORDER_BYTES))
    application = offscreen(sys.argv[:1])
    try:
        if order.file.suffix == ".html":
            order.file.write_text(to_html(order.page), encoding="utf-8")
        else:
            write_pdf(order.page, order.file)
    except (OSError, PaperError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        application.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Process that prints: a ``PaperOrder`` on stdin, a PDF or an HTML file where it says. Needs no screen."""

from __future__ import annotations

import sys

from workstation.paper_order import PaperOrder

from .checkup import checkup_page
from .page import Page, booth_page, site_page, to_html
from .pdf import PaperError, offscreen, write_pdf

MAX_ORDER_BYTES = 16 << 20


def main() -> int:
    """Print; 0 done, 1 the file could not be written."""
    order = PaperOrder.model_validate_json(sys.stdin.buffer.read(MAX_ORDER_BYTES))
    application = offscreen(sys.argv[:1])
    try:
        if order.file.suffix == ".html":
            order.file.write_text(to_html(_page(order)), encoding="utf-8")
        else:
            write_pdf(_page(order), order.file)
    except (OSError, PaperError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        application.quit()
    return 0


def _page(order: PaperOrder) -> Page:
    if order.report is not None:
        return booth_page(order.report, order.booth)
    if order.summary is not None:
        return site_page(order.summary)
    if order.checkup is not None:
        return checkup_page(order.checkup)
    raise PaperError("there is nothing to print")


if __name__ == "__main__":
    sys.exit(main())

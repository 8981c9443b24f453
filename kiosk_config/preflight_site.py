"""``kiosk-config pack preflight-site``: ask the booths of a day for a pre-flight, and print how they stand."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from uuid import UUID

    from workstation.site.admin_client import AdminClient
    from workstation.site.preflight import PreflightSummary

POLL_S = 3.0
USAGE = 2


def add_site_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    parser.add_argument("main_site_id", help="the main site's id, as in its pack")
    parser.add_argument("--site", required=True, help="the site server's base URL; http only for loopback")
    parser.add_argument("--token-file", type=Path, required=True, help="file with the administrator's token")
    parser.add_argument("--ca-file", type=Path, help="PEM file with the site's certificate authority")
    parser.add_argument("--day", type=date.fromisoformat, help="whose booked booths (default: tomorrow)")
    parser.add_argument("--booth", action="append", metavar="ID", help="this booth, booked or not; may be repeated")
    parser.add_argument("--order", action="store_true", help="ask the booths for a new pre-flight first")
    parser.add_argument("--wait", type=float, default=300.0, help="with --order: seconds to wait for their answers")
    parser.add_argument("--report", type=Path, help="write the one-page report: PDF, or HTML when it ends in .html")
    parser.add_argument("--json", type=Path, help="write the summary as JSON")


def run_site(options: argparse.Namespace) -> int:
    """Ask and print; 0 every booth passed, 1 not every one, or there is none, 2 the server could not be asked."""
    # The tool must start without the workstation's half second of imports.
    from drivers.errors import KioskError  # noqa: PLC0415
    from workstation.site.admin_client import AdminCallError, AdminClient  # noqa: PLC0415

    try:
        token = options.token_file.read_text(encoding="ascii").strip()
        client = AdminClient(options.site, token, ca_file=str(options.ca_file) if options.ca_file else None)
    except (OSError, UnicodeDecodeError, KioskError) as error:
        print(error, file=sys.stderr)
        return USAGE
    try:
        summary = _ordered(options, client) if options.order else _asked(options, client)
        return _tell(options, summary)
    except (OSError, AdminCallError) as error:
        print(error, file=sys.stderr)
        return USAGE
    finally:
        client.close()


def _asked(options: argparse.Namespace, client: AdminClient) -> PreflightSummary:
    return client.summary(options.main_site_id, options.day, options.booth)


def _ordered(options: argparse.Namespace, client: AdminClient) -> PreflightSummary:
    """Order, then look again until every booth has answered or the time is over."""
    from workstation.site.preflight import PreflightOrder  # noqa: PLC0415 - as above

    deadline = time.monotonic() + options.wait
    summary = _asked(options, client)
    before = _report_ids(summary)
    wanted = PreflightOrder(order_id=uuid4(), main_site_id=options.main_site_id, day=options.day, booths=options.booth)
    client.order(wanted)
    while any(before.get(booth) == report for booth, report in _report_ids(summary).items()):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            break
        time.sleep(min(POLL_S, left_s))
        summary = _asked(options, client)
    return summary


def _report_ids(summary: PreflightSummary) -> dict[str, UUID | None]:
    return {row.booth_id: row.report_id for row in summary.rows}


def _tell(options: argparse.Namespace, summary: PreflightSummary) -> int:
    from workstation.paper_order import PaperOrder, print_paper  # noqa: PLC0415 - as above
    from workstation.preflight.lines import summary_lines  # noqa: PLC0415

    print("\n".join(summary_lines(summary)))
    if options.json is not None:
        options.json.write_text(f"{summary.model_dump_json(indent=2)}\n", encoding="utf-8")
    if options.report is not None and not print_paper(PaperOrder(file=options.report, summary=summary)):
        print(f"{options.report}: cannot be written", file=sys.stderr)
        return USAGE
    return 0 if summary.rows and summary.passed == len(summary.rows) else 1

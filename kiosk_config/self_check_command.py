"""``kiosk-config self-check``: check every device of this booth; see, fetch and verify the reports of all (自检)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from .idcard_command import DEFAULT_FILE
from .loader import ConfigError, load

if TYPE_CHECKING:
    from workstation.site.admin_client import AdminClient
    from workstation.site.checkup_signature import SignedCheckup
    from workstation.site.selfcheck import CheckupItem, CheckupReport, CheckupRow

USAGE = 2
"""Exit code when the command itself cannot be carried out."""

_MARKS = {"pass": "✓", "warn": "!", "fail": "✗", "not-fitted": "–"}
_VERDICTS = {"pass": "正常", "warn": "可用，有需留意项", "fail": "不正常", "not-fitted": "未配备"}

_ITEMS = _VERDICTS | {"warn": "留意"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    parser.add_argument("--config", type=Path, help=f"the booth's configuration (default: {DEFAULT_FILE})")
    parser.add_argument("--json", type=Path, help="write the report as JSON; only the kiosk signs reports")
    parser.add_argument("--report", type=Path, help="write the report as PDF, or HTML when it ends in .html")
    commands = parser.add_subparsers(dest="self_check")
    verify = commands.add_parser("verify", help="prove that a report, and the PDF beside it, are as they were signed")
    verify.add_argument("file", type=Path, help="the signed report (.jws)")
    verify.add_argument("--paper", type=Path, help="its PDF (default: the .pdf beside it, if there is one)")
    verify.add_argument("--thumbprint", help="refuse every other key; the site server's list shows the booth's")
    shown = commands.add_parser("list", help="how the booths of a site stand")
    shown.add_argument("--booth", metavar="ID", help="the newest reports of this booth")
    order = commands.add_parser("order", help="ask booths for a check-up: 全部自检")
    order.add_argument("--booth", action="append", metavar="ID", help="this booth; may be repeated (default: all)")
    fetch = commands.add_parser("fetch", help="fetch a signed report and its PDF")
    fetch.add_argument("booth", help="the booth's id")
    fetch.add_argument("report_id", type=UUID, help="as the list shows it")
    fetch.add_argument("--folder", type=Path, default=Path(), help="where to write them (default: here)")
    for command in (shown, order, fetch):
        command.add_argument("--site", required=True, help="the site server's base URL; http only for loopback")
        command.add_argument("--token-file", type=Path, required=True, help="file with the administrator's token")
        command.add_argument("--ca-file", type=Path, help="PEM file with the site's certificate authority")


def run(options: argparse.Namespace) -> int:
    """Check up; 0 nothing failed (it may warn), 1 something did, 2 nothing could be tried, 130 interrupted."""
    # The tool must start without the workstation's half second of imports.
    from workstation.site.admin_client import AdminCallError  # noqa: PLC0415

    try:
        if options.self_check is None:
            return _run_here(options)
        if options.self_check == "verify":
            return _verify(options)
        return _ask_site(options)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return USAGE
    except (OSError, UnicodeDecodeError, AdminCallError) as error:
        print(error, file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return 130


def _run_here(options: argparse.Namespace) -> int:
    config = load(options.config or DEFAULT_FILE)
    from workstation.checkup_tool import check_up  # noqa: PLC0415 - as in ``run``

    report = check_up(config, lambda items: print("".join(f"{_line(item)}\n" for item in items), end="", flush=True))
    if report is None:
        return 130
    print(f"\n结论：{_verdict(report)}  用时 {report.duration_s:.0f} 秒")
    if options.json is not None:
        options.json.write_text(f"{report.model_dump_json(indent=2)}\n", encoding="utf-8")
    if options.report is not None:
        from workstation.paper_order import CheckupPage, PaperOrder, print_paper  # noqa: PLC0415 - as in ``run``

        if not print_paper(PaperOrder(file=options.report, checkup=CheckupPage(report=report))):
            raise OSError(f"{options.report}: cannot be written")
    return 1 if report.verdict.value == "fail" else 0


def _verify(options: argparse.Namespace) -> int:
    from workstation.site.checkup_signature import (  # noqa: PLC0415 - as in ``run``
        SignatureRefusedError,
        check_paper,
        read_report,
    )

    paper: Path = options.paper or options.file.with_suffix(".pdf")
    try:
        signed = read_report(options.file.read_text("ascii", errors="replace").strip())
        if options.thumbprint not in {None, signed.thumbprint}:
            raise SignatureRefusedError(f"signed with key {signed.thumbprint}, which is not the one asked for")
        if options.paper is not None or paper.exists():
            seal = paper.with_suffix(".seal").read_text("ascii", errors="replace").strip()
            check_paper(signed, paper.read_bytes(), seal)
    except SignatureRefusedError as error:
        print(f"{options.file}：不可信：{error}", file=sys.stderr)
        return 1
    print("\n".join(_signed_lines(signed)))
    print(f"PDF：{'与签名一致' if paper.exists() else '没有'}")
    return 0


def _ask_site(options: argparse.Namespace) -> int:
    from drivers.errors import KioskError  # noqa: PLC0415 - as in ``run``
    from workstation.site.admin_client import AdminClient  # noqa: PLC0415

    token = options.token_file.read_text(encoding="ascii").strip()
    try:
        client = AdminClient(options.site, token, ca_file=str(options.ca_file) if options.ca_file else None)
    except KioskError as error:
        print(error, file=sys.stderr)
        return USAGE
    try:
        return {"list": _list, "order": _order, "fetch": _fetch}[options.self_check](options, client)
    finally:
        client.close()


def _list(options: argparse.Namespace, client: AdminClient) -> int:
    """Print; 0 no newest report failed, 1 one did or there is none."""
    rows = client.selfchecks(options.booth)
    for row in rows:
        print("\n".join(_row_lines(row)))
    newest = rows[:1] if options.booth else rows
    return 0 if newest and all(row.verdict.value != "fail" and row.is_key_known for row in newest) else 1


def _order(options: argparse.Namespace, client: AdminClient) -> int:
    from workstation.site.selfcheck import CheckupOrder  # noqa: PLC0415 - as in ``run``

    asked = client.order_selfchecks(CheckupOrder(order_id=uuid4(), booths=options.booth))
    print(f"已请 {len(asked.booths)} 个工位自检：{' '.join(asked.booths)}")
    return 0 if asked.booths else 1


def _fetch(options: argparse.Namespace, client: AdminClient) -> int:
    """Write the files and verify them; 0 good, 1 not as they were signed."""
    from workstation.site.checkup_signature import (  # noqa: PLC0415 - as in ``run``
        SignatureRefusedError,
        check_paper,
        read_report,
    )

    rows = {row.report_id: row for row in client.selfchecks(options.booth)}
    token = client.selfcheck_file(options.booth, options.report_id)
    row = rows.get(options.report_id)
    base = options.folder / str(options.report_id)
    try:
        signed = read_report(token.decode("ascii", errors="replace"))
        base.with_suffix(".jws").write_bytes(token)
        base.with_suffix(".json").write_bytes(signed.payload)
        if row is None or row.has_paper:
            paper = client.selfcheck_file(options.booth, options.report_id, "paper")
            seal = client.selfcheck_file(options.booth, options.report_id, "seal")
            check_paper(signed, paper, seal.decode("ascii", errors="replace"))
            base.with_suffix(".pdf").write_bytes(paper)
            base.with_suffix(".seal").write_bytes(seal)
    except SignatureRefusedError as error:
        print(f"{options.report_id}：不可信：{error}", file=sys.stderr)
        return 1
    print("\n".join(_signed_lines(signed)))
    return 0


def _line(item: CheckupItem) -> str:
    line = f"{_MARKS[item.verdict]} {item.part}：{item.found}"
    return f"{line}\n    → {item.fix}" if item.fix else line


def _verdict(report: CheckupReport) -> str:
    verdicts = [item.verdict.value for item in report.items]
    parts = [f"{verdicts.count(each)} 项{words}" for each, words in _ITEMS.items() if each in verdicts]
    return f"{_VERDICTS[report.verdict]}（{'，'.join(parts)}）"


def _signed_lines(signed: SignedCheckup) -> list[str]:
    report = signed.report
    return [
        f"工位：{report.booth_label or report.booth_id}（{report.booth_id}）    时间：{_when(report)}",
        *map(_line, report.items),
        f"结论：{_verdict(report)}",
        f"签名有效，密钥指纹 {signed.thumbprint}",
        f"JSON 摘要（SHA-256）{signed.sha256}",
    ]


def _row_lines(row: CheckupRow) -> list[str]:
    key = "" if row.is_key_known else "  ⚠ 签名密钥与该工位首次登记的不同"
    head = f"{_MARKS[row.verdict]} {row.booth_label}  {_VERDICTS[row.verdict]}  {_when(row)}  {row.report_id}{key}"
    return [head, *(f"    {line}" for item in row.items for line in _line(item).splitlines())]


def _when(made: CheckupReport | CheckupRow) -> str:
    from workstation.preflight.lines import when  # noqa: PLC0415 - as in ``run``

    return when(made.checked_at)

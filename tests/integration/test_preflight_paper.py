"""The paper: one page of A4 with its words in it, however much there is to say."""

from __future__ import annotations

import re
import subprocess
import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from workstation.paper_order import PaperOrder, print_paper
from workstation.preflight.findings import Reason, failed, passed, warned
from workstation.site.preflight import PreflightCheck, PreflightKind, PreflightReport, PreflightSummary, worst

NOW = datetime(2026, 11, 28, 7, 0, tzinfo=UTC)
FEW = [
    passed(PreflightKind.PACK, "xinyang", serial=12),
    warned(PreflightKind.REQUEST, "cdn.example.cn", Reason.HOST_REFUSED),
    failed(PreflightKind.COMPONENT, "河南 CA <驱动>", Reason.FILE_MISSING),
]
MANY = [
    failed(PreflightKind.ORIGIN, f"https://host-{number}.a-rather-long-name.example.gov.cn", Reason.NOT_REACHED)
    for number in range(300)
]


def report(checks: list[PreflightCheck]) -> PreflightReport:
    return PreflightReport(
        report_id=uuid4(), main_site_id="xinyang", main_site="信阳市公共资源交易中心", serial=12, checked_at=NOW,
        duration_s=9.0, verdict=worst(checks), checks=checks,
    )  # fmt: skip


def words(file: Path) -> str:
    done = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, text=True, timeout=30, check=True)
    # Of the characters that share a glyph with a Kangxi radical the PDF names the radical.
    return re.sub(r"\s+|\u200b", "", normalized(done.stdout))


def normalized(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def pages(file: Path) -> tuple[int, str]:
    done = subprocess.run(["pdfinfo", file], capture_output=True, text=True, timeout=30, check=True)
    facts = dict(re.findall(r"^(.+?):\s+(.*)$", done.stdout, re.MULTILINE))
    return int(facts["Pages"]), facts["Page size"]


@pytest.mark.parametrize("checks", [FEW, MANY, []], ids=["few", "many", "none"])
def test_a_report_is_one_page_of_a4(tmp_path, checks):
    file = tmp_path / "report.pdf"
    assert print_paper(PaperOrder(file=file, booth="03 号工位", report=report(checks)))
    count, size = pages(file)
    assert count == 1
    assert "A4" in size
    text = words(file)
    for part in ("主场预检报告", "信阳市公共资源交易中心", "03号工位", "2026-11-2815:00", "不通过"):
        assert normalized(part) in text
    assert ("没有列出" in text) == (checks is MANY)


def test_it_says_what_was_found_and_what_to_do_with_embedded_fonts(tmp_path):
    file = tmp_path / "report.pdf"
    assert print_paper(PaperOrder(file=file, report=report(FEW)))
    text = words(file)
    for part in ("河南CA<驱动>", "文件不存在", "安装该组件", "cdn.example.cn", "1项通过，1项提醒，1项不通过"):
        assert normalized(part) in text
    done = subprocess.run(["pdffonts", file], capture_output=True, text=True, timeout=30, check=True)
    fonts = done.stdout.splitlines()[2:]
    assert any("CJK" in line for line in fonts)
    assert all(re.search(r"\byes (yes|no)\s+yes\b", line) for line in fonts)


def test_the_html_says_the_same(tmp_path):
    file = tmp_path / "report.html"
    assert print_paper(PaperOrder(file=file, report=report(FEW)))
    text = file.read_text(encoding="utf-8")
    assert "河南 CA &lt;驱动&gt;" in text
    assert "不通过" in text


def test_a_site_is_one_page_too(tmp_path):
    rows = [
        {"booth_id": f"b-{number}", "booth_label": f"{number:02} 号工位", "standing": "passed", "checked_at": NOW}
        for number in range(1, 10)
    ]
    rows.append({"booth_id": "b-10", "booth_label": "10 号工位", "standing": "unchecked", "why": "visit"})
    summary = PreflightSummary.model_validate({
        "main_site_id": "xinyang", "main_site": "信阳市", "day": date(2026, 11, 29), "serial": 12, "passed": 9,
        "rows": [{"checks": [], **row} for row in rows],
    })  # fmt: skip
    file = tmp_path / "site.pdf"
    assert print_paper(PaperOrder(file=file, summary=summary))
    assert pages(file)[0] == 1
    text = words(file)
    for part in ("副场预检汇总", "9/10工位通过", "1个未检查", "10号工位", "当时有人在座", "2026-11-29"):
        assert normalized(part) in text


def test_a_file_that_cannot_be_written_is_said(tmp_path, capfd):
    assert not print_paper(PaperOrder(file=tmp_path / "no" / "such.pdf", report=report(FEW)))
    assert "cannot be written" in capfd.readouterr().err
    assert not print_paper(PaperOrder(file=tmp_path / "empty.pdf"))

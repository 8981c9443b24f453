"""What stands on a paper, and its HTML. The same page is the PDF and the HTML file. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from html import escape

from workstation.preflight.findings import text
from workstation.preflight.lines import finding, row_words, sorted_checks, verdict_words, when
from workstation.site.preflight import (
    PreflightCheck,
    PreflightReport,
    PreflightRow,
    PreflightSummary,
    PreflightVerdict,
    Standing,
)
from workstation.site.selfcheck import CheckupVerdict
from workstation.ui.theme import Color

Verdict = PreflightVerdict | CheckupVerdict
"""Both kinds of paper judge with the same words; a check-up has one more."""

_TONES: dict[str, tuple[Color, Color]] = {
    CheckupVerdict.NOT_FITTED: (Color.MUTED, Color.QUIET),
    PreflightVerdict.PASS: (Color.OK, Color.OK_SOFT),
    PreflightVerdict.WARN: (Color.WARN, Color.WARN_SOFT),
    PreflightVerdict.FAIL: (Color.BAD, Color.BAD_SOFT),
}
_STANDINGS = {
    Standing.PASSED: PreflightVerdict.PASS,
    Standing.WARNED: PreflightVerdict.WARN,
    Standing.FAILED: PreflightVerdict.FAIL,
    Standing.UNCHECKED: PreflightVerdict.FAIL,
}
_MARKS: dict[str, str] = {
    CheckupVerdict.NOT_FITTED: "–",
    PreflightVerdict.PASS: "✓",
    PreflightVerdict.WARN: "!",
    PreflightVerdict.FAIL: "✗",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: a mark, what, what was found, what to do."""

    tone: Verdict
    what: str
    subject: str
    found: str
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A paper.

    Attributes:
        verdict: the large words.
        detail: the words below them.
        facts: name and value, two to a line.
        heads: of the table's three columns.
        rows: the worst first.
        left_off: rows that did not fit.
        note: small words below the table.
    """

    title: str
    verdict: str
    detail: str
    tone: Verdict
    facts: tuple[tuple[str, str], ...]
    heads: tuple[str, str, str]
    rows: tuple[Row, ...]
    left_off: int = 0
    note: str = ""

    def cut(self, length: int) -> Page:
        """Return the page with the first ``length`` rows, saying how many are left off."""
        return replace(self, rows=self.rows[:length], left_off=self.left_off + max(0, len(self.rows) - length))


def booth_page(report: PreflightReport, booth: str) -> Page:
    """Return the paper of one booth."""
    return Page(
        title=text("page", "title"),
        verdict=text("verdict", report.verdict) if not report.not_done else text("standing", Standing.UNCHECKED),
        detail=verdict_words(report).partition("（")[2].rstrip("）"),
        tone=report.verdict,
        facts=(
            ("主场", report.main_site or report.main_site_id),
            ("工位", booth or "—"),
            ("环境包序号", str(report.serial)),
            ("检查时间", when(report.checked_at)),
            ("主场编号", report.main_site_id),
            ("用时", f"{report.duration_s:.0f} 秒"),
        ),
        heads=("检查项", "对象", "结果与办法"),
        rows=tuple(_check_row(check) for check in sorted_checks(report.checks)),
    )


def site_page(summary: PreflightSummary) -> Page:
    """Return the paper of a site."""
    total = len(summary.rows)
    is_whole = total > 0 and summary.passed == total
    unchecked = sum(row.standing is Standing.UNCHECKED for row in summary.rows)
    failing = total - summary.passed - unchecked
    parts = [f"{failing} 个不通过" if failing else "", f"{unchecked} 个未检查" if unchecked else ""]
    has_warnings = any(row.standing is Standing.WARNED for row in summary.rows)
    good = PreflightVerdict.WARN if has_warnings else PreflightVerdict.PASS
    rows = sorted(summary.rows, key=lambda row: list(_ORDER).index(row.standing))
    return Page(
        title=text("page", "site_title"),
        verdict=f"{summary.passed}/{total} 工位通过",
        detail="，".join(part for part in parts if part) or ("全部就绪" if is_whole else "当天没有预订的工位"),
        tone=good if is_whole else PreflightVerdict.FAIL,
        facts=(
            ("主场", summary.main_site or summary.main_site_id),
            ("开评日期", summary.day.isoformat()),
            ("环境包序号", str(summary.serial) if summary.serial else "—"),
            ("主场编号", summary.main_site_id),
        ),
        heads=("工位", "状态", "未通过的检查"),
        rows=tuple(_booth_row(row) for row in rows),
    )


_ORDER = (Standing.FAILED, Standing.UNCHECKED, Standing.WARNED, Standing.PASSED)


def _check_row(check: PreflightCheck) -> Row:
    is_good = check.verdict is PreflightVerdict.PASS
    return Row(
        tone=check.verdict,
        what=text("kind", check.kind),
        subject=check.subject,
        found=finding(check),
        fix="" if is_good else check.fix,
    )


def _booth_row(row: PreflightRow) -> Row:
    found = "；".join(
        f"{text('kind', check.kind)} {check.subject}：{finding(check)}" for check in sorted_checks(row.checks)
    )
    at = when(row.checked_at) if row.checked_at else ""
    return Row(
        tone=_STANDINGS[row.standing],
        what=row.booth_label,
        subject=row_words(row),
        found=found or at,
        fix=f"检查时间 {at}" if found and at else "",
    )


def to_html(page: Page, *, scale: float = 1.0) -> str:
    """Return the page as HTML that Qt's rich text and a browser show alike.

    Args:
        page: what stands on it.
        scale: of all type, 1.0 is 10.5 pt text.
    """
    ink, soft = _TONES[page.tone]
    return "".join(
        (
            f'<html><head><meta charset="utf-8"><title>{escape(page.title)}</title></head>',
            f'<body style="color:{Color.INK}; font-size:{_pt(10.5, scale)}">',
            f'<p style="font-size:{_pt(17, scale)}; font-weight:600; color:{Color.BRAND}; margin:0">',
            f"{escape(page.title)}</p>",
            _facts(page.facts, scale),
            f'<table width="100%" cellspacing="0" cellpadding="{round(12 * scale)}" bgcolor="{soft}">',
            '<tr><td align="center">',
            f'<span style="font-size:{_pt(40, scale)}; font-weight:700; color:{ink}">{escape(page.verdict)}</span><br>',
            f'<span style="font-size:{_pt(13, scale)}; color:{ink}">{escape(page.detail)}</span></td></tr></table>',
            f'<p style="font-size:{_pt(5, scale)}; margin:0">&nbsp;</p>',
            _table(page, scale),
            f'<p style="font-size:{_pt(8, scale)}; color:{Color.MUTED}">{escape(page.note)}</p>' if page.note else "",
            "</body></html>",
        )
    )


def _facts(facts: Iterable[tuple[str, str]], scale: float) -> str:
    cells = [
        f'<td width="16%" style="color:{Color.MUTED}">{escape(name)}</td><td width="34%"><b>{_broken(value)}</b></td>'
        for name, value in facts
    ]
    rows = "".join(f"<tr>{''.join(cells[start : start + 2])}</tr>" for start in range(0, len(cells), 2))
    return f'<table width="100%" cellspacing="0" cellpadding="{round(4 * scale)}">{rows}</table>'


def _table(page: Page, scale: float) -> str:
    heads = "".join(
        f'<td width="{width}%" style="color:{Color.MUTED}">{escape(head)}</td>'
        for head, width in zip(("", *page.heads), (5, 15, 32, 48), strict=True)
    )
    rows = "".join(_html_row(row) for row in page.rows)
    more = (
        f'<p style="color:{Color.MUTED}; margin:0">另有 {page.left_off} 项没有列出，见 JSON 报告。</p>'
        if page.left_off
        else ""
    )
    return (
        f'<table width="100%" cellspacing="0" cellpadding="{round(4 * scale)}" '
        f'style="border-collapse:collapse"><tr bgcolor="{Color.QUIET}">{heads}</tr>{rows}</table>{more}'
    )


def _html_row(row: Row) -> str:
    ink, soft = _TONES[row.tone]
    is_good = row.tone in {PreflightVerdict.PASS, CheckupVerdict.NOT_FITTED}
    found = f'<span style="color:{ink}">{_broken(row.found)}</span>'
    fix = f"<br>{_broken(row.fix)}" if row.fix else ""
    return (
        f"<tr{'' if is_good else f' bgcolor={chr(34)}{soft}{chr(34)}'}>"
        f'<td align="center" style="color:{ink}; font-weight:700">{_MARKS[row.tone]}</td>'
        f"<td>{_broken(row.what)}</td><td>{_broken(row.subject)}</td><td>{found}{fix}</td></tr>"
    )


def _broken(words: str) -> str:
    """Return escaped words that may break inside a long address or selector."""
    return escape(words).replace("/", "/\u200b").replace(".", ".\u200b")


def _pt(size: float, scale: float) -> str:
    return f"{size * scale:.1f}pt"

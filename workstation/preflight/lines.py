"""A report and a summary in Chinese words, for the command line and for paper. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone

from workstation.site.preflight import (
    PreflightCheck,
    PreflightReport,
    PreflightRow,
    PreflightSummary,
    PreflightVerdict,
    Standing,
)

from .findings import text

SITE_ZONE = timezone(timedelta(hours=8))
"""China Standard Time."""

_MARKS = {PreflightVerdict.PASS: "✓", PreflightVerdict.WARN: "!", PreflightVerdict.FAIL: "✗"}
_UNITS = {"days": "days", "s": "s", "ms": "ms"}
_DIGITS = {"days": 0, "s": 1, "ms": 0}
_HIDDEN = frozenset({"addresses"})


def when(moment: datetime) -> str:
    """Return a moment as people at the site write it."""
    return moment.astimezone(SITE_ZONE).strftime("%Y-%m-%d %H:%M")


def sorted_checks(checks: Iterable[PreflightCheck]) -> list[PreflightCheck]:
    """Return checks with the worst first, else in their order."""
    rank = {PreflightVerdict.FAIL: 0, PreflightVerdict.WARN: 1, PreflightVerdict.PASS: 2}
    return sorted(checks, key=lambda check: rank[check.verdict])


def finding(check: PreflightCheck) -> str:
    """Return what was found, with its numbers: ``将在 14 天内到期（剩余 5 天）``."""
    numbers = "，".join(number(name, value) for name, value in check.values.items() if name not in _HIDDEN)
    return text("reason", check.reason) + (f"（{numbers}）" if numbers else "")


def number(name: str, value: float) -> str:
    """Return a number with its name and unit."""
    unit = _UNITS.get(name.rpartition("_")[2], "")
    digits = _DIGITS.get(unit, 0)
    return f"{text('value', name)} {value:.{digits}f} {text('unit', unit)}".strip()


def report_lines(report: PreflightReport, *, booth: str) -> Iterator[str]:
    """Return a report for the command line."""
    yield f"主场预检：{report.main_site}（{report.main_site_id}，序号 {report.serial}）"
    yield f"工位：{booth or '—'}    时间：{when(report.checked_at)}    用时：{report.duration_s:.0f} 秒"
    yield ""
    for check in sorted_checks(report.checks):
        yield f"{_MARKS[check.verdict]} {text('kind', check.kind)}  {check.subject}：{finding(check)}"
        if check.fix and check.verdict is not PreflightVerdict.PASS:
            yield f"    → {check.fix}"
    yield ""
    yield f"结论：{verdict_words(report)}"


def verdict_words(report: PreflightReport) -> str:
    """Return the verdict in a few words."""
    if report.not_done:
        return f"{text('standing', Standing.UNCHECKED)}（{text('why', report.not_done)}）"
    return counted(text("verdict", report.verdict), report.checks)


def counted(word: str, checks: list[PreflightCheck]) -> str:
    """Return a verdict with how many checks are behind it."""
    verdicts = [check.verdict for check in checks]
    parts = [f"{verdicts.count(each)} 项{text('verdict', each)}" for each in PreflightVerdict if each in verdicts]
    return f"{word}（{'，'.join(parts)}）"


def headline(summary: PreflightSummary) -> str:
    """Return ``主场：××市 — 10/10 工位通过``, with the day."""
    name = summary.main_site or summary.main_site_id
    return f"{summary.day.isoformat()} 主场：{name} — {summary.passed}/{len(summary.rows)} 工位通过"


def row_words(row: PreflightRow) -> str:
    """Return how a booth stands."""
    why = f"（{text('why', row.why)}）" if row.why else ""
    return text("standing", row.standing) + why


def summary_lines(summary: PreflightSummary) -> Iterator[str]:
    """Return a site's summary for the command line."""
    yield headline(summary)
    if not summary.rows:
        yield "当天没有预订的工位。"
    for row in summary.rows:
        at = f"  {when(row.checked_at)}" if row.checked_at else ""
        yield f"{_MARK_OF[row.standing]} {row.booth_label}  {row_words(row)}{at}"
        for check in sorted_checks(row.checks):
            yield f"    {text('kind', check.kind)}  {check.subject}：{finding(check)}"
            if check.fix:
                yield f"        → {check.fix}"


_MARK_OF = {Standing.PASSED: "✓", Standing.WARNED: "!", Standing.FAILED: "✗", Standing.UNCHECKED: "?"}

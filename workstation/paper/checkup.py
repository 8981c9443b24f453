"""The paper of a check-up (工位体检报告): every part of the booth, the verdict, and what its signature covers. Pure."""

from __future__ import annotations

from workstation.paper_order import CheckupPage
from workstation.preflight.lines import when
from workstation.site.selfcheck import CheckupItem, CheckupTrigger, CheckupVerdict

from .page import Page, Row

_VERDICTS = {
    CheckupVerdict.PASS: "正常",
    CheckupVerdict.WARN: "可用，有需留意项",
    CheckupVerdict.FAIL: "不正常",
    CheckupVerdict.NOT_FITTED: "未配备",
}
_ITEMS = {**_VERDICTS, CheckupVerdict.WARN: "留意"}
_TRIGGERS = {
    CheckupTrigger.BUTTON: "按键",
    CheckupTrigger.SCHEDULE: "每日定时",
    CheckupTrigger.COMMAND: "站点命令",
    CheckupTrigger.TOOL: "命令行工具",
}
_ORDER = (CheckupVerdict.FAIL, CheckupVerdict.WARN, CheckupVerdict.PASS, CheckupVerdict.NOT_FITTED)
_STEP = 16
"""A digest may be broken across lines after this many letters."""


def checkup_page(checkup: CheckupPage) -> Page:
    """Return the paper; the worst parts first."""
    report = checkup.report
    counted = [(_count(checkup, verdict), _ITEMS[verdict]) for verdict in _ORDER]
    return Page(
        title="工位体检报告（演练）" if report.is_drill else "工位体检报告",
        verdict=_VERDICTS[report.verdict],
        detail="，".join(f"{count} 项{words}" for count, words in counted if count),
        tone=report.verdict,
        facts=(
            ("工位", report.booth_label or report.booth_id),
            ("工位编号", report.booth_id),
            ("检查时间", when(report.checked_at)),
            ("用时", f"{report.duration_s:.0f} 秒"),
            ("程序版本", report.version),
            ("发起", _TRIGGERS[report.trigger]),
        ),
        heads=("部件", "设备", "结果与办法"),
        rows=tuple(_row(item) for item in sorted(report.items, key=lambda item: _ORDER.index(item.verdict))),
        note=_note(checkup),
    )


def _count(checkup: CheckupPage, verdict: CheckupVerdict) -> int:
    return sum(item.verdict is verdict for item in checkup.report.items)


def _row(item: CheckupItem) -> Row:
    device = item.device
    words = [device.name, device.serial] if device is not None else [item.detail]
    return Row(
        tone=item.verdict,
        what=item.part or str(item.kind),
        subject=" · ".join(word for word in words if word),
        found=item.found or item.reason,
        fix=item.fix,
    )


def _note(checkup: CheckupPage) -> str:
    if not checkup.sha256:
        return "本报告没有签名，不能作为存档凭证。"
    return (
        f"报告编号 {checkup.report.report_id}。签名算法 Ed25519，密钥指纹（RFC 7638）{_broken(checkup.thumbprint)}，"
        f"JSON 报告的 SHA-256 摘要 {_broken(checkup.sha256)}。核对：kiosk-config self-check verify。"
    )


def _broken(digest: str) -> str:
    return "\u200b".join(digest[start : start + _STEP] for start in range(0, len(digest), _STEP))

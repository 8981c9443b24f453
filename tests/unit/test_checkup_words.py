"""A check-up in words: every part, finding, figure and fix, in both languages; the paper says the same."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from drivers.errors import ErrorCode
from tests.unit.checkup_samples import BAD, GOOD, a_report
from workstation.checkup.findings import Reason, item
from workstation.checkup.progress import Progress
from workstation.paper.checkup import checkup_page
from workstation.paper.page import to_html
from workstation.paper_order import CheckupPage
from workstation.site.readings import ReadingKind
from workstation.site.selfcheck import CheckupKind, CheckupOwn, CheckupVerdict
from workstation.ui.checkup_words import CheckupWords
from workstation.ui.messages import Language, Messages

KINDS: list[CheckupKind] = [*ReadingKind, *CheckupOwn]
GOOD_REASONS = {Reason.GOOD, Reason.NOT_FITTED, Reason.NO_PACK, Reason.NO_JOURNAL}
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("language", Language)
def test_every_part_reason_and_fix_has_its_words(language: Language) -> None:
    words = CheckupWords(Messages(language))
    for kind in KINDS:
        for reason in Reason:
            verdict = CheckupVerdict.PASS if reason in GOOD_REASONS else CheckupVerdict.FAIL
            said = words(item(kind, verdict, reason))
            assert said.part not in {"", str(kind)}
            assert said.found not in {"", reason.value} or language is Language.EN
            assert bool(said.fix) is (reason not in GOOD_REASONS), (kind, reason)
            texts = said.part + said.found + said.fix
            assert bool(HAN.search(texts)) is (language is Language.ZH_CN)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("code", ErrorCode)
def test_a_fault_is_told_by_its_code(language: Language, code: ErrorCode) -> None:
    said = CheckupWords(Messages(language))(item(ReadingKind.HEADSET, CheckupVerdict.FAIL, Reason.FAULT, code=code))
    assert said.found == Messages(language).title(code)
    assert said.fix


def test_figures_are_told_with_name_and_unit() -> None:
    values = {
        "runtime_s": 9000.0,
        "charge_percent": 98.0,
        "input_voltage_v": 229.4,
        "free_bytes": 65.2 * 2**30,
        "round_trip_ms": 21.3,
        "highest_celsius": 61.4,
        "offset_s": 1.25,
        "append_ms": 3.6,
        "frames_per_second": 15.182,
        "of_a_newer_part_w": 3.0,
    }
    said = CheckupWords(Messages())(item(ReadingKind.UPS, CheckupVerdict.PASS, Reason.GOOD, values=values))
    assert said.found == (
        "正常（写入 4 毫秒，电量 98 %，每秒画面 15.2，剩余 65.2 GiB，最高 61 °C，输入 229 V，相差 1.2 秒，"
        "往返 21 毫秒，可用 2 小时 30 分）"
    )


def test_one_of_several_is_named() -> None:
    said = CheckupWords(Messages())(item(ReadingKind.UPS, CheckupVerdict.WARN, Reason.TOO_SHORT, subject="switch"))
    assert said.part == "备用电源（switch）"
    assert said.fix == "减少负载，或更换电池、加装电池组。"


def test_the_paper_has_the_worst_first_and_what_its_signature_covers() -> None:
    words = CheckupWords(Messages())
    report = a_report(words(GOOD), words(BAD), report_id=UUID(int=7))
    page = checkup_page(CheckupPage(report=report, thumbprint="t" * 43, sha256="ab" * 32))
    assert [row.what for row in page.rows] == ["摄像头", "读卡器"]
    assert page.rows[0].fix == "重新插拔摄像头；仍不动请更换。"
    html = to_html(page).replace("\u200b", "")
    for expected in ("不正常", "1 项不正常，1 项正常", "ab" * 32, "t" * 43, str(UUID(int=7)), "07:50"):
        assert expected in html
    assert "没有签名" in to_html(checkup_page(CheckupPage(report=report)))
    drill = report.model_copy(update={"is_drill": True})
    assert "演练" in to_html(checkup_page(CheckupPage(report=drill)))


def test_what_has_not_answered_is_known_to_be_missing() -> None:
    begun = Progress(plan=(ReadingKind.READER, ReadingKind.CAMERA, ReadingKind.DISK))
    assert begun.waiting == begun.plan
    later = begun.with_items((BAD,)).with_items((GOOD,))
    assert [each.kind for each in later.items] == [ReadingKind.READER, ReadingKind.CAMERA]
    assert later.waiting == (ReadingKind.DISK,)

"""What the pre-flight reads from others never breaks it, its words are complete, and its verdict is the worst check."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.packs import make_pack
from workstation.preflight.dry_run import judge_dry_run, parse_dry_run
from workstation.preflight.findings import Reason, failed, passed, tally, warned
from workstation.preflight.http_head import Head, parse_head
from workstation.preflight.lines import finding, report_lines, summary_lines
from workstation.preflight.packs import check_pack
from workstation.preflight.request import DryRun, Refused
from workstation.site.preflight import (
    PreflightCheck,
    PreflightKind,
    PreflightReport,
    PreflightSummary,
    PreflightVerdict,
    Standing,
    worst,
)

NOW = datetime(2026, 11, 28, 7, 0, tzinfo=UTC)
TEXTS = tomllib.loads(files("workstation.preflight").joinpath("zh_CN.toml").read_text(encoding="utf-8"))
CHECKS = st.lists(
    st.builds(
        PreflightCheck,
        kind=st.sampled_from(PreflightKind),
        subject=st.text(max_size=50),
        verdict=st.sampled_from(PreflightVerdict),
        reason=st.sampled_from(Reason).map(str) | st.from_regex(r"\A[a-z][a-z0-9-]{0,20}\Z"),
        values=st.dictionaries(st.text(max_size=10), st.floats(allow_nan=False, allow_infinity=False), max_size=3),
        fix=st.text(max_size=20),
    ),
    max_size=10,
)


def report(checks: list[PreflightCheck], **changes: object) -> PreflightReport:
    facts = {"report_id": uuid4(), "main_site_id": "test", "checked_at": NOW, "verdict": worst(checks)}
    return PreflightReport.model_validate({**facts, "checks": checks, **changes})


# --- words ---


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words_and_every_fault_says_what_to_do(reason):
    assert TEXTS["reason"][reason]
    for make in (failed, warned):
        if reason is not Reason.GOOD:
            assert make(PreflightKind.ORIGIN, "x", reason).fix


def test_no_word_is_left_over():
    assert set(TEXTS["reason"]) == set(Reason)
    assert set(TEXTS["kind"]) == set(PreflightKind)
    assert set(TEXTS["verdict"]) == set(PreflightVerdict)
    assert set(TEXTS["standing"]) == set(Standing)
    kinds_and_reasons = {f"{kind}-{reason}" for kind in PreflightKind for reason in Reason}
    assert set(TEXTS["fix"]) <= set(Reason) | kinds_and_reasons


def test_numbers_are_written_with_their_unit():
    assert finding(warned(PreflightKind.CERTIFICATE, "x", Reason.EXPIRES_SOON, valid_days=5.2)) == (
        "将在 14 天内到期（剩余 5 天）"
    )
    assert "相差 -0.4 秒" in finding(passed(PreflightKind.CLOCK, "x", offset_s=-0.42, uncertainty_s=0.5))


@given(checks=CHECKS, booth=st.text(max_size=20))
def test_any_report_can_be_written_out(checks, booth):
    text = "\n".join(report_lines(report(checks), booth=booth))
    assert "结论：" in text
    rows = [{"booth_id": "b", "booth_label": "b", "standing": each, "checks": checks} for each in Standing]
    summary = PreflightSummary.model_validate({
        "main_site_id": "test", "main_site": "某市", "day": NOW.date(), "serial": 1, "passed": 2, "rows": rows,
    })  # fmt: skip
    assert "主场：某市 — 2/4 工位通过" in "\n".join(summary_lines(summary))


# --- verdict ---


@given(checks=CHECKS, claimed=st.sampled_from(PreflightVerdict))
def test_no_report_claims_more_than_its_checks(checks, claimed):
    verdicts = {check.verdict for check in checks}
    if claimed is worst(checks):
        assert report(checks).verdict is claimed
        assert (claimed is PreflightVerdict.FAIL) == (PreflightVerdict.FAIL in verdicts or not checks)
    else:
        with pytest.raises(ValidationError):
            report(checks, verdict=claimed)


def test_what_was_not_made_has_no_checks_and_is_not_passed():
    not_made = report([], not_done="visit")
    assert not_made.verdict is PreflightVerdict.FAIL
    with pytest.raises(ValidationError):
        report([passed(PreflightKind.PACK, "x")], not_done="visit")


def test_the_journal_gets_counts_and_nothing_else():
    checks = [passed(PreflightKind.PACK, "x"), warned(PreflightKind.CLOCK, "y", Reason.NO_DATE)]
    assert tally(report(checks, serial=7)) == {
        "main_site_id": "test", "serial": 7, "verdict": "warn", "passed": 1, "warned": 1, "failed": 0,
    }  # fmt: skip


@given(subject=st.text())
def test_any_subject_can_be_sent(subject):
    check = failed(PreflightKind.REQUEST, subject, Reason.HOST_REFUSED)
    assert PreflightCheck.model_validate_json(check.model_dump_json()) == check


# --- the pack's own facts ---


@pytest.mark.parametrize(
    ("changes", "facts", "expected"),
    [
        ({}, {}, []),
        ({"valid_until": NOW - timedelta(minutes=1)}, {}, [("fail", Reason.EXPIRED)]),
        ({"issued_at": NOW + timedelta(minutes=1)}, {}, [("fail", Reason.NOT_YET_VALID)]),
        ({"valid_until": NOW + timedelta(days=13)}, {}, [("warn", Reason.EXPIRES_SOON)]),
        ({}, {"known_serial": 3}, []),
        ({}, {"known_serial": 4}, [("fail", Reason.OLDER_SERIAL)]),
        ({"audience": ("xinyang",)}, {"sub_site": "xinyang"}, []),
        ({"audience": ("xinyang",)}, {"sub_site": "luohe"}, [("fail", Reason.OTHER_SITE)]),
        ({"audience": ("xinyang",)}, {}, [("warn", Reason.SITE_UNKNOWN)]),
    ],
)
def test_the_packs_own_facts_are_judged(changes, facts, expected):
    if changes.get("valid_until", NOW) < NOW:
        changes["issued_at"] = NOW - timedelta(days=400)
    checks = check_pack(make_pack(**changes), NOW, **{"known_serial": 0, "sub_site": "", **facts})
    found = [(check.verdict, check.reason) for check in checks if check.verdict is not PreflightVerdict.PASS]
    assert found == expected


# --- what others send ---


def test_a_head_is_read():
    data = b"HTTP/1.1 302 Found\r\nDate: Sat, 28 Nov 2026 07:00:00 GMT\r\nLOCATION:  /login \r\n\r\nbody: x\r\n"
    assert parse_head(data) == Head(status=302, date=NOW, location="/login")


@pytest.mark.parametrize(
    "field", [b"Date: yesterday", b"Date:", b"Date: Sat, 99 Nov 2026 07:00:00 GMT", b"Date: Sat, 28 Nov 2026 07:00:00"]
)
def test_a_date_that_is_none_is_none(field):
    head = parse_head(b"HTTP/1.1 200 OK\r\n" + field + b"\r\n\r\n")
    assert head == Head(status=200)


def test_the_date_of_a_cached_answer_is_no_clock():
    head = parse_head(b"HTTP/1.1 200 OK\r\nAge: 3600\r\nDate: Sat, 28 Nov 2026 07:00:00 GMT\r\n\r\n")
    assert head is not None
    assert head.date is None


@given(data=st.binary(max_size=2000) | st.binary(max_size=500).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail))
def test_any_bytes_are_a_head_or_none(data):
    head = parse_head(data)
    assert head is None or (100 <= head.status < 600 and (head.date is None or head.date.tzinfo is not None))


@given(date=st.text(alphabet=st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60))
def test_any_date_field_is_a_moment_or_none(date):
    head = parse_head(f"HTTP/1.1 200 OK\r\nDate: {date}\r\n\r\n".encode("latin-1"))
    assert head is not None
    assert head.status == 200


@given(noise=st.binary(max_size=500), tail=st.binary(max_size=100))
def test_the_browsers_answer_is_found_in_whatever_chromium_writes(noise, tail):
    seen = DryRun(outcome="opened", refused=[Refused(host="a.cn", reason="origin")], selectors={"#a": None})
    line = seen.model_dump_json().encode()
    assert parse_dry_run(noise + b"\n" + line + b"\n" + tail.replace(b"{", b"")) == seen


@given(output=st.binary(max_size=500))
def test_no_answer_is_none(output):
    assert parse_dry_run(output) is None


@given(
    outcome=st.sampled_from(["opened", "asked-ticket", "not-trusted", "not-reached", "crashed", "runs-as-root"]),
    refused=st.lists(st.builds(Refused, host=st.text(max_size=20), reason=st.text(max_size=10)), max_size=5),
    selectors=st.dictionaries(st.text(max_size=10), st.sampled_from([True, False, None]), max_size=3),
)
def test_whatever_the_browser_saw_is_judged(outcome, refused, selectors):
    checks = judge_dry_run(make_pack(), DryRun(outcome=outcome, refused=refused, selectors=selectors))
    assert len(checks) == 1 + len(refused) + len(selectors)
    launch = checks[0]
    assert launch.kind is PreflightKind.LAUNCH
    assert (launch.verdict is PreflightVerdict.PASS) == (outcome in {"opened", "asked-ticket"})
    assert all(check.verdict is not PreflightVerdict.PASS for check in checks[1 : 1 + len(refused)])

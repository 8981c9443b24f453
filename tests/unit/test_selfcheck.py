"""The self-check (设备自检): a line per thing, closed doors for what is required, and no answer from old readings."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drivers.errors import ErrorCode
from workstation.health.board import HealthSnapshot
from workstation.health.readings import Moment, Reading
from workstation.health.selfcheck import REQUIRED, WAITED_FOR, evaluate, is_fresh
from workstation.journey.diagram import holder
from workstation.journey.facts import Assignment, Check, CheckKind, Presence, PresenceMethod, Session
from workstation.journey.states import SelfCheck
from workstation.site.readings import ReadingKind, ReadingState

OK, WARN, BAD, UNKNOWN = ReadingState.OK, ReadingState.WARN, ReadingState.BAD, ReadingState.UNKNOWN


def at(seconds: float) -> Moment:
    return Moment(utc=datetime(2026, 3, 2, tzinfo=UTC), monotonic_s=seconds)


def snapshot(**changed: tuple[ReadingState, ErrorCode | None] | Reading) -> HealthSnapshot:
    readings = {kind: Reading(kind=kind, state=OK, observed=at(10), detail="fine") for kind in ReadingKind}
    for name, change in changed.items():
        kind = ReadingKind[name]
        if isinstance(change, Reading):
            readings[kind] = change
        else:
            readings[kind] = Reading(kind=kind, state=change[0], code=change[1], observed=at(10))
    return HealthSnapshot(at=at(10), readings=readings)


def by_kind(**changed: tuple[ReadingState, ErrorCode | None]) -> dict[CheckKind, Check]:
    return {check.kind: check for check in evaluate(snapshot(**changed))}


def passed(**changed: tuple[ReadingState, ErrorCode | None]) -> bool:
    task = Assignment(
        project_id="P",
        project_name="",
        section="",
        main_site="",
        alias="A",
        role="",
        starts_at="",
        expected_hours=4,
        signing="",
    )
    session = Session(holder=holder(), presence=Presence(method=PresenceMethod.CARD_FACE), assignment=task)
    return SelfCheck(session=session, expert_hash="0" * 64, checks=evaluate(snapshot(**changed))).passed


def test_every_check_has_one_line_and_all_is_well() -> None:
    # The pack's line is added by whoever knows the main site.
    assert [check.kind for check in evaluate(snapshot())] == [kind for kind in CheckKind if kind is not CheckKind.PACK]
    assert all(check.code is None for check in evaluate(snapshot()))
    assert {check.kind for check in evaluate(snapshot()) if check.required} == REQUIRED
    assert passed()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("HEADSET", ErrorCode.HEADSET_ABSENT),
        ("CAMERA", ErrorCode.CAMERA_LOST),
        ("MAIN_SITE", ErrorCode.MAIN_SITE_NOT_TRUSTED),
    ],
)
def test_what_is_required_closes_the_door(kind: str, code: ErrorCode) -> None:
    assert by_kind(**{kind: (BAD, code)})[CheckKind[kind]].code is code
    assert not passed(**{kind: (BAD, code)})


@pytest.mark.parametrize(
    ("kind", "code"),
    [("HEADSET", ErrorCode.HEADSET_ABSENT), ("CAMERA", ErrorCode.CAMERA_LOST),
     ("MAIN_SITE", ErrorCode.MAIN_SITE_UNREACHABLE)],
)  # fmt: skip
def test_what_is_required_and_unknown_is_not_good(kind: str, code: ErrorCode) -> None:
    assert by_kind(**{kind: (UNKNOWN, None)})[CheckKind[kind]].code is code
    assert not passed(**{kind: (UNKNOWN, None)})


@pytest.mark.parametrize(
    ("kind", "state", "code", "shown"),
    [
        ("UPS", UNKNOWN, None, None),
        ("UPS", WARN, ErrorCode.ON_BATTERY, ErrorCode.ON_BATTERY),
        ("UPS", BAD, ErrorCode.BATTERY_LOW, ErrorCode.BATTERY_LOW),
        ("SITE", BAD, ErrorCode.SITE_SERVER_UNREACHABLE, ErrorCode.SITE_SERVER_UNREACHABLE),
        ("SITE", UNKNOWN, None, ErrorCode.SITE_SERVER_UNREACHABLE),
    ],
)
def test_the_rest_is_said_and_work_goes_on(
    kind: str, state: ReadingState, code: ErrorCode | None, shown: ErrorCode | None
) -> None:
    assert by_kind(**{kind: (state, code)})[CheckKind[kind]].code is shown
    assert passed(**{kind: (state, code)})


def test_a_muted_microphone_keeps_the_expert_out() -> None:
    assert not passed(HEADSET=(WARN, ErrorCode.MICROPHONE_SILENT))


def test_the_expert_sees_no_status_flags_of_the_ups() -> None:
    details = {check.kind: check.detail for check in evaluate(snapshot())}
    assert details.pop(CheckKind.UPS) == ""
    assert set(details.values()) == {"fine"}


@pytest.mark.parametrize("kind", WAITED_FOR)
def test_only_readings_taken_after_the_question_answer_it(kind: ReadingKind) -> None:
    good = snapshot()
    assert is_fresh(good, 10)
    assert not is_fresh(good, 10.1)
    old = Reading(kind=kind, state=OK, observed=at(9))
    unknown = Reading(kind=kind, state=UNKNOWN, observed=at(11))
    assert not is_fresh(snapshot(**{kind.name: old}), 10)
    assert not is_fresh(snapshot(**{kind.name: unknown}), 10)


def test_readings_that_are_pushed_may_be_old() -> None:
    headset = Reading(kind=ReadingKind.HEADSET, state=OK, observed=at(1))
    assert is_fresh(snapshot(HEADSET=headset), 10)

"""A battery test: when it may begin, what ends it, what it says of the battery, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import BatteryTest, UpsFlag, UpsReading
from workstation.health.battery_proofs import BatteryProofs
from workstation.health.battery_test import BatteryTestLimits, BatteryTestRun, Refusal, Result, Why, refusal

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MAINS = UpsReading(flags=UpsFlag.OL, battery_charge_percent=100, load_percent=20, input_voltage_v=230)
RUNNING = replace(MAINS, flags=UpsFlag.OB | UpsFlag.DISCHRG)
LIMITS = BatteryTestLimits(end_percent=80, longest_s=600)


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        (MAINS, None),
        (replace(MAINS, battery_charge_percent=90), None),
        (replace(MAINS, battery_charge_percent=89), Refusal.CHARGE),
        (replace(MAINS, battery_charge_percent=None), Refusal.CHARGE),
        (replace(MAINS, flags=UpsFlag.OL | UpsFlag.LB), Refusal.CHARGE),
        (replace(MAINS, flags=UpsFlag.OB), Refusal.NO_MAINS),
        (replace(MAINS, flags=UpsFlag.CHRG), Refusal.NO_MAINS),
        (replace(MAINS, flags=UpsFlag.OL | UpsFlag.FSD), Refusal.NO_MAINS),
        (replace(MAINS, flags=UpsFlag.OL | UpsFlag.CAL), Refusal.RUNNING),
        (replace(MAINS, flags=None), Refusal.SILENT),
    ],
)
def test_what_speaks_against_a_test(reading: UpsReading, why: Refusal | None) -> None:
    assert refusal(reading) is why


def run(test: BatteryTestRun, *polls: tuple[float, UpsReading]) -> tuple[Why | None, float]:
    for at_s, reading in polls:
        why = test.observe(reading, at_s)
        if why is not None:
            return why, at_s
    return None, polls[-1][0]


def begin(first_cost: float | None = None) -> BatteryTestRun:
    return BatteryTestRun(BatteryTest.DEEP, MAINS, 0.0, first_cost=first_cost, limits=LIMITS)


def falling(at_s: float, charge: float, **changed: object) -> tuple[float, UpsReading]:
    return at_s, replace(RUNNING, battery_charge_percent=charge, **changed)


def test_the_capacity_is_the_work_done_for_the_charge_taken() -> None:
    test = begin(first_cost=250.0)
    polls = [falling(10 * at, 100 - at) for at in range(30)]
    why, at_s = run(test, *polls)
    assert (why, at_s) == (Why.CHARGE_LIMIT, 200)
    report = test.report(Why.CHARGE_LIMIT, at_s)
    assert report.result is Result.PASSED
    assert report.cost == pytest.approx(20 * 10)  # one percent in ten seconds at a load of 20 %
    assert report.proven_s == pytest.approx(80 * 200 / 20)
    assert report.health_percent == pytest.approx(80)
    assert report.facts()["health_percent"] == 80
    assert all(isinstance(value, str | int | float) for value in report.facts().values())


@pytest.mark.parametrize(
    ("polls", "why", "result", "said_why"),
    [
        ([falling(5, 99), (10, MAINS)], Why.ENDED_BY_UPS, Result.PASSED, Why.ENDED_BY_UPS),
        ([falling(5, 99), falling(700, 98)], Why.TIME_LIMIT, Result.PASSED, Why.TIME_LIMIT),
        (
            [falling(5, 99), falling(10, 95, flags=RUNNING.flags | UpsFlag.LB)],
            Why.BATTERY_LOW, Result.FAILED, Why.BATTERY_LOW,
        ),
        (
            [falling(5, 99), (10, replace(MAINS, flags=UpsFlag.OL | UpsFlag.RB))],
            Why.ENDED_BY_UPS, Result.FAILED, Why.REPLACE_BATTERY,
        ),
        (
            [falling(5, 99), (10, replace(MAINS, test_result="Done and error"))],
            Why.ENDED_BY_UPS, Result.FAILED, Why.DEVICE_ERROR,
        ),
        ([falling(5, 99), falling(10, 99, input_voltage_v=0.0)], Why.MAINS_LOST, Result.ABORTED, Why.MAINS_LOST),
        (
            [falling(5, 99), falling(10, 99, flags=RUNNING.flags | UpsFlag.FSD)],
            Why.MAINS_LOST, Result.ABORTED, Why.MAINS_LOST,
        ),
        (
            [falling(5, 99), falling(10, 99, flags=None), falling(36, 99, flags=None)],
            Why.SILENT, Result.ABORTED, Why.SILENT,
        ),
        ([(60, MAINS), (91, MAINS)], Why.NOT_SEEN, Result.ABORTED, Why.NOT_SEEN),
        ([(91, replace(MAINS, test_result="Done and passed"))], Why.ENDED_BY_UPS, Result.PASSED, Why.ENDED_BY_UPS),
    ],
)  # fmt: skip
def test_what_ends_it_and_what_that_says(polls, why: Why, result: Result, said_why: Why) -> None:
    test = begin()
    found, at_s = run(test, *polls)
    assert found is why
    report = test.report(why, at_s)
    assert (report.result, report.why) == (result, said_why)


def test_half_the_capacity_of_the_first_test_is_a_worn_battery() -> None:
    test = begin(first_cost=400.0)
    why, at_s = run(test, *[falling(10 * at, 100 - at) for at in range(30)])
    assert why is not None
    report = test.report(why, at_s)
    assert (report.result, report.why) == (Result.FAILED, Why.WORN)


def test_too_little_charge_proves_no_capacity() -> None:
    test = begin()
    run(test, falling(5, 100), falling(10, 99), falling(15, 98))
    report = test.report(Why.VISIT, 15)
    assert (report.cost, report.proven_s, report.drop_percent) == (None, None, 2)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 60),
            st.one_of(st.none(), st.floats(0, 100)),
            st.one_of(st.none(), st.floats(0, 120)),
            st.sampled_from([None, *UpsFlag, UpsFlag.OB | UpsFlag.LB]),
            st.text(max_size=40),
        ),
        max_size=40,
    ),
    st.sampled_from(Why),
)
def test_whatever_is_seen_there_is_a_report(polls, why: Why) -> None:
    test, now = begin(first_cost=100.0), 0.0
    for step, charge, load, flags, said in polls:
        now += step
        reading = UpsReading(flags=flags, battery_charge_percent=charge, load_percent=load, test_result=said)
        why = test.observe(reading, now) or why
    facts = test.report(why, now).facts()
    assert facts["result"] in set(Result)


# --- what is kept --------------------------------------------------------------------------------------------------


def test_a_proof_survives_a_restart_and_the_first_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "batteries.json"
    BatteryProofs(path).learn("a", cost=300.0, load_percent=20, at=NOW)
    proof = BatteryProofs(path).learn("a", cost=200.0, load_percent=30, at=NOW)
    assert (proof.first_cost, proof.cost) == (300, 200)
    assert BatteryProofs(path).get("a") == proof
    assert BatteryProofs(path).get("b") is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["batteries.json"]


@given(st.binary(max_size=200))
def test_a_file_of_anything_is_no_proof(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("proofs") / "batteries.json"
    path.write_bytes(content)
    assert BatteryProofs(path).get("a") is None


def test_what_cannot_be_kept_is_still_known(tmp_path: Path, allow_logs) -> None:
    allow_logs("workstation.health.battery_proofs")
    proofs = BatteryProofs(tmp_path / "gone" / "batteries.json")
    proofs.learn("a", cost=1.0, load_percent=1, at=NOW)
    assert proofs.get("a") is not None

"""The power bridge: real NUT daemons through an outage, and battery tests on a UPS that can be told what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from drivers.contracts import BatteryTest, Feeds, Supply, Ups, UpsFlag, UpsReading
from drivers.errors import DeviceError, ErrorCode
from drivers.simulated.upsd import HOST, UPS_NAME, UpsdService
from drivers.ups.nut import NutUps
from workstation.bridge import power as bridge_power
from workstation.bridge.power import PowerBridge, PowerState
from workstation.health.battery_proofs import BatteryProofs
from workstation.health.battery_test import BatteryTestLimits
from workstation.health.power_off import PowerOffRequest
from workstation.health.readings import Reading
from workstation.health.shutdown import PowerPhase
from workstation.health.supply import PowerLimits, Verdict
from workstation.journey.states import Idle, Journey, ReadingCard
from workstation.site.contract import Assignment, Command, CommandKind, MatchReply, MatchState
from workstation.site.readings import Quality, ReadingState

LIMIT_MS = 20_000
ON_MAINS = UpsReading(
    flags=UpsFlag.OL, battery_charge_percent=100, load_percent=20, input_voltage_v=230, runtime_s=15_000
)


class Hearer(QObject):
    """Hears everything the bridge says."""

    def __init__(self, bridge: PowerBridge) -> None:
        super().__init__()
        self.readings: list[Reading] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.states: list[PowerState] = []
        self.reminders = 0
        bridge.reading_taken.connect(self.readings.append)
        bridge.event_found.connect(self.on_event)
        bridge.state_changed.connect(self.states.append)
        bridge.save_wanted.connect(self.on_save_wanted)

    @Slot(str, str, object)
    def on_event(self, kind: str, session_id: str, facts: dict[str, Any]) -> None:
        self.events.append((kind, facts))

    @Slot()
    def on_save_wanted(self) -> None:
        self.reminders += 1

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events]

    @property
    def phase(self) -> PowerPhase:
        return self.states[-1].outlook.phase

    def summary(self) -> Reading | None:
        return next((reading for reading in reversed(self.readings) if not reading.subject), None)


class ObedientUps:
    """A UPS that does what the test says; a battery test takes a percent of charge at every poll."""

    def __init__(self, reading: UpsReading = ON_MAINS, *, refuses: frozenset[BatteryTest] = frozenset()) -> None:
        self.reading = reading
        self.calls: list[str] = []
        self._refuses = refuses
        self._lock = Lock()

    def set(self, **changed: Any) -> None:
        with self._lock:
            self.reading = replace(self.reading, **changed)

    def poll(self, *, timeout_s: float) -> UpsReading:
        with self._lock:
            if self.reading.flags is not None and UpsFlag.CAL in self.reading.flags:
                charge = (self.reading.battery_charge_percent or 0) - 1
                self.reading = replace(self.reading, battery_charge_percent=charge)
            return self.reading

    def start_test(self, test: BatteryTest, *, timeout_s: float) -> None:
        if test in self._refuses:
            raise DeviceError(ErrorCode.UPS_TEST_REFUSED, "CMD-NOT-SUPPORTED")
        self.calls.append(test.value)
        self.set(flags=UpsFlag.OB | UpsFlag.DISCHRG | UpsFlag.CAL)

    def stop_test(self, *, timeout_s: float) -> None:
        self.calls.append("stop")
        self.set(flags=UpsFlag.OL | UpsFlag.CHRG)

    def close(self) -> None:
        self.calls.append("close")


Make = Callable[..., tuple[PowerBridge, Hearer]]


@pytest.fixture
def make(tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(bridge_power, "TICK_MS", 50)
    monkeypatch.setattr(bridge_power, "SEAL_S", 0.1)
    made: list[PowerBridge] = []

    def make(ups: Ups | None, **options: Any) -> tuple[PowerBridge, Hearer]:
        supplies = [] if ups is None else [Supply(id="ups-1", feeds=frozenset({Feeds.BOOTH}), ups=ups, poll_s=0.1)]
        power_off = options.pop("power_off", PowerOffRequest(None))
        bridge = PowerBridge(supplies, BatteryProofs(tmp_path / "batteries.json"), power_off, **options)
        made.append(bridge)
        hearer = Hearer(bridge)
        bridge.on_journey_changed(Journey(state=Idle()))
        bridge.start()
        return bridge, hearer

    yield make
    for bridge in made:
        bridge.stop()


@pytest.fixture
def until(qtbot: QtBot) -> Callable[[Callable[[], object]], None]:
    def until(condition: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=LIMIT_MS)

    return until


@pytest.fixture
def upsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpsdService]:
    with UpsdService(tmp_path_factory.mktemp("nut")) as service:
        yield service


def ups_test(ups: str) -> Command:
    return Command(command_id=uuid4(), kind=CommandKind.UPS_TEST, text=ups)


# --- the outage ----------------------------------------------------------------------------------------------------


def test_a_real_outage_to_its_end_and_back(make: Make, until, upsd: UpsdService, tmp_path: Path) -> None:
    request = tmp_path / "poweroff"
    limits = PowerLimits(close_s=3.0)
    _, heard = make(NutUps(HOST, upsd.port, UPS_NAME), power_off=PowerOffRequest(request), limits=limits)
    until(lambda: heard.summary() is not None and heard.phase is PowerPhase.MAINS)
    assert heard.states[-1].until is not None
    assert heard.states[-1].until.verdict is Verdict.TIGHT  # 4 h 12 min, give or take
    upsd.set("OB DISCHRG", charge=96, runtime_s=13_200)
    until(lambda: heard.phase is PowerPhase.BATTERY)
    upsd.set("OB DISCHRG", charge=30, runtime_s=1000)
    until(lambda: heard.phase is PowerPhase.LOW)
    assert heard.reminders == 1
    upsd.set("OB DISCHRG LB", charge=10, runtime_s=100)
    until(lambda: heard.phase is PowerPhase.OFF)
    assert heard.kinds == ["power_closing", "power_sealed"]
    until(request.exists)
    upsd.set("OL CHRG", charge=11, runtime_s=200)
    until(lambda: heard.phase is PowerPhase.MAINS)
    assert heard.kinds == ["power_closing", "power_sealed", "power_closing_cancelled"]
    assert heard.events[-1][1]["outage_s"] > 1
    assert not request.exists()


def test_mains_back_in_the_countdown_ends_it(make: Make, until) -> None:
    ups = ObedientUps()
    _, heard = make(ups)
    until(lambda: heard.states and heard.phase is PowerPhase.MAINS)
    ups.set(flags=UpsFlag.OB | UpsFlag.LB, runtime_s=200)
    until(lambda: heard.phase is PowerPhase.SAVE)
    ups.set(flags=UpsFlag.OL, runtime_s=15_000)
    until(lambda: heard.phase is PowerPhase.MAINS)
    assert heard.kinds == ["power_closing", "power_closing_cancelled"]


def test_a_power_off_that_nobody_can_be_asked_for_is_told(make: Make, until, tmp_path: Path, allow_logs) -> None:
    allow_logs("workstation.bridge.power")
    ups = ObedientUps(replace(ON_MAINS, flags=UpsFlag.OB | UpsFlag.LB, runtime_s=1))
    limits = PowerLimits(close_s=0.2)
    _, heard = make(ups, power_off=PowerOffRequest(tmp_path / "gone" / "poweroff"), limits=limits)
    until(lambda: "power_off_failed" in heard.kinds)


def test_without_a_ups_the_power_is_not_monitored(make: Make, until) -> None:
    _, heard = make(None)
    until(lambda: len(heard.states) > 2)
    assert heard.readings == []
    assert not heard.states[-1].is_monitored
    assert heard.phase is PowerPhase.UNKNOWN


def test_the_expected_end_is_what_the_battery_is_compared_with(make: Make, until) -> None:
    bridge, heard = make(ObedientUps())
    starts_at = datetime.now(UTC) - timedelta(hours=1)
    assignment = Assignment(
        project_id="p", project_name="p", section="1", main_site="m", main_site_id="m", alias="A-01", role="r",
        starts_at=starts_at, expected_hours=3, signing="s",
    )  # fmt: skip
    bridge.on_match_answered(1, MatchReply(state=MatchState.MATCHED, assignment=assignment))
    until(lambda: heard.states[-1].until is not None)
    until_then = heard.states[-1].until
    assert until_then is not None
    assert until_then.needed_until == starts_at + timedelta(hours=3)
    assert until_then.verdict is Verdict.ENOUGH


def test_a_server_that_goes_away_is_unknown(make: Make, until, upsd: UpsdService, allow_logs) -> None:
    allow_logs("drivers.ups")
    _, heard = make(NutUps(HOST, upsd.port, UPS_NAME))
    until(lambda: heard.summary() is not None)
    upsd.stop_server()
    until(lambda: heard.phase is PowerPhase.UNKNOWN)
    lost = heard.summary()
    assert lost is not None
    assert (lost.state, lost.quality, lost.values) == (ReadingState.UNKNOWN, Quality.BAD, {})
    upsd.start_server()
    until(lambda: heard.phase is PowerPhase.MAINS)


# --- the battery test ----------------------------------------------------------------------------------------------


def test_a_battery_is_tested_to_the_limit_and_what_it_proved_is_kept(
    make: Make, until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workstation.bridge.ups.BATTERY_POLL_S", 0.02)
    ups = ObedientUps()
    bridge, heard = make(ups, test_limits=BatteryTestLimits(end_percent=90))
    until(lambda: heard.summary() is not None)
    bridge.on_command(ups_test("ups-1"))
    until(lambda: "battery_tested" in heard.kinds)
    assert heard.kinds == ["battery_test_started", "battery_tested"]
    facts = heard.events[-1][1]
    assert (facts["ups"], facts["result"], facts["why"], facts["test"]) == ("ups-1", "passed", "charge-limit", "deep")
    assert facts["drop_percent"] == 10
    assert ups.calls == ["deep", "stop"]
    assert BatteryProofs(tmp_path / "batteries.json").get("ups-1") is not None
    assert {state.outlook.phase for state in heard.states} <= {PowerPhase.UNKNOWN, PowerPhase.MAINS}
    until(lambda: heard.summary().state is ReadingState.OK or heard.summary().state is ReadingState.WARN)


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        (replace(ON_MAINS, battery_charge_percent=50), "charge"),
        (replace(ON_MAINS, battery_charge_percent=None), "charge"),
        (replace(ON_MAINS, flags=None, detail="DATA-STALE"), "silent"),
        (replace(ON_MAINS, flags=UpsFlag.OB), "no-mains"),
    ],
)
def test_no_test_when_the_battery_could_be_needed(make: Make, until, reading: UpsReading, why: str) -> None:
    ups = ObedientUps(reading)
    bridge, heard = make(ups)
    bridge.on_command(ups_test("ups-1"))
    until(lambda: "battery_test_refused" in heard.kinds)
    facts = dict(heard.events)["battery_test_refused"]
    assert (facts["why"], facts["code"]) == (why, "E-607")
    assert ups.calls == []


def test_no_test_of_an_unknown_ups_and_none_during_a_visit(make: Make, until) -> None:
    bridge, heard = make(ObedientUps())
    bridge.on_command(ups_test("other"))
    bridge.on_journey_changed(Journey(state=ReadingCard()))
    bridge.on_command(ups_test("ups-1"))
    assert [(kind, facts["why"]) for kind, facts in heard.events] == [
        ("battery_test_refused", "unknown-ups"),
        ("battery_test_refused", "visit"),
    ]
    bridge.on_command(Command(command_id=uuid4(), kind=CommandKind.MESSAGE, text="ups-1"))
    assert len(heard.events) == 2


def test_a_ups_without_a_deep_test_gets_the_quick_one_and_one_without_any_refuses(make: Make, until) -> None:
    ups = ObedientUps(refuses=frozenset({BatteryTest.DEEP}))
    bridge, heard = make(ups)
    bridge.on_command(ups_test("ups-1"))
    until(lambda: "battery_test_started" in heard.kinds)
    assert ups.calls == ["quick"]
    stubborn, refused = make(ObedientUps(refuses=frozenset(BatteryTest)))
    stubborn.on_command(ups_test("ups-1"))
    until(lambda: "battery_test_refused" in refused.kinds)
    assert dict(refused.events)["battery_test_refused"]["why"] == "device"


def test_an_expert_who_comes_ends_the_test(make: Make, until) -> None:
    ups = ObedientUps()
    bridge, heard = make(ups)
    bridge.on_command(ups_test("ups-1"))
    until(lambda: "battery_test_started" in heard.kinds)
    bridge.on_journey_changed(Journey(state=ReadingCard()))
    until(lambda: "battery_tested" in heard.kinds)
    facts = heard.events[-1][1]
    assert (facts["result"], facts["why"]) == ("aborted", "visit")
    assert ups.calls == ["deep", "stop"]


def test_mains_that_fail_during_a_test_are_an_outage(make: Make, until) -> None:
    ups = ObedientUps()
    bridge, heard = make(ups)
    bridge.on_command(ups_test("ups-1"))
    until(lambda: "battery_test_started" in heard.kinds)
    ups.set(input_voltage_v=0.0)
    until(lambda: "battery_tested" in heard.kinds)
    ups.set(flags=UpsFlag.OB | UpsFlag.DISCHRG)
    until(lambda: heard.phase is PowerPhase.BATTERY)
    assert dict(heard.events)["battery_tested"]["why"] == "mains-lost"


def test_the_end_of_the_program_ends_the_test(make: Make, until) -> None:
    ups = ObedientUps()
    bridge, heard = make(ups)
    bridge.on_command(ups_test("ups-1"))
    until(lambda: "battery_test_started" in heard.kinds)
    bridge.stop()
    assert ups.calls == ["deep", "stop", "close"]

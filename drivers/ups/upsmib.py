"""The UPS-MIB (RFC 1628): which objects are asked for, and what their values mean. No I/O.

Values come from the network as they like; what is out of its range is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drivers.contracts import BatteryTest, UpsFlag, UpsReading

Value = int | bytes | str
"""A number, an octet string, or an object identifier in dotted form."""

_MIB = "1.3.6.1.2.1.33.1"
_MANUFACTURER, _MODEL = f"{_MIB}.1.1.0", f"{_MIB}.1.2.0"
_BATTERY_STATUS = f"{_MIB}.2.1.0"
_MINUTES_LEFT, _CHARGE_LEFT = f"{_MIB}.2.3.0", f"{_MIB}.2.4.0"
_BATTERY_DECIVOLTS, _TEMPERATURE = f"{_MIB}.2.5.0", f"{_MIB}.2.7.0"
_INPUT_VOLTAGE = f"{_MIB}.3.3.1.3.1"
OUTPUT_SOURCE = f"{_MIB}.4.1.0"
_LINES = (1, 2, 3)
_OUTPUT_POWER = tuple(f"{_MIB}.4.4.1.4.{line}" for line in _LINES)
_OUTPUT_LOAD = tuple(f"{_MIB}.4.4.1.5.{line}" for line in _LINES)
ALARMS_PRESENT = f"{_MIB}.6.1.0"
ALARM_TABLE = f"{_MIB}.6.2.1.2"
"""Column ``upsAlarmDescr``: each row names what is wrong by an object identifier."""

TEST_ID, TEST_LOCK = f"{_MIB}.7.1.0", f"{_MIB}.7.2.0"
_TEST_RESULT, _TEST_DETAIL = f"{_MIB}.7.3.0", f"{_MIB}.7.4.0"
_NOMINAL_POWER = f"{_MIB}.9.6.0"

OBJECTS: tuple[str, ...] = (
    *(OUTPUT_SOURCE, _BATTERY_STATUS, _MINUTES_LEFT, _CHARGE_LEFT, ALARMS_PRESENT, _INPUT_VOLTAGE, _BATTERY_DECIVOLTS),
    *(_TEMPERATURE, *_OUTPUT_POWER, *_OUTPUT_LOAD),
    *(_TEST_RESULT, _TEST_DETAIL, _NOMINAL_POWER, _MANUFACTURER, _MODEL),
)
"""What a poll asks for, the most important first."""

TESTS: Mapping[BatteryTest, str] = {BatteryTest.QUICK: f"{_MIB}.7.7.4", BatteryTest.DEEP: f"{_MIB}.7.7.5"}
"""``upsTestQuickBatteryTest`` and ``upsTestDeepBatteryCalibration``."""

TEST_ABORT = f"{_MIB}.7.7.2"

_SOURCES: Mapping[int, UpsFlag] = {
    2: UpsFlag.OFF,
    3: UpsFlag.OL,
    4: UpsFlag.OL | UpsFlag.BYPASS,
    5: UpsFlag.OB | UpsFlag.DISCHRG,
    6: UpsFlag.OL | UpsFlag.BOOST,
    7: UpsFlag.OL | UpsFlag.TRIM,
}
"""``upsOutputSource``. 1 is "other" and says nothing."""

_LOW = frozenset({3, 4})
"""``upsBatteryStatus``: batteryLow, batteryDepleted."""

_ALARMS: Mapping[str, UpsFlag] = {
    f"{_MIB}.6.3.1": UpsFlag.RB,  # upsAlarmBatteryBad
    f"{_MIB}.6.3.2": UpsFlag(0),  # upsAlarmOnBattery: the output's source says so better
    f"{_MIB}.6.3.3": UpsFlag.LB,  # upsAlarmLowBattery
    f"{_MIB}.6.3.4": UpsFlag.LB,  # upsAlarmDepletedBattery
    f"{_MIB}.6.3.8": UpsFlag.OVER,  # upsAlarmOutputOverload
    f"{_MIB}.6.3.9": UpsFlag.BYPASS,  # upsAlarmOnBypass
    f"{_MIB}.6.3.23": UpsFlag.FSD,  # upsAlarmShutdownPending
    f"{_MIB}.6.3.24": UpsFlag(0),  # upsAlarmTestInProgress: the test's result says so
}
"""Well-known alarms; any other is ``UpsFlag.ALARM``."""

_RESULTS = {1: "passed", 2: "warning", 3: "failed", 4: "aborted", 5: "in progress", 6: ""}
"""``upsTestResultsSummary``."""

MAX_ALARMS = 32


def reading_from_values(values: Mapping[str, Value], alarms: Iterable[Value]) -> UpsReading:
    """Judge what a UPS answered; ``alarms`` are the rows of its alarm table."""
    source = _integer(values, OUTPUT_SOURCE)
    flags = _SOURCES.get(source) if source is not None else None
    if flags is not None:
        if _integer(values, _BATTERY_STATUS) in _LOW:
            flags |= UpsFlag.LB
        for alarm in alarms:
            flags |= _ALARMS.get(alarm, UpsFlag.ALARM) if isinstance(alarm, str) else UpsFlag(0)
    minutes = _integer(values, _MINUTES_LEFT, high=30 * 1440)
    voltage = _integer(values, _BATTERY_DECIVOLTS, high=10_000)
    loads = [load for oid in _OUTPUT_LOAD if (load := _integer(values, oid, high=1000)) is not None]
    powers = [power for oid in _OUTPUT_POWER if (power := _integer(values, oid, high=1_000_000)) is not None]
    return UpsReading(
        flags=flags,
        battery_charge_percent=_integer(values, _CHARGE_LEFT, high=100),
        runtime_s=None if minutes is None else minutes * 60,
        load_percent=max(loads, default=None),
        input_voltage_v=_integer(values, _INPUT_VOLTAGE, high=1000),
        battery_voltage_v=None if voltage is None else voltage / 10,
        temperature_celsius=_integer(values, _TEMPERATURE, low=-50, high=150),
        power_w=sum(powers) if powers else None,
        nominal_power_w=_integer(values, _NOMINAL_POWER, low=1, high=1_000_000),
        test_result=_test_result(values),
        model=" ".join(filter(None, (_text(values, _MANUFACTURER), _text(values, _MODEL))))[:64],
        detail="" if flags is not None else f"upsOutputSource {'missing' if source is None else source}",
    )


def _test_result(values: Mapping[str, Value]) -> str:
    summary = _integer(values, _TEST_RESULT)
    result = "" if summary is None else _RESULTS.get(summary, "")
    detail = _text(values, _TEST_DETAIL)
    return f"{result}: {detail}" if result and detail else result


def _integer(values: Mapping[str, Value], oid: str, *, low: int = 0, high: int = 2**31 - 1) -> int | None:
    value = values.get(oid)
    return value if isinstance(value, int) and low <= value <= high else None


def _text(values: Mapping[str, Value], oid: str) -> str:
    value = values.get(oid)
    if not isinstance(value, bytes):
        return ""
    return "".join(char for char in value.decode("utf-8", "replace") if char.isprintable()).strip()[:64]

"""The UPS-MIB of RFC 1628: what its values mean, and that no value is believed that cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import UpsFlag
from drivers.ups.upsmib import OBJECTS, Value, reading_from_values

MIB = "1.3.6.1.2.1.33.1"
SOURCE, BATTERY = f"{MIB}.4.1.0", f"{MIB}.2.1.0"
_VALUES = st.integers() | st.binary(max_size=30) | st.text(max_size=30)


@given(st.dictionaries(st.sampled_from(OBJECTS), _VALUES), st.lists(_VALUES, max_size=5))
def test_any_values_give_figures_in_their_range(values: dict[str, Value], alarms: list[Value]) -> None:
    reading = reading_from_values(values, alarms)
    assert reading.battery_charge_percent is None or 0 <= reading.battery_charge_percent <= 100
    assert reading.runtime_s is None or 0 <= reading.runtime_s <= 30 * 86400
    assert reading.model.isprintable()
    assert reading.flags is not None or reading.detail


@pytest.mark.parametrize(
    ("source", "flags"),
    [
        (1, None),
        (2, UpsFlag.OFF),
        (3, UpsFlag.OL),
        (4, UpsFlag.OL | UpsFlag.BYPASS),
        (5, UpsFlag.OB | UpsFlag.DISCHRG),
        (6, UpsFlag.OL | UpsFlag.BOOST),
        (7, UpsFlag.OL | UpsFlag.TRIM),
        (8, None),
        (b"3", None),
    ],
)
def test_the_output_source_says_where_the_power_is_from(source: Value, flags: UpsFlag | None) -> None:
    assert reading_from_values({SOURCE: source}, []).flags == flags


@pytest.mark.parametrize("status", [3, 4])
def test_a_low_or_depleted_battery_is_low(status: int) -> None:
    assert reading_from_values({SOURCE: 5, BATTERY: status}, []).battery_low


def test_alarms() -> None:
    reading = reading_from_values({SOURCE: 3}, [f"{MIB}.6.3.1", f"{MIB}.6.3.24", f"{MIB}.6.3.23"])
    assert reading.flags == UpsFlag.OL | UpsFlag.RB | UpsFlag.FSD
    assert reading_from_values({SOURCE: 3}, [f"{MIB}.6.3.13"]).flags == UpsFlag.OL | UpsFlag.ALARM


def test_three_phases_are_one_ups() -> None:
    values: dict[str, Value] = {SOURCE: 3}
    values |= {f"{MIB}.4.4.1.4.{line}": 100 * line for line in (1, 2, 3)}
    values |= {f"{MIB}.4.4.1.5.{line}": 10 * line for line in (1, 2, 3)}
    reading = reading_from_values(values, [])
    assert (reading.power_w, reading.load_percent) == (600, 30)


def test_a_test_result_with_its_detail() -> None:
    values: dict[str, Value] = {SOURCE: 3, f"{MIB}.7.3.0": 3, f"{MIB}.7.4.0": b"battery 2 weak\x00"}
    assert reading_from_values(values, []).test_result == "failed: battery 2 weak"

"""chronyc's report, as its programmer printed it and as nobody should."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.machine import chrony
from drivers.machine.chrony import Chrony, parse

TRACKING = "C0A80001,192.168.0.1,3,1795857318.612,{offset},0.0000012,0.000003,1.2,0.01,0.02,0.0042,0.0011,64.2,{leap}"
SOURCES = """
^,*,192.168.0.1,2,6,377,23,0.000012,0.000014,0.0008
^,?,192.168.0.2,0,6,0,4294967295,0.0,0.0,4.0
"""


def report(offset: str = "0.25", leap: str = "Normal") -> str:
    return TRACKING.format(offset=offset, leap=leap) + SOURCES


def test_a_kept_clock() -> None:
    found = parse(report())
    assert found is not None
    assert found.is_synchronised
    assert (found.stratum, found.sources, found.reachable) == (3, 2, 1)
    assert found.offset_s == -0.25, "a correction still to be made: this clock is slow"
    assert found.uncertainty_s == pytest.approx(0.0042 / 2 + 0.0011)


def test_a_clock_that_follows_nothing() -> None:
    found = parse(report(leap="Not synchronised"))
    assert found is not None
    assert not found.is_synchronised
    assert parse("506 Cannot talk to daemon\n") is None
    assert parse("") is None
    assert parse(report("nan")) is None
    assert parse(report("inf")) is None


@given(st.text(max_size=400) | st.lists(st.text(alphabet=",.0123456789ef^*?N\n-", max_size=40)).map(",".join))
def test_whatever_it_prints(text: str) -> None:
    assert parse(text) is None or math.isfinite(parse(text).offset_s)  # type: ignore[union-attr]


@given(st.lists(st.text(alphabet="0123456789.-+einfaNrml", max_size=8), min_size=14, max_size=14), st.text(max_size=60))
def test_whatever_stands_in_its_fields(fields: list[str], more: str) -> None:
    found = parse(",".join(fields) + "\n" + more)
    if found is not None:
        assert 0 <= found.stratum <= 16
        assert found.uncertainty_s >= 0
        assert 0 <= found.reachable <= found.sources


def test_where_it_is_not_installed_or_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert Chrony().tracking() is None
    monkeypatch.undo()
    monkeypatch.setattr(chrony, "TIMEOUT_S", 0.2)
    hanging = Chrony()
    hanging._command = ("sleep", "10")
    assert hanging.tracking() is None

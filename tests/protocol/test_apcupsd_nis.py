"""apcupsd's network server: records cut anywhere, reports good and bad, and what is believed of them."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import UpsFlag
from drivers.ups.nis import MAX_RECORD_BYTES, MAX_RECORDS, NisProtocolError, Report, reading_from_fields


def record(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def answer(*lines: str) -> bytes:
    return b"".join(map(record, lines)) + b"\0\0"


GOOD = answer("STATUS   : ONLINE \n", "UPSNAME  : a: b\n", "END APC  : 2026-11-28 09:00:00 +0800\n")


@given(cuts=st.lists(st.integers(0, len(GOOD)), max_size=8).map(sorted))
def test_a_report_is_the_same_wherever_it_is_cut(cuts: list[int]) -> None:
    report = Report()
    pieces = [GOOD[start:end] for start, end in zip([0, *cuts], [*cuts, len(GOOD)], strict=True)]
    done = [report.feed(piece) for piece in pieces if piece]
    assert done[-1]
    assert not any(done[:-1])
    assert report.fields == {"STATUS": "ONLINE", "UPSNAME": "a: b", "END APC": "2026-11-28 09:00:00 +0800"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (struct.pack(">H", MAX_RECORD_BYTES + 1), "record too long"),
        (b"HTTP/1.1 400", "record too long"),
        (record("no colon"), "no field"),
        (record(""), "data behind"),
        (GOOD + b"x", "data behind the end"),
        (record("A : 1") * (MAX_RECORDS + 1), "report too long"),
    ],
)
def test_what_is_no_report_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(NisProtocolError, match=reason):
        Report().feed(data + b"x")


@given(st.binary(max_size=600) | st.lists(st.text(max_size=30)).map(lambda lines: answer(*lines)))
def test_any_bytes_give_a_reading_or_a_typed_error(data: bytes) -> None:
    report = Report()
    with suppress(NisProtocolError):
        report.feed(data)
    reading_from_fields(report.fields)


_FIGURES = ["BCHARGE", "TIMELEFT", "LOADPCT", "LINEV", "MBATTCHG", "BATTV", "ITEMP", "NOMPOWER"]


@given(st.dictionaries(st.sampled_from([*_FIGURES, "STATFLAG", "SELFTEST"]), st.text(max_size=20)))
def test_any_fields_give_figures_in_their_range(fields: dict[str, str]) -> None:
    reading = reading_from_fields({"STATFLAG": "0x05000008"} | fields)
    assert reading.battery_charge_percent is None or 0 <= reading.battery_charge_percent <= 100
    assert reading.runtime_s is None or reading.runtime_s >= 0


@pytest.mark.parametrize(
    ("statflag", "flags"),
    [
        ("0x05000008", UpsFlag.OL),
        ("0x05000408 Status Flag", UpsFlag.OL),
        ("0x05060010", UpsFlag.OB | UpsFlag.DISCHRG),
        ("0x05060050", UpsFlag.OB | UpsFlag.DISCHRG | UpsFlag.LB),
        ("0x05000088", UpsFlag.OL | UpsFlag.RB),
        ("0x0500020A", UpsFlag.OL | UpsFlag.TRIM | UpsFlag.FSD),
        ("0x05000108", None),
        ("0x05000000", None),
        ("N/A", None),
        ("", None),
    ],
)
def test_the_status_bits(statflag: str, flags: UpsFlag | None) -> None:
    assert reading_from_fields({"STATFLAG": statflag}).flags == flags


def test_figures_with_their_units() -> None:
    reading = reading_from_fields(
        {
            "STATFLAG": "0x05000008",
            "TIMELEFT": "42.5 Minutes",
            "BCHARGE": "101.0 Percent",
            "ITEMP": "-5.0 C",
            "LINEV": "N/A",
            "SELFTEST": "BT",
            "MODEL": "Back-UPS\x1b 600 ",
        }
    )
    assert reading.runtime_s == 2550
    assert reading.battery_charge_percent is None
    assert reading.temperature_celsius == -5
    assert reading.input_voltage_v is None
    assert reading.test_result == "failed: battery capacity"
    assert reading.model == "Back-UPS 600"

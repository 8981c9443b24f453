"""apcupsd's network information server (NIS): records to fields, fields to a reading. No I/O.

A record is its length in two bytes, high byte first, and that many bytes; length 0 ends an answer (apcupsd's manual,
"NIS Network Server Protocol", and src/lib/asys.c). Fields are lines ``KEY      : value`` with the unit behind a figure.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from enum import IntFlag

from drivers.contracts import UpsFlag, UpsReading

QUESTION = struct.pack(">H", 6) + b"status"
"""Asks for the status report."""

MAX_RECORD_BYTES = 1024
"""Longest accepted record. apcupsd's own lines have fewer than 256 bytes."""

MAX_RECORDS = 256
"""Most records accepted in one report. apcupsd 3.14 knows about 70 fields."""

_NUMBER = re.compile(r"([+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?)(?: |\Z)")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,8}")
_FIELD = re.compile(r"([A-Z0-9 ]{1,9}?) *: ?(.*)", re.DOTALL)


class NisProtocolError(Exception):
    """The server said something that is no report."""


class StatusBit(IntFlag):
    """Bits of ``STATFLAG`` (apcupsd's include/defines.h)."""

    CALIBRATION = 0x1
    TRIM = 0x2
    BOOST = 0x4
    ONLINE = 0x8
    ON_BATTERY = 0x10
    OVERLOAD = 0x20
    BATTERY_LOW = 0x40
    REPLACE_BATTERY = 0x80
    COMMUNICATION_LOST = 0x100
    SHUTDOWN = 0x200


_FLAGS: Mapping[StatusBit, UpsFlag] = {
    StatusBit.CALIBRATION: UpsFlag.CAL,
    StatusBit.TRIM: UpsFlag.TRIM,
    StatusBit.BOOST: UpsFlag.BOOST,
    StatusBit.ONLINE: UpsFlag.OL,
    StatusBit.ON_BATTERY: UpsFlag.OB | UpsFlag.DISCHRG,
    StatusBit.OVERLOAD: UpsFlag.OVER,
    StatusBit.BATTERY_LOW: UpsFlag.LB,
    StatusBit.REPLACE_BATTERY: UpsFlag.RB,
    StatusBit.SHUTDOWN: UpsFlag.FSD,
}

_SELF_TEST = {"OK": "passed", "BT": "failed: battery capacity", "NG": "failed", "IP": "in progress", "WN": "warning"}
"""``SELFTEST``; "NO" and anything else say nothing."""


class Report:
    """Collects the records of one answer as they come in."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._count = 0
        self.fields: dict[str, str] = {}

    def feed(self, data: bytes) -> bool:
        """Take bytes as they came; true when the report is complete.

        Raises:
            NisProtocolError: a record that is too long or no field, too many of them, or bytes behind the end.
        """
        self._buffer += data
        while len(self._buffer) >= 2:
            (length,) = struct.unpack_from(">H", self._buffer)
            if length > MAX_RECORD_BYTES:
                raise NisProtocolError("record too long")
            if length == 0:
                if len(self._buffer) > 2:
                    raise NisProtocolError("data behind the end")
                return True
            if len(self._buffer) < 2 + length:
                return False
            self._take(bytes(self._buffer[2 : 2 + length]))
            del self._buffer[: 2 + length]
        return False

    def _take(self, record: bytes) -> None:
        self._count += 1
        if self._count > MAX_RECORDS:
            raise NisProtocolError("report too long")
        match = _FIELD.fullmatch(record.decode("utf-8", "replace").rstrip())
        if match is None:
            raise NisProtocolError("no field")
        self.fields[match[1]] = match[2].strip()


def reading_from_fields(fields: Mapping[str, str]) -> UpsReading:
    """Judge a report. What was known before the cable came off is not believed."""
    text = fields.get("STATFLAG", "").split(" ")[0]
    if not _HEX.fullmatch(text):
        return UpsReading(flags=None, detail="STATFLAG missing")
    bits = StatusBit(int(text, 16) & sum(StatusBit))
    if StatusBit.COMMUNICATION_LOST in bits:
        return UpsReading(flags=None, detail="COMMLOST")
    flags = UpsFlag(0)
    for bit, flag in _FLAGS.items():
        if bit in bits:
            flags |= flag
    if not flags & (UpsFlag.OL | UpsFlag.OB):
        return UpsReading(flags=None, detail=f"STATFLAG {text}")
    minutes = _number(fields, "TIMELEFT", high=30 * 1440)
    return UpsReading(
        flags=flags,
        battery_charge_percent=_number(fields, "BCHARGE", high=100),
        runtime_s=None if minutes is None else minutes * 60,
        load_percent=_number(fields, "LOADPCT", high=1000),
        input_voltage_v=_number(fields, "LINEV", high=1000),
        battery_low_percent=_number(fields, "MBATTCHG", high=100),
        battery_voltage_v=_number(fields, "BATTV", high=1000),
        temperature_celsius=_number(fields, "ITEMP", low=-50, high=150),
        nominal_power_w=_number(fields, "NOMPOWER", low=1, high=1_000_000),
        test_result=_SELF_TEST.get(fields.get("SELFTEST", ""), ""),
        model=_printable(fields.get("MODEL", "")),
        serial=_printable(fields.get("SERIALNO", "")),
    )


def _number(fields: Mapping[str, str], name: str, *, low: float = 0, high: float) -> float | None:
    match = _NUMBER.match(fields.get(name, ""))
    value = float(match[1]) if match else math.nan
    return value if low <= value <= high else None


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).strip()[:64]

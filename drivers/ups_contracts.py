"""What every UPS promises, and what it says; see ``drivers.contracts``, from where these names are imported."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, StrEnum, auto
from typing import Protocol


class UpsFlag(Flag):
    """Tokens of NUT's ``ups.status`` (RFC 9271, and NUT's docs/new-drivers.txt). Unknown tokens are ignored."""

    OL = auto()
    OB = auto()
    LB = auto()
    HB = auto()
    RB = auto()
    CHRG = auto()
    DISCHRG = auto()
    BYPASS = auto()
    CAL = auto()
    OFF = auto()
    OVER = auto()
    TRIM = auto()
    BOOST = auto()
    FSD = auto()
    ALARM = auto()


@dataclass(frozen=True, kw_only=True)
class UpsReading:
    """One poll of a UPS. Every figure is optional: UPSes leave out what they do not measure.

    Attributes:
        flags: the status; ``None`` when the server is away, the driver stale or the status missing. Never guessed.
        runtime_s: the device's own estimate of the seconds left on battery.
        battery_low_percent: charge at which it will call its battery low.
        power_w: real power drawn from it.
        nominal_power_w: real power that it can give.
        test_result: what it says of its last battery test, "" when it says nothing.
        detail: NUT's error token ("DATA-STALE", "DRIVER-NOT-CONNECTED") or the connection's failure.
    """

    flags: UpsFlag | None
    battery_charge_percent: float | None = None
    runtime_s: float | None = None
    load_percent: float | None = None
    input_voltage_v: float | None = None
    battery_low_percent: float | None = None
    battery_voltage_v: float | None = None
    temperature_celsius: float | None = None
    power_w: float | None = None
    nominal_power_w: float | None = None
    test_result: str = ""
    model: str = ""
    serial: str = ""
    detail: str = ""

    @property
    def on_battery(self) -> bool:
        """Whether the mains are known to be lost."""
        return self.flags is not None and UpsFlag.OB in self.flags

    @property
    def battery_low(self) -> bool:
        """Whether the UPS says its end is near, or a forced shutdown was announced."""
        return self.flags is not None and bool(self.flags & (UpsFlag.LB | UpsFlag.FSD))


class BatteryTest(StrEnum):
    """What a UPS may be asked to do with its battery (NUT's ``test.battery.start.quick`` and ``.deep``)."""

    QUICK = "quick"
    DEEP = "deep"


class Ups(Protocol):
    """An uninterruptible power supply. One thread calls it."""

    def poll(self, *, timeout_s: float) -> UpsReading:
        """Read it once. Never raises for a UPS or server that is away: that is ``flags=None`` with the reason."""

    def start_test(self, test: BatteryTest, *, timeout_s: float) -> None:
        """Ask it to run on its battery for a while; how that goes is seen by ``poll``.

        Raises:
            DeviceError: UPS_TEST_REFUSED, with the reason in its message: no right, no such test, or nobody answers.
        """

    def stop_test(self, *, timeout_s: float) -> None:
        """End a running test; the load is back on the mains. Raises as ``start_test``."""

    def close(self) -> None:
        """Close the connection. Idempotent."""


class Feeds(StrEnum):
    """What a UPS keeps alive."""

    BOOTH = "booth"
    SWITCH = "switch"
    ROOM = "room"


@dataclass(frozen=True, kw_only=True)
class Supply:
    """One UPS and what hangs on it.

    Attributes:
        id: its name in the configuration, the subject of its readings.
        poll_s: seconds between two polls.
    """

    id: str
    feeds: frozenset[Feeds]
    ups: Ups
    poll_s: float

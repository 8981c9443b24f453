"""Batteries that discharge as real ones do, and UPSes that tell of it as real ones do: late, in steps, or wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from drivers.contracts import UpsFlag, UpsReading

LOW_PERCENT = 20.0


@dataclass(frozen=True, kw_only=True)
class Battery:
    """A battery and its UPS.

    Attributes:
        full_s: from full to empty at ``nominal_load``.
        peukert: 1 is an ideal battery; lead-acid ones lose more at a higher load (1.05 to 1.25).
        curve: by how much the charge as told bends against the charge there is (0: not at all); cheap UPSes read it
            off the voltage.
        step: in which the charge is told, percent.
        noise: of the charge as told, percent.
        estimate: what the UPS says of the time left, from the true time and the seconds since the mains went.
    """

    full_s: float = 5 * 3600
    nominal_load: float = 25.0
    peukert: float = 1.0
    curve: float = 0.0
    step: float = 1.0
    noise: float = 0.0
    estimate: Callable[[float, float], float | None] = field(default=lambda _true_s, _at_s: None)
    load: Callable[[float], float] = field(default=lambda _at_s: 25.0)
    charge: float = 100.0
    poll_s: float = 5.0

    def cost_at(self, load: float) -> float:
        """Seconds per percent of true charge at this load."""
        return self.full_s / 100 * (self.nominal_load / load) ** self.peukert


def discharge(battery: Battery, seed: int = 0) -> Iterator[tuple[float, UpsReading, float]]:
    """Yield seconds since the mains went, the poll, and the true seconds until LOW at the load of that moment."""
    random_ = random.Random(seed)
    true, at_s = battery.charge, 0.0
    while _told(battery, true) > LOW_PERCENT:
        load = battery.load(at_s)
        true_s = _seconds_to_low(battery, true, load)
        told = _told(battery, true) + random_.gauss(0, battery.noise)
        told = min(100.0, max(0.0, round(told / battery.step) * battery.step))
        yield (
            at_s,
            UpsReading(
                flags=UpsFlag.OB | UpsFlag.DISCHRG,
                battery_charge_percent=told,
                battery_low_percent=LOW_PERCENT,
                load_percent=load,
                runtime_s=battery.estimate(true_s, at_s),
                input_voltage_v=0.0,
            ),
            true_s,
        )
        true -= battery.poll_s / battery.cost_at(load)
        at_s += battery.poll_s


def _told(battery: Battery, true: float) -> float:
    part = true / 100
    return 100 * (part + battery.curve * part * (1 - part))


def _seconds_to_low(battery: Battery, true: float, load: float) -> float:
    """The told charge falls with the true one, so the true charge at "low" is found by halving."""
    low, high = 0.0, true
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _told(battery, middle) < LOW_PERCENT else (low, middle)
    return (true - high) * battery.cost_at(load)

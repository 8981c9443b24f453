"""How far the runtime forecast is off: simulated discharges, of which the true time left is known at every poll."""

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import Path

from tests.discharges import Battery, discharge
from workstation.health.power import RuntimeForecast

LAST_S = 300.0
"""The last five minutes are left out: the booth is powering off by then."""


def _steps(now: float) -> float:
    return 25.0 if now < 1800 else 40.0


def _saw(now: float) -> float:
    return 25.0 + 10 * (now // 120 % 2)


CASES = {
    "4 h, charge in 1 % steps": Battery(),
    "the same, 0.5 % noise": Battery(noise=0.5),
    "charge in 5 % steps, 1 % noise": Battery(noise=1, step=5),
    "53 min": Battery(full_s=4000),
    "load 25 to 40 % after 30 min": Battery(load=_steps),
    "the same, Peukert 1.2": Battery(load=_steps, peukert=1.2),
    "load 25/35 % by turns, Peukert 1.2": Battery(load=_saw, peukert=1.2),
    "charge told too high in the middle": Battery(curve=0.3),
    "charge told too low in the middle": Battery(curve=-0.3),
    "device stands still at 4 h 10 min": Battery(estimate=lambda _true_s, _at_s: 15_000.0),
    "device promises twice the time": Battery(estimate=lambda true_s, _at_s: 2 * true_s),
    "honest device, 60 s steps": Battery(estimate=lambda true_s, _at_s: true_s // 60 * 60),
    "honest device, 300 s steps": Battery(estimate=lambda true_s, _at_s: true_s // 300 * 300),
    "device promises half the time": Battery(estimate=lambda true_s, _at_s: true_s / 2),
}


def run(_folder: Path) -> None:
    """Print the table of docs/power.md."""
    print("| discharge | first forecast | median error | 5 % | 95 % | inside the band | by |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, battery in CASES.items():
        print(f"| {name} | {' | '.join(_figures(battery))} |", flush=True)


def _figures(battery: Battery) -> tuple[str, ...]:
    forecast, first_s = RuntimeForecast(), -1.0
    errors: list[float] = []
    inside: list[bool] = []
    sources: Counter[str] = Counter()
    for at_s, reading, true_s in discharge(battery, seed=1):
        found = forecast.observe(reading, 1000 + at_s)
        if found is None:
            continue
        first_s = at_s if first_s < 0 else first_s
        sources[found.source.value] += 1
        if true_s > LAST_S:
            errors.append((found.seconds - true_s) / true_s)
            inside.append(found.low_s <= true_s <= found.high_s)
    low, *_, high = statistics.quantiles(errors, n=20)
    share = 100 * sum(inside) / len(inside)
    by = ", ".join(f"{source} {100 * count / sources.total():.0f} %" for source, count in sources.most_common())
    return (
        f"{first_s:.0f} s",
        f"{100 * statistics.median(errors):+.0f} %",
        f"{100 * low:+.0f} %",
        f"{100 * high:+.0f} %",
        f"{share:.0f} %",
        by,
    )

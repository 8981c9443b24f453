"""What a benchmark says: rows of figures with their budgets, and the machine they were taken on."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure.

    Attributes:
        samples: every measurement; the median is what counts.
        limit: the budget in the same unit, ``None`` where there is none.
        at_least: whether the budget is a lower bound.
    """

    what: str
    samples: Sequence[float]
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def median(self) -> float:
        """The middle measurement."""
        return statistics.median(self.samples)

    @property
    def is_met(self) -> bool:
        """Whether the budget is kept; true where there is none."""
        if self.limit is None:
            return True
        return self.median >= self.limit if self.at_least else self.median <= self.limit

    def cells(self) -> tuple[str, ...]:
        """Return what is printed: name, median, range, budget, verdict."""
        digits = 2 if self.unit == "s" else 1
        spread = f"{min(self.samples):.{digits}f}..{max(self.samples):.{digits}f}" if len(self.samples) > 1 else ""
        sign = ">=" if self.at_least else "<="
        budget = "" if self.limit is None else f"{sign} {self.limit:.{digits}f} {self.unit}"
        verdict = "" if self.limit is None else "met" if self.is_met else "MISSED"
        return self.what, f"{self.median:.{digits}f} {self.unit}", spread, str(len(self.samples)), budget, verdict


def show(title: str, rows: Iterable[Row]) -> None:
    """Print the rows as a Markdown table."""
    head = ("what", "median", "range", "n", "budget", "")
    lines = [head, *(row.cells() for row in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(head))]
    print(f"\n## {title}\n")
    for number, line in enumerate(lines):
        print(
            "| " + " | ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)),
            "|",
        )
        if number == 0:
            print("| " + " | ".join("-" * width for width in widths), "|")


def describe_machine() -> str:
    """Return the machine and the versions, one line each."""
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    chromium = subprocess.run(
        ["chromium", "--version"], capture_output=True, text=True, check=True, timeout=30
    ).stdout.split(" built")[0]
    return "\n".join(
        (
            f"- CPU: {_cpu_model()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB of memory",
            f"- OS: {platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}",
            f"- Python {platform.python_version()}, PySide6 {version('PySide6-Essentials')}, {chromium.strip()}",
            f"- load average before the run: {os.getloadavg()[0]:.2f}",
        )
    )


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)

"""Health and reporting: what it costs to look at everything, to write it down, and to tell the site.

Each section is a module of its own, ``health_*.py``, with a ``run(directory)`` that prints its table.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.bench import health_catch_up, health_idle, health_journal, health_metrics, health_report_size

SECTIONS: dict[str, Callable[[Path], None]] = {
    "idle": health_idle.run,
    "journal": health_journal.run,
    "report size": health_report_size.run,
    "catch up": health_catch_up.run,
    "metrics": health_metrics.run,
}


def run(directory: Path) -> None:
    """Measure section by section, each in a folder of its own."""
    for name, section in SECTIONS.items():
        folder = directory / name
        folder.mkdir()
        section(folder)

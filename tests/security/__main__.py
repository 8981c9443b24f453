"""``python -m tests.security``: run every attempt and the control, keep the results, write the table."""

from __future__ import annotations

import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from tests.security import chromium_run, kiosk_run, report
from tests.security.attempts import load


def main() -> int:
    """Return 1 when something got out."""
    if sys.argv[1:] != ["--table"]:
        _run()
    report.PAGE.parent.mkdir(exist_ok=True)
    report.PAGE.write_text(report.page(load()), encoding="utf-8")
    return int("OUT" in report.page(load()).split("## keys")[1])


def _run() -> None:
    with tempfile.TemporaryDirectory(prefix="escape-", ignore_cleanup_errors=True) as folder:
        started = time.monotonic()
        outcomes = kiosk_run.run(Path(folder) / "kiosk", load())
        if find_spec("workstation.environment") is not None:
            outcomes += kiosk_run.run_with_environment(Path(folder) / "environment", load())
        seconds = time.monotonic() - started
        for outcome in outcomes:
            if outcome.escaped:
                print("OUT", outcome.id, outcome.escaped, outcome.result)
        report.save(outcomes, {}, seconds)
        control = chromium_run.run([one for one in load() if one.control])
    report.save(outcomes, control, seconds)


if __name__ == "__main__":
    sys.exit(main())

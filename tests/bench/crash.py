"""``python -m tests.bench.crash --runs 1000``: a booth is killed that often, about half the times with a power cut."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.runs import CrashRuns


def main() -> int:
    """Run, print what was left, and fail when anything was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.crash", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-") as scratch:
        outcome = CrashRuns(Path(scratch), options.seed).run(options.runs)
    print(
        f"{outcome.lives} lives in {time.monotonic() - begun:.0f} s: {outcome.killed} killed, {outcome.cuts} power cuts"
    )
    print(f"{outcome.promised} events promised: {len(outcome.lost)} lost, {len(outcome.doubled)} doubled")
    print(f"{len(outcome.incidents)} incidents at the site, {outcome.unsound} restarts found the journal damaged")
    is_well = not (outcome.lost or outcome.doubled or outcome.incidents or outcome.unsound or outcome.failed)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())

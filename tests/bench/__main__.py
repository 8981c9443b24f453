"""``python -m tests.bench [name...]``: run the named benchmarks, or all, and print their tables.

``face-accuracy`` needs data and a command line of its own: ``./dev bench face-accuracy --help``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PySide6.QtGui import QGuiApplication

from tests.bench import browser, conference, day, face, face_accuracy, health, idcard, media, pad, policy, power, start
from tests.bench.report import describe_machine
from tests.bench.screen import SIZE
from workstation.drill.__main__ import virtual_screen

BENCHMARKS: dict[str, Callable[[Path], None]] = {
    "start": start.run,
    "browser": browser.run,
    "day": day.run,
    "idcard": idcard.run,
    "policy": policy.run,
    "power": power.run,
    "face": face.run,
    "media": media.run,
    "conference": conference.run,
    "health": health.run,
    "face-pad": pad.run,
}
ONLY_WHEN_NAMED = frozenset({"face-pad"})
"""Half an hour, and no figure of it is a speed."""


def main() -> int:
    """Run the benchmarks; a missed budget is printed, not failed: another machine is not a defect."""
    if sys.argv[1:2] == ["face-accuracy"]:
        return face_accuracy.main(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    usual = [name for name in BENCHMARKS if name not in ONLY_WHEN_NAMED]
    told = f"{', '.join(BENCHMARKS)}; without a name {', '.join(usual)}"
    parser.add_argument("names", nargs="*", metavar="name", help=told)
    names = parser.parse_args().names
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    print(f"{datetime.now().astimezone():%Y-%m-%d %H:%M}\n\n{describe_machine()}", flush=True)
    with virtual_screen(SIZE):
        eye = QGuiApplication(sys.argv[:1])
        for name in names or usual:
            with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as directory:
                BENCHMARKS[name](Path(directory))
        del eye
    return 0


if __name__ == "__main__":
    sys.exit(main())

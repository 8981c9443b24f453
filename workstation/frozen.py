"""The bundle's executable: runs one of our programs as ``python -m`` would, the kiosk when none is named.

It imports nothing of ours but the list of programs, so that a child such as the face worker loads only what it needs.
"""

from __future__ import annotations

import runpy
import sys

from workstation.spawn import PROGRAMS


def main() -> None:
    """Run the program that the command line names; the program ends the process.

    Raises:
        SystemExit: ``-m`` names something else; a bundle is no Python interpreter for whoever can start it.
    """
    module, arguments = "workstation", sys.argv[1:]
    if arguments[:1] == ["-m"]:
        module, arguments = "".join(arguments[1:2]), arguments[2:]
        if module not in PROGRAMS:
            raise SystemExit(f"evaluation-workstation: -m takes one of {', '.join(sorted(PROGRAMS))}")
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

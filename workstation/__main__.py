"""``evaluation-workstation``: cleans the environment, then starts the booth. Loads nothing before that."""

from __future__ import annotations

import sys

from workstation import environment


def main() -> int:
    """Run the booth until it is told to stop; return the exit code."""
    environment.enter()
    from workstation import kiosk  # noqa: PLC0415 - Qt reads the environment when it is loaded

    return kiosk.main()


if __name__ == "__main__":
    sys.exit(main())

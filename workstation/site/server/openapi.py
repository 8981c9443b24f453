"""Writes the site API's description (OpenAPI 3.1), or checks that the written one is still true."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from workstation.site.contract import Problem
from workstation.site.server.app import create_app

PATH = Path("docs/reference/site-api.json")
"""Relative to the checkout, where this is run."""


def document() -> str:
    """Return the description as it belongs in the file."""
    description = create_app(None).openapi()
    description["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    return json.dumps(description, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write or compare. Returns 1 when the file differs from the code."""
    parser = argparse.ArgumentParser(prog="python -m workstation.site.server.openapi", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true")
    action.add_argument("--check", action="store_true")
    if parser.parse_args(arguments).write:
        PATH.parent.mkdir(parents=True, exist_ok=True)
        PATH.write_text(document(), encoding="utf-8")
        return 0
    if not PATH.exists() or PATH.read_text(encoding="utf-8") != document():
        sys.stderr.write(f"{PATH} differs from the code: run this with --write\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

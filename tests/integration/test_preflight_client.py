"""The pre-flight of an external conference client: its program, and a screen with a window manager."""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.packs import make_pack
from workstation.drill.__main__ import virtual_screen
from workstation.preflight.client import check_client

PROGRAM = b"#!/bin/sh\n"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "client"
    path.write_bytes(PROGRAM)
    path.chmod(0o755)
    return path


def check(path: Path, **changes: Any) -> list[tuple[str, str, str]]:
    client = {"command": [str(path)], "window": {"title": "."}} | changes
    found = check_client(make_pack(conference="external", external_client=client))
    return [(check.subject, check.verdict.value, check.reason) for check in found]


def wait_for_manager() -> None:
    """Return when the window manager has taken the screen, as xprop sees it."""
    deadline = time.monotonic() + 20
    while (
        "window id"
        not in subprocess.run(
            ["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], capture_output=True, text=True, check=False
        ).stdout
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_pack_without_a_client_has_nothing_to_check() -> None:
    assert check_client(make_pack()) == []


def test_program_and_screen_are_good(program: Path) -> None:
    with virtual_screen("640x480"):
        wait_for_manager()
        found = check(program, sha256=hashlib.sha256(PROGRAM).hexdigest())
    assert found == [(str(program), "pass", "good"), ("X11", "pass", "good")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sha256": "0" * 64}, "file-altered"),
        ({"package": "no-such-package-anywhere"}, "package-missing"),
        ({"package": "dpkg", "minimum": "99"}, "package-old"),
        ({"command": ["/nonexistent/client"]}, "file-missing"),
    ],
)
def test_what_is_wrong_with_the_program_is_named(
    program: Path, changes: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    [(_, verdict, found), screen] = check(program, **changes)
    assert (verdict, found) == ("fail", reason)
    assert screen == ("X11", "warn", "no-screen")


def test_a_file_that_is_no_program_is_none(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    program.chmod(0o644)
    assert check(program)[0] == (str(program), "fail", "not-executable")


def test_a_screen_without_a_window_manager_is_none(program: Path) -> None:
    with virtual_screen("640x480", ("sleep", "60")):
        assert check(program)[1] == ("X11", "warn", "no-screen")

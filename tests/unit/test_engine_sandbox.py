"""When the browser engine may start, and with which environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.errors import ErrorCode, KioskError
from workstation.evaluation.engine import check_sandbox, has_graphics_hardware


@pytest.mark.parametrize(
    ("drill", "is_root", "environ", "changes"),
    [
        (False, False, {}, {}),
        (False, False, {"QTWEBENGINE_CHROMIUM_FLAGS": "--disable-gpu"}, {}),
        (True, False, {"QTWEBENGINE_REMOTE_DEBUGGING": "1"}, {}),
        (True, True, {}, {"QTWEBENGINE_DISABLE_SANDBOX": "1"}),
    ],
)
def test_where_the_engine_may_start(
    drill: bool, is_root: bool, environ: dict[str, str], changes: dict[str, str]
) -> None:
    assert check_sandbox(drill=drill, is_root=is_root, environ=environ) == changes


@pytest.mark.parametrize(
    ("is_root", "environ"),
    [
        (True, {}),
        (False, {"QTWEBENGINE_DISABLE_SANDBOX": "1"}),
        (False, {"QTWEBENGINE_DISABLE_SANDBOX": "0"}),
        (False, {"QTWEBENGINE_REMOTE_DEBUGGING": "9222"}),
        (False, {"QTWEBENGINEPROCESS_PATH": "/tmp/x"}),
        (False, {"QTWEBENGINE_CHROMIUM_FLAGS": "--disable-gpu --no-sandbox"}),
        (False, {"QTWEBENGINE_CHROMIUM_FLAGS": "--remote-debugging-port=9222"}),
    ],
)
def test_production_refuses_a_weak_engine(is_root: bool, environ: dict[str, str]) -> None:
    with pytest.raises(KioskError) as caught:
        check_sandbox(drill=False, is_root=is_root, environ=environ)
    assert caught.value.code is ErrorCode.INTERNAL
    assert not caught.value.retryable


def test_graphics_hardware_is_a_render_node(tmp_path: Path) -> None:
    assert not has_graphics_hardware(tmp_path / "none")
    (tmp_path / "card0").touch()  # a screen alone cannot render
    assert not has_graphics_hardware(tmp_path)
    (tmp_path / "renderD128").touch()
    assert has_graphics_hardware(tmp_path)

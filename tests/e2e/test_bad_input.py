"""The program as IT starts it: what cannot be used, or must not run as root, ends at once and says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w

EXIT_CONFIG = 78
LIMIT_S = 60


def start(config: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workstation", "--config", str(config)],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"} | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "booth.toml"


def write(config: Path, **sections: object) -> None:
    keys = {"pack_keys": [f"ed25519:{'A' * 43}"]}
    document = {"schema_version": 1, "place": {"booth_id": "booth-03"}, "main_site": keys, **sections}
    config.write_text(tomli_w.dumps(document), encoding="utf-8")


def test_a_bad_configuration_tells_everything_at_once(config: Path) -> None:
    write(
        config,
        reader={"timout_s": 3.0},
        ups=[{"id": "a", "feeds": ["booth"], "port": -1}],
        camera={"driver": "simulated"},
        zzz=1,
    )
    done = start(config)
    assert done.returncode == EXIT_CONFIG
    lines = done.stderr.splitlines()
    assert len(lines) == 5
    for key in ("reader.timout_s", "ups.0.port", "camera.driver", "zzz"):
        assert sum(line.startswith(f"{config}: {key}: ") for line in lines) == 1
    assert lines[-1] == "4 problem(s) in the configuration"
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_missing_configuration(config: Path) -> None:
    done = start(config)
    assert done.returncode == EXIT_CONFIG
    assert done.stderr == (f"{config}: cannot be read: No such file or directory\n1 problem(s) in the configuration\n")


@pytest.mark.parametrize("weakness", ["QTWEBENGINE_DISABLE_SANDBOX", "QTWEBENGINE_REMOTE_DEBUGGING"])
def test_a_production_start_with_a_weak_browser_is_refused(config: Path, tmp_path: Path, weakness: str) -> None:
    write(config, storage={"data_dir": str(tmp_path / "data")})
    done = start(config, **{weakness: "1"})
    assert done.returncode == EXIT_CONFIG
    assert done.stderr.startswith("refused to start: E-901 ")
    assert not (tmp_path / "data").exists(), "nothing was begun"


def test_a_production_start_without_a_sandbox_says_why(config: Path, tmp_path: Path) -> None:
    write(config, storage={"data_dir": str(tmp_path / "data")})
    done = start(config, QTWEBENGINE_DISABLE_SANDBOX="1")
    assert done.returncode == EXIT_CONFIG
    as_root = "the browser must not run as root: Chromium has no sandbox there"
    reason = as_root if os.geteuid() == 0 else "QTWEBENGINE_DISABLE_SANDBOX is set"
    assert done.stderr == f"refused to start: E-901 {reason}\n"
    assert not (tmp_path / "data").exists(), "nothing was begun"

"""``kiosk-config headset test`` over a real PulseAudio server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.simulated.pulse import CAPTURE_NAME, PLAYBACK_NAME, PulseService
from kiosk_config.__main__ import main

BOOTH = 'schema_version = 1\nmode = "drill"\nplace.booth_id = "a-1"\n[headset]\n'


def test_the_morning(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    allow_logs: Callable[[str], None],
) -> None:
    config = tmp_path / "booth.toml"
    config.write_text(f'{BOOTH}driver = "pulse"\nplayback = "{PLAYBACK_NAME}"\ncapture = "{CAPTURE_NAME}"\n')
    command = ["headset", "test", "--config", str(config)]
    with PulseService(tmp_path) as pulse:
        monkeypatch.setenv("PULSE_SERVER", pulse.server)
        assert main(command) == 1
        assert "failed, E-401: no whole headset" in capsys.readouterr().out
        pulse.plug()
        assert main(command) == 1
        assert "failed, E-402: the microphone is silent" in capsys.readouterr().out
        pulse.lay_down()
        assert main(command) == 0
        assert capsys.readouterr().out == "USB-Headset-Speaker: good: the microphone heard the tone of the ear cups\n"
    assert main(command) == 1


def test_a_simulated_headset_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "booth.toml"
    config.write_text(f'{BOOTH}driver = "simulated"\n')
    assert main(["headset", "test", "--config", str(config)]) == 1
    assert "simulated" in capsys.readouterr().err

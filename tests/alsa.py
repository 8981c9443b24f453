"""ALSA devices of a virtual headset, as PortAudio sees them: each leads to an endpoint of a real PulseAudio server.

ALSA's ``pulse`` devices are listed as long as the configuration names them, whether the server has the endpoint or
not, so the plug is pulled in both.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.simulated.pulse import CAPTURE_NAME, PLAYBACK_NAME, PulseService

PLAYBACK_PCM = "USB-Headset-Speaker"
CAPTURE_PCM = "USB-Headset-Mic"


class AlsaDevices:
    """The configuration that processes started from now on have."""

    def __init__(self, directory: Path, service: PulseService, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file = directory / "asound.conf"
        self._service = service
        monkeypatch.setenv("PULSE_SERVER", service.server)
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(self._file))
        self._write({})

    def plug(self) -> None:
        """Plug the headset in."""
        self._service.plug()
        self._write({PLAYBACK_PCM: PLAYBACK_NAME, CAPTURE_PCM: CAPTURE_NAME})

    def unplug(self) -> None:
        """Pull it."""
        self._service.unplug()
        self._write({})

    def _write(self, endpoints: dict[str, str]) -> None:
        lines = ["</usr/share/alsa/alsa.conf>"]
        lines += [f'pcm."{pcm}" {{ type pulse device "{name}" hint {{ show on }} }}' for pcm, name in endpoints.items()]
        # A child that starts meanwhile sees the old configuration or the new one.
        half = self._file.with_suffix(".new")
        half.write_text("\n".join(lines), encoding="utf-8")
        half.replace(self._file)

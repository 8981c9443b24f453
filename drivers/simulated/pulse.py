"""A real PulseAudio server with a virtual headset that can be plugged and unplugged, for the drill bench and tests.

The server runs in user mode as a child, as the calling user (root or not), with every file in one directory.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import pulsectl

PLAYBACK_NAME = "hs_out"
CAPTURE_NAME = "hs_mic"
"""Names of the virtual headset's endpoints. A driver must be given them: by itself it refuses null devices."""

_AIR_NAME = "hs_air"
_START_TIMEOUT_S = 15.0
_STOP_TIMEOUT_S = 5.0


class PulseService:
    """One sound server without hardware; a context manager.

    Without a headset its only sink is the "Dummy Output" that a real server shows then. The virtual headset's
    microphone hears what is played to the sink ``hs_air``.

    Args:
        directory: an existing directory for the socket, state and log. Its path must be short enough for a Unix
            socket (about 90 characters).

    Attributes:
        server: address for ``PulseHeadset(server=...)`` and the ``PULSE_SERVER`` variable.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.server = f"unix:{directory / 'native'}"
        self._process: subprocess.Popen[bytes] | None = None
        self._playback_modules: list[int] = []
        self._capture_modules: list[int] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server without a headset and return when it answers.

        Raises:
            RuntimeError: it did not work in time; the message ends with the server's own words.
        """
        home = self._directory
        script = home / "default.pa"
        socket_path = home / "native"
        script.write_text(
            f"load-module module-native-protocol-unix socket={socket_path} auth-anonymous=1\n"
            "load-module module-always-sink\n"
        )
        socket_path.unlink(missing_ok=True)
        self._playback_modules, self._capture_modules = [], []
        with (home / "pulseaudio.log").open("wb") as log:
            self._process = subprocess.Popen(
                _command(script),
                env=_environment(home),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def plug(self, *, playback: bool = True, capture: bool = True) -> None:
        """Plug the headset in, or one of its two plugs. What is in already stays."""
        with self._control() as pulse:
            if playback and not self._playback_modules:
                self._playback_modules = [
                    pulse.module_load("module-null-sink", _device("sink", PLAYBACK_NAME, "USB-Headset-Speaker"))
                ]
                pulse.sink_default_set(PLAYBACK_NAME)
            if capture and not self._capture_modules:
                self._capture_modules = [
                    pulse.module_load("module-null-sink", _device("sink", _AIR_NAME, "Air")),
                    pulse.module_load(
                        "module-remap-source",
                        f"master={_AIR_NAME}.monitor {_device('source', CAPTURE_NAME, 'USB-Headset-Mic')}",
                    ),
                ]
                pulse.source_default_set(CAPTURE_NAME)

    def unplug(self, *, playback: bool = True, capture: bool = True) -> None:
        """Pull the headset, or one of its two plugs."""
        with self._control() as pulse:
            if capture:
                for module in reversed(self._capture_modules):
                    pulse.module_unload(module)
                self._capture_modules = []
            if playback:
                for module in self._playback_modules:
                    pulse.module_unload(module)
                self._playback_modules = []

    def mute_capture(self, *, muted: bool) -> None:
        """Mute or unmute the plugged headset's microphone."""
        with self._control() as pulse:
            pulse.mute(pulse.get_source_by_name(CAPTURE_NAME), muted)

    def ear(self, side: Literal["left", "right"]) -> str:
        """Return the name of a source that hears what the headset plays into one ear."""
        name = f"hs_ear_{side}"
        with self._control() as pulse:
            if all(source.name != name for source in pulse.source_list()):
                channels = f"channels=1 channel_map=mono master_channel_map=front-{side} remix=no"
                pulse.module_load(
                    "module-remap-source", f"master={PLAYBACK_NAME}.monitor {channels} source_name={name}"
                )
        return name

    @contextmanager
    def _control(self) -> Iterator[pulsectl.Pulse]:
        pulse = pulsectl.Pulse("drill-bench", server=self.server, connect=False)
        try:
            pulse.connect(autospawn=False)
            yield pulse
        finally:
            pulse.close()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                with self._control() as pulse:
                    pulse.server_info()
                    return
            except pulsectl.PulseError:
                if process.poll() is not None or time.monotonic() > deadline:
                    words = (self._directory / "pulseaudio.log").read_text(errors="replace")[-500:]
                    raise RuntimeError(f"pulseaudio did not start: {words}") from None
            time.sleep(0.02)


def _device(kind: str, name: str, description: str) -> str:
    return f"{kind}_name={name} {kind}_properties=device.description={description}"


def _command(script: Path) -> list[str]:
    return [
        *("pulseaudio", "-n", "-F", str(script), "--daemonize=no", "--exit-idle-time=-1"),
        *("--use-pid-file=no", "--disable-shm=yes", "--realtime=no", "--high-priority=no"),
    ]


def _environment(home: Path) -> dict[str, str]:
    """Return an environment in which the server shares nothing with the user's own sound session."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "PULSE_RUNTIME_PATH": str(home / "runtime"),
        "PULSE_STATE_PATH": str(home / "state"),
        "PULSE_COOKIE": str(home / "cookie"),
    }

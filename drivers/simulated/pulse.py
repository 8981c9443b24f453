"""A real PulseAudio server with virtual headsets that can be plugged, worn and spoken into, for the drill and tests.

The server runs in user mode as a child, as the calling user (root or not), with every file in one directory.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import pulsectl

from drivers.headset.levels import Samples
from drivers.simulated.child import end

PLAYBACK_NAME = "hs_out"
CAPTURE_NAME = "hs_mic"
"""Names of the virtual headset's endpoints. A driver must be given them: by itself it refuses null devices."""
SPARE_PLAYBACK_NAME = "spare_out"
SPARE_CAPTURE_NAME = "spare_mic"
LOUDSPEAKER_NAME = "loudspeaker"

_USB = "device.bus=usb device.form_factor=headset device.vendor.id=1209 device.product.id=0001"
_START_TIMEOUT_S = 15.0


class Which(Enum):
    """The virtual headsets: stem of the endpoints' names, and the product's name."""

    FIRST = ("hs", "USB-Headset")
    SPARE = ("spare", "USB-Spare-Headset")

    @property
    def air(self) -> str:
        """Name of the sink whose sound the microphone hears."""
        return f"{self.value[0]}_air"


class PulseService:
    """One sound server without hardware; a context manager.

    Without a headset its only sink is the "Dummy Output" that a real server shows then. The first virtual headset
    says nothing of itself; the spare says that it is a USB headset.

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
        self._modules: dict[tuple[str, Which], list[int]] = {}
        self._loop: int | None = None
        self._speakers: list[subprocess.Popen[bytes]] = []

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
        self._modules, self._loop = {}, None
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
        """End the server and whoever speaks. Idempotent."""
        self.hush()
        process, self._process = self._process, None
        end(process)

    def plug(self, which: Which = Which.FIRST, *, playback: bool = True, capture: bool = True) -> None:
        """Plug a headset in, or one of its two plugs. What is in already stays."""
        stem, product = which.value
        facts = _USB if which is Which.SPARE else ""
        with self._control() as pulse:
            if playback and not self._modules.get(("playback", which)):
                sink = _device("sink", f"{stem}_out", f"{product}-Speaker", facts)
                self._modules["playback", which] = [pulse.module_load("module-null-sink", sink)]
                pulse.sink_default_set(f"{stem}_out")
            if capture and not self._modules.get(("capture", which)):
                source = _device("source", f"{stem}_mic", f"{product}-Mic", facts)
                self._modules["capture", which] = [
                    pulse.module_load("module-null-sink", _device("sink", which.air, "Air")),
                    pulse.module_load("module-remap-source", f"master={which.air}.monitor {source}"),
                ]
                pulse.source_default_set(f"{stem}_mic")

    def unplug(self, which: Which = Which.FIRST, *, playback: bool = True, capture: bool = True) -> None:
        """Pull a headset, or one of its two plugs."""
        with self._control() as pulse:
            for name, is_pulled in (("capture", capture), ("playback", playback)):
                for module in reversed(self._modules.pop((name, which), []) if is_pulled else []):
                    pulse.module_unload(module)

    def place_loudspeaker(self) -> None:
        """Put a loudspeaker into the room, as the default: what a monitor's sound does on a booth."""
        with self._control() as pulse:
            facts = "device.bus=usb device.form_factor=speaker"
            pulse.module_load("module-null-sink", _device("sink", LOUDSPEAKER_NAME, "Loudspeaker", facts))
            pulse.sink_default_set(LOUDSPEAKER_NAME)

    def lay_down(self) -> None:
        """Lay the headset down so that its ear cup is at the microphone."""
        if self._loop is None:
            with self._control() as pulse:
                way = f"source={PLAYBACK_NAME}.monitor sink={Which.FIRST.air} latency_msec=20"
                self._loop = pulse.module_load("module-loopback", f"{way} source_dont_move=1 sink_dont_move=1")

    def pick_up(self) -> None:
        """Take it up again."""
        loop, self._loop = self._loop, None
        if loop is not None:
            with self._control() as pulse:
                pulse.module_unload(loop)

    def say(self, sound: Samples, which: Which = Which.FIRST) -> None:
        """Begin to play a sound before a microphone (a voice, hum, noise: ``drivers.simulated.voice``)."""
        name = self._directory / f"said-{len(self._speakers)}.raw"
        name.write_bytes(sound.tobytes())
        raw = ("--raw", "--format=s16le", "--rate=48000", "--channels=1", "--latency-msec=40")
        command = ["pacat", "--playback", f"--server={self.server}", f"--device={which.air}", *raw, str(name)]
        self._speakers.append(
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )

    def hush(self) -> None:
        """End every sound that ``say`` began."""
        for speaker in self._speakers:
            speaker.terminate()
            speaker.wait()
        self._speakers = []

    def mute_capture(self, *, muted: bool) -> None:
        """Mute or unmute the plugged headset's microphone."""
        with self._control() as pulse:
            pulse.mute(pulse.get_source_by_name(CAPTURE_NAME), muted)

    def capture_volume(self, volume: float) -> None:
        """Turn the plugged headset's microphone up or down; 1 is 100 %."""
        with self._control() as pulse:
            pulse.volume_set_all_chans(pulse.get_source_by_name(CAPTURE_NAME), volume)

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


def _device(kind: str, name: str, description: str, facts: str = "") -> str:
    return f"{kind}_name={name} {kind}_properties='device.description={description} {facts}'"


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

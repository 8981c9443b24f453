"""A headset in this process, plugged and unplugged on the drill bench."""

from __future__ import annotations

import time
from collections.abc import Set as AbstractSet

from drivers.contracts import CancelToken, DeviceKind, DeviceState, DeviceStatus, HeadsetPair, SoundEndpoint
from drivers.errors import DeviceError, ErrorCode
from drivers.simulated.bench import BenchFile

_LOOK_S = 0.1
_PAIR = HeadsetPair(
    playback=SoundEndpoint(name="simulated-playback", description="USB-Headset-Simulated"),
    capture=SoundEndpoint(name="simulated-capture", description="USB-Headset-Simulated"),
)


class SimulatedHeadset:
    """READY while the bench says plugged, else ABSENT."""

    def __init__(self, bench: BenchFile) -> None:
        self._bench = bench
        self._known: bool | None = None

    def status(self) -> DeviceStatus:
        """Look at the bench; see ``Headset.status``."""
        self._known = self._bench.read().headset_plugged
        if self._known:
            return DeviceStatus(kind=DeviceKind.HEADSET, state=DeviceState.READY, name="USB-Headset-Simulated")
        return DeviceStatus(kind=DeviceKind.HEADSET, state=DeviceState.ABSENT, detail="no playback, no capture")

    def pair(self) -> HeadsetPair | None:
        """Look at the bench; see ``Headset.pair``."""
        return _PAIR if self._bench.read().headset_plugged else None

    def take(self) -> HeadsetPair:
        """Look at the bench; there is no sound server whose default could change. See ``Headset.take``."""
        if pair := self.pair():
            return pair
        raise DeviceError(ErrorCode.HEADSET_ABSENT, "no whole headset")

    def give_back(self) -> None:
        """Nothing was taken."""

    def wait(self, *, timeout_s: float, cancel: CancelToken) -> None:
        """Look at the bench ten times a second until the plug moved; see ``Headset.wait``."""
        deadline = time.monotonic() + timeout_s
        while self._bench.read().headset_plugged == self._known:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or cancel.wait(min(left_s, _LOOK_S)):
                return
        self._known = None

    def close(self) -> None:
        """Nothing to give back."""


class SilentStreams:
    """A booth without a sound server has no streams to mute."""

    def mute(self, pids: AbstractSet[int], *, muted: bool) -> None:
        """Mute nothing."""

    def close(self) -> None:
        """Close nothing."""

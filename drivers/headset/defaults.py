"""Taking a sound server's defaults, mutes and volumes for the headset, and giving back what was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pulsectl

from drivers.contracts import HeadsetPair

_Device = pulsectl.PulseSinkInfo | pulsectl.PulseSourceInfo


@dataclass(frozen=True, kw_only=True)
class _Found:
    """How one device sounded before it was taken."""

    muted: bool
    volume: pulsectl.PulseVolumeInfo


class Direction:
    """The default sink, or the default source.

    What was found is remembered in this process only. When it dies, the headset stays the default; that does no harm
    in a booth, and the sound server's own memory has the old choice overwritten by then anyway.
    """

    def __init__(self) -> None:
        self._default_before: str | None = None
        self._taken = ""
        self._found: dict[str, _Found] = {}

    def take(self, pulse: pulsectl.Pulse, device: _Device, default_name: str, volume_percent: int) -> None:
        """Make ``device`` the default, heard at ``volume_percent``. What was before is remembered the first time."""
        if self._default_before is None:
            self._default_before = default_name
        # pulsectl changes the volume it is given in place, so what is remembered must be a copy.
        volume = pulsectl.PulseVolumeInfo(list(device.volume.values))
        self._found.setdefault(device.name, _Found(muted=bool(device.mute), volume=volume))
        if default_name != device.name:
            pulse.default_set(device)
        self._taken = device.name
        pulse.volume_set_all_chans(device, volume_percent / 100)
        pulse.mute(device, False)

    def give_back(self, pulse: pulsectl.Pulse, devices: Iterable[_Device], default_name: str) -> None:
        """Restore what ``take`` changed, on the devices that are still there.

        A default that somebody else set since is left alone.
        """
        default_before, found = self._default_before, self._found
        self._default_before, self._found = None, {}
        for device in devices:
            if before := found.get(device.name):
                pulse.volume_set(device, before.volume)
                pulse.mute(device, before.muted)
            if device.name == default_before and default_name == self._taken and device.name != default_name:
                pulse.default_set(device)

    @property
    def has_taken(self) -> bool:
        """Whether there is something to give back."""
        return self._default_before is not None


class Defaults:
    """Both directions of the sound server."""

    def __init__(self, playback_volume: int, capture_volume: int) -> None:
        self._playback_volume = playback_volume
        self._capture_volume = capture_volume
        self._playback = Direction()
        self._capture = Direction()

    def take(self, pulse: pulsectl.Pulse, pair: HeadsetPair) -> None:
        """Take both endpoints. Raises what pulsectl raises when one of them has gone meanwhile."""
        server = pulse.server_info()
        sink = pulse.get_sink_by_name(pair.playback.name)
        source = pulse.get_source_by_name(pair.capture.name)
        self._playback.take(pulse, sink, server.default_sink_name, self._playback_volume)
        self._capture.take(pulse, source, server.default_source_name, self._capture_volume)

    def give_back(self, pulse: pulsectl.Pulse) -> None:
        """Give both back."""
        server = pulse.server_info()
        self._playback.give_back(pulse, pulse.sink_list(), server.default_sink_name)
        self._capture.give_back(pulse, pulse.source_list(), server.default_source_name)

    @property
    def has_taken(self) -> bool:
        """Whether there is something to give back."""
        return self._playback.has_taken or self._capture.has_taken

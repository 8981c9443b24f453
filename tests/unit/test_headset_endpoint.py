"""Which endpoints are the headset, and what its state is."""

from __future__ import annotations

import re

import pytest

from drivers.contracts import DeviceState
from drivers.headset.endpoint import Endpoint, Mute, choose, headset_status

USB = Endpoint(name="alsa_output.usb-Maker_H1-00.analog-stereo", description="H1 Analog Stereo")
DEFAULT = Endpoint(name="alsa_output.pci-0000_00_1f.3", description="Built-in", is_default=True)
DUMMY = Endpoint(name="auto_null", description="Dummy Output", is_default=True, is_null=True)
MONITOR = Endpoint(name="hs_out.monitor", description="Monitor of H1", is_default=True, is_monitor=True)
PULLED = Endpoint(name="jack", description="Front jack", is_default=True, is_plugged=False)
VIRTUAL = Endpoint(name="hs_out", description="USB-Headset-Speaker", is_null=True)


@pytest.mark.parametrize("endpoint", [DUMMY, MONITOR, PULLED, USB])
def test_no_headset_by_default(endpoint: Endpoint) -> None:
    assert choose([endpoint], None) is None


def test_the_default_endpoint_without_a_name() -> None:
    assert choose([USB, DEFAULT], None) is DEFAULT


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("usb-Maker", USB), ("H1 Analog", USB), ("^hs_out$", VIRTUAL), ("hs_out.monitor", None), ("jack", None)],
)
def test_by_name_or_description(pattern: str, found: Endpoint | None) -> None:
    assert choose([DEFAULT, MONITOR, PULLED, VIRTUAL, USB], re.compile(pattern)) is found


@pytest.mark.parametrize(
    ("playback", "capture", "state", "detail"),
    [
        (USB, DEFAULT, DeviceState.READY, ""),
        (USB, None, DeviceState.DEGRADED, "no capture"),
        (None, USB, DeviceState.DEGRADED, "no playback"),
        (None, None, DeviceState.ABSENT, "no playback, no capture"),
    ],
)
def test_state(playback: Endpoint | None, capture: Endpoint | None, state: DeviceState, detail: str) -> None:
    status = headset_status(playback, capture)
    assert (status.state, status.detail) == (state, detail)


@pytest.mark.parametrize("mute", [Mute.HARDWARE, Mute.USER, Mute.VOLUME])
def test_a_muted_microphone_is_degraded(mute: Mute) -> None:
    muted = Endpoint(name="mic", description="Mic", mute=mute)
    status = headset_status(USB, muted)
    assert (status.state, status.detail) == (DeviceState.DEGRADED, f"capture {mute.value}")

"""Which endpoints are the headset, and what its state is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import DeviceState
from drivers.headset.endpoint import (
    Chosen,
    Endpoint,
    Mute,
    Wanted,
    Wear,
    choose,
    choose_pair,
    headset_status,
    serial_of,
    wear_of,
)

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
    status = headset_status(Chosen(playback=playback, capture=capture))
    assert (status.state, status.detail) == (state, detail)


@pytest.mark.parametrize("mute", [Mute.HARDWARE, Mute.USER, Mute.VOLUME])
def test_a_muted_microphone_is_degraded(mute: Mute) -> None:
    muted = Endpoint(name="mic", description="Mic", mute=mute)
    status = headset_status(Chosen(playback=USB, capture=muted))
    assert (status.state, status.detail) == (DeviceState.DEGRADED, f"capture {mute.value}")


LOUDSPEAKER = Endpoint(name="boom", description="Boom", is_default=True, wear=Wear.ROOM)
WORN = Endpoint(name="worn", description="Worn", device="usb-1", wear=Wear.WORN)
WORN_MIC = Endpoint(name="worn.mic", description="Worn", device="usb-1", wear=Wear.WORN)
OTHER_MIC = Endpoint(name="other.mic", description="Other", device="usb-2", wear=Wear.WORN)


def test_a_loudspeaker_is_refused_unless_the_site_names_it() -> None:
    assert choose([LOUDSPEAKER], None) is None
    assert choose([LOUDSPEAKER, WORN], None) is WORN
    assert choose([LOUDSPEAKER, WORN], re.compile("^boom$")) is LOUDSPEAKER


@pytest.mark.parametrize(
    ("properties", "port", "wear"),
    [
        ({"device.form_factor": "headset", "device.bus": "usb"}, "analog-output", Wear.WORN),
        ({"device.form-factor": "headphone"}, "", Wear.WORN),
        ({"device.form_factor": "internal", "device.bus": "pci"}, "analog-output-headphones Headphones", Wear.WORN),
        ({"device.bus": "pci"}, "[Out] Headphones", Wear.WORN),
        ({"device.form_factor": "internal", "device.bus": "pci"}, "analog-output-speaker Speakers", Wear.ROOM),
        ({"device.bus": "pci"}, "hdmi-output-0 HDMI / DisplayPort", Wear.ROOM),
        ({"device.bus": "pci"}, "analog-output-lineout Line Out", Wear.ROOM),
        ({"device.bus": "pci"}, "analog-output Analog Output", Wear.ROOM),
        ({"device.bus": "pci"}, "analog-input-internal-mic Internal Microphone", Wear.ROOM),
        ({"device.bus": "pci"}, "analog-input-front-mic Front Microphone", Wear.UNKNOWN),
        ({"device.bus": "pci"}, "analog-input-headset-mic Headset Microphone", Wear.WORN),
        ({"device.form_factor": "speaker", "device.bus": "usb"}, "analog-output", Wear.ROOM),
        ({"device.form_factor": "webcam", "device.bus": "usb"}, "analog-input-mic", Wear.ROOM),
        ({"device.bus": "usb"}, "analog-output", Wear.UNKNOWN),
        ({}, "", Wear.UNKNOWN),
    ],
)
def test_where_it_sounds(properties: dict[str, str], port: str, wear: Wear) -> None:
    assert wear_of(properties, port) is wear


def test_serial_is_the_same_for_both_sound_servers() -> None:
    pulseaudio = {"device.bus": "usb", "device.vendor.id": "046d", "device.product.id": "0A44", "device.serial": "L_7"}
    pipewire = {
        "device.bus": "usb",
        "device.vendor.id": "0x046d",
        "device.product.id": "0x0a44",
        "device.serial": "L_7",
    }
    assert serial_of(pulseaudio) == serial_of(pipewire) == "046d:0a44:L_7"
    assert serial_of({"device.bus": "usb"}) == ""
    assert serial_of({"device.bus": "pci", "device.vendor.id": "8086"}) == ""


def test_the_spare_stands_in_whole_or_not_at_all() -> None:
    wanted = Wanted(playback=re.compile("usb-Maker"), capture=re.compile("usb-Maker"))
    nothing = Wanted()
    chosen = choose_pair([USB, WORN], [OTHER_MIC, WORN_MIC], wanted, nothing)
    assert (chosen.playback, chosen.capture, chosen.is_spare) == (WORN, WORN_MIC, True)
    half = choose_pair([USB, WORN], [], wanted, nothing)
    assert (half.playback, half.capture, half.is_spare, half.pair) == (USB, None, False, None)
    named = Wanted(playback=re.compile("hs_out"), capture=re.compile("other"))
    assert choose_pair([WORN, VIRTUAL], [WORN_MIC, OTHER_MIC], wanted, named).playback is VIRTUAL
    whole = choose_pair([USB, WORN], [USB, WORN_MIC], wanted, nothing)
    assert (whole.playback, whole.is_spare) == (USB, False)
    assert headset_status(chosen).detail == "spare"


@given(
    st.dictionaries(st.sampled_from(["device.form_factor", "device.form-factor", "device.bus"]), st.text()), st.text()
)
def test_any_property_list_has_an_answer(properties: dict[str, str], port: str) -> None:
    assert wear_of(properties, port) in Wear
    assert isinstance(serial_of(properties), str)

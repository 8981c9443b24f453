"""The PulseAudio driver and a real server: half plugs, mutes, defaults, and the server going away."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pulsectl
import pytest

from drivers.contracts import CancelToken, DeviceState, DeviceStatus
from drivers.errors import DeviceError
from drivers.headset.pulse import PulseHeadset
from drivers.simulated.pulse import CAPTURE_NAME, PLAYBACK_NAME, PulseService


@pytest.fixture(autouse=True)
def _expect_loss(allow_logs: Callable[[str], None]) -> None:
    allow_logs("drivers.headset.pulse")


@contextmanager
def control_of(pulse: PulseService) -> Iterator[pulsectl.Pulse]:
    with closing(pulsectl.Pulse("test", server=pulse.server, connect=False)) as control:
        control.connect()
        yield control


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[PulseService]:
    with PulseService(tmp_path) as service:
        yield service


@pytest.fixture
def headset(pulse: PulseService) -> Iterator[PulseHeadset]:
    with closing(PulseHeadset(PLAYBACK_NAME, CAPTURE_NAME, server=pulse.server)) as driver:
        yield driver


def wait_for(headset: PulseHeadset, state: DeviceState) -> DeviceStatus:
    deadline = time.monotonic() + 20
    while (status := headset.status()).state is not state:
        assert time.monotonic() < deadline, status
        headset.wait(timeout_s=5, cancel=CancelToken())
    return status


def test_half_plugged(pulse: PulseService, headset: PulseHeadset) -> None:
    assert headset.status().state is DeviceState.ABSENT
    pulse.plug(capture=False)
    assert headset.status().detail == "no capture"
    pulse.plug()
    assert headset.status().state is DeviceState.READY
    pulse.unplug(capture=False)
    status = headset.status()
    assert (status.state, status.detail) == (DeviceState.DEGRADED, "no playback")


def test_a_mute_is_seen_and_wakes(pulse: PulseService, headset: PulseHeadset) -> None:
    pulse.plug()
    assert headset.status().state is DeviceState.READY
    timer = threading.Timer(0.2, lambda: pulse.mute_capture(muted=True))
    timer.start()
    status = wait_for(headset, DeviceState.DEGRADED)
    timer.join()
    assert status.detail == "capture muted by user"
    pulse.mute_capture(muted=False)
    wait_for(headset, DeviceState.READY)


def test_volume_zero_is_as_good_as_muted(pulse: PulseService, headset: PulseHeadset) -> None:
    pulse.plug()
    with closing(pulsectl.Pulse("test", server=pulse.server, connect=False)) as control:
        control.connect()
        control.volume_set_all_chans(control.get_source_by_name(CAPTURE_NAME), 0.0)
    assert headset.status().detail == "capture volume is 0"


def test_the_default_dummy_output_is_no_headset(pulse: PulseService) -> None:
    with closing(PulseHeadset(server=pulse.server)) as headset:
        assert headset.status().state is DeviceState.ABSENT
        pulse.plug(capture=False)
        assert headset.status().state is DeviceState.ABSENT
        pulse.plug()
        assert headset.status().detail == "no playback"


def test_the_server_stops_and_starts(
    pulse: PulseService, headset: PulseHeadset, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "drivers.headset.pulse")
    pulse.plug()
    assert headset.status().state is DeviceState.READY
    timer = threading.Timer(0.2, pulse.stop)
    timer.start()
    assert wait_for(headset, DeviceState.FAILED).detail == "no sound server"
    timer.join()
    assert headset.status().state is DeviceState.FAILED
    headset.wait(timeout_s=0.1, cancel=CancelToken())
    pulse.start()
    wait_for(headset, DeviceState.ABSENT)
    pulse.plug()
    wait_for(headset, DeviceState.READY)
    assert caplog.messages == ["headset lost: no sound server", "headset back: USB-Headset-Speaker"]


def test_a_server_that_hangs_is_given_up(
    pulse: PulseService, headset: PulseHeadset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.headset.pulse._CALL_TIMEOUT_S", 0.5)
    pulse.plug()
    assert headset.status().state is DeviceState.READY
    assert pulse._process is not None
    pulse._process.send_signal(signal.SIGSTOP)
    try:
        assert headset.status().state is DeviceState.FAILED  # within a call
        assert headset.status().state is DeviceState.FAILED  # while connecting
        headset.wait(timeout_s=1.5, cancel=CancelToken())
    finally:
        pulse._process.send_signal(signal.SIGCONT)
    monkeypatch.undo()
    wait_for(headset, DeviceState.READY)


def test_cancel_ends_the_wait_for_a_server(tmp_path: Path) -> None:
    with closing(PulseHeadset(server=f"unix:{tmp_path}/nobody")) as headset:
        assert headset.status().state is DeviceState.FAILED
        cancel = CancelToken()
        timer = threading.Timer(0.2, cancel.cancel)
        timer.start()
        headset.wait(timeout_s=60, cancel=cancel)
        timer.join()
        assert cancel.is_cancelled


def test_take_and_give_back(pulse: PulseService, headset: PulseHeadset) -> None:
    pulse.plug()
    with control_of(pulse) as control:
        control.module_load("module-null-sink", "sink_name=other")
        control.sink_default_set("other")
        control.volume_set_all_chans(control.get_sink_by_name(PLAYBACK_NAME), 0.25)
        control.mute(control.get_source_by_name(CAPTURE_NAME), True)
        headset.take()
        headset.take()
        sink, source = control.get_sink_by_name(PLAYBACK_NAME), control.get_source_by_name(CAPTURE_NAME)
        assert control.server_info().default_sink_name == PLAYBACK_NAME
        assert (round(sink.volume.value_flat, 2), sink.mute) == (0.7, 0)
        assert (round(source.volume.value_flat, 2), source.mute) == (0.8, 0)
        headset.give_back()
        sink, source = control.get_sink_by_name(PLAYBACK_NAME), control.get_source_by_name(CAPTURE_NAME)
        assert control.server_info().default_sink_name == "other"
        assert (round(sink.volume.value_flat, 2), sink.mute) == (0.25, 0)
        assert (round(source.volume.value_flat, 2), source.mute) == (1.0, 1)


def test_a_default_that_somebody_else_set_is_left_alone(pulse: PulseService, headset: PulseHeadset) -> None:
    pulse.plug()
    with control_of(pulse) as control:
        for name in ("before", "since"):
            control.module_load("module-null-sink", f"sink_name={name}")
        control.sink_default_set("before")
        headset.take()
        control.sink_default_set("since")
        headset.give_back()
        assert control.server_info().default_sink_name == "since"


def test_give_back_survives_the_headset_and_the_server(pulse: PulseService, headset: PulseHeadset) -> None:
    pulse.plug()
    headset.take()
    pulse.unplug()
    headset.give_back()
    pulse.plug()
    headset.take()
    pulse.stop()
    headset.give_back()
    with pytest.raises(DeviceError):
        headset.take()

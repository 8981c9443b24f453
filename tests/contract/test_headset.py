"""What every ``Headset`` promises: the simulated one, PulseAudio's with a real server, PortAudio's by its child."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from drivers.contracts import CancelToken, DeviceKind, DeviceState, Headset
from drivers.errors import DeviceError, ErrorCode
from drivers.headset.portaudio import PortAudioHeadset
from drivers.headset.pulse import PulseHeadset
from drivers.simulated.bench import BenchFile
from drivers.simulated.headset import SimulatedHeadset
from drivers.simulated.pulse import CAPTURE_NAME, PLAYBACK_NAME, PulseService
from tests.alsa import CAPTURE_PCM, PLAYBACK_PCM, AlsaDevices
from workstation.spawn import module_command

Plug = Callable[[bool], object]
Rig = tuple[Headset, Plug]


@pytest.fixture(scope="module")
def pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseService]:
    with PulseService(tmp_path_factory.mktemp("pulse")) as service:
        yield service


@pytest.fixture(params=["simulated", "pulse", "portaudio"])
def rig(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    allow_logs: Callable[[str], None],
) -> Iterator[Rig]:
    allow_logs("drivers.headset.pulse")
    allow_logs("drivers.headset.portaudio")
    headset: Headset
    if request.param == "simulated":
        bench = BenchFile(tmp_path / "bench.json")
        headset = SimulatedHeadset(bench)
        with closing(headset):
            yield headset, lambda is_in: bench.change(headset_plugged=is_in)
    elif request.param == "portaudio":
        alsa = AlsaDevices(tmp_path, request.getfixturevalue("pulse"), monkeypatch)
        alsa.plug()
        command = module_command("drivers.headset.enumeration")
        with closing(PortAudioHeadset(command, PLAYBACK_PCM, CAPTURE_PCM)) as headset:
            yield headset, lambda is_in: alsa.plug() if is_in else alsa.unplug()
    else:
        service: PulseService = request.getfixturevalue("pulse")
        service.plug()
        headset = PulseHeadset(PLAYBACK_NAME, CAPTURE_NAME, server=service.server)
        with closing(headset):
            yield headset, lambda is_in: service.plug() if is_in else service.unplug()


def test_plugged_and_unplugged(rig: Rig) -> None:
    headset, plug = rig
    status = headset.status()
    assert (status.kind, status.state) == (DeviceKind.HEADSET, DeviceState.READY)
    assert status.name.startswith("USB-Headset")
    plug(False)
    status = headset.status()
    assert (status.state, status.name) == (DeviceState.ABSENT, "")
    assert status.detail
    plug(True)
    assert headset.status().state is DeviceState.READY


@pytest.mark.parametrize("is_seen_before_wait", [True, False])
def test_wait_returns_on_a_change(rig: Rig, is_seen_before_wait: bool) -> None:
    headset, plug = rig
    headset.status()
    changer = threading.Timer(0 if is_seen_before_wait else 0.2, plug, [False])
    changer.start()
    if is_seen_before_wait:
        changer.join()
    deadline = time.monotonic() + 20
    while headset.status().state is not DeviceState.ABSENT:
        assert time.monotonic() < deadline
        headset.wait(timeout_s=20, cancel=CancelToken())
    changer.join()


def test_wait_returns_at_its_time_limit(rig: Rig) -> None:
    headset, _ = rig
    headset.status()
    for timeout_s in (0.0, 0.1):
        headset.wait(timeout_s=timeout_s, cancel=CancelToken())
    assert headset.status().state is DeviceState.READY


@pytest.mark.parametrize("delay_s", [None, 0.2])
def test_wait_returns_on_cancel(rig: Rig, delay_s: float | None) -> None:
    headset, _ = rig
    headset.status()
    cancel = CancelToken()
    began = time.monotonic()
    if delay_s is None:
        cancel.cancel()
        headset.wait(timeout_s=60, cancel=cancel)
    else:
        timer = threading.Timer(delay_s, cancel.cancel)
        timer.start()
        while not cancel.is_cancelled:
            headset.wait(timeout_s=60, cancel=cancel)
        timer.join()
    assert time.monotonic() - began < 30


def test_pair_and_take(rig: Rig) -> None:
    headset, plug = rig
    pair = headset.pair()
    assert pair is not None
    assert not pair.is_spare
    assert headset.take() == pair
    plug(False)
    assert headset.pair() is None
    with pytest.raises(DeviceError) as raised:
        headset.take()
    assert raised.value.code is ErrorCode.HEADSET_ABSENT
    headset.give_back()
    headset.give_back()
    plug(True)
    assert headset.take() == pair


def test_close_twice(rig: Rig) -> None:
    headset, _ = rig
    headset.status()
    headset.close()
    headset.close()

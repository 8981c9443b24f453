"""PortAudio's list of devices by its child process: real, and one that hangs, dies or talks nonsense."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.contracts import CancelToken, DeviceState
from drivers.errors import DeviceError, ErrorCode
from drivers.headset.enumeration import MAX_BYTES, Sighting, decode, encode
from drivers.headset.portaudio import PortAudioHeadset
from drivers.simulated.pulse import PulseService
from kiosk_config.model import BoothConfig
from tests.alsa import CAPTURE_PCM, PLAYBACK_PCM, AlsaDevices
from workstation.devices import make_headset
from workstation.spawn import module_command

COMMAND = module_command("drivers.headset.enumeration")
SIGHTINGS = [
    Sighting(name="Headset Earphone (USB Audio)", is_capture=False, is_default=True),
    Sighting(name="Headset Microphone (USB Audio)", is_capture=True, is_default=True),
]
GOOD = f"import sys; sys.stdout.write({encode(SIGHTINGS).decode('ascii')!r}); sys.stdout.flush()"


@pytest.fixture(autouse=True)
def _losses(allow_logs: Callable[[str], None]) -> None:
    allow_logs("drivers.headset.portaudio")


@pytest.fixture
def alsa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AlsaDevices]:
    with PulseService(tmp_path) as service:
        yield AlsaDevices(tmp_path, service, monkeypatch)


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def list_of_real_child() -> tuple[Sighting, ...]:
    return decode(subprocess.run(COMMAND, stdout=subprocess.PIPE, timeout=60, check=True).stdout)


def test_the_child_lists_both_directions_and_one_default_of_each(alsa: AlsaDevices) -> None:
    alsa.plug()
    sightings = list_of_real_child()
    assert {PLAYBACK_PCM, CAPTURE_PCM} <= {each.name for each in sightings}
    for is_capture in (False, True):
        directed = [each for each in sightings if each.is_capture is is_capture]
        assert [each.name for each in directed if each.is_default] == ["default"]
    alsa.unplug()
    assert not {PLAYBACK_PCM, CAPTURE_PCM} & {each.name for each in list_of_real_child()}


def test_the_configuration_makes_it_and_a_spare_is_known_by_its_name(alsa: AlsaDevices) -> None:
    alsa.plug()
    section = {"driver": "portaudio", "playback": "nowhere", "capture": "nowhere", "spare_capture": CAPTURE_PCM}
    config = BoothConfig.model_validate(
        {
            "schema_version": 1,
            "place": {"booth_id": "xy-shihe-2-03"},
            "main_site": {"pack_keys": [f"ed25519:{'A' * 43}"]},
            "headset": section,
        }
    )
    headset = make_headset(config)
    assert isinstance(headset, PortAudioHeadset)
    pair = headset.take()
    assert (pair.playback.name, pair.capture.name, pair.is_spare) == (PLAYBACK_PCM, CAPTURE_PCM, True)


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        ("", "no JSON"),
        ("print('ALSA lib: garbage')", "no JSON"),
        ("print('{}')", "no list"),
        ("print('[1]')", "no device"),
        ("while True: print('[' * 4096)", "ended with"),
        (f"print(' ' * {MAX_BYTES})", "too much|ended with"),
        (f"{GOOD}; sys.exit(3)", "ended with 3"),
        (f"{GOOD}; import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended with -9"),
        (f"{GOOD}; import time; time.sleep(600)", "no answer in time"),
        ("import os, time; os.close(1); time.sleep(600)", "ended with -9"),
    ],
)
def test_a_child_that_is_of_no_use_is_a_failed_headset(program: str, detail: str) -> None:
    headset = PortAudioHeadset(python(program), answer_s=3.0)
    status = headset.status()
    assert status.state is DeviceState.FAILED
    assert re.search(detail, status.detail), status.detail
    assert headset.pair() is None
    with pytest.raises(DeviceError) as raised:
        headset.take()
    assert raised.value.code is ErrorCode.HEADSET_ABSENT
    began = time.monotonic()
    headset.wait(timeout_s=0.1, cancel=CancelToken())
    assert time.monotonic() - began < 30


def test_a_child_that_cannot_be_run_is_a_failed_headset(tmp_path: Path) -> None:
    status = PortAudioHeadset([str(tmp_path / "nothing")]).status()
    assert (status.state, status.detail[:24]) == (DeviceState.FAILED, "PortAudio: cannot be run")


def test_a_sound_server_that_hangs_or_goes_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PulseService(tmp_path) as service:
        AlsaDevices(tmp_path, service, monkeypatch).plug()
        headset = PortAudioHeadset(COMMAND, PLAYBACK_PCM, CAPTURE_PCM, answer_s=20)
        assert headset.status().state is DeviceState.READY
        assert service._process is not None
        service._process.send_signal(signal.SIGSTOP)
        try:
            hanging = PortAudioHeadset(COMMAND, PLAYBACK_PCM, CAPTURE_PCM, answer_s=2).status()
        finally:
            service._process.send_signal(signal.SIGCONT)
        assert (hanging.state, hanging.detail) == (DeviceState.FAILED, "PortAudio: no answer in time")
        assert headset.status().state is DeviceState.READY
        service.stop()
        assert headset.status().state is DeviceState.ABSENT
        service.start()
        assert headset.status().state is DeviceState.READY


def test_a_hanging_child_is_ended_on_cancel_and_none_is_left(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    headset = PortAudioHeadset(python(program), answer_s=300)
    cancel = CancelToken()
    waiting = threading.Thread(target=headset.wait, kwargs={"timeout_s": 300, "cancel": cancel}, daemon=True)
    waiting.start()
    deadline = time.monotonic() + 60
    while not (pid_file.exists() and pid_file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    cancel.cancel()
    waiting.join(30)
    assert not waiting.is_alive()
    assert not Path(f"/proc/{pid_file.read_text()}").exists()


def test_a_list_that_changes_to_a_failure_ends_the_wait(tmp_path: Path) -> None:
    flag = tmp_path / "broken"
    headset = PortAudioHeadset(python(f"import os\nif os.path.exists({str(flag)!r}): raise SystemExit(1)\n{GOOD}"))
    status = headset.status()
    assert (status.state, status.name) == (DeviceState.READY, SIGHTINGS[0].name)
    flag.touch()
    headset.wait(timeout_s=60, cancel=CancelToken())
    assert headset.status().state is DeviceState.FAILED
    flag.unlink()
    headset.wait(timeout_s=60, cancel=CancelToken())
    assert headset.status().state is DeviceState.READY

"""A headset where no PulseAudio server can be asked (Windows: WASAPI, shared mode), by PortAudio's list of devices."""

from __future__ import annotations

import contextlib
import logging
import re
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Final

from drivers.contracts import CancelToken, DeviceKind, DeviceState, DeviceStatus, HeadsetPair
from drivers.errors import DeviceError, ErrorCode
from drivers.headset.endpoint import Chosen, Endpoint, Wanted, choose_pair, headset_status, wear_named
from drivers.headset.enumeration import MAX_BYTES, EnumerationError, Sighting, decode

_log = logging.getLogger(__name__)

_POLL_S: Final = 4.0
"""A look costs 0.17 s of a core: more often would cost an idle booth more than all the rest together."""
_ANSWER_S: Final = 5.0
_CANCEL_LOOK_S: Final = 0.02
_END_S: Final = 2.0
_NO_WINDOW: Final = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""Windows shows a console for every child otherwise."""

_MIX = re.compile(r"\[loopback\]|stereo mix|what u hear|^monitor of|立体声混音", re.IGNORECASE)
_NULL = re.compile(r"\b(null|dummy|virtual)\b|虚拟", re.IGNORECASE)


class PortAudioHeadset:
    """The headset among PortAudio's devices, which a child process lists anew for every question.

    PortAudio tells names and which device is the default, and sets nothing. So mutes, volumes, jacks and USB serials
    are unknown here (a silent microphone is found by the sound check), and what sounds in the room is told by its
    name alone.

    Args:
        command: runs ``drivers.headset.enumeration``.
        playback_name: regular expression searched in a device's name; "" takes the default device.
        capture_name: the same for the microphone.
        spare_playback, spare_capture: the same for the headset that stands in; "" takes any that says it is one.
        answer_s: how long a child may take before it is ended, as FAILED.

    Raises:
        re.error: a name is no regular expression.
    """

    def __init__(
        self,
        command: Sequence[str],
        playback_name: str = "",
        capture_name: str = "",
        *,
        spare_playback: str = "",
        spare_capture: str = "",
        answer_s: float = _ANSWER_S,
    ) -> None:
        self._command = list(command)
        self._wanted = Wanted(playback=_compiled(playback_name), capture=_compiled(capture_name))
        self._spare = Wanted(playback=_compiled(spare_playback), capture=_compiled(spare_capture))
        self._answer_s = answer_s
        self._seen: tuple[Sighting, ...] | None = None
        self._is_lost = False

    def status(self) -> DeviceStatus:
        """Look at the devices now; see ``Headset.status``. FAILED when PortAudio cannot be asked."""
        try:
            status = headset_status(self._choose())
        except EnumerationError as error:
            status = DeviceStatus(kind=DeviceKind.HEADSET, state=DeviceState.FAILED, detail=f"PortAudio: {error}")
        is_lost = status.state in {DeviceState.ABSENT, DeviceState.FAILED}
        if is_lost and not self._is_lost:
            _log.warning("headset lost: %s", status.detail)
        elif self._is_lost and not is_lost:
            _log.info("headset back: %s", status.name)
        self._is_lost = is_lost
        return status

    def pair(self) -> HeadsetPair | None:
        """Look at the devices now; see ``Headset.pair``."""
        with contextlib.suppress(EnumerationError):
            return self._choose().pair
        return None

    def take(self) -> HeadsetPair:
        """Return the headset that is plugged now; see ``Headset.take``, of which PortAudio can do no more.

        Default, mutes and volumes stay as they are. Our own streams are opened by the pair's names, so they need no
        default; for other programs (external conference clients) the administrator sets it in the system.
        """
        try:
            pair = self._choose().pair
        except EnumerationError as error:
            raise DeviceError(ErrorCode.HEADSET_ABSENT, f"PortAudio: {error}") from error
        if pair is None:
            raise DeviceError(ErrorCode.HEADSET_ABSENT, "no whole headset")
        return pair

    def give_back(self) -> None:
        """Nothing: ``take`` changed nothing."""

    def wait(self, *, timeout_s: float, cancel: CancelToken) -> None:
        """Block until the list changed since it was last read, the time is up, or ``cancel``; see ``Headset.wait``.

        It is read once a second. A child that hangs may exceed the time by what it is given to answer.
        """
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            before = self._seen
            if cancel.wait(min(left_s, _POLL_S)) or time.monotonic() >= deadline:
                return
            with contextlib.suppress(EnumerationError):
                self._look(cancel)
            if cancel.is_cancelled or self._seen != before:
                return

    def close(self) -> None:
        """Nothing: no child outlives the call that started it."""

    def _choose(self) -> Chosen:
        """Read the list and choose. Raises ``EnumerationError``."""
        sightings = self._look()
        playbacks = [_endpoint(each) for each in sightings if not each.is_capture]
        captures = [_endpoint(each) for each in sightings if each.is_capture]
        return choose_pair(playbacks, captures, self._wanted, self._spare)

    def _look(self, cancel: CancelToken | None = None) -> tuple[Sighting, ...]:
        """Read the list and remember it. Raises ``EnumerationError``, also when cancelled."""
        self._seen = None
        self._seen = decode(_run(self._command, self._answer_s, cancel or CancelToken()))
        return self._seen


def _run(command: Sequence[str], limit_s: float, cancel: CancelToken) -> bytes:
    """Return what a child writes, at most a byte more than is allowed. Raises ``EnumerationError``."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=_NO_WINDOW,
        )
    except OSError as error:
        raise EnumerationError(f"cannot be run: {error.strerror}") from error
    output: list[bytes] = []
    reader = threading.Thread(target=_read, args=(process, output), name="portaudio-list", daemon=True)
    reader.start()
    deadline = time.monotonic() + limit_s
    while reader.is_alive() and time.monotonic() < deadline and not cancel.is_cancelled:
        reader.join(_CANCEL_LOOK_S)
    is_late = reader.is_alive()
    _end(process, 0 if is_late else _END_S)
    reader.join(_END_S)
    if is_late:
        raise EnumerationError("no answer in time")
    if process.returncode != 0:
        raise EnumerationError(f"ended with {process.returncode}")
    return output[0]


def _end(process: subprocess.Popen[bytes], patience_s: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience_s)
    process.kill()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        _log.warning("process %d that lists PortAudio's devices cannot be ended", process.pid)


def _read(process: subprocess.Popen[bytes], output: list[bytes]) -> None:
    """Read on a thread of its own: there is no pipe read with a time limit on every system."""
    assert process.stdout is not None  # noqa: S101 - made with a pipe above
    with process.stdout as stream:
        output.append(stream.read(MAX_BYTES + 1))


def _compiled(expression: str) -> re.Pattern[str] | None:
    return re.compile(expression) if expression else None


def _endpoint(sighting: Sighting) -> Endpoint:
    name = sighting.name
    return Endpoint(
        name=name,
        description=name,
        # WASAPI: "Headset Microphone (2- USB Audio Device)"; what is in the brackets is the device's.
        device=name.partition(" (")[2],
        wear=wear_named(name),
        is_default=sighting.is_default,
        is_null=bool(_NULL.search(name)),
        is_monitor=sighting.is_capture and bool(_MIX.search(name)),
    )

"""A headset behind PulseAudio or PipeWire's PulseAudio server, through libpulse (``pulsectl``)."""

from __future__ import annotations

import contextlib
import logging
import math
import re
import select
import socket
import time
from collections.abc import Sequence

import pulsectl
from pulsectl._pulsectl import POLLFD, LibPulse

from drivers.contracts import CancelToken, DeviceKind, DeviceState, DeviceStatus, HeadsetPair
from drivers.errors import DeviceError, ErrorCode
from drivers.headset.defaults import Defaults
from drivers.headset.endpoint import (
    Chosen,
    Endpoint,
    Mute,
    Wanted,
    choose_pair,
    device_of,
    headset_status,
    serial_of,
    wear_of,
)

_log = logging.getLogger(__name__)

_RECONNECT_S = 1.0
_CALL_TIMEOUT_S = 5.0
_HARDWARE_MUTE_FLAG = 0x0010
"""PA_SINK_HW_MUTE_CTRL and PA_SOURCE_HW_MUTE_CTRL (pulse/def.h): the mute switch is the device's own."""

_PULSE_ERRORS = (pulsectl.PulseError, pulsectl.PulseDisconnected, LibPulse.CallError)


class PulseHeadset:
    """The headset among the sound server's sinks and sources.

    A sound server that hangs is given up after five seconds, as FAILED.

    Args:
        playback_name: regular expression searched in a sink's name and description; "" takes the default sink.
        capture_name: the same for the source.
        spare_playback, spare_capture: the same for the headset that stands in; "" takes any that says it is one.
        playback_volume, capture_volume: percent, set by ``take``.
        server: address of the sound server; ``None`` takes the session's.

    Raises:
        re.error: a name is no regular expression.
    """

    def __init__(
        self,
        playback_name: str = "",
        capture_name: str = "",
        *,
        spare_playback: str = "",
        spare_capture: str = "",
        playback_volume: int = 70,
        capture_volume: int = 80,
        server: str | None = None,
    ) -> None:
        self._wanted = Wanted(playback=_compiled(playback_name), capture=_compiled(capture_name))
        self._spare = Wanted(playback=_compiled(spare_playback), capture=_compiled(spare_capture))
        self._defaults = Defaults(playback_volume, capture_volume)
        self._server = server
        self._pulse: pulsectl.Pulse | None = None
        self._call_deadline = math.inf
        self._has_changed = False
        self._is_lost = False
        self._cancel: CancelToken | None = None
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)

    def status(self) -> DeviceStatus:
        """Look at the endpoints now; see ``Headset.status``."""
        status = self._read_status()
        is_lost = status.state in {DeviceState.ABSENT, DeviceState.FAILED}
        if is_lost and not self._is_lost:
            _log.warning("headset lost: %s", status.detail)
        elif self._is_lost and not is_lost:
            _log.info("headset back: %s", status.name)
        self._is_lost = is_lost
        return status

    def pair(self) -> HeadsetPair | None:
        """Look at the endpoints now; see ``Headset.pair``."""
        try:
            return self._choose().pair
        except _PULSE_ERRORS:
            self._disconnect()
            return None

    def take(self) -> HeadsetPair:
        """Make the headset that is plugged now the default; see ``Headset.take``."""
        try:
            pair = self._choose().pair
            if pair is None:
                raise DeviceError(ErrorCode.HEADSET_ABSENT, "no whole headset")
            self._defaults.take(self._connect(), pair)
        except _PULSE_ERRORS as error:
            self._disconnect()
            raise DeviceError(ErrorCode.HEADSET_ABSENT, "no sound server") from error
        return pair

    def give_back(self) -> None:
        """Restore what ``take`` found; see ``Headset.give_back``. A server that is away has nothing to restore."""
        if not self._defaults.has_taken:
            return
        self._call_deadline = time.monotonic() + _CALL_TIMEOUT_S
        try:
            self._defaults.give_back(self._connect())
        except _PULSE_ERRORS:
            self._disconnect()

    def wait(self, *, timeout_s: float, cancel: CancelToken) -> None:
        """Block until something changed since ``status``, the time is up, or ``cancel``; see ``Headset.wait``."""
        self._wake_on(cancel)
        deadline = time.monotonic() + timeout_s
        if self._pulse is None or not self._pulse.connected:
            self._wait_for_server(deadline, cancel)
        elif not self._has_changed and not cancel.is_cancelled and timeout_s > 0:
            # A time limit of 0 would mean "for ever" to pulsectl, hence the check.
            self._call_deadline = math.inf
            try:
                self._pulse.event_listen(timeout=timeout_s)
            except _PULSE_ERRORS:
                self._disconnect()
        self._has_changed = False

    def close(self) -> None:
        """Give back, drop the connection and what wakes ``wait``. Idempotent; no other call may follow."""
        self.give_back()
        self._disconnect()
        self._wake_in.close()
        self._wake_out.close()

    def _read_status(self) -> DeviceStatus:
        try:
            return headset_status(self._choose())
        except _PULSE_ERRORS:
            self._disconnect()
            return DeviceStatus(kind=DeviceKind.HEADSET, state=DeviceState.FAILED, detail="no sound server")

    def _choose(self) -> Chosen:
        """Read the endpoints and choose. Raises what pulsectl raises."""
        self._call_deadline = time.monotonic() + _CALL_TIMEOUT_S
        pulse = self._connect()
        self._has_changed = False
        server = pulse.server_info()
        sinks = [_endpoint(sink, server.default_sink_name) for sink in pulse.sink_list()]
        sources = [_endpoint(source, server.default_source_name) for source in pulse.source_list()]
        return choose_pair(sinks, sources, self._wanted, self._spare)

    def _connect(self) -> pulsectl.Pulse:
        if self._pulse is not None and self._pulse.connected:
            return self._pulse
        self._disconnect()
        pulse = self._pulse = pulsectl.Pulse("evaluation-workstation", server=self._server, connect=False)
        pulse.set_poll_func(self._poll)
        try:
            pulse.connect(autospawn=False)
            pulse.event_callback_set(self._on_event)
            pulse.event_mask_set("sink", "source", "server", "card")
        except _PULSE_ERRORS:
            self._disconnect()
            raise
        return pulse

    def _disconnect(self) -> None:
        pulse, self._pulse = self._pulse, None
        if pulse is not None:
            pulse.close()

    def _wait_for_server(self, deadline: float, cancel: CancelToken) -> None:
        while (left_s := deadline - time.monotonic()) > 0:
            if cancel.wait(min(left_s, _RECONNECT_S)):
                return
            self._call_deadline = min(deadline, time.monotonic() + _CALL_TIMEOUT_S)
            with contextlib.suppress(*_PULSE_ERRORS):
                self._connect()
                return

    def _on_event(self, _event: pulsectl.PulseEventInfo) -> None:
        # Also called while ``status`` reads the lists; the flag keeps such a change for the next ``wait``.
        self._has_changed = True
        raise pulsectl.PulseLoopStop

    def _wake_on(self, cancel: CancelToken) -> None:
        if cancel is not self._cancel:
            self._cancel = cancel
            cancel.on_cancel(self._wake)

    def _wake(self) -> None:
        """Wake ``wait`` from another thread. Touches a socket only: libpulse's loop belongs to the headset's thread."""
        with contextlib.suppress(OSError):
            self._wake_in.send(b"\0")

    def _poll(self, descriptors: Sequence[POLLFD], timeout_s: float) -> int:
        """Stand in for poll(2) in libpulse's loop, with one more descriptor for ``_wake`` and a deadline for calls.

        pulsectl waits for ever for a server that hangs: libpulse gives up after 30 s, but pulsectl's callback fails on
        the empty answer and the call goes on waiting. It does stop once it is told that the connection is gone.
        """
        poller = select.poll()
        for descriptor in descriptors:
            poller.register(descriptor.fd, descriptor.events)
        poller.register(self._wake_out, select.POLLIN)
        left_s = max(0.0, self._call_deadline - time.monotonic())
        limit_s = min(left_s, timeout_s if timeout_s >= 0 else math.inf)
        ready = dict(poller.poll(None if limit_s == math.inf else math.ceil(limit_s * 1000)))
        if ready.pop(self._wake_out.fileno(), 0):
            self._wake_out.recv(4096)
            if self._pulse is not None:
                self._pulse.event_listen_stop()
        for descriptor in descriptors:
            descriptor.revents = ready.get(descriptor.fd, 0)
        if not ready and self._pulse is not None and time.monotonic() >= self._call_deadline:
            self._pulse.connected = False
        return len(ready)


def _compiled(expression: str) -> re.Pattern[str] | None:
    return re.compile(expression) if expression else None


def _endpoint(info: pulsectl.PulseSinkInfo | pulsectl.PulseSourceInfo, default_name: str) -> Endpoint:
    is_source = isinstance(info, pulsectl.PulseSourceInfo)
    port = info.port_active
    return Endpoint(
        name=info.name,
        description=info.description,
        serial=serial_of(info.proplist),
        device=device_of(info.proplist),
        wear=wear_of(info.proplist, f"{port.name} {port.description}" if port else ""),
        is_default=info.name == default_name,
        is_null=_is_null(info),
        is_monitor=is_source and info.proplist.get("device.class") == "monitor",
        is_plugged=port is None or port.available != "no",
        mute=_mute(info),
    )


def _is_null(info: pulsectl.PulseSinkInfo | pulsectl.PulseSourceInfo) -> bool:
    # PulseAudio names the module, PipeWire the factory.
    return (
        info.name.startswith("auto_null")
        or info.driver.startswith("module-null-")
        or info.proplist.get("factory.name") == "support.null-audio-sink"
    )


def _mute(info: pulsectl.PulseSinkInfo | pulsectl.PulseSourceInfo) -> Mute:
    if info.mute:
        return Mute.HARDWARE if info.flags & _HARDWARE_MUTE_FLAG else Mute.USER
    return Mute.VOLUME if info.volume.value_flat == 0 else Mute.NONE

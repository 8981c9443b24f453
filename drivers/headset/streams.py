"""Mutes what single processes play and record, by the sound server's own switch for each stream (PulseAudio)."""

from __future__ import annotations

import logging
from collections.abc import Set as AbstractSet

import pulsectl

_log = logging.getLogger(__name__)


class ProcessStreams:
    """The streams of programs that cannot be told to be silent. One thread calls it.

    Args:
        server: as for ``PulseHeadset``; the user's own by default.
    """

    def __init__(self, server: str | None = None) -> None:
        self._server = server
        self._pulse: pulsectl.Pulse | None = None
        self._muted: dict[tuple[str, int], bool] = {}

    def mute(self, pids: AbstractSet[int], *, muted: bool) -> None:
        """Mute, or let sound again, every stream of these processes.

        A stream is set when it is new and when ``muted`` changes; between, its program may mute it by itself. Without
        a sound server nothing sounds, so its absence is no error.
        """
        try:
            self._mute(self._connected(), pids, muted=muted)
        except pulsectl.PulseError as error:
            if self._pulse is not None:
                _log.info("no sound server to mute streams at: %s", type(error).__name__)
            self.close()

    def close(self) -> None:
        """Drop the connection. Idempotent."""
        pulse, self._pulse = self._pulse, None
        self._muted.clear()
        if pulse is not None:
            pulse.close()

    def _mute(self, pulse: pulsectl.Pulse, pids: AbstractSet[int], *, muted: bool) -> None:
        streams: dict[tuple[str, int], pulsectl.PulseSinkInputInfo | pulsectl.PulseSourceOutputInfo] = {
            **{("in", stream.index): stream for stream in pulse.sink_input_list()},
            **{("out", stream.index): stream for stream in pulse.source_output_list()},
        }
        self._muted = {key: value for key, value in self._muted.items() if key in streams}
        for key, stream in streams.items():
            if _pid(stream.proplist) not in pids or self._muted.get(key) is muted:
                continue
            try:
                pulse.mute(stream, muted)
            except pulsectl.PulseOperationFailed:
                continue  # it ended meanwhile
            self._muted[key] = muted

    def _connected(self) -> pulsectl.Pulse:
        if self._pulse is None:
            pulse = pulsectl.Pulse("evaluation-workstation", server=self._server, connect=False)
            try:
                pulse.connect(autospawn=False)
            except pulsectl.PulseError:
                pulse.close()
                raise
            self._pulse = pulse
        return self._pulse


def _pid(proplist: dict[str, str]) -> int:
    text = proplist.get("application.process.id", "")
    return int(text) if text.isascii() and text.isdecimal() else 0

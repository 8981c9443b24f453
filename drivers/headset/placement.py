"""Watches that a stream of this process stays on the endpoint it was opened for.

A sound server whose device is pulled moves the streams to another one and says nothing to PortAudio: the expert's voice
would go on from a webcam's microphone, or be played into the room.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Collection
from typing import Literal, Protocol

from drivers.errors import DeviceError, ErrorCode

Direction = Literal["capture", "playback"]

_LISTEN_S = 0.5


class Placement(Protocol):
    """Where a stream is."""

    @property
    def is_lost(self) -> bool:
        """Whether the stream is elsewhere, or nobody can tell any more."""

    def expect(self) -> None:
        """The process's new stream is the one; from here on it must stay.

        Raises:
            DeviceError: HEADSET_ABSENT: it is not there.
        """

    def close(self) -> None:
        """Watch no longer. Idempotent."""


class Unwatched:
    """Where no sound server can be asked (Windows): PortAudio's callbacks stop when the device goes."""

    is_lost = False

    def expect(self) -> None:
        """Nothing to begin."""

    def close(self) -> None:
        """Nothing to end."""


def watch_placement(direction: Direction, name: str) -> Placement:
    """Return a watch for the endpoint ``name``.

    Raises:
        DeviceError: HEADSET_ABSENT: there is no such endpoint, or no sound server.
    """
    return PulsePlacement(direction, name) if sys.platform == "linux" else Unwatched()


class PulsePlacement:
    """Listens to PulseAudio in a thread of its own, which ends with the watch.

    A server that hangs hangs this thread only: the stream's callbacks stop then, which is seen elsewhere.
    """

    def __init__(self, direction: Direction, name: str) -> None:
        import pulsectl  # noqa: PLC0415 - libpulse is loaded at import; Windows has none

        self._direction = direction
        self._name = name
        self._errors = (pulsectl.PulseError, pulsectl.PulseDisconnected)
        self._pulse = pulsectl.Pulse("evaluation-workstation-placement", connect=False)
        self._others: Collection[int] = ()
        self._is_closing = threading.Event()
        self._is_lost = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"placement-{direction}", daemon=True)
        try:
            self._pulse.connect(autospawn=False)
            self._endpoint = self._index()
            self._others = self._streams().keys()
        except self._errors as error:
            self._pulse.close()
            raise DeviceError(ErrorCode.HEADSET_ABSENT, f"no {direction} {name!r}") from error

    @property
    def is_lost(self) -> bool:
        """Whether the stream is elsewhere, or the sound server has gone."""
        return self._is_lost.is_set()

    def expect(self) -> None:
        """Begin to watch; see ``Placement.expect``."""
        try:
            has_stream = bool(self._streams())
        except self._errors:
            has_stream = False
        if not has_stream:
            raise DeviceError(ErrorCode.HEADSET_ABSENT, f"no stream on {self._direction} {self._name!r}")
        self._thread.start()

    def close(self) -> None:
        """End the thread, if the server lets it, and the connection."""
        self._is_closing.set()
        if self._thread.ident is None:
            self._pulse.close()
        else:
            self._thread.join(2 * _LISTEN_S)

    def _watch(self) -> None:
        pulse = self._pulse
        try:
            pulse.event_mask_set("source_output" if self._direction == "capture" else "sink_input", "source", "sink")
            pulse.event_callback_set(self._on_event)
            while not self._is_closing.is_set():
                # After an underrun ALSA's plugin makes a new stream, so there may be none for a moment.
                if self._index() != self._endpoint or any(at != self._endpoint for at in self._streams().values()):
                    break
                pulse.event_listen(timeout=_LISTEN_S)
        except self._errors:
            pass
        finally:
            self._is_lost.set()
            pulse.close()

    def _on_event(self, _event: object) -> None:
        import pulsectl  # noqa: PLC0415 - as above

        raise pulsectl.PulseLoopStop

    def _index(self) -> int:
        """Return the endpoint's number, new after each plugging. Raises what pulsectl raises."""
        if self._direction == "capture":
            return self._pulse.get_source_by_name(self._name).index
        return self._pulse.get_sink_by_name(self._name).index

    def _streams(self) -> dict[int, int]:
        """Return which endpoint this process's new streams in this direction are on, by the streams' numbers.

        "New" is since this watch was made: a process opens one stream in each direction at a time.
        """
        if self._direction == "capture":
            streams = {each.index: (each.source, each.proplist) for each in self._pulse.source_output_list()}
        else:
            streams = {each.index: (each.sink, each.proplist) for each in self._pulse.sink_input_list()}
        own = str(os.getpid())
        return {
            index: endpoint
            for index, (endpoint, properties) in streams.items()
            if properties.get("application.process.id") == own and index not in self._others
        }

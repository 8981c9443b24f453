"""Holds one stream's gate for the threads that feed it, and lets packets through only while it is open."""

from __future__ import annotations

import threading
from typing import Protocol

from workstation.conference.contract import HEADER, KINDS, PROTECTED, PacketKind
from workstation.conference.media.gate import Event, Gate

_NUMBERS = {kind: number for number, kind in KINDS.items()}
_MICROSECONDS = 1_000_000


class Outlet(Protocol):
    """See ``Feed``."""

    def put(self, kind: PacketKind, packet: bytes) -> None:
        """Send a packet."""

    def drop(self, kind: PacketKind) -> None:
        """Throw away what waits."""


class Valve:
    """One stream's way out. Any thread may tell it something; nothing leaves after it was told to close."""

    def __init__(self, kind: PacketKind, gate: Gate, outlet: Outlet) -> None:
        self._kind, self._gate, self._outlet = kind, gate, outlet
        self._lock = threading.Lock()
        self._sent = 0

    @property
    def gate(self) -> Gate:
        """Where the stream stands."""
        return self._gate

    @property
    def sent(self) -> int:
        """Packets that left."""
        return self._sent

    def tell(self, event: Event) -> None:
        """Move the gate; what still waits is thrown away when it closes."""
        with self._lock:
            was_open, self._gate = self._gate.is_open, self._gate.after(event)
            if was_open and not self._gate.is_open:
                self._outlet.drop(self._kind)

    def send_picture(self, width: int, height: int, captured_at: float, planes: bytes) -> None:
        """Let a picture out if the gate is open; ``planes`` is I420, ``captured_at`` in monotonic seconds."""
        self._send(HEADER.pack(_NUMBERS[self._kind], PROTECTED, width, height, 0, _micros(captured_at)) + planes)

    def send_sound(self, samples: int, captured_at: float, sound: bytes) -> None:
        """Let sound out if the gate is open."""
        self._send(HEADER.pack(_NUMBERS[self._kind], PROTECTED, 0, 0, samples, _micros(captured_at)) + sound)

    def _send(self, packet: bytes) -> None:
        with self._lock:
            if self._gate.is_open:
                self._outlet.put(self._kind, packet)
                self._sent += 1


def _micros(seconds: float) -> int:
    return max(round(seconds * _MICROSECONDS), 0)

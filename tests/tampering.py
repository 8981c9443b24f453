"""What lies between a client and a real server and spoils what the server says: TCP streams and UDP datagrams."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
Spoil = Callable[[bytes], bytes | None]
"""What becomes of bytes from the server; ``None`` ends the connection, or drops the datagram."""


def pass_on(data: bytes) -> bytes | None:
    return data


def cut_after(count: int) -> Spoil:
    """Let ``count`` bytes of each connection pass, then hang up. Make a new one for each connection."""
    left = [count]

    def spoil(data: bytes) -> bytes | None:
        part = data[: left[0]]
        left[0] -= len(part)
        return part or None

    return spoil


class Tampering:
    """A relay on loopback; a context manager.

    Attributes:
        spoil: what happens to the server's bytes; taken anew with each piece.
        passed: how many bytes of the server went through since the last connection began.
    """

    def __init__(self, port: int, *, is_udp: bool = False) -> None:
        kind = socket.SOCK_DGRAM if is_udp else socket.SOCK_STREAM
        self._listener = socket.socket(socket.AF_INET, kind)
        self._listener.bind((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._target = (HOST, port)
        self.spoil: Spoil = pass_on
        self.passed = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._relay_datagrams if is_udp else self._relay_streams)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._listener.close()

    def _relay_streams(self) -> None:
        self._listener.listen()
        self._listener.settimeout(0.05)
        while not self._is_over.is_set():
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                with client, socket.create_connection(self._target, 5) as server:
                    self.passed = 0
                    self._relay(client, server)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while not self._is_over.is_set():
                for key, _ in selector.select(0.05):
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    whole = len(data)
                    if key.fileobj is server:
                        data = (data and self.spoil(data)) or b""
                        self.passed += len(data)
                    key.data.sendall(data)
                    if not data or len(data) < whole:
                        return

    def _relay_datagrams(self) -> None:
        self._listener.settimeout(0.05)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.connect(self._target)
            server.settimeout(1)
            while not self._is_over.is_set():
                with contextlib.suppress(OSError):
                    question, client = self._listener.recvfrom(65536)
                    server.send(question)
                    answer = self.spoil(server.recv(65536))
                    if answer is not None:
                        self._listener.sendto(answer, client)

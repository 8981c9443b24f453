"""Serves the processed streams to the conference page: a WebSocket on loopback for whoever knows the key.

Late is worse than lost: what the page does not take in time is thrown away, the oldest first.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import secrets
import socket
import threading
from collections import deque
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Origin

from workstation.conference.contract import PAGE_ORIGIN, MediaAddress, PacketKind

MOST_WAITING: Final = {PacketKind.VIDEO: 1, PacketKind.AUDIO: 10}
"""Packets that wait for the page: one picture, 100 ms of sound."""
_SEND_BUFFER = 1 << 16
"""Bytes that the system may hold for a page that does not read."""
_MAX_HEARD = 1024
"""The page has nothing to say; what it says is dropped."""
_START_TIMEOUT_S = 10.0
_END_TIMEOUT_S = 5.0

_silent = logging.getLogger(f"{__name__}.handshakes")
"""The library would log addresses, and the key is one."""
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class _Client:
    """The page, and what waits for it."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self._waiting = {kind: deque[bytes](maxlen=most) for kind, most in MOST_WAITING.items()}
        self._arrived = asyncio.Event()

    def admit(self, kind: PacketKind, packet: bytes) -> None:
        self._waiting[kind].append(packet)
        self._arrived.set()

    def drop(self, kind: PacketKind) -> None:
        self._waiting[kind].clear()

    async def send_on(self) -> None:
        """Send what waits, sound before pictures, until the page is gone."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while (packet := self._next()) is not None:
                    await self.connection.send(packet)

    def _next(self) -> bytes | None:
        for kind in (PacketKind.AUDIO, PacketKind.VIDEO):
            if self._waiting[kind]:
                return self._waiting[kind].popleft()
        return None


class Feed:
    """The server, on a thread of its own. ``put`` and ``drop`` may be called from any thread.

    One page is served: a new one takes the place of the one before, which is how a page comes back after a crash.

    Raises:
        OSError: there is no port.
    """

    def __init__(self) -> None:
        self._key = secrets.token_urlsafe(32)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._loop = asyncio.new_event_loop()
        self._client: _Client | None = None
        self._ended = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="media-feed", daemon=True)
        self._thread.start()
        if not self._started.wait(_START_TIMEOUT_S):
            raise OSError("feed did not start")

    @property
    def address(self) -> MediaAddress:
        """Where the page finds the streams."""
        return MediaAddress(port=self._socket.getsockname()[1], key=self._key)

    def put(self, kind: PacketKind, packet: bytes) -> None:
        """Send a packet to the page; it is gone when there is none."""
        self._loop.call_soon_threadsafe(self._put, kind, packet)

    def drop(self, kind: PacketKind) -> None:
        """Throw away what still waits of a stream."""
        self._loop.call_soon_threadsafe(self._drop, kind)

    def close(self) -> None:
        """End the server."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(_END_TIMEOUT_S)
        self._socket.close()

    def _put(self, kind: PacketKind, packet: bytes) -> None:
        if self._client:
            self._client.admit(kind, packet)

    def _drop(self, kind: PacketKind) -> None:
        if self._client:
            self._client.drop(kind)

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server: Server = await serve(
            self._meet,
            sock=self._socket,
            origins=[Origin(PAGE_ORIGIN)],
            process_request=self._check,
            compression=None,
            max_size=_MAX_HEARD,
            close_timeout=1,
            write_limit=_SEND_BUFFER,
            logger=_silent,
        )
        async with server:
            self._started.set()
            await self._ended.wait()

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        if hmac.compare_digest(request.path.encode(), f"/{self._key}".encode()):
            return None
        return connection.respond(404, "")

    async def _meet(self, connection: ServerConnection) -> None:
        before, self._client = self._client, _Client(connection)
        client = self._client
        sending = asyncio.create_task(client.send_on())
        if before:
            before.connection.transport.abort()
        try:
            async for _ in connection:
                pass
        except ConnectionClosed:
            pass
        finally:
            sending.cancel()
            if self._client is client:
                self._client = None

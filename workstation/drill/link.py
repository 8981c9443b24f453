"""A network cable that can be pulled: a TCP relay on loopback that drops everything while it is cut."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine

_CHUNK_BYTES = 65536
_CALL_TIMEOUT_S = 5.0
_LINGER_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close() sends RST (socket(7)).


class Link:
    """Relays TCP connections from a free loopback port to one target, in one thread of its own.

    Cutting resets what is connected; a new connection is accepted and reset at once, as from a dead proxy. Methods
    may be called from any thread and return when the change is in force.

    Args:
        target_host: where connections go.
        target_port: the target's port; it need not listen yet, each connection tries anew.

    Raises:
        OSError: no loopback port could be had.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._is_up = True
        self._relays: dict[asyncio.Task[None], socket.socket] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._loop.add_reader(self._listener, self._accept)
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"link-{self._port}", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The loopback port to connect to instead of the target's."""
        return self._port

    @property
    def is_up(self) -> bool:
        """Whether bytes pass."""
        return self._is_up

    def cut(self) -> None:
        """Reset every connection and let none through until ``restore``. Idempotent."""
        self._call(self._set_up(is_up=False))

    def restore(self) -> None:
        """Let new connections through again. Idempotent."""
        self._call(self._set_up(is_up=True))

    def close(self) -> None:
        """Cut for good, give the port back and end the thread. Idempotent."""
        if self._loop.is_closed():
            return
        self._call(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_TIMEOUT_S)
        self._loop.close()

    def _call(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_TIMEOUT_S)

    async def _set_up(self, *, is_up: bool) -> None:
        self._is_up = is_up
        if not is_up:
            await self._drop_all()

    async def _shut_down(self) -> None:
        self._is_up = False
        self._loop.remove_reader(self._listener)
        self._listener.close()
        await self._drop_all()

    async def _drop_all(self) -> None:
        relays = dict(self._relays)
        for task, client in relays.items():
            task.cancel()
            _reset_on_close(client)
        await asyncio.gather(*relays, return_exceptions=True)
        # A task that was cancelled before its first step has not closed its socket.
        for client in relays.values():
            client.close()

    def _accept(self) -> None:
        # Not loop.sock_accept: cancelling it at the wrong moment loses a connection that nobody closes.
        try:
            client, _ = self._listener.accept()
        except OSError:  # the peer left while it waited
            return
        client.setblocking(False)
        if not self._is_up:
            _reset_on_close(client)
            client.close()
            return
        task = self._loop.create_task(self._relay(client))
        self._relays[task] = client
        task.add_done_callback(self._relays.pop)

    async def _relay(self, client: socket.socket) -> None:
        with client, socket.socket() as target:
            target.setblocking(False)
            try:
                await self._loop.sock_connect(target, self._target)
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(self._pump(client, target))
                    pumps.create_task(self._pump(target, client))
            except* OSError:
                _reset_on_close(client)
            except* asyncio.CancelledError:
                _reset_on_close(target)

    async def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        """Copy one direction to its end, and pass the end on, so that half-closed connections work."""
        while chunk := await self._loop.sock_recv(source, _CHUNK_BYTES):
            await self._loop.sock_sendall(sink, chunk)
        sink.shutdown(socket.SHUT_WR)


def _reset_on_close(peer: socket.socket) -> None:
    with contextlib.suppress(OSError):  # a relay that just ended has closed it already
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)

"""The outside world: one port on every address where TLS, plain HTTP, WebSocket and UDP are taken and written down."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Self

from tests.security.authority import Authority

_TLS_HANDSHAKE = 0x16  # RFC 8446 section 5.1
_PATIENCE_S = 5.0
_PAGE = (
    b"<!doctype html><title>outside</title><h1>outside</h1>"
    b"<script>if(window.opener)opener.postMessage('outside','*');parent.postMessage('outside','*')</script>"
)


@dataclass(frozen=True)
class Arrival:
    """What came: ``kind`` is "connection" (TCP, nothing said yet), "tls" (handshake done), "request" or "datagram"."""

    at: float
    kind: str
    what: str = ""


class Sink:
    """Listens until ``close``. Everything it hears is in ``arrivals``."""

    def __init__(self, authority: Authority) -> None:
        self.arrivals: list[Arrival] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(authority.chain, authority.key)
        self._tcp = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
        self.port: int = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._udp.bind(("", self.port))
        self._is_open = True
        for job in (self._take_connections, self._take_datagrams):
            threading.Thread(target=job, name="sink", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self._is_open = False
        with contextlib.suppress(OSError):
            self._tcp.shutdown(socket.SHUT_RDWR)
        self._tcp.close()
        # A datagram to ourselves wakes the thread that reads them.
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("::1", self.port))
        self._udp.close()

    def since(self, index: int) -> list[Arrival]:
        """Return what came after the first ``index`` arrivals."""
        return self.arrivals[index:]

    def _note(self, kind: str, what: str = "") -> None:
        if self._is_open:
            self.arrivals.append(Arrival(time.monotonic(), kind, what))

    def _take_connections(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._tcp.accept()
                self._note("connection")
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _take_datagrams(self) -> None:
        with contextlib.suppress(OSError):
            while self._is_open:
                data, _ = self._udp.recvfrom(65536)
                # Magic cookie of STUN (RFC 8489 section 5).
                self._note("datagram", "STUN" if data[4:8] == b"\x21\x12\xa4\x42" else f"{len(data)} bytes")

    def _serve(self, plain: socket.socket) -> None:
        connection = plain
        with contextlib.suppress(OSError):
            plain.settimeout(_PATIENCE_S)
            if plain.recv(1, socket.MSG_PEEK)[:1] == bytes([_TLS_HANDSHAKE]):
                connection = self._context.wrap_socket(plain, server_side=True)
                self._note("tls")
            head = b""
            while b"\r\n\r\n" not in head and len(head) < 65536:
                part = connection.recv(4096)
                if not part:
                    break
                head += part
            if head:
                self._note("request", " ".join(head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2]))
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\n"
                    b"Content-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(_PAGE) + _PAGE
                )
        with contextlib.suppress(OSError):
            connection.close()

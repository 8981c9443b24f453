"""Runs an ASGI application on a socket and says where, so that a parent process can find it."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import sys
import threading
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

_GRACE_S = 3


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Where to listen, and when to end.

    Attributes:
        port: 0 lets the system choose.
        end_with_stdin: end when standard input closes, so that no server outlives the program that started it.
        certificate: PEM file; without it only a loopback host is accepted.
        key: PEM file of the certificate's private key.
    """

    host: str
    port: int
    end_with_stdin: bool = False
    certificate: str | None = None
    key: str | None = None

    def serve(self, app: ASGIApp) -> None:
        """Serve until SIGTERM or SIGINT, or the end of standard input.

        Writes one line to standard output when ready: ``{"listening": "http://127.0.0.1:PORT"}``.

        Raises:
            ValueError: ``host`` is not a loopback address and there is no certificate.
            OSError: the address cannot be used.
        """
        if self.certificate is None and not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError("a host other than loopback needs a certificate")
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
            ssl_certfile=self.certificate,
            ssl_keyfile=self.key,
        )
        with self._socket() as listening:
            port = listening.getsockname()[1]
            scheme = "http" if self.certificate is None else "https"
            host = f"[{self.host}]" if ":" in self.host else self.host
            server = _AnnouncingServer(config, f"{scheme}://{host}:{port}")
            if self.end_with_stdin:
                threading.Thread(target=_end_with_stdin, args=(server,), name="stdin", daemon=True).start()
            server.run(sockets=[listening])

    def _socket(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((self.host, self.port))
        return listening


class _AnnouncingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(json.dumps({"listening": self._address}) + "\n")
        sys.stdout.flush()


def _end_with_stdin(server: uvicorn.Server) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    server.should_exit = True

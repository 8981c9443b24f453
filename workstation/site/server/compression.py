"""Compresses answers that are long and hold no secret."""

from __future__ import annotations

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

WORTH_BYTES = 500
"""Below this an answer fits into one packet in any case."""

_WITHOUT_SECRETS = ("/reports", "/board", "/events", "/readings")
"""Ends of paths. Keys, tickets and accounts are never compressed: a length would tell of them (BREACH, 2013).

``/metrics`` compresses its megabytes by itself, in its own thread.
"""


class Compression:
    """ASGI middleware: gzip for those who accept it, on the paths named above."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressing = GZipMiddleware(app, minimum_size=WORTH_BYTES, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer compressed or plain."""
        may_compress = scope["type"] == "http" and scope["path"].endswith(_WITHOUT_SECRETS)
        await (self._compressing if may_compress else self._app)(scope, receive, send)

"""Takes request bodies in gzip (RFC 9110 section 8.4.1.3) and lets none of them grow beyond what a plain one may be."""

from __future__ import annotations

import zlib
from http import HTTPStatus

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workstation.site.server.body_limit import limit_of
from workstation.site.server.problems import problem_response

MAX_RATIO = 200
"""Bytes out of one byte in. JSON of our reports stays below 20; gzip itself could do 1032."""

RATIO_FREE_BYTES = 64 << 10
"""Up to here the ratio says nothing: it is small in any case."""

_GZIP_WBITS = 31
_PIECE_BYTES = 64 << 10
_NONE = frozenset({b"", b"identity"})
_GZIP = frozenset({b"gzip", b"x-gzip"})


class Decompression:
    """ASGI middleware: hands the application plain bodies.

    415 for an encoding that is not gzip, 400 for what is no single sound gzip member, 413 for one that is longer than
    its path allows or that grows more than ``MAX_RATIO`` times. Memory: one piece beside what the application keeps.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a plain body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        encoding = b",".join(value for name, value in scope["headers"] if name == b"content-encoding").strip().lower()
        if encoding in _NONE:
            await self._app(scope, receive, send)
        elif encoding in _GZIP:
            gone = {b"content-encoding", b"content-length"}
            headers = [(name, value) for name, value in scope["headers"] if name not in gone]
            plain = _Plain(receive, limit_of(scope["path"]))
            await self._app({**scope, "headers": headers}, plain.receive, send)
        else:
            refusal = problem_response(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "only gzip is taken")
            refusal.headers["Accept-Encoding"] = "gzip"
            await refusal(scope, receive, send)


class _Plain:
    """The body of one request, decompressed piece by piece as the application asks for it."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._inflater = zlib.decompressobj(_GZIP_WBITS)
        self._length_in = self._length_out = 0
        self._is_received = self._is_over = False

    async def receive(self) -> Message:
        """Return the next piece, or whatever else the client does."""
        if self._is_over:
            return await self._receive()
        compressed = self._inflater.unconsumed_tail
        if not compressed and not self._is_received:
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            compressed = message.get("body", b"")
            self._is_received = not message.get("more_body", False)
            self._length_in += len(compressed)
        piece = self._inflate(compressed)
        self._is_over = self._inflater.eof and self._is_received
        return {"type": "http.request", "body": piece, "more_body": not self._is_over}

    def _inflate(self, compressed: bytes) -> bytes:
        try:
            piece = self._inflater.decompress(compressed, _PIECE_BYTES)
        except zlib.error:
            raise HTTPException(HTTPStatus.BAD_REQUEST) from None
        self._length_out += len(piece)
        is_bomb = self._length_out > max(RATIO_FREE_BYTES, MAX_RATIO * self._length_in)
        if is_bomb or self._length_out > self._limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        has_more_inside = bool(self._inflater.unconsumed_tail) or len(piece) == _PIECE_BYTES
        is_cut = self._is_received and not self._inflater.eof and not has_more_inside
        if is_cut or self._inflater.unused_data:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        return piece

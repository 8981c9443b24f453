"""Refuses request bodies that no caller has a reason to send, before they fill the memory."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workstation.site.server.problems import problem_response

MAX_BODY_BYTES = 8 << 20
"""A roster of 30 experts with photos as large as allowed; a report of 500 events at their longest is a third."""

MAX_REVIEW_BYTES = 1 << 20
"""Two pictures as large as allowed, in base64 with line breaks, take half of it."""

MAX_PACK_BYTES = 1 << 20
"""The longest pack file that a booth takes."""

_LIMITS = {"/reviews/": MAX_REVIEW_BYTES, "/packs/": MAX_PACK_BYTES}


def limit_of(path: str) -> int:
    """Return how many bytes a body may have that is sent to ``path``."""
    return next((limit for part, limit in _LIMITS.items() if part in path), MAX_BODY_BYTES)


class BodyLimit:
    """ASGI middleware: 413 for a body above the limit of its path, announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a counted body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = limit_of(scope["path"])
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > limit:
            await _too_long()(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)


def _too_long() -> ASGIApp:
    return problem_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request is too long")


def _counted(receive: Receive, limit: int) -> Receive:
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            # FastAPI turns any other exception from here into a 400.
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return counted

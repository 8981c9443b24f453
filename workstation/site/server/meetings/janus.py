"""A small client of Janus' HTTP interface: as much of it as making and ending rooms needs.

A session is made for each use and ended after it, so nothing has to be kept alive, and a Janus that was restarted in
between is no case of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any

import requests
from pydantic import BaseModel, ConfigDict, ValidationError

from workstation.site.transport import bounded_session, exchange

TIMEOUT_S = 2.0
_TOTAL_S = 4.0
_OWN_TOKEN_S = 120


class Plugin(StrEnum):
    """The plugins that meetings use."""

    VIDEO = "janus.plugin.videoroom"
    TEXT = "janus.plugin.textroom"


class JanusError(Exception):
    """Janus did not answer, or not as documented. May work later."""


class JanusRefusalError(JanusError):
    """A plugin refused. ``code`` is its own error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Janus refused with its error {code}")
        self.code = code


class _Answer(BaseModel):
    """What every answer looks like; the rest of it depends on the request."""

    model_config = ConfigDict(extra="ignore")

    class Refused(BaseModel):
        """Why the core refused."""

        code: int

    class Created(BaseModel):
        """A session or a handle."""

        id: int

    class Said(BaseModel):
        """What a plugin said."""

        data: dict[str, Any]

    janus: str
    error: Refused | None = None
    data: Created | None = None
    plugindata: Said | None = None


def signed_token(secret: str, expires_at: int) -> str:
    """Return a token for both plugins: Janus' "signed" kind, HMAC-SHA1 over expiry, realm and plugins.

    Args:
        secret: ``token_auth_secret`` of the server.
        expires_at: seconds since 1970.
    """
    claim = ",".join((str(expires_at), "janus", *Plugin))
    digest = hmac.new(secret.encode(), claim.encode(), hashlib.sha1).digest()
    return f"{claim}:{base64.b64encode(digest).decode()}"


class Janus:
    """The interface at one address. May be used from several threads.

    Args:
        address: such as ``http://127.0.0.1:8088/janus``.
        token_secret: ``token_auth_secret`` of the server.

    Raises:
        JanusError: every call.
    """

    def __init__(self, address: str, token_secret: str) -> None:
        self._address = address.rstrip("/")
        self._token_secret = token_secret
        self._http = bounded_session(None)

    @contextmanager
    def session(self) -> Iterator[JanusSession]:
        """Open a session, and end it afterwards."""
        created = self.post("", {"janus": "create"}).data
        if created is None:
            raise JanusError("Janus gave no session")
        path = f"/{created.id}"
        try:
            yield JanusSession(self, path)
        finally:
            # Whatever is left of a session ends by itself within its time-out.
            with suppress(JanusError):
                self.post(path, {"janus": "destroy"})

    def post(self, path: str, body: dict[str, Any]) -> _Answer:
        """Send one request to a session or handle and return the answer."""
        token = signed_token(self._token_secret, int(time.time()) + _OWN_TOKEN_S)
        content = {**body, "transaction": secrets.token_hex(8), "token": token}
        request = requests.Request("POST", self._address + path, json=content)
        try:
            response, reply = exchange(self._http, request, timeout_s=TIMEOUT_S, total_s=_TOTAL_S)
        except (requests.RequestException, OSError) as error:
            raise JanusError(f"Janus does not answer: {type(error).__name__}") from error
        try:
            answer = _Answer.model_validate_json(reply)
        except ValidationError:
            # The cause would quote the answer, which may hold a room's pin.
            raise JanusError(f"Janus answered something else: HTTP {response.status_code}") from None
        if answer.error is not None:
            raise JanusError(f"Janus refused: its error {answer.error.code} (403 is a wrong token secret)")
        return answer

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._http.close()


class JanusSession:
    """A session with at most one handle per plugin."""

    def __init__(self, janus: Janus, path: str) -> None:
        self._janus = janus
        self._path = path
        self._handles: dict[Plugin, str] = {}

    def ask(self, plugin: Plugin, request: str, **arguments: str | int | bool) -> dict[str, Any]:
        """Send a request to a plugin that answers at once, and return its answer.

        Raises:
            JanusRefusalError: the plugin refused.
            JanusError: no answer.
        """
        said = self._janus.post(
            self._handle(plugin), {"janus": "message", "body": {"request": request, **arguments}}
        ).plugindata
        if said is None:
            raise JanusError("the plugin gave no answer")
        code = said.data.get("error_code")
        if isinstance(code, int):
            raise JanusRefusalError(code)
        return said.data

    def _handle(self, plugin: Plugin) -> str:
        if plugin not in self._handles:
            created = self._janus.post(self._path, {"janus": "attach", "plugin": plugin}).data
            if created is None:
                raise JanusError("Janus gave no handle")
            self._handles[plugin] = f"{self._path}/{created.id}"
        return self._handles[plugin]

"""The conference server that this site has: where it is, what opens it, and what is given out for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import os
import stat
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workstation.site.conference import IceServer
from workstation.site.server.meetings.janus import Janus, signed_token

LIFETIME = timedelta(hours=12)
"""How long a token and TURN credentials are good: longer than any day of evaluation; the page renews them before."""

_Key = Annotated[str, Field(min_length=16, max_length=200, pattern=r"^[!-~]+$", repr=False)]


class ConferenceServerError(Exception):
    """The options of the conference server cannot be used. The text says why, never a secret."""


class _Keys(BaseModel):
    """The file of keys (TOML), as they stand in Janus' own configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    admin_key: _Key
    token_secret: _Key


@dataclass(frozen=True, kw_only=True)
class ConferenceServer:
    """A Janus server, and the TURN servers beside it.

    Attributes:
        janus: its HTTP interface, for this server.
        websocket: its address for pages.
        recordings: folder where it writes streams; the same path for it and for us.
        turn: addresses of TURN servers that share ``turn_secret`` (coturn: ``use-auth-secret``).
    """

    janus: Janus
    websocket: str
    recordings: Path
    admin_key: str = field(repr=False)
    token_secret: str = field(repr=False)
    turn: tuple[str, ...] = ()
    turn_secret: str = field(default="", repr=False)

    def token(self, expires_at: datetime) -> str:
        """Return what Janus wants with every request of a page."""
        return signed_token(self.token_secret, int(expires_at.timestamp()))

    def ice_servers(self, participant_id: str, expires_at: datetime) -> list[IceServer]:
        """Return the TURN servers with credentials made for one participant (TURN REST)."""
        if not self.turn:
            return []
        username = f"{int(expires_at.timestamp())}:{participant_id}"
        digest = hmac.new(self.turn_secret.encode(), username.encode(), hashlib.sha1).digest()
        return [IceServer(urls=list(self.turn), username=username, credential=base64.b64encode(digest).decode())]

    def close(self) -> None:
        """Close the connections."""
        self.janus.close()


def open_server(
    *,
    http: str,
    websocket: str,
    keys_file: Path,
    recordings: Path,
    turn: Sequence[str] = (),
    turn_secret_file: Path | None = None,
) -> ConferenceServer:
    """Check the options and build the server's description. Nothing is asked of Janus yet: it may come later.

    Raises:
        ConferenceServerError: an option cannot be used.
    """
    _require(http, {"http", "https"}, "https")
    _require(websocket, {"ws", "wss"}, "wss")
    for address in turn:
        if not address.startswith(("turn:", "turns:")):
            raise ConferenceServerError("an address of a TURN server begins with turn: or turns:")
    if bool(turn) != (turn_secret_file is not None):
        raise ConferenceServerError("TURN servers and the file of their secret belong together")
    if not recordings.is_dir() or not recordings.is_absolute():
        raise ConferenceServerError("the folder of recordings is not there, or its path is not absolute")
    try:
        keys = _Keys.model_validate(tomllib.loads(_private_text(keys_file)))
    except (ValidationError, tomllib.TOMLDecodeError):
        raise ConferenceServerError(f"{keys_file.name} needs admin_key and token_secret, and nothing else") from None
    turn_secret = "" if turn_secret_file is None else _private_text(turn_secret_file).strip()
    if turn and len(turn_secret) < 16:
        raise ConferenceServerError("the TURN secret is shorter than 16 characters")
    return ConferenceServer(
        janus=Janus(http, keys.token_secret),
        websocket=websocket,
        recordings=recordings,
        admin_key=keys.admin_key,
        token_secret=keys.token_secret,
        turn=tuple(turn),
        turn_secret=turn_secret,
    )


def _require(address: str, schemes: set[str], protected: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in schemes or not parts.hostname:
        raise ConferenceServerError(f"an address must begin with one of {', '.join(sorted(schemes))}")
    if parts.scheme != protected and not _is_loopback(parts.hostname):
        raise ConferenceServerError(f"{protected} is needed on a host other than loopback")


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _private_text(path: Path) -> str:
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConferenceServerError(f"{path.name} can be read by others: chmod 600")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConferenceServerError(f"{path.name} cannot be read: {type(error).__name__}") from None

"""The conference server that this site has: where it is, what opens it, and what is given out for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workstation.site.conference import IceServer
from workstation.site.server.meetings.janus import Janus, signed_token
from workstation.site.server.options import OptionError, private_text, require_protected

LIFETIME = timedelta(hours=12)
"""How long a token and TURN credentials are good: longer than any day of evaluation; the page renews them before."""

_Key = Annotated[str, Field(min_length=16, max_length=200, pattern=r"^[!-~]+$", repr=False)]


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
        OptionError: an option cannot be used.
    """
    require_protected(http, {"http", "https"}, "https")
    require_protected(websocket, {"ws", "wss"}, "wss")
    for address in turn:
        if not address.startswith(("turn:", "turns:")):
            raise OptionError("an address of a TURN server begins with turn: or turns:")
    if bool(turn) != (turn_secret_file is not None):
        raise OptionError("TURN servers and the file of their secret belong together")
    if not recordings.is_dir() or not recordings.is_absolute():
        raise OptionError("the folder of recordings is not there, or its path is not absolute")
    try:
        keys = _Keys.model_validate(tomllib.loads(private_text(keys_file)))
    except (ValidationError, tomllib.TOMLDecodeError):
        raise OptionError(f"{keys_file.name} needs admin_key and token_secret, and nothing else") from None
    turn_secret = "" if turn_secret_file is None else private_text(turn_secret_file).strip()
    if turn and len(turn_secret) < 16:
        raise OptionError("the TURN secret is shorter than 16 characters")
    return ConferenceServer(
        janus=Janus(http, keys.token_secret),
        websocket=websocket,
        recordings=recordings,
        admin_key=keys.admin_key,
        token_secret=keys.token_secret,
        turn=tuple(turn),
        turn_secret=turn_secret,
    )

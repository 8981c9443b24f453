"""The server's secrets: a JSON file that only its owner can read, given by the installer or made at first start."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workstation.site.contract import BoothId

FILE_NAME = "tokens.json"

Token = Annotated[str, Field(min_length=32, max_length=200)]


class Tokens(BaseModel):
    """Bearer tokens and the ticket key. All server processes of a site share one such file.

    Attributes:
        admin: for the administrator's calls.
        main_site: for redeeming tickets.
        ticket_key: makes tickets from a launch's random nonce, so that a copy of the database holds no ticket.
        metrics: for reading ``/metrics`` and nothing else; a file without it, and nobody can.
        booths: first tokens of booths; a booth's token set by the administrator later takes their place until the
            server starts again with a different one in this file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    admin: Annotated[Token, Field(repr=False)]
    main_site: Annotated[Token, Field(repr=False)]
    ticket_key: Annotated[Token, Field(repr=False)]
    metrics: Annotated[Token | None, Field(repr=False)] = None
    booths: Annotated[dict[BoothId, Token], Field(repr=False)] = {}


class TokensError(Exception):
    """The token file cannot be used. The text says which file and which keys, never a value."""


def load_or_create(folder: Path, *booth_ids: str) -> Tokens:
    """Read the token file in ``folder``, making it, and tokens for ``booth_ids`` that it lacks, when needed.

    Raises:
        TokensError: the file is not as described.
    """
    path = folder / FILE_NAME
    if path.exists():
        tokens, is_new = _read(path), False
    else:
        tokens, is_new = Tokens(admin=_token(), main_site=_token(), ticket_key=_token(), metrics=_token()), True
    missing = {booth_id: _token() for booth_id in booth_ids if booth_id not in tokens.booths}
    if missing or is_new:
        tokens = tokens.model_copy(update={"booths": {**tokens.booths, **missing}})
        _write(path, tokens)
    return tokens


def token_hash(token: str) -> str:
    """Return what is stored of a token. It holds 256 random bits, so a plain hash cannot be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_same(token: str, stored_hash: str | None) -> bool:
    """Compare in a time that does not depend on where the two differ, nor on whether anything is stored."""
    return hmac.compare_digest(token_hash(token), stored_hash or "") and stored_hash is not None


def _token() -> str:
    return secrets.token_urlsafe(32)


def _read(path: Path) -> Tokens:
    try:
        return Tokens.model_validate_json(path.read_bytes())
    except ValidationError as error:
        places = sorted({".".join(str(part) for part in item["loc"]) for item in error.errors()})
        raise TokensError(f"{path.name} is not valid: {', '.join(places)}") from None


def _write(path: Path, tokens: Tokens) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(tokens.model_dump(), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    if sys.platform != "win32":  # which orders a rename by itself, and cannot open folders
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

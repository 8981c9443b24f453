"""Main-site packs (主场环境包): taken from the administrator, handed to the booths.

The server holds no key and believes nothing in them: whether a pack may be used the booth decides. What it refuses is
what no booth could take: text that is no pack file, and an older serial than it has.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError
from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workstation.site.administration import PackRow
from workstation.site.contract import MAX_PACKS, Counter, MainSiteId, PackRef
from workstation.site.server.models import StoredPack
from workstation.site.server.problems import RefusalError

_COMPACT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_jws = PyJWS()


class _Said(BaseModel):
    """What the server reads of a pack's content: enough to list it."""

    main_site_id: MainSiteId
    name: Annotated[str, Field(min_length=1, max_length=100)]
    serial: Counter
    issued_at: AwareDatetime
    valid_until: AwareDatetime


def take(session: Session, main_site_id: str, body: bytes, now: datetime) -> PackRow:
    """Keep a pack in place of the older one. The same pack again changes nothing.

    Raises:
        RefusalError: 422 for what is no signed pack of that main site; 409 for an older serial, for a serial that was
            used for another content, and for one main site too many.
    """
    token, said = _read(body.strip())
    if said.main_site_id != main_site_id:
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, "main_site_id differs from the path")
    row = session.get(StoredPack, main_site_id, with_for_update=True)
    sha256 = hashlib.sha256(token.encode()).hexdigest()
    if row is None:
        if (session.scalar(select(func.count()).select_from(StoredPack)) or 0) >= MAX_PACKS:
            raise RefusalError(HTTPStatus.CONFLICT, "there are packs of too many main sites")
        row = StoredPack(main_site_id=main_site_id)
        session.add(row)
    elif said.serial < row.serial:
        raise RefusalError(HTTPStatus.CONFLICT, "a newer pack of this main site is here")
    elif said.serial == row.serial:
        if sha256 != row.sha256:
            raise RefusalError(HTTPStatus.CONFLICT, "this serial was used for another pack")
        return _row(row)
    row.serial, row.sha256, row.token = said.serial, sha256, token
    row.main_site, row.issued_at, row.valid_until, row.received_at = said.name, said.issued_at, said.valid_until, now
    session.flush()
    return _row(row)


def everything(session: Session) -> list[PackRow]:
    """Return every pack, by main site."""
    return [_row(row) for row in session.scalars(select(StoredPack).order_by(StoredPack.main_site_id))]


def references(session: Session) -> list[PackRef]:
    """Return what a booth compares with its own packs."""
    columns = select(StoredPack.main_site_id, StoredPack.serial, StoredPack.sha256).order_by(StoredPack.main_site_id)
    return [
        PackRef(main_site_id=name, serial=serial, sha256=sha256) for name, serial, sha256 in session.execute(columns)
    ]


def text_of(session: Session, main_site_id: str) -> str:
    """Return the pack file. Raises ``RefusalError`` (404)."""
    token = session.scalar(select(StoredPack.token).where(StoredPack.main_site_id == main_site_id))
    if token is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "no pack of this main site")
    return token


def _read(body: bytes) -> tuple[str, _Said]:
    try:
        if not _COMPACT.fullmatch(body):
            raise ValueError("not three parts of base64url")
        payload: bytes = _jws.decode(body, options={"verify_signature": False})
        return body.decode("ascii"), _Said.model_validate_json(payload, strict=True)
    except (PyJWTError, ValidationError, ValueError) as error:
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, "that is no signed pack") from error


def _row(row: StoredPack) -> PackRow:
    return PackRow(
        main_site_id=row.main_site_id,
        name=row.main_site,
        serial=row.serial,
        sha256=row.sha256,
        issued_at=row.issued_at,
        valid_until=row.valid_until,
        received_at=row.received_at,
    )

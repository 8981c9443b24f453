"""Keeps the one card record the booth knows, in memory only, and forgets it on order.

Python strings cannot be overwritten; forgetting drops the only references and overwrites the pictures. The process
writes neither swap files nor core dumps of its own (docs/architecture.md, personal data).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import date
from uuid import uuid4

from drivers.contracts import IdCardRecord, Image
from workstation.identity.masking import mask_name, mask_number
from workstation.journey.facts import Holder, Reference, SessionId
from workstation.site.contract import expert_hash


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a reviewer needs to tell whether it is the same person. The pictures are copies; ``overwrite`` them."""

    expert_hash: str
    card_year: int = field(repr=False)
    card_photo: Image | None = field(repr=False)
    live_picture: Image | None = field(repr=False)

    def overwrite(self) -> None:
        """Wipe the pictures."""
        for picture in (self.card_photo, self.live_picture):
            overwrite(picture)


class IdentityVault:
    """One person at a time. Any thread may ask; taking in a new record forgets the old one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._record: IdCardRecord | None = None
        self._session_id = ""
        self._card_photo: Image | None = None
        self._site_photo: Image | None = None
        self._live_picture: Image | None = None

    def take(self, record: IdCardRecord, portrait: Image | None, today: date) -> Holder:
        """Keep ``record`` and its picture, and return what the journey and the screen may know of it."""
        session_id = SessionId(str(uuid4()))
        with self._lock:
            self._forget()
            self._record, self._card_photo, self._session_id = record, portrait, session_id
        expired = record.valid_until is not None and record.valid_until < today
        return Holder(
            session_id=session_id,
            masked_name=mask_name(record.name),
            masked_number=mask_number(record.id_number),
            sex=record.sex,
            expired_on=record.valid_until.isoformat() if expired and record.valid_until else None,
            reference=None if portrait is None else Reference.CARD_PHOTO,
        )

    def keep_reference(self, picture: Image) -> None:
        """Compare with the site's picture of the same person from now on. When nobody is known, forget it at once."""
        with self._lock:
            overwrite(self._site_photo)
            self._site_photo = picture
            if self._record is None:
                self._forget()

    def keep_live(self, picture: Image) -> None:
        """Keep this picture of the person in the booth in place of the one before, for a reviewer."""
        with self._lock:
            overwrite(self._live_picture)
            self._live_picture = picture
            if self._record is None:
                self._forget()

    def forget_live(self) -> None:
        """Forget the picture of the person in the booth."""
        with self._lock:
            overwrite(self._live_picture)
            self._live_picture = None

    @property
    def portrait(self) -> Image | None:
        """The picture to compare with, a copy: the site's where it had to be asked for, else the card's."""
        with self._lock:
            return _copy(self._card_photo if self._site_photo is None else self._site_photo)

    def expert_hash(self, arrival_key: bytes) -> str | None:
        """Return the keyed hash of the ID number for the site, ``None`` when nobody is known."""
        with self._lock:
            return None if self._record is None else expert_hash(arrival_key, self._record.id_number)

    def evidence(self, session_id: str, arrival_key: bytes) -> Evidence | None:
        """Return what a reviewer of this visit needs, ``None`` when it is over."""
        with self._lock:
            if self._record is None or self._session_id != session_id:
                return None
            return Evidence(
                expert_hash=expert_hash(arrival_key, self._record.id_number),
                card_year=self._record.valid_from.year,
                card_photo=_copy(self._card_photo),
                live_picture=_copy(self._live_picture),
            )

    def clear(self) -> None:
        """Forget the person."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        for picture in (self._card_photo, self._site_photo, self._live_picture):
            overwrite(picture)
        self._record = self._card_photo = self._site_photo = self._live_picture = None
        self._session_id = ""


def _copy(picture: Image | None) -> Image | None:
    return None if picture is None else picture.copy()


def overwrite(picture: Image | None) -> None:
    """Wipe a picture that nobody will look at any more."""
    if picture is not None:
        picture.fill(0)

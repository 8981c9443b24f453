"""Keeps the one card record the booth knows, in memory only, and forgets it on order.

Python strings cannot be overwritten; forgetting drops the only references and overwrites the picture. The process
writes neither swap files nor core dumps of its own (docs/architecture.md, personal data).
"""

from __future__ import annotations

import threading
from datetime import date
from uuid import uuid4

from drivers.contracts import IdCardRecord, Image
from workstation.identity.masking import mask_name, mask_number
from workstation.journey.states import Holder, Reference, SessionId
from workstation.site.contract import expert_hash


class IdentityVault:
    """One person at a time. Any thread may ask; taking in a new record forgets the old one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._record: IdCardRecord | None = None
        self._portrait: Image | None = None

    def take(self, record: IdCardRecord, portrait: Image | None, today: date) -> Holder:
        """Keep ``record`` and its picture, and return what the journey and the screen may know of it."""
        with self._lock:
            self._forget()
            self._record, self._portrait = record, portrait
        expired = record.valid_until is not None and record.valid_until < today
        return Holder(
            session_id=SessionId(str(uuid4())),
            masked_name=mask_name(record.name),
            masked_number=mask_number(record.id_number),
            sex=record.sex,
            expired_on=record.valid_until.isoformat() if expired and record.valid_until else None,
            reference=None if portrait is None else Reference.CARD_PHOTO,
        )

    def keep_reference(self, picture: Image) -> None:
        """Compare with the site's picture of the same person from now on. When nobody is known, forget it at once."""
        with self._lock:
            if self._portrait is not None:
                self._portrait.fill(0)
            self._portrait = picture
            if self._record is None:
                self._forget()

    @property
    def portrait(self) -> Image | None:
        """The picture to compare with, a copy: the card's or else the site's; ``None`` when there is none."""
        with self._lock:
            return None if self._portrait is None else self._portrait.copy()

    def expert_hash(self, arrival_key: bytes) -> str | None:
        """Return the keyed hash of the ID number for the site, ``None`` when nobody is known."""
        with self._lock:
            return None if self._record is None else expert_hash(arrival_key, self._record.id_number)

    def clear(self) -> None:
        """Forget the person."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._portrait is not None:
            self._portrait.fill(0)
        self._record = self._portrait = None

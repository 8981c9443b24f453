"""Keeps the one card record the booth knows, in memory only, and forgets it on order.

Python strings cannot be overwritten; forgetting drops the only references and overwrites the picture. The process
writes neither swap files nor core dumps of its own (docs/architecture.md, personal data).
"""

from __future__ import annotations

import threading
from datetime import date
from uuid import uuid4

from drivers.contracts import IdCardRecord, Image, PhotoDecoder
from workstation.identity.masking import mask_name, mask_number
from workstation.journey.states import Holder, SessionId
from workstation.site.contract import expert_hash


class IdentityVault:
    """One person at a time. Any thread may ask; taking in a new record forgets the old one.

    Args:
        decoder: turns the card's photo block into a picture.
    """

    def __init__(self, decoder: PhotoDecoder) -> None:
        self._decoder = decoder
        self._lock = threading.Lock()
        self._record: IdCardRecord | None = None
        self._portrait: Image | None = None

    def take(self, record: IdCardRecord, today: date) -> Holder:
        """Keep ``record`` and return what the journey and the screen may know of it."""
        portrait = self._decoder.decode(record.photo_block)
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
            has_reference=portrait is not None,
        )

    @property
    def portrait(self) -> Image | None:
        """The card photo, a copy; ``None`` when nobody is known or the block could not be decoded."""
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

"""The booth's packs: one file per main site, and beside it the newest serial ever seen, which no deletion takes back.

A power cut at any write leaves the pack that was there or the new one. A damaged file refuses its own main site only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from .durable import exclusive, make_folder, remove_drafts, write_durably
from .model import MainSiteId, MainSitePack
from .refusal import PackRefusedError, Refusal
from .signing import MAX_BYTES, PackVerifier, digest, read_pack

FOLDER_NAME: Final = "packs"
"""Below ``storage.data_dir``."""

_ID: Final[TypeAdapter[str]] = TypeAdapter(MainSiteId)
_MAX_FLOOR_BYTES = 1024


@dataclass(frozen=True)
class Floor:
    """The newest pack ever seen of a main site: its serial, and the digest that this serial stands for."""

    serial: int
    sha256: str


def _now() -> datetime:
    return datetime.now(UTC)


class PackStore:
    """Packs of this booth. Safe from any thread, and beside another process.

    Args:
        folder: where they lie; made when the first is installed.
        verifier: says whose packs are taken.
        site_id: this sub-site's name for a pack's audience; "" belongs to none.
        is_drill: plain http to this machine may be opened.
        clock: gives the current moment with a zone.
    """

    def __init__(
        self,
        folder: Path,
        verifier: PackVerifier,
        *,
        site_id: str,
        is_drill: bool,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._folder = folder
        self._verifier = verifier
        self._site_id = site_id
        self._is_drill = is_drill
        self._clock = clock
        self._lock = threading.Lock()

    def get(self, main_site_id: str, now: datetime | None = None) -> MainSitePack:
        """Return the pack of a main site as it may be used at ``now`` (default: at present).

        Raises:
            PackRefusedError: there is none, or the one there must not be used.
        """
        name = _name(main_site_id)
        with self._lock:
            token = self._token(name)
            if token is None:
                raise PackRefusedError(Refusal.MISSING, f"no pack of {main_site_id} on this booth")
            pack = read_pack(token, self._verifier)
            if pack.main_site_id != name:
                raise PackRefusedError(Refusal.UNREADABLE, f"{name}.pack holds the pack of {pack.main_site_id}")
            self._require_newest(pack, digest(token), self._floor(name))
        self._require_usable(pack, now or self._clock())
        return pack

    def install(self, token: str, *, main_site_id: str = "") -> MainSitePack:
        """Verify a pack file and keep it in place of the one that is there. Return what it holds.

        Args:
            token: the pack file's text.
            main_site_id: whose pack it has to be; "" for any.

        Raises:
            PackRefusedError: it must not be used here; nothing was changed.
            OSError: the disk did not take it.
        """
        token = token.strip()
        pack = read_pack(token, self._verifier)
        if main_site_id not in {"", pack.main_site_id}:
            raise PackRefusedError(Refusal.MALFORMED, f"is the pack of {pack.main_site_id}, not of {main_site_id}")
        self._require_usable(pack, self._clock())
        name, found = pack.main_site_id, digest(token)
        with self._changing():
            self._require_newest(pack, found, self._seen(name))
            # The pack first: a power cut between the two leaves the new pack, whose serial still counts as seen.
            write_durably(self._pack_path(name), token.encode("ascii"))
            floor = {"serial": pack.serial, "sha256": found}
            write_durably(self._floor_path(name), json.dumps(floor).encode("ascii"))
        return pack

    def digest_of(self, main_site_id: str) -> str | None:
        """Return the SHA-256 of the pack file that is kept of a main site, whether or not it may be used."""
        with self._lock:
            try:
                token = self._token(_name(main_site_id))
            except PackRefusedError:
                return None
        return None if token is None else digest(token)

    def main_site_ids(self) -> list[str]:
        """Return of which main sites a pack is kept."""
        if not self._folder.is_dir():
            return []
        return sorted(path.stem for path in self._folder.glob("*.pack"))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            make_folder(self._folder)
            with exclusive(self._folder / ".lock"):
                remove_drafts(self._folder)
                yield

    def _pack_path(self, name: str) -> Path:
        return self._folder / f"{name}.pack"

    def _floor_path(self, name: str) -> Path:
        return self._folder / f"{name}.seen"

    def _token(self, name: str) -> str | None:
        data = _read(self._pack_path(name), MAX_BYTES)
        if data is None:
            return None
        try:
            return data.decode("ascii")
        except UnicodeDecodeError as error:
            raise PackRefusedError(Refusal.UNREADABLE, f"{name}.pack is damaged: install it again") from error

    def _floor(self, name: str) -> Floor | None:
        data = _read(self._floor_path(name), _MAX_FLOOR_BYTES)
        if data is None:
            return None
        try:
            return _FLOOR.validate_json(data, strict=True)
        except ValidationError as error:
            raise PackRefusedError(
                Refusal.UNREADABLE, f"{name}.seen is damaged: delete it, then install the newest pack"
            ) from error

    def _seen(self, name: str) -> Floor | None:
        """Return the floor, counting a pack whose floor a power cut kept from the disk."""
        floor = self._floor(name)
        try:
            token = self._token(name)
            held = None if token is None else read_pack(token, self._verifier)
        except PackRefusedError:
            return floor
        if token is None or held is None or held.main_site_id != name or (floor and floor.serial >= held.serial):
            return floor
        return Floor(held.serial, digest(token))

    @staticmethod
    def _require_newest(pack: MainSitePack, found: str, floor: Floor | None) -> None:
        if floor is None or pack.serial > floor.serial:
            return
        if pack.serial < floor.serial:
            detail = f"serial {pack.serial} is older than {floor.serial}, which was here already"
            raise PackRefusedError(Refusal.OLDER, detail)
        if found != floor.sha256:
            raise PackRefusedError(Refusal.SERIAL_REUSED, f"serial {pack.serial} was here with another content")

    def _require_usable(self, pack: MainSitePack, now: datetime) -> None:
        if pack.needs_drill and not self._is_drill:
            raise PackRefusedError(Refusal.PLAIN_HTTP, "it opens plain http, which only a drill may do")
        if pack.audience and self._site_id not in pack.audience:
            here = self._site_id or "not named (main_site.site_id)"
            raise PackRefusedError(Refusal.FOREIGN, f"made for {', '.join(pack.audience)[:200]}; this site is {here}")
        if now < pack.issued_at:
            raise PackRefusedError(Refusal.NOT_YET_VALID, f"valid from {pack.issued_at.isoformat()}")
        if now >= pack.valid_until:
            raise PackRefusedError(Refusal.EXPIRED, f"valid until {pack.valid_until.isoformat()}")


_FLOOR: Final[TypeAdapter[Floor]] = TypeAdapter(Floor)


def _name(main_site_id: str) -> str:
    """Return the id, once it is one: it becomes a file's name."""
    try:
        return _ID.validate_python(main_site_id)
    except ValidationError as error:
        raise PackRefusedError(Refusal.MISSING, "that is no main site's id") from error


def _read(path: Path, longest: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(longest + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PackRefusedError(Refusal.UNREADABLE, f"{path.name} cannot be read: {error.strerror}") from error
    if len(data) > longest:
        raise PackRefusedError(Refusal.TOO_LARGE, f"{path.name} is longer than {longest} bytes")
    return data

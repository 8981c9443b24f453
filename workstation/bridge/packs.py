"""Keeps the booth's main-site packs as new as the site server's, in a thread of its own."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, Signal, Slot

from drivers.errors import KioskError
from kiosk_config.pack.model import MainSitePack
from kiosk_config.pack.refusal import PackRefusedError, Refusal
from kiosk_config.pack.signing import digest
from workstation.evaluation.packs import BoothPacks
from workstation.journey.effects import Fact
from workstation.site.client import SiteClient
from workstation.site.contract import BoothInfo, PackRef

from .records import RecordBridge
from .threads import Lane

_log = logging.getLogger(__name__)

_MAY_PASS = frozenset({Refusal.NOT_YET_VALID, Refusal.EXPIRED, Refusal.UNREADABLE})
"""Refusals that a clock put right or a repair may end without a new pack."""


class PackBridge(QObject):
    """Journals ``pack_installed`` and ``pack_refused``, the latter once for the same pack and reason.

    Signals (emitted in the packs' thread):
        installed(str main_site_id): a newer pack is there.
    """

    installed = Signal(str)

    def __init__(self, packs: BoothPacks, records: RecordBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._packs = packs
        self._records = records
        self._client: SiteClient | None = None
        self._refused: dict[str, str] = {}
        self._is_looking = False
        self.lane = Lane("packs", self)

    def join_site(self, client: SiteClient) -> None:
        """Fetch packs from this server from now on."""
        self._client = client

    def stop(self) -> None:
        """End the thread."""
        self.lane.close()

    def get(self, main_site_id: str) -> MainSitePack:
        """Return the pack of a main site; where it cannot be used, ask the site at once for a better one.

        Raises:
            KioskError: as ``BoothPacks.get``. Asking again after ``installed`` may succeed.
        """
        try:
            return self._packs.get(main_site_id)
        except KioskError:
            client = self._client
            if client is not None and not self._is_looking:
                self._is_looking = True
                self.lane.submit(lambda: self._look(client))
            raise

    @Slot(object)
    def on_booth_changed(self, info: BoothInfo) -> None:
        """Fetch what the site has and this booth has not."""
        client = self._client
        if client is not None:
            self.lane.submit(lambda: self._bring(client, info.packs))

    def _look(self, client: SiteClient) -> None:
        try:
            self._bring(client, client.booth().packs)
        except KioskError as error:
            _log.info("packs cannot be asked for: %s", error)
        finally:
            self._is_looking = False

    def _bring(self, client: SiteClient, offered: list[PackRef]) -> None:
        for pack in offered:
            is_refused = self._refused.get(pack.sha256, "") not in {"", *_MAY_PASS}
            if is_refused or self._packs.digest_of(pack.main_site_id) == pack.sha256:
                continue
            try:
                self._install(client, pack)
            except KioskError as error:
                _log.info("pack of %s cannot be fetched: %s", pack.main_site_id, error)
                return  # the next answer of the site tries again

    def _install(self, client: SiteClient, offered: PackRef) -> None:
        token = client.pack(offered.main_site_id)
        try:
            pack = self._packs.install(token, main_site_id=offered.main_site_id)
        except PackRefusedError as error:
            _log.warning("pack of %s refused: %s", offered.main_site_id, error)
            # Another text than the one offered: replaced meanwhile, or changed on the way. The next answer tells.
            self._refuse(offered, error.refusal if digest(token) == offered.sha256 else Refusal.UNREADABLE)
        except OSError as error:
            _log.error("pack of %s cannot be written: %s", offered.main_site_id, error.strerror)
            self._refuse(offered, Refusal.UNREADABLE)
        else:
            self._refused.pop(offered.sha256, None)
            self._record("pack_installed", {"main_site_id": pack.main_site_id, "serial": pack.serial})
            self.installed.emit(pack.main_site_id)

    def _refuse(self, offered: PackRef, reason: Refusal) -> None:
        if self._refused.get(offered.sha256) == reason:
            return
        self._refused[offered.sha256] = reason
        facts: dict[str, Fact] = {"main_site_id": offered.main_site_id, "serial": offered.serial, "reason": str(reason)}
        self._record("pack_refused", facts)

    def _record(self, kind: str, facts: dict[str, Fact]) -> None:
        self._records.append(kind, "", facts)

"""The packs of this booth, as the rest of the workstation asks for them: a refusal has the booth's error code."""

from __future__ import annotations

from datetime import datetime

from drivers.errors import ErrorCode, KioskError
from kiosk_config.model import BoothConfig
from kiosk_config.pack.model import MainSitePack
from kiosk_config.pack.refusal import PackRefusedError
from kiosk_config.pack.signing import Ed25519Verifier
from kiosk_config.pack.store import FOLDER_NAME, PackStore


class BoothPacks(PackStore):
    """``PackStore`` whose ``get`` speaks in the booth's codes."""

    def get(self, main_site_id: str, now: datetime | None = None) -> MainSitePack:
        """Return the pack of a main site.

        Raises:
            KioskError: COMPONENT_MISSING; ``context["reason"]`` is a ``Refusal``. A newer pack may repair it.
        """
        try:
            return super().get(main_site_id, now)
        except PackRefusedError as error:
            context = {"reason": str(error.refusal), "main_site_id": main_site_id, "detail": error.detail}
            raise KioskError(ErrorCode.COMPONENT_MISSING, error.detail, context=context) from error


def make_packs(config: BoothConfig) -> BoothPacks:
    """Return the packs below the booth's data folder, trusting the keys of its configuration."""
    return BoothPacks(
        config.storage.data_dir / FOLDER_NAME,
        Ed25519Verifier(config.main_site.pack_keys),
        site_id=config.main_site.site_id,
        is_drill=config.is_drill,
    )

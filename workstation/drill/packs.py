"""The drill's main-site pack: what the demo main site needs, signed with a key that lives as long as the drill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk_config.pack.keys import key_text
from kiosk_config.pack.model import MainSitePack, OriginRule, PageMark, TicketGet
from kiosk_config.pack.signing import Ed25519Signer, sign_pack

MAIN_SITE_ID = "demo"
_VALID = timedelta(days=30)
_LEEWAY = timedelta(minutes=5)


class PackOffice:
    """Makes and signs packs, as an administrator does with ``kiosk-config pack``.

    Attributes:
        public_key: what the booth has to trust.
    """

    def __init__(self) -> None:
        key = Ed25519PrivateKey.generate()
        self._signer = Ed25519Signer(key)
        self.public_key = key_text(key.public_key())

    def issue(self, pack: MainSitePack) -> str:
        """Return the pack file."""
        return sign_pack(pack, self._signer)


def demo_pack(origin: str, *, serial: int | None = None) -> MainSitePack:
    """Return the pack of the demo main site.

    Args:
        origin: where it listens.
        serial: default: one that rises with time, so that a later drill's pack is the newer one.
    """
    now = datetime.now(UTC)
    return MainSitePack(
        main_site_id=MAIN_SITE_ID,
        name="信阳市公共资源交易中心（演示）",
        serial=serial or int(now.timestamp() * 1000),
        issued_at=now - _LEEWAY,
        valid_until=now + _VALID,
        origins=(OriginRule(origin=origin),),
        launch=TicketGet(url=f"{origin}/enter"),
        arrived=PageMark(origin=origin),
    )

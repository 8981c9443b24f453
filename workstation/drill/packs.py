"""The drill's main-site pack: what the demo main site needs, signed with a key that lives as long as the drill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk_config.pack.keys import key_text
from kiosk_config.pack.model import (
    AccountForm,
    Launch,
    MainSitePack,
    OidcInitiation,
    OriginRule,
    PageMark,
    TicketGet,
    TicketHeader,
    TicketPost,
)
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


LaunchKind = Literal["ticket-get", "ticket-post", "ticket-header", "oidc", "account"]


def demo_pack(
    origin: str,
    *,
    serial: int | None = None,
    launch: LaunchKind = "ticket-get",
    conference: Literal["none", "built-in"] = "none",
) -> MainSitePack:
    """Return the pack of the demo main site.

    Args:
        origin: where it listens.
        serial: default: one that rises with time, so that a later drill's pack is the newer one.
        launch: which of its doors is used.
        conference: whether the project meets in our conference.
    """
    now = datetime.now(UTC)
    return MainSitePack(
        main_site_id=MAIN_SITE_ID,
        name="信阳市公共资源交易中心（演示）",
        serial=serial or int(now.timestamp() * 1000),
        issued_at=now - _LEEWAY,
        valid_until=now + _VALID,
        origins=(OriginRule(origin=origin),),
        launch=_door(origin, launch),
        fallback=None if launch == "account" else _form(origin),
        arrived=PageMark(origin=origin, paths=("/evaluation",), selector="main"),
        conference=conference,
        signed_out=PageMark(origin=origin, paths=("/login",), selector="#login"),
    )


def _door(origin: str, kind: LaunchKind) -> Launch:
    match kind:
        case "ticket-get":
            return TicketGet(url=f"{origin}/enter")
        case "ticket-post":
            return TicketPost(url=f"{origin}/enter")
        case "ticket-header":
            return TicketHeader(url=f"{origin}/enter")
        case "oidc":
            return OidcInitiation(url=f"{origin}/initiate", issuer=origin, target=f"{origin}/evaluation")
        case "account":
            return _form(origin)


def _form(origin: str) -> AccountForm:
    return AccountForm(
        url=f"{origin}/login",
        user="#user",
        password="#password",  # noqa: S106 - where the password goes, not what it is
        submit="#login button",
        refused="#refused:not(:empty)",
    )

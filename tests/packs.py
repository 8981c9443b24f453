"""Packs for tests."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk_config.pack.keys import key_text
from kiosk_config.pack.model import MainSitePack, OriginRule, PageMark, TicketGet
from kiosk_config.pack.signing import Ed25519Signer, Ed25519Verifier, sign_pack

NOW = datetime(2026, 6, 1, 0, 20, tzinfo=UTC)
ORIGIN = "https://pb.example.cn"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
SIGNER = Ed25519Signer(KEY)
TRUSTED = key_text(KEY.public_key())
VERIFIER = Ed25519Verifier([TRUSTED])

SOURCE: dict[str, Any] = {
    "schema_version": 1,
    "main_site_id": "zz",
    "name": "郑州市公共资源交易中心",
    "serial": 7,
    "issued_at": NOW - timedelta(days=1),
    "valid_until": NOW + timedelta(days=100),
    "audience": ["xinyang", "shihe"],
    "origins": [
        {"origin": ORIGIN, "paths": ["/pb", "/login"]},
        {"origin": "https://cdn.example.cn:8443", "subdomains": True},
    ],
    "launch": {"kind": "ticket-get", "url": f"{ORIGIN}/pb/enter", "parameter": "ticket"},
    "arrived": {"origin": ORIGIN, "paths": ["/pb/index"], "selector": "#user"},
    "signed_out": {"origin": ORIGIN, "paths": ["/login"]},
    "pins": [{"host": "pb.example.cn", "keys": ["a" * 64, "b" * 64]}],
    "client_certificate": {"hosts": ["pb.example.cn"], "source": "booth"},
    "components": [{"name": "CA", "path": "/usr/lib/libca.so", "sha256": "c" * 64, "package": "ca", "minimum": "2.1"}],
    "documents": {"download": ["pdf"], "max_mb": 20},
    "media": [{"origin": ORIGIN, "camera": True}],
    "browser": {"zoom": 1.25},
    "conference": "none",
}


def source(**changes: Any) -> dict[str, Any]:
    """Return a good source, changed at its top level."""
    return deepcopy(SOURCE) | changes


def pack(**changes: Any) -> MainSitePack:
    """Return that pack."""
    return MainSitePack.model_validate(source(**changes))


def token(signer: Ed25519Signer = SIGNER, **changes: Any) -> str:
    """Return that pack signed."""
    return sign_pack(pack(**changes), signer)


def make_pack(origin: str = "https://main.example.cn", **changes: object) -> MainSitePack:
    """Return a pack of one origin that is entered by a ticket and may be used today."""
    now = datetime.now(UTC)
    return MainSitePack.model_validate(
        {
            "main_site_id": "test",
            "name": "某市",
            "serial": 3,
            "issued_at": now - timedelta(days=1),
            "valid_until": now + timedelta(days=100),
            "origins": (OriginRule(origin=origin),),
            "launch": TicketGet(url=f"{origin}/enter"),
            "arrived": PageMark(origin=origin),
            **changes,
        }
    )

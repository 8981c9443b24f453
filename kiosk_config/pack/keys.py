"""Trusted keys as text: ``ed25519:`` and the 32 bytes of the public key (RFC 8032 section 5.1.5) in base64url."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PREFIX = "ed25519:"
_KEY_BYTES = 32
_SIGN_BIT = 1 << 255
_FIELD = 2**255 - 19
_ORDER_EIGHT = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_WEAK = frozenset({0, 1, _FIELD - 1, _FIELD, _FIELD + 1, _ORDER_EIGHT, _FIELD - _ORDER_EIGHT})
"""The y of every point of small order (RFC 7748 section 7 tells why they are no keys), in each way to write it."""


def encoded(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """Return the bytes of base64url text in its one form.

    Raises:
        ValueError: padding, foreign letters, or bits that no encoder leaves there.
    """
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("is not base64url") from error
    if encoded(data) != text:
        raise ValueError("is not base64url as it is written")
    return data


def key_text(key: Ed25519PublicKey) -> str:
    """Return ``key`` as it stands in ``main_site.pack_keys``."""
    return PREFIX + encoded(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def public_key(text: str) -> Ed25519PublicKey:
    """Return the key that ``text`` names.

    Raises:
        ValueError: it names none.
    """
    if not text.startswith(PREFIX):
        raise ValueError(f'must be "{PREFIX}" and a key, as "kiosk-config pack keygen" prints it')
    data = decoded(text.removeprefix(PREFIX))
    if len(data) != _KEY_BYTES:
        raise ValueError(f"must be a key of {_KEY_BYTES} bytes")
    return Ed25519PublicKey.from_public_bytes(data)


def is_weak(key: Ed25519PublicKey) -> bool:
    """Tell whether anybody could sign for ``key``, such as a placeholder of zeros."""
    y = int.from_bytes(key.public_bytes(Encoding.Raw, PublicFormat.Raw), "little") & (_SIGN_BIT - 1)
    return y in _WEAK


def key_id(key: Ed25519PublicKey) -> str:
    """Return the key's thumbprint (RFC 7638 over the members of RFC 8037 appendix A.3), base64url."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": encoded(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return encoded(hashlib.sha256(text.encode("ascii")).digest())

"""Signs packs and verifies them: a JWS in compact serialization (RFC 7515) with Ed25519 (RFC 8037).

One algorithm, one form of header. ``PackSigner`` and ``PackVerifier`` are the places where an SM2 module fits in.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError
from pydantic import ValidationError

from .keys import decoded, is_weak, key_id, public_key
from .model import MainSitePack
from .refusal import PackRefusedError, Refusal

ALGORITHM: Final = "EdDSA"
MEDIA_TYPE: Final = "main-site-pack+json"
"""The header's ``typ`` (RFC 7515 section 4.1.9): a signature over something else is no signature over a pack."""
MAX_BYTES: Final = 1 << 20
"""Longest pack file."""

_SEGMENTS = re.compile(r"[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*){1,4}")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_jws = PyJWS(algorithms=[ALGORITHM])


class PackSigner(Protocol):
    """Makes a pack file of a pack's JSON."""

    def sign(self, payload: bytes) -> str:
        """Return the text of the pack file."""


class PackVerifier(Protocol):
    """Says whether a pack file comes from somebody who is trusted."""

    def verify(self, token: str) -> bytes:
        """Return what was signed.

        Raises:
            PackRefusedError: not signed, not by a trusted key, not as it was signed, or no pack file at all.
        """


class Ed25519Signer:
    """Signs with a private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.key_id = key_id(key.public_key())

    def sign(self, payload: bytes) -> str:
        """Return the compact serialization."""
        return _jws.encode(payload, self._key, algorithm=ALGORITHM, headers={"typ": MEDIA_TYPE, "kid": self.key_id})


class Ed25519Verifier:
    """Verifies with trusted public keys.

    Args:
        keys: as ``keys.key_text`` writes them. None at all: every pack is refused. One that anybody could sign for
            is not trusted.

    Raises:
        ValueError: a text that is no key.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = {key_id(key): key for key in map(public_key, keys) if not is_weak(key)}

    def verify(self, token: str) -> bytes:
        """See ``PackVerifier.verify``."""
        header, signature = _taken_apart(token)
        _require_signed(header, signature)
        key = self._keys.get(str(header["kid"]))
        if key is None:
            raise PackRefusedError(Refusal.UNKNOWN_KEY, f"signed with key {header['kid']}, which is not trusted here")
        try:
            payload: bytes = _jws.decode(token, key, algorithms=[ALGORITHM])
        except PyJWTError as error:
            raise PackRefusedError(Refusal.ALTERED, "the signature does not fit what stands in it") from error
        return payload


def sign_pack(pack: MainSitePack, signer: PackSigner) -> str:
    """Return the text of the pack file."""
    return signer.sign(pack.model_dump_json(exclude_defaults=False).encode())


def read_pack(token: str, verifier: PackVerifier) -> MainSitePack:
    """Return the pack in ``token`` once its signature holds.

    Raises:
        PackRefusedError: it does not, or what was signed is no pack.
    """
    if len(token) > MAX_BYTES:
        raise PackRefusedError(Refusal.TOO_LARGE, f"longer than {MAX_BYTES} bytes")
    return _parsed(verifier.verify(token))


def unverified_pack(token: str) -> MainSitePack:
    """Return what a pack file says, whoever wrote it: to show it to a person, never to act on it.

    Raises:
        PackRefusedError: it is no pack file.
    """
    if len(token) > MAX_BYTES:
        raise PackRefusedError(Refusal.TOO_LARGE, f"longer than {MAX_BYTES} bytes")
    _taken_apart(token)
    return _parsed(decoded(token.split(".")[1]))


def signing_key_id(token: str) -> str:
    """Return which key a pack file names, "" for none.

    Raises:
        PackRefusedError: it is no pack file.
    """
    return str(_taken_apart(token)[0].get("kid", ""))


def digest(token: str) -> str:
    """Return the SHA-256 of a pack file, hex: what the site server lists it by."""
    return hashlib.sha256(token.encode()).hexdigest()


def _taken_apart(token: str) -> tuple[dict[str, Any], str]:
    """Return header and signature. The library lets padding pass, which would give one pack two file contents."""
    if not _SEGMENTS.fullmatch(token):
        raise PackRefusedError(Refusal.MALFORMED, "is not a pack file (JWS compact serialization)")
    segments = token.split(".")
    try:
        header = json.loads(decoded(segments[0]), object_pairs_hook=_no_duplicates)
        for segment in segments[1:]:
            decoded(segment)
    except (ValueError, RecursionError) as error:
        raise PackRefusedError(Refusal.MALFORMED, "is not a pack file (JWS compact serialization)") from error
    if not isinstance(header, dict):
        raise PackRefusedError(Refusal.MALFORMED, "its header is no JSON object")
    if len(segments) > 3:
        raise PackRefusedError(Refusal.MALFORMED, "has more parts than a signed file")
    return header, segments[2] if len(segments) == 3 else ""


def _require_signed(header: dict[str, Any], signature: str) -> None:
    """Refuse every header but ours. Whatever else it could say (``crit``, ``jwk``, ``b64``) is not for a booth."""
    if not signature or str(header.get("alg", "none")).lower() == "none":
        raise PackRefusedError(Refusal.UNSIGNED, "is not signed")
    if header["alg"] != ALGORITHM:
        raise PackRefusedError(Refusal.MALFORMED, f"only {ALGORITHM} signatures are taken")
    if header.get("typ") != MEDIA_TYPE:
        raise PackRefusedError(Refusal.MALFORMED, f"its header's typ is not {MEDIA_TYPE}")
    if set(header) != {"alg", "kid", "typ"} or not _THUMBPRINT.fullmatch(str(header["kid"])):
        raise PackRefusedError(Refusal.MALFORMED, "its header must hold alg, kid and typ and nothing else")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _parsed(payload: bytes) -> MainSitePack:
    try:
        json.loads(payload, object_pairs_hook=_no_duplicates)
        return MainSitePack.model_validate_json(payload, strict=True)
    except ValidationError as error:
        places = sorted({".".join(str(part) for part in item["loc"]) or "the whole" for item in error.errors()})
        raise PackRefusedError(Refusal.MALFORMED, f"was signed, but is no pack: {', '.join(places)[:200]}") from error
    except (ValueError, RecursionError) as error:
        raise PackRefusedError(Refusal.MALFORMED, "was signed, but is no JSON document") from error

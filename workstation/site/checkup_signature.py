"""Signatures over check-ups: a JWS in compact serialization (RFC 7515), Ed25519 (RFC 8037), its key in the header.

A signature says that nothing was changed since the key was used, and by its thumbprint which key that was. Whose key
it is says the site, which remembers the first one of each booth. One algorithm, one form of header.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError
from pydantic import ValidationError

from workstation.site.selfcheck import MAX_TOKEN, CheckupReport, PaperSeal

ALGORITHM: Final = "EdDSA"
REPORT_TYPE: Final = "booth-checkup+json"
SEAL_TYPE: Final = "booth-checkup-paper+json"
"""The header's ``typ`` (RFC 7515 section 4.1.9): a seal is no report, and a pack is neither."""

_jws = PyJWS(algorithms=[ALGORITHM])


class SignatureRefusedError(Exception):
    """It is not signed, or not as it was signed; the text says what is wrong."""


@dataclass(frozen=True, kw_only=True)
class SignedCheckup:
    """A report whose signature holds. ``sha256`` is that of the signed JSON, ``thumbprint`` (RFC 7638) of the key."""

    report: CheckupReport
    payload: bytes
    thumbprint: str

    @property
    def sha256(self) -> str:
        """Return the digest that is printed on the paper."""
        return hashlib.sha256(self.payload).hexdigest()


def sign_report(report: CheckupReport, key: Ed25519PrivateKey) -> str:
    """Return the signed report."""
    return _sign(report.model_dump_json().encode(), key, REPORT_TYPE)


def sign_seal(seal: PaperSeal, key: Ed25519PrivateKey) -> str:
    """Return the signed seal of a paper."""
    return _sign(seal.model_dump_json().encode(), key, SEAL_TYPE)


def read_report(token: str) -> SignedCheckup:
    """Return what was signed.

    Raises:
        SignatureRefusedError: the signature does not hold, or what was signed is no report.
    """
    payload, thumbprint = _read(token, REPORT_TYPE)
    try:
        json.loads(payload, object_pairs_hook=_no_duplicates)
        report = CheckupReport.model_validate_json(payload)
    except (ValidationError, ValueError, RecursionError) as error:
        raise SignatureRefusedError("was signed, but is no check-up report") from error
    return SignedCheckup(report=report, payload=payload, thumbprint=thumbprint)


def check_paper(signed: SignedCheckup, paper: bytes, seal: str) -> None:
    """Prove that ``paper`` is the PDF that the same key made of this report.

    Raises:
        SignatureRefusedError: it is not.
    """
    payload, thumbprint = _read(seal, SEAL_TYPE)
    try:
        said = PaperSeal.model_validate_json(payload)
    except ValidationError as error:
        raise SignatureRefusedError("the seal was signed, but is none") from error
    if thumbprint != signed.thumbprint:
        raise SignatureRefusedError("report and paper were signed with different keys")
    if (said.report_id, said.report_sha256) != (signed.report.report_id, signed.sha256):
        raise SignatureRefusedError("the paper is of another report")
    if said.paper_sha256 != hashlib.sha256(paper).hexdigest():
        raise SignatureRefusedError("the paper was changed after it was sealed")


def thumbprint_of(key: Ed25519PublicKey) -> str:
    """Return the key's thumbprint (RFC 7638 over the members of RFC 8037 appendix A.3), base64url."""
    return _thumbprint(_jwk(key))


def _jwk(key: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _encoded(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}


def _thumbprint(jwk: dict[str, str]) -> str:
    text = json.dumps(jwk, separators=(",", ":"), sort_keys=True)
    return _encoded(hashlib.sha256(text.encode("ascii")).digest())


def _sign(payload: bytes, key: Ed25519PrivateKey, kind: str) -> str:
    jwk = _jwk(key.public_key())
    headers = {"typ": kind, "kid": _thumbprint(jwk), "jwk": jwk}
    return _jws.encode(payload, key, algorithm=ALGORITHM, headers=headers)


def _read(token: str, kind: str) -> tuple[bytes, str]:
    if len(token) > MAX_TOKEN:
        raise SignatureRefusedError("is too long")
    parts = token.split(".")
    try:
        if len(parts) != 3:
            raise ValueError("not three parts")
        header: Any = json.loads(_decoded(parts[0]), object_pairs_hook=_no_duplicates)
        _decoded(parts[1])
        _decoded(parts[2])
    except (ValueError, RecursionError) as error:
        raise SignatureRefusedError("is no signed file (JWS compact serialization)") from error
    jwk = _require_ours(header, kind)
    try:
        key = Ed25519PublicKey.from_public_bytes(_decoded(jwk["x"]))
        payload: bytes = _jws.decode(token, key, algorithms=[ALGORITHM])
    except (PyJWTError, ValueError) as error:
        raise SignatureRefusedError("the signature does not fit what stands in it") from error
    return payload, _thumbprint(jwk)


def _require_ours(header: Any, kind: str) -> dict[str, str]:
    """Return the key of a header that holds what ours hold and nothing else, such as ``crit`` or a key elsewhere."""
    if not isinstance(header, dict) or set(header) != {"alg", "jwk", "kid", "typ"}:
        raise SignatureRefusedError("its header must hold alg, jwk, kid and typ and nothing else")
    if header["alg"] != ALGORITHM or header["typ"] != kind:
        raise SignatureRefusedError(f"its header is not that of {kind}")
    jwk = header["jwk"]
    is_key = isinstance(jwk, dict) and set(jwk) == {"crv", "kty", "x"} and isinstance(jwk["x"], str)
    if not is_key or (jwk["crv"], jwk["kty"]) != ("Ed25519", "OKP"):
        raise SignatureRefusedError("its header names no Ed25519 key")
    found: dict[str, str] = jwk
    if header["kid"] != _thumbprint(found):
        raise SignatureRefusedError("its header names another key than it holds")
    return found


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes:
    """Return the bytes of base64url in its one form. Raises ``ValueError``."""
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("is not base64url") from error
    if _encoded(data) != text:
        raise ValueError("is not base64url as it is written")
    return data


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found

"""Pins: which key a certificate has, which ports must show it, and that nothing but it is taken for it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import MainSitePack, Pin
from tests.tls_certificates import make_authority, make_leaf, renewed
from workstation.health.trust import MainSiteTrust, is_pinned, key_digest, trust_of

AUTHORITY = make_authority()
LEAF = make_leaf(AUTHORITY)
TRUST = MainSiteTrust(pins={"a.example.cn": frozenset({key_digest(LEAF.der)})})


def make_pack(*hosts: str) -> MainSitePack:
    now = datetime.now(UTC)
    origins = [
        {"origin": "https://a.example.cn"},
        {"origin": "https://a.example.cn:8443"},
        {"origin": "https://below.example.cn:444", "subdomains": True},
        {"origin": "http://127.0.0.1:8080"},
    ]
    return MainSitePack.model_validate(
        {
            "main_site_id": "test",
            "name": "test",
            "serial": 1,
            "issued_at": now,
            "valid_until": now + timedelta(days=1),
            "origins": origins,
            "launch": {"kind": "ticket-get", "url": "https://a.example.cn/"},
            "arrived": {"origin": "https://a.example.cn"},
            "pins": [{"host": host, "keys": ["0" * 64]} for host in hosts],
        }
    )


def test_the_digest_is_that_of_the_key_alone() -> None:
    key = LEAF.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert key_digest(LEAF.der) == hashlib.sha256(key).hexdigest() == key_digest(renewed(AUTHORITY, LEAF).der)
    assert key_digest(LEAF.der) != key_digest(make_leaf(AUTHORITY).der)


def test_only_a_host_without_pins_may_show_anything() -> None:
    assert is_pinned(TRUST, "a.example.cn", LEAF.der)
    assert not is_pinned(TRUST, "a.example.cn", AUTHORITY.der), "a chain of the right authority is not enough"
    assert not is_pinned(TRUST, "a.example.cn", None)
    assert is_pinned(TRUST, "b.example.cn", None)


def test_a_version_that_x509_does_not_have_is_no_certificate() -> None:
    # [0] { INTEGER 2 } is version 3 (RFC 5280 section 4.1.2.1); the library has an error of its own for the others.
    damaged = LEAF.der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020107"), 1)
    assert damaged != LEAF.der
    with pytest.raises(ValueError, match="no certificate"):
        key_digest(damaged)
    assert not is_pinned(TRUST, "a.example.cn", damaged)


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 255))
def test_what_is_no_certificate_is_never_the_pinned_one(noise: bytes, at: int, value: int) -> None:
    assert not is_pinned(TRUST, "a.example.cn", noise)
    damaged = bytearray(LEAF.der)
    damaged[at % len(damaged)] = value
    try:
        known = key_digest(bytes(damaged))
    except ValueError:
        assert not is_pinned(TRUST, "a.example.cn", bytes(damaged))
    else:
        assert is_pinned(TRUST, "a.example.cn", bytes(damaged)) is (known == key_digest(LEAF.der))


def test_every_https_port_of_a_pinned_host_is_checked() -> None:
    trust = trust_of(make_pack("a.example.cn", "x.below.example.cn", "a.example.cn"))
    assert trust.endpoints == (("a.example.cn", 443), ("a.example.cn", 8443), ("x.below.example.cn", 444))


@pytest.mark.parametrize("host", ["b.example.cn", "x.a.example.cn", "127.0.0.1", "xbelow.example.cn"])
def test_a_pin_that_nobody_could_check_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="no https origin"):
        make_pack(host)
    unchecked = make_pack().model_copy(update={"pins": (Pin(host=host, keys=("0" * 64,)),)})
    with pytest.raises(KioskError) as caught:
        trust_of(unchecked)
    assert caught.value.code is ErrorCode.MAIN_SITE_NOT_TRUSTED

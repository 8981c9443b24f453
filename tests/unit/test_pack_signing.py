"""Signed packs: only what a trusted key signed, in the one form, is believed; every mutation is refused."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk_config.pack.keys import _WEAK, PREFIX, decoded, encoded, key_id, key_text, public_key
from kiosk_config.pack.refusal import PackRefusedError, Refusal
from kiosk_config.pack.signing import (
    MAX_BYTES,
    MEDIA_TYPE,
    Ed25519Verifier,
    PackSigner,
    PackVerifier,
    digest,
    read_pack,
    sign_pack,
    signing_key_id,
    unverified_pack,
)
from tests.packs import KEY, OTHER_KEY, SIGNER, TRUSTED, VERIFIER, pack, token

GOOD = token()


def refusal(text: str, verifier: PackVerifier = VERIFIER) -> Refusal:
    with pytest.raises(PackRefusedError) as caught:
        read_pack(text, verifier)
    assert caught.value.detail
    return caught.value.refusal


def signed(header: dict[str, Any] | str, payload: bytes, key: Any = KEY) -> str:
    head = header if isinstance(header, str) else json.dumps(header)
    body = f"{encoded(head.encode())}.{encoded(payload)}"
    return f"{body}.{encoded(key.sign(body.encode()))}"


HEADER = {"alg": "EdDSA", "kid": SIGNER.key_id, "typ": MEDIA_TYPE}
PAYLOAD = pack().model_dump_json().encode()


def test_a_signed_pack_comes_back_as_it_was() -> None:
    assert read_pack(GOOD, VERIFIER) == pack()
    assert unverified_pack(GOOD) == pack()
    assert signing_key_id(GOOD) == SIGNER.key_id
    assert digest(GOOD) == hashlib.sha256(GOOD.encode()).hexdigest()


def test_our_own_compact_serialization_is_taken_too() -> None:
    assert read_pack(signed(HEADER, PAYLOAD), VERIFIER) == pack()


def test_the_key_id_is_that_of_the_standard() -> None:
    # RFC 8037 appendix A.3
    key = public_key(f"{PREFIX}11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert key_id(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert key_text(key) == f"{PREFIX}11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


def test_another_key_of_several_is_found() -> None:
    both = Ed25519Verifier([key_text(OTHER_KEY.public_key()), TRUSTED])
    assert read_pack(GOOD, both) == pack()


def test_a_key_that_is_not_trusted() -> None:
    assert refusal(GOOD, Ed25519Verifier([])) is Refusal.UNKNOWN_KEY
    assert refusal(GOOD, Ed25519Verifier([key_text(OTHER_KEY.public_key())])) is Refusal.UNKNOWN_KEY


def test_another_key_under_a_trusted_name() -> None:
    assert refusal(signed(HEADER, PAYLOAD, OTHER_KEY)) is Refusal.ALTERED


def hs256_with_the_public_key() -> str:
    body = f"{encoded(json.dumps(HEADER | {'alg': 'HS256'}).encode())}.{encoded(PAYLOAD)}"
    secret = decoded(TRUSTED.removeprefix(PREFIX))
    return f"{body}.{encoded(hmac.new(secret, body.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Refusal.MALFORMED),
        ("main_site_id = 'zz'", Refusal.MALFORMED),
        (PAYLOAD.decode(), Refusal.MALFORMED),
        (GOOD.replace(".", ""), Refusal.MALFORMED),
        (GOOD + ".", Refusal.MALFORMED),
        (GOOD + ".AA.AA", Refusal.MALFORMED),
        (GOOD + "=", Refusal.MALFORMED),
        (GOOD + "==", Refusal.MALFORMED),
        (GOOD + "\n", Refusal.MALFORMED),
        (" " + GOOD, Refusal.MALFORMED),
        (GOOD.replace(".", "..", 1), Refusal.MALFORMED),
        ("é" + GOOD, Refusal.MALFORMED),
        (GOOD.rsplit(".", 1)[0], Refusal.UNSIGNED),
        (GOOD.rsplit(".", 1)[0] + ".", Refusal.UNSIGNED),
        (signed({"alg": "none", "kid": SIGNER.key_id, "typ": MEDIA_TYPE}, PAYLOAD), Refusal.UNSIGNED),
        (signed({"alg": "NONE", "kid": SIGNER.key_id, "typ": MEDIA_TYPE}, PAYLOAD), Refusal.UNSIGNED),
        (signed({"kid": SIGNER.key_id, "typ": MEDIA_TYPE}, PAYLOAD), Refusal.UNSIGNED),
        (hs256_with_the_public_key(), Refusal.MALFORMED),
        (signed(HEADER | {"alg": "Ed25519"}, PAYLOAD), Refusal.MALFORMED),
        (signed(HEADER | {"alg": ["EdDSA"]}, PAYLOAD), Refusal.MALFORMED),
        (signed(HEADER | {"typ": "JWT"}, PAYLOAD), Refusal.MALFORMED),
        (signed({"alg": "EdDSA", "kid": SIGNER.key_id}, PAYLOAD), Refusal.MALFORMED),
        (signed({"alg": "EdDSA", "typ": MEDIA_TYPE}, PAYLOAD), Refusal.MALFORMED),
        (signed(HEADER | {"kid": 7}, PAYLOAD), Refusal.MALFORMED),
        (signed(HEADER | {"kid": "k" * 100_000}, PAYLOAD), Refusal.MALFORMED),
        (signed(HEADER | {"crit": ["b64"], "b64": False}, PAYLOAD), Refusal.MALFORMED),
        (signed(HEADER | {"crit": ["exp"], "exp": 1}, PAYLOAD), Refusal.MALFORMED),
        (signed(HEADER | {"jwk": {"kty": "OKP"}}, PAYLOAD), Refusal.MALFORMED),
        (signed(json.dumps(HEADER)[:-1] + ', "alg": "EdDSA"}', PAYLOAD), Refusal.MALFORMED),
        (signed("[1]", PAYLOAD), Refusal.MALFORMED),
        (signed("[" * 100_000, PAYLOAD), Refusal.MALFORMED),
        (signed(HEADER, b"\xff"), Refusal.MALFORMED),
        (signed(HEADER, b"[" * 100_000), Refusal.MALFORMED),
        (signed(HEADER, b"{}"), Refusal.MALFORMED),
        (signed(HEADER, PAYLOAD.replace(b'"serial":7', b'"serial":"7"')), Refusal.MALFORMED),
        (signed(HEADER, PAYLOAD.replace(b'"serial":7', b'"serial":7,"serial":7')), Refusal.MALFORMED),
        (signed(HEADER, PAYLOAD.replace(b'"serial":7', b'"serial":7,"more":1')), Refusal.MALFORMED),
        ("A" * (MAX_BYTES + 1), Refusal.TOO_LARGE),
    ],
)
def test_whatever_else_it_is_gets_refused(text: str, reason: Refusal) -> None:
    assert refusal(text) is reason


def test_the_longest_file_is_still_read() -> None:
    assert refusal("A" * MAX_BYTES) is Refusal.MALFORMED


@given(
    st.integers(0, len(GOOD) - 1),
    st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+ "),
)
def test_a_token_with_one_letter_changed_never_verifies(place: int, letter: str) -> None:
    changed = GOOD[:place] + letter + GOOD[place + 1 :]
    if changed != GOOD:
        refusal(changed)


@given(st.data())
def test_a_token_cut_or_grown_never_verifies(data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(begin, len(GOOD)))
    grown = data.draw(st.text(max_size=4))
    changed = GOOD[:begin] + grown + GOOD[end:]
    if changed != GOOD:
        refusal(changed)


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=80))
def test_any_three_parts_are_refused(header: bytes, payload: bytes, signature: bytes) -> None:
    refusal(f"{encoded(header)}.{encoded(payload)}.{encoded(signature)}")


@given(st.text(max_size=60))
def test_any_text_is_a_key_or_a_value_error(text: str) -> None:
    for candidate in (text, PREFIX + text):
        with contextlib.suppress(ValueError):
            assert key_text(public_key(candidate)) == candidate


@given(st.binary(max_size=40))
def test_base64url_has_one_form(data: bytes) -> None:
    assert decoded(encoded(data)) == data
    padded = base64.urlsafe_b64encode(data).decode()
    if padded.endswith("="):
        with pytest.raises(ValueError, match="base64url"):
            decoded(padded)


def test_another_module_can_take_the_place() -> None:
    """What an SM2 module would have to bring: the two methods, and nothing of Ed25519."""

    class Module:
        def sign(self, payload: bytes) -> str:
            return f"sm2-{encoded(payload)}"

        def verify(self, token: str) -> bytes:
            if not token.startswith("sm2-"):
                raise PackRefusedError(Refusal.UNSIGNED, "not ours")
            return decoded(token.removeprefix("sm2-"))

    module = Module()
    signer: PackSigner = module
    verifier: PackVerifier = module
    assert read_pack(sign_pack(pack(), signer), verifier) == pack()
    assert refusal(GOOD, verifier) is Refusal.UNSIGNED


FIELD = 2**255 - 19
D = -121665 * pow(121666, -1, FIELD) % FIELD


def order_divides_eight(y: int) -> bool:
    """Double the point with this y three times on the curve itself (RFC 8032 section 5.1)."""
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, FIELD) % FIELD
    for _ in range(3):
        # x3^2 and y3 of the doubling, from x^2 and y alone: neither needs the sign of x.
        product = D * x2 * y * y % FIELD
        if (1 - product) % FIELD == 0:
            return False
        x2, y = (
            4 * x2 * y * y * pow((1 + product) ** 2, -1, FIELD) % FIELD,
            (y * y + x2) * pow(1 - product, -1, FIELD) % FIELD,
        )
    return (x2, y) == (0, 1)


WEAK = [y.to_bytes(32, "little") for y in sorted(_WEAK)]


@pytest.mark.parametrize("raw", [*WEAK, *(half[:31] + bytes([half[31] | 0x80]) for half in WEAK)])
def test_a_key_that_anybody_could_sign_for_is_not_trusted(raw: bytes) -> None:
    assert order_divides_eight((int.from_bytes(raw, "little") & (2**255 - 1)) % FIELD)
    text = PREFIX + encoded(raw)
    header = HEADER | {"kid": key_id(public_key(text))}
    body = f"{encoded(json.dumps(header).encode())}.{encoded(PAYLOAD)}"
    forged = f"{body}.{encoded(bytes([1]) + bytes(63))}"
    assert refusal(forged, Ed25519Verifier([text])) is Refusal.UNKNOWN_KEY


def test_an_honest_key_is_of_another_order() -> None:
    for key in (KEY, OTHER_KEY):
        y = int.from_bytes(key.public_key().public_bytes_raw(), "little") & (2**255 - 1)
        assert not order_divides_eight(y)

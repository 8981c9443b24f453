"""Signed check-ups: what was signed comes back, and nothing else does."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from jwt.api_jws import PyJWS
from pydantic import ValidationError

from tests.unit.checkup_samples import BAD, GOOD, PDF, a_paper, a_report
from workstation.site.checkup_signature import (
    REPORT_TYPE,
    SignatureRefusedError,
    check_paper,
    read_report,
    sign_report,
    thumbprint_of,
)
from workstation.site.readings import ReadingKind
from workstation.site.selfcheck import (
    CheckupHandIn,
    CheckupItem,
    CheckupOwn,
    CheckupReport,
    CheckupVerdict,
    worst,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
TOKEN = sign_report(a_report(GOOD, BAD), KEY)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
ITEMS = st.builds(
    CheckupItem,
    kind=st.sampled_from([*ReadingKind, *CheckupOwn]),
    subject=TEXT,
    verdict=st.sampled_from(CheckupVerdict),
    reason=st.from_regex(r"[a-z][a-z0-9-]{0,63}", fullmatch=True),
    values=st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True),
        st.floats(allow_nan=False, allow_infinity=False),
        max_size=4,
    ),
    detail=TEXT,
    part=TEXT,
    found=TEXT,
    fix=TEXT,
)


@given(st.lists(ITEMS, max_size=12))
def test_what_was_signed_comes_back(items: list[CheckupItem]) -> None:
    report = a_report(*items)
    signed = read_report(sign_report(report, KEY))
    assert signed.report == report
    assert signed.thumbprint == thumbprint_of(KEY.public_key())
    assert CheckupReport.model_validate_json(signed.payload) == report


@given(st.data())
def test_no_changed_letter_passes(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(TOKEN) - 1))
    letter = data.draw(st.sampled_from("ABab01-_.="))
    changed = TOKEN[:place] + letter + TOKEN[place + 1 :]
    if changed != TOKEN:
        with pytest.raises(SignatureRefusedError):
            read_report(changed)


@given(
    st.one_of(st.text(max_size=300), st.from_regex(r"[A-Za-z0-9_-]{0,90}(\.[A-Za-z0-9_-]{0,90}){2}", fullmatch=True))
)
def test_nothing_else_is_a_report(text: str) -> None:
    with pytest.raises(SignatureRefusedError):
        read_report(text)


def forged(headers: dict[str, object], payload: bytes, algorithm: str = "EdDSA", key: object = OTHER) -> str:
    return PyJWS(algorithms=["EdDSA", "HS256"]).encode(payload, key, algorithm=algorithm, headers=headers)


def test_headers_that_are_not_ours_are_refused() -> None:
    header = json.loads(base64.urlsafe_b64decode(TOKEN.split(".")[0] + "=="))
    own = {name: header[name] for name in ("typ", "kid", "jwk")}
    payload = read_report(TOKEN).payload
    assert read_report(forged(own, payload, key=KEY)).payload == payload
    bad = [
        forged(own, payload),  # signed by another than it names
        forged({**own, "typ": "main-site-pack+json"}, payload, key=KEY),
        forged({**own, "kid": thumbprint_of(OTHER.public_key())}, payload, key=KEY),
        forged({**own, "crit": ["x"], "x": 1}, payload, key=KEY),
        forged({**own, "jwk": {**header["jwk"], "d": "AAAA"}}, payload, key=KEY),
        forged({**own, "jwk": {**header["jwk"], "x": "AAAA"}}, payload, key=KEY),
        forged(own, payload, "HS256", b"x" * 32),
        forged(own, b'{"not": "a report"}', key=KEY),
        forged(own, payload.replace(b'"fail"', b'"pass"', 1), key=KEY),  # a verdict that is not its items'
    ]
    for token in bad:
        with pytest.raises(SignatureRefusedError):
            read_report(token)
    assert header["typ"] == REPORT_TYPE


def test_a_paper_is_of_its_report_alone() -> None:
    signed, paper = read_report(TOKEN), a_paper(TOKEN, KEY)
    check_paper(signed, PDF, paper.seal)
    other = sign_report(a_report(GOOD), KEY)
    for bad_paper, seal in (
        (PDF + b" ", paper.seal),
        (PDF, a_paper(other, KEY).seal),
        (PDF, a_paper(TOKEN, OTHER).seal),
        (PDF, TOKEN),
        (PDF, paper.seal[:-4] + "AAAA"),
    ):
        with pytest.raises(SignatureRefusedError):
            check_paper(signed, bad_paper, seal)


def test_the_whole_is_as_good_as_its_worst_part() -> None:
    fitted = [item.model_copy(update={"verdict": CheckupVerdict.NOT_FITTED}) for item in (GOOD, BAD)]
    assert worst([]) is worst(fitted) is CheckupVerdict.FAIL  # nothing looked at is nothing passed
    assert worst([GOOD, fitted[0]]) is CheckupVerdict.PASS
    assert worst([GOOD, BAD]) is CheckupVerdict.FAIL


def test_a_hand_in_has_a_paper_and_its_seal_or_neither() -> None:
    pdf = base64.b64encode(PDF)
    assert CheckupHandIn(report=TOKEN, paper=pdf, seal=TOKEN).paper == PDF
    for bad in ({"paper": pdf}, {"seal": TOKEN}, {"paper": base64.b64encode(b"no PDF"), "seal": TOKEN}):
        with pytest.raises(ValidationError):
            CheckupHandIn(report=TOKEN, **bad)

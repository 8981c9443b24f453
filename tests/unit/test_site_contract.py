"""The hash of an event covers every field, and bad addresses are refused before anything is sent."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.errors import ErrorCode, KioskError
from workstation.site.administration import BoothSettings
from workstation.site.client import SiteClient
from workstation.site.contract import (
    GENESIS_HASH,
    MAX_PHOTO_BYTES,
    EventReport,
    ReviewRequest,
    event_hash,
    picture_type,
)
from workstation.site.readings import ReadingReport

EVENT = EventReport(
    event_id=UUID("6f1b2c3d-0000-4000-8000-000000000001"),
    seq=1,
    at=datetime(2026, 6, 1, 0, 30, 0, 123000, tzinfo=UTC),
    kind="card_read",
    session_id="s-1",
    data={"reader": "acr", "attempt": 2, "ratio": 1.0, "ok": True, "note": None, "地点": "浉河"},
    previous_hash=GENESIS_HASH,
    chain_hash=GENESIS_HASH,
)


def test_the_hash_is_what_another_implementation_would_compute():
    # printf '%s\n' <64 zeros> 1 6f1b… 2026-06-01T00:30:00.123+00:00 card_read s-1 '{"attempt":2,…}' | sha256sum
    assert event_hash(EVENT) == "9f9e9382db6f8a39b78c91288485611418c380855a83ad11a43493af21625084"


def test_the_hash_does_not_depend_on_the_zone_in_which_the_time_is_written():
    elsewhere = EVENT.model_copy(update={"at": EVENT.at.astimezone(timezone(timedelta(hours=8)))})
    assert event_hash(elsewhere) == event_hash(EVENT)


@pytest.mark.parametrize(
    "change",
    [
        {"event_id": UUID(int=7)},
        {"seq": 2},
        {"at": EVENT.at + timedelta(milliseconds=1)},
        {"kind": "card_reads"},
        {"session_id": "s-2"},
        {"data": {**EVENT.data, "attempt": "2"}},
        {"data": {**EVENT.data, "ratio": 1}},
        {"previous_hash": "1" * 64},
    ],
)
def test_every_field_is_covered(change):
    assert event_hash(EVENT.model_copy(update=change)) != event_hash(EVENT)


@given(st.floats())
def test_a_reading_that_is_no_number_is_refused(value):
    reading = {"kind": "ups", "state": "ok", "observed_at": EVENT.at, "values": {"load_percent": value}}
    if value - value == 0:
        assert ReadingReport.model_validate(reading).values["load_percent"] == value
    else:
        with pytest.raises(ValidationError):
            ReadingReport.model_validate(reading)


@pytest.mark.parametrize(
    "url",
    [
        "http://site.example",
        "http://10.0.0.1:8000",
        "http://127.0.0.1.example",
        "http://127.0.0.1@site.example",
        "ftp://127.0.0.1",
        "https://",
        "//127.0.0.1",
        "http://[::1",
        "",
    ],
)
def test_an_address_in_the_clear_is_refused(url):
    with pytest.raises(KioskError) as caught:
        SiteClient(url, "booth-03", "t" * 40, timeout_s=1)
    assert caught.value.code is ErrorCode.SITE_SERVER_UNREACHABLE
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "url", ["https://site.example/api", "http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"]
)
def test_a_protected_address_is_taken(url):
    SiteClient(url, "booth-03", "t" * 40, timeout_s=1).close()


def test_secrets_hide_from_repr():
    settings = BoothSettings(centre="", room="", booth_label="03", token="s" * 40)
    assert "ssss" not in repr(settings)


REVIEW = {"attempt": 1, "code": "E-205", "may_repeat": True, "key_id": "2026-06-01", "expert_hash": "a" * 64}
pictures = st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b""]).flatmap(
    lambda start: st.binary(max_size=200).map(lambda rest: start + rest)
)


@given(pictures | st.just(b"\xff\xd8\xff" + bytes(MAX_PHOTO_BYTES)))
def test_a_reviews_picture_comes_through_as_it_was_or_is_refused(picture):
    fits = bool(picture_type(picture)) and len(picture) <= MAX_PHOTO_BYTES
    body = REVIEW | {"live_photo": b64encode(picture)}
    if not fits:
        with pytest.raises(ValidationError):
            ReviewRequest.model_validate(body)
        return
    sent = ReviewRequest.model_validate(body)
    assert ReviewRequest.model_validate_json(sent.model_dump_json()) == sent
    assert sent.live_photo == picture


@given(st.text() | st.binary())
def test_what_is_no_base64_picture_is_refused(value):
    if isinstance(value, bytes) or not value.startswith("/9j/"):
        with pytest.raises(ValidationError):
            ReviewRequest.model_validate(REVIEW | {"card_photo": value})


def test_a_reviews_pictures_hide_from_repr():
    request = ReviewRequest.model_validate(REVIEW | {"card_year": 1999, "card_photo": b64encode(b"\xff\xd8\xff-face-")})
    assert "face" not in repr(request)
    assert "1999" not in repr(request)

"""The booth's client against a server that misbehaves in every way a peer can, on a real socket."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import requests

from drivers.errors import ErrorCode, KioskError
from workstation.site.client import SiteClient
from workstation.site.contract import (
    ArrivalRequest,
    LaunchRequest,
    PhotoRequest,
    ReportRequest,
    ReviewRequest,
    VerificationMethod,
)
from workstation.site.readings import ReadingKind, ReadingReport, ReadingState
from workstation.site.transport import MAX_REPLY_BYTES, bounded_session, exchange

TIMEOUT_S = 0.4
INFO = {
    "booth_id": "booth-03",
    "centre": "c",
    "room": "r",
    "booth_label": "03",
    "hotline": "",
    "bookings": [],
    "key_id": "2026-06-01",
    "arrival_key": "ab" * 32,
    "server_time": "2026-06-01T00:00:00Z",
}

PHOTO_REQUEST = PhotoRequest(key_id="2026-06-01", expert_hash="c" * 64)

REVIEW_REQUEST = ReviewRequest(
    attempt=1, code="E-205", may_repeat=True, key_id="2026-06-01", expert_hash="c" * 64,
    live_photo=b64encode(b"\xff\xd8\xff-face-of-an-expert-"),
)  # fmt: skip

Answer = Callable[[socket.socket], None]


def http(status: str, body: bytes, kind: str = "application/json", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def say(*parts: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return answer


class Misbehaving:
    """Accepts connections, reads one request each, and answers as told; the last answer repeats."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.answers: list[Answer] = []
        self.requests: list[bytes] = []
        self.ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self.ended.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                self.requests.append(self._read(connection))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                answer(connection)
            except OSError:
                return

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        received = b""
        while b"\r\n\r\n" not in received:
            part = connection.recv(65536)
            if not part:
                return received
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        missing = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
        while missing > 0:
            part = connection.recv(65536)
            received += part
            missing -= len(part) or missing
        return received


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    running = Misbehaving()
    yield running
    running.close()


@pytest.fixture
def client(server) -> Iterator[SiteClient]:
    made = SiteClient(server.url, "booth-03", "secret-token-" + "t" * 30, timeout_s=TIMEOUT_S)
    yield made
    made.close()


GOOD = http("200 OK", json.dumps(INFO).encode())


def drip(content: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        deadline = time.monotonic() + 10
        for byte in content * 50:
            if time.monotonic() > deadline:
                return
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    return answer


def silence(connection: socket.socket) -> None:
    connection.recv(1)


BAD_ANSWERS = {
    "silent": silence,
    "closed at once": say(),
    "half a head": say(b"HTTP/1.1 200 OK\r\nContent-Ty"),
    "half a body": say(http("200 OK", json.dumps(INFO).encode()[:40], length=len(GOOD))),
    "not http": say(b"\x00\xff\x16garbage\r\n\r\n"),
    "500": say(http("500 Internal Server Error", b"{}")),
    "503": say(http("503 Service Unavailable", b"busy", "text/plain")),
    "429": say(http("429 Too Many Requests", b"")),
    "garbage json": say(http("200 OK", b'{"booth_id": ')),
    "json of something else": say(http("200 OK", b'{"hello": 1}')),
    "json that is no object": say(http("200 OK", b"[1,2]")),
    "deep json": say(http("200 OK", b"[" * 100_000)),
    "not utf-8": say(http("200 OK", b'{"booth_id": "\xff\xfe"}')),
    "wrong content type": say(http("200 OK", json.dumps(INFO).encode(), "text/html")),
    "empty": say(http("200 OK", b"")),
    "no content": say(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "too long": say(http("200 OK", b" " * (MAX_REPLY_BYTES + 1))),
    "too long unannounced": say(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b" " * (MAX_REPLY_BYTES + 1)
    ),
    "not gzip": say(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: 6\r\nConnection: close\r\n\r\nnogzip"
    ),
    "bad chunks": say(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"
    ),
    "redirect": say(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ),
    "body in drops": drip(GOOD),
    "head in drops": drip(b"HTTP/1.1 200 OK\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaa\r\nX-B: bbbbbbbbbbbbbbbbbbb\r\n"),
}


@pytest.mark.parametrize("name", sorted(BAD_ANSWERS))
def test_anything_but_a_valid_reply_is_server_unreachable(server, client, name):
    server.answers = [BAD_ANSWERS[name]]
    with pytest.raises(KioskError) as caught:
        client.booth()
    assert caught.value.code is ErrorCode.SITE_SERVER_UNREACHABLE
    assert caught.value.retryable
    everything = f"{caught.value!r} {caught.value.context}"
    assert "secret-token" not in everything
    assert "abab" not in everything
    server.answers = [say(GOOD)]
    assert client.booth().booth_label == "03"


@pytest.mark.parametrize("name", sorted(BAD_ANSWERS))
def test_anything_but_a_picture_is_server_unreachable(server, client, name):
    server.answers = [BAD_ANSWERS[name]]
    with pytest.raises(KioskError) as caught:
        client.photo(PHOTO_REQUEST)
    assert caught.value.code is ErrorCode.SITE_SERVER_UNREACHABLE
    server.answers = [say(http("200 OK", b"picture", "image/jpeg"))]
    assert client.photo(PHOTO_REQUEST) == b"picture"


def test_the_hash_of_a_person_is_in_no_address(server, client):
    server.answers = [say(http("404 Not Found", b"", "application/problem+json"))]
    assert client.photo(PHOTO_REQUEST) is None
    [request] = server.requests
    assert PHOTO_REQUEST.expert_hash.encode() not in request.partition(b"\r\n\r\n")[0]


def test_no_server_at_all():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    client = SiteClient(url, "booth-03", "t" * 40, timeout_s=TIMEOUT_S)
    with pytest.raises(KioskError) as caught:
        client.booth()
    client.close()
    assert caught.value.code is ErrorCode.SITE_SERVER_UNREACHABLE
    assert caught.value.retryable


def test_a_redirect_is_not_followed(server, client):
    other = Misbehaving()
    location = f"Location: {other.url}/\r\n".encode()
    server.answers = [say(b"HTTP/1.1 307 Temporary Redirect\r\n" + location + b"Content-Length: 0\r\n\r\n")]
    with pytest.raises(KioskError):
        client.booth()
    other.close()
    assert other.requests == []


def test_a_drop_now_and_then_does_not_hold_the_thread(server):
    """Each wait is within the time-out; only the sum is not."""
    server.answers = [drip(b"HTTP/1.1 200 OK\r\nX-A: aaaaaaaaaaaaaaaaaaaa\r\n")]
    session = bounded_session(None)
    with pytest.raises(requests.RequestException):
        exchange(session, requests.Request("GET", server.url), timeout_s=5.0, total_s=0.5)
    session.close()


def test_a_lost_reply_is_fetched_again_with_the_same_key(server, client):
    arrival_id = uuid4()
    stored = http("200 OK", json.dumps({"arrival_id": str(arrival_id), "signed_in_elsewhere": None}).encode())
    server.answers = [say(), say(http("503 Service Unavailable", b"")), say(stored)]
    request = ArrivalRequest(
        arrival_id=arrival_id,
        key_id=INFO["key_id"],
        expert_hash="0" * 64,
        method=VerificationMethod.CARD_FACE,
        verified_at=datetime.now(UTC),
    )
    assert client.arrive(request).arrival_id == arrival_id
    keys = [line for request in server.requests for line in request.splitlines() if b"Idempotency-Key" in line]
    assert keys == [f"Idempotency-Key: {arrival_id}".encode()] * 3


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ErrorCode.INTERNAL),
        (401, ErrorCode.SITE_SERVER_UNREACHABLE),
        (403, ErrorCode.SITE_SERVER_UNREACHABLE),
        (404, ErrorCode.INTERNAL),
        (409, ErrorCode.TICKET_REFUSED),
        (410, ErrorCode.TICKET_REFUSED),
        (422, ErrorCode.INTERNAL),
    ],
)
@pytest.mark.parametrize("is_problem", [True, False])
def test_a_refusal_is_not_repeated(server, client, status, code, is_problem):
    problem = json.dumps({"title": "no", "status": status}).encode() if is_problem else b"<html>"
    server.answers = [say(http(f"{status} Refused", problem, "application/problem+json"))]
    with pytest.raises(KioskError) as caught:
        client.launch(LaunchRequest(launch_id=uuid4(), arrival_id=uuid4(), project_id="P"))
    assert caught.value.code is code
    assert not caught.value.retryable
    assert caught.value.context == {"status": status, "title": "no" if is_problem else ""}
    assert len(server.requests) == 1


def test_the_environment_cannot_redirect_the_booth(server, client, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server.answers = [say(GOOD)]
    assert client.booth().booth_id == "booth-03"


def test_round_trip_and_clock_offset_are_measured(server, client):
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    reply = {"acked_events": [], "commands": [], "next_interval_s": 5, "server_time": ahead}
    server.answers = [say(http("200 OK", json.dumps(reply).encode()))]
    assert client.measured is None
    client.report(ReportRequest(boot_id=uuid4(), sent_at=datetime.now(UTC), state="idle", version="1"))
    assert client.measured is not None
    assert client.measured.clock_offset_s == pytest.approx(3600, abs=60)
    assert 0 < client.measured.round_trip_s < 60


def test_the_key_of_the_day_hides_from_repr(server, client):
    server.answers = [say(GOOD)]
    assert "abab" not in repr(client.booth())


@pytest.mark.parametrize(("status", "taken"), [("204 No Content", True), ("403 Forbidden", False)])
def test_a_review_is_taken_or_must_not_be_kept(server, client, status, taken):
    server.answers = [say(http(status, b"", length=0))]
    session_id = uuid4()
    assert client.review(session_id, REVIEW_REQUEST) is taken
    (sent,) = server.requests
    assert sent.startswith(f"POST /v1/booths/booth-03/reviews/{session_id} ".encode())


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("401 Unauthorized", ErrorCode.SITE_SERVER_UNREACHABLE),
        ("409 Conflict", ErrorCode.INTERNAL),
        ("503 Service Unavailable", ErrorCode.SITE_SERVER_UNREACHABLE),
    ],
)
def test_a_review_that_was_refused_is_an_error_that_quotes_no_picture(server, client, status, code):
    server.answers = [say(http(status, b"{}"))]
    with pytest.raises(KioskError) as caught:
        client.review(uuid4(), REVIEW_REQUEST)
    assert caught.value.code is code
    assert "face" not in f"{caught.value!r} {caught.value.context}"


# --- reports


def a_report() -> ReportRequest:
    at = datetime.now(UTC)
    kinds = [ReadingKind.READER, ReadingKind.CAMERA, ReadingKind.UPS]
    readings = [ReadingReport(kind=kind, state=ReadingState.OK, observed_at=at) for kind in kinds]
    return ReportRequest(boot_id=uuid4(), sent_at=at, state="idle", version="1", number=7, readings=readings)


def answer_to_a_report() -> bytes:
    reply = {"acked_events": [], "commands": [], "next_interval_s": 5, "server_time": INFO["server_time"]}
    return http("200 OK", json.dumps(reply).encode())


def packed(request: bytes) -> bool:
    return b"content-encoding: gzip" in request.lower()


def body(request: bytes) -> bytes:
    content = request.partition(b"\r\n\r\n")[2]
    return gzip.decompress(content) if packed(request) else content


def test_a_report_is_compressed_and_says_nothing_that_goes_without_saying(server, client):
    server.answers = [say(answer_to_a_report())]
    request = a_report()
    client.report(request)
    [sent] = server.requests
    assert packed(sent)
    told = json.loads(body(sent))
    assert set(told) == {"boot_id", "number", "sent_at", "state", "version", "readings"}
    assert set(told["readings"][0]) == {"kind", "state", "observed_at"}
    assert ReportRequest.model_validate_json(body(sent)) == request


@pytest.mark.parametrize("status", [400, 415, 422])
def test_a_server_that_takes_no_gzip_gets_plain_reports_from_then_on(server, client, status):
    refusal = say(http(f"{status} Refused", b"{}"))
    server.answers = [refusal, say(answer_to_a_report())]
    request = a_report()
    client.report(request)
    client.report(request)
    assert [packed(sent) for sent in server.requests] == [True, False, False]
    assert body(server.requests[0]) == body(server.requests[1]) == body(server.requests[2])


def test_a_report_that_is_refused_in_any_form_does_not_end_compression(server, client):
    server.answers = [say(http("422 Refused", b"{}"))]
    for _ in range(2):
        with pytest.raises(KioskError):
            client.report(a_report())
    assert [packed(sent) for sent in server.requests] == [True, False, True, False]


def test_a_compressed_answer_is_read_and_a_bomb_is_not(server, client):
    reply = answer_to_a_report().partition(b"\r\n\r\n")[2]

    def gzipped(content: bytes) -> bytes:
        sent = gzip.compress(content)
        head = f"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {len(sent)}"
        return f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + sent

    server.answers = [say(gzipped(reply)), say(gzipped(b" " * (200 << 20)))]
    assert client.report(a_report()).next_interval_s == 5
    with pytest.raises(KioskError) as caught:
        client.report(a_report())
    assert caught.value.context["reason"] == "ReplyTooLongError"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", None),
        ("99999999999999999999", 300),
        ("-5", None),
        ("soon", None),
        ("²", None),
        ("1.5", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_server_may_ask_for_a_pause(server, client, status, header, seconds):
    told = http(f"{status} Busy", b"{}").replace(b"\r\n", f"\r\nRetry-After: {header}\r\n".encode(), 1)
    server.answers = [say(told)]
    with pytest.raises(KioskError) as caught:
        client.report(a_report())
    assert caught.value.code is ErrorCode.SITE_SERVER_UNREACHABLE
    assert caught.value.retryable
    assert caught.value.context.get("retry_after_s") == seconds


def test_a_report_too_small_to_gain_goes_as_it_is(server, client):
    server.answers = [say(answer_to_a_report())]
    client.report(ReportRequest(boot_id=uuid4(), sent_at=datetime.now(UTC), state="idle", version="1"))
    assert not packed(server.requests[0])


@pytest.mark.parametrize("interval", ["0.5", "0", "-5", "301", "1e9", "NaN"])
def test_an_interval_that_no_server_may_ask_for_is_no_answer(server, client, interval):
    changed = (
        answer_to_a_report()
        .partition(b"\r\n\r\n")[2]
        .replace(b'"next_interval_s": 5', b'"next_interval_s": ' + interval.encode())
    )
    server.answers = [say(http("200 OK", changed))]
    with pytest.raises(KioskError) as caught:
        client.report(a_report())
    assert caught.value.context["reason"] == "reply is not as agreed"

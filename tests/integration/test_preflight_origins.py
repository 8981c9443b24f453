"""Origins as the pre-flight meets them: real TLS, good and bad certificates, and servers that do all but answer."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from kiosk_config.pack.model import ClientCertificate, OriginRule, Pin
from tests.integration.tls_sites import Answer, Authority, Server, page
from tests.packs import make_pack
from workstation.health.trust import MainSiteTrust, key_digest, tls_context
from workstation.preflight.bounded import in_parallel
from workstation.preflight.findings import Reason
from workstation.preflight.judge import judge
from workstation.preflight.probe import Probe, Target, probe
from workstation.preflight.run import targets
from workstation.site.preflight import PreflightCheck, PreflightKind, PreflightVerdict

Judged = Callable[..., dict[PreflightKind, PreflightCheck]]
NOW = datetime.now(UTC)


def context_of(pem: str) -> ssl.SSLContext:
    return tls_context(MainSiteTrust(authorities=pem), "")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def serve(authority: Authority) -> Iterator[Callable[..., Server]]:
    servers = []

    def start(answer: Answer | None = None, *, tls: bool = True, **leaf: object) -> Server:
        context, certificate = authority.issue(**leaf) if tls else (None, None)
        server = Server(answer or page(), context)
        server.leaf = certificate
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def judged(authority: Authority) -> Judged:
    def ask(origin: str, *, whole_s: float = 12.0, trusted: bool = True, **changes: object):
        pack = make_pack(origin, **changes)
        context = context_of(authority.pem if trusted else "")
        answers = [probe(target, context, whole_s=whole_s) for target in targets(pack)]
        return {check.kind: check for check in judge(pack, answers, datetime.now(UTC))}

    return ask


def test_a_good_main_site_passes(serve, judged):
    server = serve()
    checks = judged(
        server.origin,
        pins=(Pin(host="127.0.0.1", keys=(key_digest(server.leaf.public_bytes(Encoding.DER)), "0" * 64)),),
    )
    assert {kind: check.verdict for kind, check in checks.items()} == dict.fromkeys(
        (PreflightKind.ORIGIN, PreflightKind.CERTIFICATE, PreflightKind.PIN, PreflightKind.CLOCK),
        PreflightVerdict.PASS,
    )
    assert 88 < checks[PreflightKind.CERTIFICATE].values["valid_days"] <= 90
    assert abs(checks[PreflightKind.CLOCK].values["offset_s"]) <= 2.5
    assert checks[PreflightKind.CLOCK].values["uncertainty_s"] >= 0.5
    assert server.asked.startswith(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:")


@pytest.mark.parametrize(
    ("leaf", "verdict", "reason"),
    [
        ({"days": -3}, PreflightVerdict.FAIL, Reason.EXPIRED),
        ({"days": 90, "since_days": -2}, PreflightVerdict.FAIL, Reason.NOT_YET_VALID),
        ({"days": 5}, PreflightVerdict.WARN, Reason.EXPIRES_SOON),
        ({"host": "other.example.cn"}, PreflightVerdict.FAIL, Reason.WRONG_HOST),
        ({"host": "127.0.0.2"}, PreflightVerdict.FAIL, Reason.WRONG_HOST),
    ],
)
def test_certificates_are_judged(serve, judged, leaf, verdict, reason):
    server = serve(**leaf)
    check = judged(server.origin)[PreflightKind.CERTIFICATE]
    assert (check.verdict, check.reason) == (verdict, reason)
    assert check.fix
    assert abs(check.values["valid_days"] - leaf.get("days", 90)) < 0.1


def test_an_unknown_authority_is_not_trusted_and_nothing_is_asked_of_it(serve, judged):
    server = serve()
    checks = judged(server.origin, trusted=False)
    assert checks[PreflightKind.CERTIFICATE].reason == Reason.NOT_TRUSTED
    assert server.asked == b""


def test_a_key_that_is_not_pinned_fails(serve, judged):
    server = serve()
    check = judged(server.origin, pins=(Pin(host="127.0.0.1", keys=("ab" * 32,)),))[PreflightKind.PIN]
    assert (check.verdict, check.reason) == (PreflightVerdict.FAIL, Reason.NOT_PINNED)


def test_a_certificate_is_judged_for_the_day_that_was_asked_about(serve, authority):
    server = serve(days=5)
    pack = make_pack(server.origin)
    answers = [probe(target, context_of(authority.pem)) for target in targets(pack)]
    checks = {check.kind: check for check in judge(pack, answers, datetime.now(UTC) + timedelta(days=7))}
    assert checks[PreflightKind.CERTIFICATE].reason == Reason.EXPIRED


@pytest.mark.parametrize(
    ("off_s", "verdict"), [(0, PreflightVerdict.PASS), (-30, PreflightVerdict.WARN), (3600, PreflightVerdict.WARN)]
)
def test_the_clock_is_compared_with_the_main_site(serve, judged, off_s, verdict):
    server = serve(page(date=datetime.now(UTC) + timedelta(seconds=off_s)))
    check = judged(server.origin)[PreflightKind.CLOCK]
    assert check.verdict is verdict
    assert abs(check.values["offset_s"] - off_s) < 10


def test_without_a_date_the_clock_is_not_called_good(serve, judged):
    check = judged(serve(page(Date="")).origin)[PreflightKind.CLOCK]
    assert (check.verdict, check.reason) == (PreflightVerdict.WARN, Reason.NO_DATE)


def test_a_redirect_out_of_the_pack_is_named(serve, judged):
    away = serve(page(status="302 Found", Location="https://elsewhere.example.cn/login"))
    assert judged(away.origin)[PreflightKind.ORIGIN].reason == Reason.REDIRECTS_ELSEWHERE
    inside = serve(page(status="302 Found", Location="/login"))
    assert judged(inside.origin)[PreflightKind.ORIGIN].verdict is PreflightVerdict.PASS


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda connection: connection.sendall(b"\x00\xff garbage " * 9000), Reason.NOT_HTTP),
        (lambda connection: connection.sendall(b"HTTP/1.1 99999 no\r\n\r\n"), Reason.NOT_HTTP),
        (lambda connection: None, Reason.CLOSED),
        (page(status="503 Service Unavailable"), Reason.SERVER_ERROR),
    ],
)
def test_what_is_no_good_answer_is_said_so(serve, judged, answer, reason):
    check = judged(serve(answer).origin)[PreflightKind.ORIGIN]
    assert check.reason == reason
    assert check.verdict is (PreflightVerdict.WARN if reason is Reason.SERVER_ERROR else PreflightVerdict.FAIL)


def test_who_speaks_no_tls_fails(serve, judged):
    server = serve(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n"), tls=False)
    assert judged(server.origin)[PreflightKind.ORIGIN].reason == Reason.TLS_FAILED


def test_who_closes_at_once_fails(serve, judged):
    server = serve(lambda connection: None, tls=False)
    assert judged(server.origin)[PreflightKind.ORIGIN].reason == Reason.CLOSED


def drip(connection) -> None:
    """A byte now and then, for ever: each single read is in time."""
    while True:
        connection.sendall(b"H")
        time.sleep(0.05)


@pytest.mark.parametrize("tls", [True, False], ids=["after-tls", "before-tls"])
@pytest.mark.parametrize("kind", ["silent", "drips"])
def test_a_server_that_hangs_does_not_hold_us(serve, judged, tls, kind):
    server = serve(tls=tls)
    server.answer = drip if kind == "drips" else lambda _connection: server.release.wait(30)
    check = judged(server.origin, whole_s=1.0)[PreflightKind.ORIGIN]
    # A byte that is no TLS record may end the handshake before the time does.
    allowed = {Reason.TIMED_OUT, Reason.TLS_FAILED} if kind == "drips" and not tls else {Reason.TIMED_OUT}
    assert check.reason in allowed
    assert check.verdict is PreflightVerdict.FAIL


def test_nobody_there_and_no_such_name(judged, serve):
    server = serve()
    server.stop()
    assert judged(server.origin)[PreflightKind.ORIGIN].reason == Reason.REFUSED
    assert judged("https://no-such-host.invalid")[PreflightKind.ORIGIN].reason == Reason.NO_ADDRESS


def test_a_name_that_stands_for_those_below_it_needs_no_address(judged):
    rules = (OriginRule(origin="https://no-such-host.invalid", subdomains=True),)
    check = judged("https://no-such-host.invalid", origins=rules)[PreflightKind.ORIGIN]
    assert (check.verdict, check.reason) == (PreflightVerdict.WARN, Reason.NO_ADDRESS)


def test_a_host_that_wants_a_client_certificate_is_expected_to_when_the_pack_says_so(serve, judged, authority):
    server = serve()
    server.context.maximum_version = ssl.TLSVersion.TLSv1_2  # the refusal is part of the handshake
    server.context.verify_mode = ssl.CERT_REQUIRED
    server.context.load_verify_locations(cadata=authority.pem)
    named = ClientCertificate(hosts=("127.0.0.1",), source="booth")
    check = judged(server.origin)[PreflightKind.ORIGIN]
    assert (check.verdict, check.reason) == (PreflightVerdict.FAIL, Reason.WANTS_CLIENT_CERTIFICATE)
    check = judged(server.origin, client_certificate=named)[PreflightKind.ORIGIN]
    assert (check.verdict, check.reason) == (PreflightVerdict.WARN, Reason.WANTS_CLIENT_CERTIFICATE)


def test_every_origin_is_asked_once_and_pinned_hosts_below_one_too():
    pack = make_pack(
        "https://main.example.cn",
        origins=(
            OriginRule(origin="https://main.example.cn", paths=("/app",)),
            OriginRule(origin="https://example.cn:8443", subdomains=True),
        ),
        pins=(Pin(host="files.example.cn", keys=("ab" * 32,)), Pin(host="main.example.cn", keys=("ab" * 32,))),
    )
    assert targets(pack) == [
        Target(origin="https://main.example.cn", path="/app"),
        Target(origin="https://example.cn:8443"),
        Target(origin="https://files.example.cn:8443"),
    ]


def test_a_job_that_never_ends_is_left_behind():
    release = threading.Event()
    try:
        assert in_parallel([lambda: 1, release.wait, lambda: 3], workers=2, timeout_s=0.5) == [1, None, 3]
    finally:
        release.set()


def test_what_a_job_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        in_parallel([lambda: 1 // 0, lambda: 1], workers=2, timeout_s=10)


def test_a_certificate_that_cannot_be_read_fails():
    pack = make_pack("https://main.example.cn", pins=(Pin(host="main.example.cn", keys=("ab" * 32,)),))
    answer = Probe(target=Target(origin="https://main.example.cn"), addresses=1, certificate=b"\x30\x00")
    checks = {check.kind: check for check in judge(pack, [answer], NOW)}
    assert checks[PreflightKind.CERTIFICATE].reason == Reason.UNREADABLE
    assert checks[PreflightKind.PIN].reason == Reason.UNREADABLE

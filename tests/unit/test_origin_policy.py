"""The locked browser's matcher: what passes is exactly the configured origins, and nothing makes it raise."""

from __future__ import annotations

import string
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ErrorCode, KioskError
from workstation.evaluation.policy import OriginPolicy, Refusal, Use

MAIN = "https://pb.example.gov.cn"
FILES = "https://files.example.gov.cn:8443"
POLICY = OriginPolicy([MAIN, FILES, "http://127.0.0.1:8080", "https://[2001:db8::1]"])
FRAMES_AND_RESOURCES = (Use.MAIN_FRAME, Use.SUB_FRAME, Use.SUB_RESOURCE)


@pytest.mark.parametrize("use", FRAMES_AND_RESOURCES)
@pytest.mark.parametrize(
    "url",
    [
        MAIN,
        f"{MAIN}/",
        f"{MAIN}:443/score?ticket=1#top",
        f"{MAIN}?a=https://evil.example/@x",
        "HTTPS://PB.Example.GOV.cn/a",
        f"{FILES}/a@b",
        "http://127.0.0.1:8080/",
        "https://[2001:db8::1]/",
    ],
)
def test_configured_origins_pass(url: str, use: Use) -> None:
    assert POLICY.decide(url, use).allowed


@pytest.mark.parametrize("use", FRAMES_AND_RESOURCES)
@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("http://pb.example.gov.cn/", Refusal.ORIGIN),
        ("https://pb.example.gov.cn:8443/", Refusal.ORIGIN),
        ("https://pb.example.gov.cn.evil.example/", Refusal.ORIGIN),
        ("https://evilpb.example.gov.cn/", Refusal.ORIGIN),
        ("https://a.pb.example.gov.cn/", Refusal.ORIGIN),
        ("https://127.0.0.1:8080/", Refusal.ORIGIN),
        ("https://xn--pb-8ka.example.gov.cn/", Refusal.ORIGIN),
        ("https://pb.example.gov.cn./", Refusal.UNREADABLE),
        ("https://pb.example.gov.cn:/", Refusal.UNREADABLE),
        ("https://pb.example.gov.cn:0443/", Refusal.UNREADABLE),
        ("https://pb.example.gov.cn:65979/", Refusal.UNREADABLE),
        ("https://pb.example.gov.cn:443x/", Refusal.UNREADABLE),
        ("https://pb.example.gov.cn\\@evil.example/", Refusal.UNREADABLE),
        ("https:\\\\pb.example.gov.cn/", Refusal.UNREADABLE),
        ("https:/pb.example.gov.cn/", Refusal.UNREADABLE),
        ("https:pb.example.gov.cn/", Refusal.UNREADABLE),
        ("https:///pb.example.gov.cn/", Refusal.UNREADABLE),
        ("https://pb.exam\tple.gov.cn/", Refusal.UNREADABLE),
        ("https://pb.example.gov.cn\n/", Refusal.UNREADABLE),
        ("https://pb%2eexample.gov.cn/", Refusal.UNREADABLE),
        ("https://pb。example.gov.cn/", Refusal.UNREADABLE),
        ("https://рb.example.gov.cn/", Refusal.UNREADABLE),
        ("https://[2001:DB8::1%25eth0]/", Refusal.UNREADABLE),
        ("https://[2001:db8:0::1]/", Refusal.UNREADABLE),
        ("http://0x7f.0.0.1:8080/", Refusal.UNREADABLE),
        ("http://127.1:8080/", Refusal.UNREADABLE),
        ("http://2130706433:8080/", Refusal.UNREADABLE),
        ("http://0177.0.0.1:8080/", Refusal.UNREADABLE),
        ("https://user@pb.example.gov.cn/", Refusal.USER_INFO),
        ("https://pb.example.gov.cn@evil.example/", Refusal.USER_INFO),
        (" https://pb.example.gov.cn/", Refusal.UNREADABLE),
        ("//pb.example.gov.cn/", Refusal.UNREADABLE),
        ("", Refusal.UNREADABLE),
        ("file:///etc/passwd", Refusal.SCHEME),
        ("mailto:somebody@example.gov.cn", Refusal.SCHEME),
        ("javascript:alert(1)", Refusal.SCHEME),
        ("view-source:https://pb.example.gov.cn/", Refusal.SCHEME),
        ("chrome://gpu", Refusal.SCHEME),
        ("ftp://pb.example.gov.cn/", Refusal.SCHEME),
        ("qrc:/x", Refusal.SCHEME),
        ("filesystem:https://pb.example.gov.cn/temporary/x", Refusal.SCHEME),
        ("wss://pb.example.gov.cn/", Refusal.SCHEME),
        ("about:config", Refusal.SCHEME),
    ],
)
def test_everything_else_is_refused(url: str, refusal: Refusal, use: Use) -> None:
    assert POLICY.decide(url, use).refusal is refusal


@pytest.mark.parametrize(
    ("url", "uses"),
    [
        ("about:blank", {Use.SUB_FRAME}),
        ("about:srcdoc", {Use.SUB_FRAME}),
        ("data:text/html,<script>", {Use.SUB_RESOURCE}),
        (f"blob:{MAIN}/0b1c", {Use.SUB_FRAME, Use.SUB_RESOURCE}),
        ("blob:null/0b1c", set()),
        ("blob:https://evil.example/0b1c", set()),
        (f"blob:blob:{MAIN}/0b1c", set()),
        ("wss://pb.example.gov.cn/live", {Use.WEBSOCKET}),
        ("ws://127.0.0.1:8080/live", {Use.WEBSOCKET}),
        ("ws://pb.example.gov.cn/live", set()),
        ("wss://evil.example/live", set()),
        (f"{MAIN}/", set(FRAMES_AND_RESOURCES)),
    ],
)
def test_each_use_has_its_own_schemes(url: str, uses: set[Use]) -> None:
    assert {use for use in Use if POLICY.decide(url, use).allowed} == uses


def test_a_verdict_names_the_host_and_nothing_after_it() -> None:
    verdict = POLICY.decide("https://other.example/enter?ticket=secret#x", Use.MAIN_FRAME)
    assert verdict.host == "other.example"
    assert "secret" not in repr(verdict)
    assert POLICY.decide("mailto:name@example.cn", Use.MAIN_FRAME).host == ""


@pytest.mark.parametrize(
    "origins",
    [
        [],
        [""],
        ["pb.example.gov.cn"],
        ["https://"],
        ["https://*.example.gov.cn"],
        ["https://pb.example.gov.cn/path"],
        ["https://pb.example.gov.cn//"],
        ["https://pb.example.gov.cn?x"],
        ["https://评标.example.cn"],
        ["https://user@pb.example.gov.cn"],
        ["wss://pb.example.gov.cn"],
        ["file://pb.example.gov.cn"],
        [MAIN, "nonsense"],
    ],
)
def test_an_origin_that_cannot_be_read_stops_the_session(origins: list[str]) -> None:
    with pytest.raises(KioskError) as caught:
        OriginPolicy(origins)
    assert caught.value.code is ErrorCode.MAIN_SITE_NOT_TRUSTED
    assert not caught.value.retryable


def test_an_origin_may_end_in_one_slash() -> None:
    assert OriginPolicy([f"{MAIN}/"]).decide(f"{MAIN}/a", Use.MAIN_FRAME).allowed


@given(st.text(), st.sampled_from(Use))
def test_any_text_gets_a_verdict(text: str, use: Use) -> None:
    for url in (text, f"https://{text}", f"{MAIN}{text}", f"blob:{text}"):
        assert isinstance(POLICY.decide(url, use).allowed, bool)


url_like = st.text(alphabet=string.ascii_letters + string.digits + ":/?#@[]\\.-_%\t\n\0。ł", max_size=40)


@given(url_like, st.sampled_from(FRAMES_AND_RESOURCES))
def test_what_passes_has_the_origin_for_another_parser_too(text: str, use: Use) -> None:
    for url in (f"https://{text}", f"https://pb.example.gov.cn{text}", f"https://{text}pb.example.gov.cn/"):
        if POLICY.decide(url, use).allowed:
            parts = urlsplit(url)
            assert parts.hostname in {"pb.example.gov.cn", "files.example.gov.cn"}
            assert parts.port in {None, 443, 8443}
            assert parts.username is None


hosts = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){0,3}", fullmatch=True)


@given(hosts, hosts, st.integers(1, 0xFFFF), st.integers(1, 0xFFFF))
def test_one_origin_lets_in_only_itself(host: str, other: str, port: int, other_port: int) -> None:
    policy = OriginPolicy([f"https://{host}:{port}"])
    allowed = policy.decide(f"https://{other}:{other_port}/x", Use.MAIN_FRAME).allowed
    assert allowed == ((host, port) == (other, other_port))

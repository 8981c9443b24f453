"""The locked browser's matcher: what passes is exactly the configured origins, and nothing makes it raise."""

from __future__ import annotations

import string
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QUrl

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import OriginRule
from workstation.evaluation.policy import OriginPolicy, Refusal, Use

MAIN = "https://pb.example.gov.cn"
FILES = "https://files.example.gov.cn:8443"
FRAMES_AND_RESOURCES = (Use.MAIN_FRAME, Use.SUB_FRAME, Use.SUB_RESOURCE, Use.WORKER)


def rule(origin: str, *paths: str, subdomains: bool = False) -> OriginRule:
    """Unchecked: the policy must hold its own against what no signed pack would say."""
    return OriginRule.model_construct(origin=origin, paths=paths, subdomains=subdomains)


POLICY = OriginPolicy(map(rule, [MAIN, FILES, "http://127.0.0.1:8080", "https://[2001:db8::1]"]))
LIMITED = OriginPolicy(
    [
        rule("https://deep.example.cn", "/score", "/files/2026/"),
        rule("https://example.cn", "/shared", subdomains=True),
        rule("https://wide.example.cn:8443", subdomains=True),
        rule("http://10.0.0.1"),
    ]
)


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
        (f"blob:{MAIN}/0b1c", {Use.SUB_FRAME, Use.SUB_RESOURCE, Use.WORKER}),
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
        OriginPolicy(map(rule, origins))
    assert caught.value.code is ErrorCode.MAIN_SITE_NOT_TRUSTED
    assert not caught.value.retryable


def test_an_origin_may_end_in_one_slash() -> None:
    assert OriginPolicy([rule(f"{MAIN}/")]).decide(f"{MAIN}/a", Use.MAIN_FRAME).allowed


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
    policy = OriginPolicy([rule(f"https://{host}:{port}")])
    allowed = policy.decide(f"https://{other}:{other_port}/x", Use.MAIN_FRAME).allowed
    assert allowed == ((host, port) == (other, other_port))


@pytest.mark.parametrize(
    "url",
    [
        "https://deep.example.cn/score",
        "https://deep.example.cn/score?return=//x/../y%2f",
        "https://deep.example.cn/score#%2e",
        "https://deep.example.cn/score/a/%E8%AF%84%E6%A0%87",
        "https://deep.example.cn/files/2026/",
        "https://deep.example.cn/files/2026/a.b..pdf",
        "https://deep.example.cn/shared/logo.png",
        "https://example.cn/shared",
        "https://a.b.c.example.cn/shared/x",
        "https://wide.example.cn:8443/any//thing/%2f;x",
        "https://a.wide.example.cn:8443/",
    ],
)
def test_paths_and_subdomains_pass_where_a_rule_says_so(url: str) -> None:
    assert LIMITED.decide(url, Use.MAIN_FRAME).allowed
    assert LIMITED.decide(url.replace("https", "wss", 1), Use.WEBSOCKET).allowed
    assert LIMITED.has_origin(url)


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://deep.example.cn", Refusal.PATH),
        ("https://deep.example.cn/", Refusal.PATH),
        ("https://deep.example.cn?/score", Refusal.PATH),
        ("https://deep.example.cn#/score", Refusal.PATH),
        ("https://deep.example.cn/scores", Refusal.PATH),
        ("https://deep.example.cn/Score", Refusal.PATH),
        ("https://deep.example.cn/%73core", Refusal.PATH),
        ("https://deep.example.cn/a/score", Refusal.PATH),
        ("https://deep.example.cn/files/2026", Refusal.PATH),
        ("https://deep.example.cn//score", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/..", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/../admin", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/./x", Refusal.UNREADABLE),
        ("https://deep.example.cn/score//x", Refusal.UNREADABLE),
        ("https://deep.example.cn/score\\..\\admin", Refusal.UNREADABLE),
        ("https://deep.example.cn/score;x=/../admin", Refusal.UNREADABLE),
        ("https://deep.example.cn/score%3b/x", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/..;/admin", Refusal.UNREADABLE),
        ("https://deep.example.cn/score%2fadmin", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/%2E%2e/admin", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/.%2e/admin", Refusal.UNREADABLE),
        ("https://deep.example.cn/score%5c..%5Cadmin", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/%252e%252e/admin", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/%c0%ae%c0%ae/admin", Refusal.UNREADABLE),
        ("https://deep.example.cn/score%00", Refusal.UNREADABLE),
        ("https://deep.example.cn/score%", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/%u002e", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/\t", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/\n", Refusal.UNREADABLE),
        ("https://deep.example.cn/score/评", Refusal.UNREADABLE),
        ("https://deep.example.cn:8443/score", Refusal.ORIGIN),
        ("http://deep.example.cn/score", Refusal.ORIGIN),
        ("https://example.cn.evil.cn/shared", Refusal.ORIGIN),
        ("https://evilexample.cn/shared", Refusal.ORIGIN),
        ("https://cn/shared", Refusal.ORIGIN),
        ("https://.example.cn/shared", Refusal.UNREADABLE),
        ("https://a..example.cn/shared", Refusal.UNREADABLE),
        ("https://wide.example.cn/", Refusal.PATH),
        ("https://a.wide.example.cn:443/", Refusal.PATH),
        ("http://1.10.0.0.1/", Refusal.UNREADABLE),
        ("http://0.0.1/", Refusal.UNREADABLE),
    ],
)
def test_what_lies_beside_a_path_or_a_host_is_refused(url: str, refusal: Refusal) -> None:
    assert LIMITED.decide(url, Use.MAIN_FRAME).refusal is refusal


@pytest.mark.parametrize(
    "too_wide",
    [
        rule("http://localhost", subdomains=True),
        rule("https://cn", subdomains=True),
        rule("https://gov.cn", subdomains=True),
        rule("https://sh.cn", subdomains=True),
        rule("https://co.uk", subdomains=True),
        rule("https://10.0.0.1", subdomains=True),
        rule("https://[2001:db8::1]", subdomains=True),
        rule(MAIN, "score"),
        rule(MAIN, "/score/../x"),
        rule(MAIN, "/score;x"),
        rule(MAIN, "/score%2f"),
        rule(MAIN, "/score?x"),
        rule(MAIN, ""),
    ],
)
def test_a_rule_that_is_too_wide_or_never_true_stops_the_session(too_wide: OriginRule) -> None:
    with pytest.raises(KioskError) as caught:
        OriginPolicy([too_wide])
    assert caught.value.code is ErrorCode.MAIN_SITE_NOT_TRUSTED


def test_a_blob_of_an_origin_with_paths_counts_by_origin() -> None:
    assert LIMITED.decide("blob:https://deep.example.cn/0b1c", Use.SUB_FRAME).allowed
    assert not LIMITED.decide("blob:https://other.cn/0b1c", Use.SUB_FRAME).allowed


awkward = st.sampled_from(
    [
        *("/", "//", "\\", "..", ".", "%2e", "%2f", "%5c", "%25", "%", ";", "@", ":", "?", "#", "&", "[", "]"),
        *("a", "score", "shared", "files", "2026", "deep.example.cn", "example.cn", "evil.cn", "8443", "::1", "0x0a"),
        *("\t", "\n", "\r", " ", "\0", "。", "ß", "xn--"),
    ]
)
spellings = st.lists(awkward, max_size=12).map("".join)


@given(
    st.sampled_from(
        ["https:", "https:/", "https://", "http://", "https://deep.example.cn", "https://x.example.cn/shared"]
    ),
    spellings,
    st.sampled_from(FRAMES_AND_RESOURCES),
)
def test_what_passes_means_the_same_to_qt(front: str, text: str, use: Use) -> None:
    """QUrl is what the engine's address comes from: whatever is allowed, Qt must read the same rule in it."""
    url = front + text
    if not LIMITED.decide(url, use).allowed:
        return
    seen = QUrl(url)
    assert seen.isValid()
    assert not seen.userInfo()
    host, port = seen.host(), seen.port({"https": 443, "http": 80}[seen.scheme()])
    path = seen.path(QUrl.ComponentFormattingOption.FullyDecoded) or "/"
    if (seen.scheme(), host, port) == ("http", "10.0.0.1", 80):
        return
    assert seen.scheme() == "https"
    if port == 8443:
        assert host == "wide.example.cn" or host.endswith(".wide.example.cn")
        return
    assert port == 443
    assert not {"", ".", ".."} & set(path.split("/")[1:-1])
    is_shared = path == "/shared" or path.startswith("/shared/")
    if host == "deep.example.cn":
        assert is_shared or path == "/score" or path.startswith(("/score/", "/files/2026/"))
    else:
        assert is_shared
        assert host == "example.cn" or host.endswith(".example.cn")


@given(spellings)
def test_the_answer_to_an_address_is_always_the_same(text: str) -> None:
    url = "https://deep.example.cn/score" + text
    assert LIMITED.decide(url, Use.MAIN_FRAME) == LIMITED.decide(url, Use.MAIN_FRAME)

"""What the conference page may reach: three places, in the one spelling that the engine uses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstation.conference.contract import PAGE_URL, MediaAddress
from workstation.conference.reach import Reach, host_of, is_own

MEDIA = MediaAddress(port=40123, key="k")
REACH = Reach(MEDIA, "wss://janus.site.test:8989/janus")


@pytest.mark.parametrize(
    "url",
    [
        PAGE_URL,
        "booth-conference://page/vendor/janus.es.js",
        MEDIA.url,
        "wss://janus.site.test:8989/janus",
        "wss://JANUS.site.test:8989/",
    ],
)
def test_the_three_places(url: str) -> None:
    assert REACH.allows(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ws",
        "https://janus.site.test:8989/janus",
        "ws://janus.site.test:8989/janus",
        "wss://janus.site.test/janus",
        "wss://user@janus.site.test:8989/janus",
        "wss://janus.site.test.evil.test:8989/janus",
        "ws://127.0.0.1:40124/k",
        "ws://localhost:40123/k",
        "ws://127.1:40123/k",
        "http://127.0.0.1:40123/k",
        "booth-conference://other/",
        "booth-conference://page@other/",
        "booth-conference:page/",
        "booth-conference://",
        "file:///etc/passwd",
        "data:text/html,x",
        "about:blank",
    ],
)
def test_nothing_else(url: str) -> None:
    assert not REACH.allows(url)


@given(st.text(max_size=80))
def test_any_text_is_judged_and_none_of_it_passes(text: str) -> None:
    for url in (text, f"ws://{text}", f"wss://{text}", f"booth-conference:{text}"):
        if REACH.allows(url):
            assert url.lower().startswith(
                ("booth-conference://page", "ws://127.0.0.1:40123", "wss://janus.site.test:8989")
            )
        host_of(url)
        is_own(url)


@pytest.mark.parametrize("server", ["", "http://a.test", "wss://", "wss://a b", "wss://[::1", "wss://u@a.test"])
def test_a_server_that_cannot_be_read_is_refused(server: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Reach(MEDIA, server)


def test_the_journal_gets_a_host_and_never_a_path() -> None:
    assert host_of("https://evil.test:8443/secret?token=1") == "evil.test"
    assert host_of("data:text/plain,secret") == ""

"""``window.workstation`` in the real page: what it answers, whom it does not reach, what hostile pages make of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_locked_browser import Site
from tests.integration.test_main_site_trust import Booth
from tests.integration.test_main_site_trust import make_pack as make_tls_pack

WAIT_S = 30.0
DIGEST = "ab" * 32
REQUEST = {"request_id": "r-1", "purpose": "签署评标报告", "digest_algorithm": "sha256", "digest": DIGEST}


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    server.thread.start()
    server.page("/enter", "<title>main</title>")
    yield server
    server.stop()


@pytest.fixture
def booth(tmp_path: Path) -> Iterator[Booth]:
    child = Booth(tmp_path, None)
    child.send("tell", booth="xy-03", alias="PW-07", state="evaluating")
    yield child
    child.stop()


def open_site(booth: Booth, site: Site, *, bridge: bool = True, **parts: Any) -> None:
    assert booth.open(make_tls_pack(site, browser={"page_bridge": bridge}, **parts)) == "opened"  # type: ignore[arg-type]


def settle(booth: Booth, expression: str) -> Any:
    """Return what the promise came to: ``["ok", value]`` or ``["no", message]``."""
    script = (
        "window.settled = null;"
        f"Promise.resolve().then(() => ({expression})).then("
        " (value) => window.settled = JSON.stringify(['ok', value]),"
        " (error) => window.settled = JSON.stringify(['no', error.message])); ''"
    )
    booth.run(script)
    return json.loads(wait(booth, "window.settled"))


def wait(booth: Booth, expression: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if result := booth.run(expression):
            return result
        time.sleep(0.02)
    raise AssertionError(f"{expression} did not become true")


def test_facts_and_a_signature_without_a_token(booth: Booth, site: Site) -> None:
    open_site(booth, site)
    facts = {"api_version": 1, "booth": "xy-03", "alias": "PW-07", "state": "evaluating"}
    assert settle(booth, "workstation.facts()") == ["ok", facts]
    kind, reply = settle(booth, f"workstation.requestSignature({json.dumps(REQUEST)})")
    assert kind == "ok"
    assert reply == {
        "request_id": "r-1",
        "status": "unavailable",
        "reason": "no-token",
        "signature": "",
        "certificate": "",
    }


def test_without_the_packs_word_there_is_nothing(booth: Booth, site: Site) -> None:
    open_site(booth, site, bridge=False)
    assert booth.run("[typeof workstation, typeof qt, typeof QWebChannel].join()") == "undefined,undefined,undefined"


def test_the_page_cannot_change_what_it_was_given(booth: Booth, site: Site) -> None:
    open_site(booth, site)
    assert booth.run("typeof QWebChannel") == "undefined", "only one name is left in the page"
    script = (
        "try { window.workstation = 1 } catch (e) {} try { workstation.facts = 1 } catch (e) {}"
        "try { delete window.workstation } catch (e) {} typeof workstation.facts"
    )
    assert booth.run(script) == "function"


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ("undefined", "malformed"),
        ("null", "malformed"),
        ("17", "malformed"),
        ("[]", "malformed"),
        ("'text'", "malformed"),
        ("{}", "malformed"),
        ("Object.assign({}, good, {digest: good.digest.toUpperCase()})", "malformed"),
        ("Object.assign({}, good, {digest: 1})", "malformed"),
        ("Object.assign({}, good, {digest_algorithm: 'md5'})", "malformed"),
        ("Object.assign({}, good, {purpose: ''})", "malformed"),
        ("Object.assign({}, good, {purpose: ['a']})", "malformed"),
        ("Object.assign({}, good, {request_id: '../x'})", "malformed"),
        ("Object.assign({}, good, {more: 1})", "malformed"),
        ('JSON.parse(\'{"__proto__": {"digest": "x"}}\')', "malformed"),
        ("Object.create(good)", "malformed"),
        ("Object.assign({}, good, {toJSON: () => 'x'})", "malformed"),
        ("Object.assign({}, good, {purpose: 'x'.repeat(201)})", "malformed"),
        ("Object.assign({}, good, {purpose: 'x'.repeat(5000)})", "too-large"),
        ("Object.assign({}, good, {purpose: 'x'.repeat(4000000)})", "too-large"),
    ],
)
def test_what_is_no_request_is_told_so(booth: Booth, site: Site, payload: str, problem: str) -> None:
    open_site(booth, site)
    booth.run(f"var good = {json.dumps(REQUEST)}; ''")
    assert settle(booth, f"workstation.requestSignature({payload})") == ["no", problem]
    assert settle(booth, "workstation.facts()")[0] == "ok"


def test_the_channel_itself_gives_no_more_than_the_script(booth: Booth, site: Site) -> None:
    """A page can leave our script aside and speak to the transport: wrong shapes, other objects, other methods."""
    open_site(booth, site)
    messages: list[object] = [
        17,
        "text",
        None,
        [],
        {},
        {"type": 6, "object": "workstation", "method": "_cut", "args": [], "id": 2},
        {"type": 6, "object": "workstation", "method": "call", "args": [{"a": 1}], "id": 3},
        {"type": 6, "object": "workstation", "method": "call", "args": [], "id": 4},
        {"type": 6, "object": "workstation", "method": "call", "args": ["x", "y", "z"], "id": 5},
        {"type": 6, "object": "workstation", "method": -1, "args": [], "id": 6},
        {"type": 6, "object": "page", "method": "load", "args": ["http://x/"], "id": 7},
        {"type": 9, "object": "workstation", "property": 0, "value": "renamed"},
        {"type": 9999, "object": "workstation"},
        {"type": "constructor", "object": "__proto__"},
        {"type": 6, "object": "workstation", "method": "destroyed", "args": [], "id": 8},
        {"type": 7, "object": "workstation", "signal": 0},
        {"type": 8, "object": "workstation", "signal": 99},
    ]
    for message in messages:
        booth.run(f"qt.webChannelTransport.send(JSON.stringify({json.dumps(message)})); ''")
    for text in ("", "{", "\u0000", "[" * 5000, "x" * 3_000_000):
        booth.run(f"qt.webChannelTransport.send({json.dumps(text)}); ''")
    for value in ("undefined", "null", "17", "{}", "window", "Symbol()"):
        booth.run(f"try {{ qt.webChannelTransport.send({value}) }} catch (error) {{}} ''")
    assert settle(booth, "workstation.facts()")[0] == "ok"


def test_a_page_that_destroys_its_door_has_one_in_the_next_document(booth: Booth, site: Site) -> None:
    open_site(booth, site)
    settle(booth, "workstation.facts()")
    message = json.dumps({"type": 6, "object": "workstation", "method": "deleteLater", "args": [], "id": 1})
    booth.run(f"window.old = 1; qt.webChannelTransport.send({json.dumps(message)}); ''")
    booth.run("workstation.facts(); location.reload(); ''")
    wait(booth, "window.old === undefined && document.readyState === 'complete'")
    assert settle(booth, "workstation.facts()")[0] == "ok"


def test_a_flood_is_refused_and_then_cut_off(booth: Booth, site: Site) -> None:
    open_site(booth, site)
    settle(booth, "workstation.facts()")
    script = (
        "(async () => { const all = []; for (let i = 0; i < 60; i++) all.push(workstation.facts()); return all })()"
    )
    kind, message = settle(booth, f"{script}.then((all) => Promise.all(all))")
    assert (kind, message) == ("no", "too-many")
    call = json.dumps({"id": "a", "method": "facts"})
    message_text = json.dumps({"type": 6, "object": "workstation", "method": "call", "args": [call], "id": 1})
    booth.run(f"for (let i = 0; i < 3000; i++) qt.webChannelTransport.send({json.dumps(message_text)}); ''")
    deadline = time.monotonic() + WAIT_S
    while booth.run("typeof workstation + typeof (window.qt || {}).webChannelTransport") != "undefinedundefined":
        assert time.monotonic() < deadline, "the channel was not taken away"
        booth.run("window.old = 1; location.reload(); ''")
        wait(booth, "window.old === undefined && document.readyState === 'complete'")


def test_frames_do_not_reach_it(booth: Booth, site: Site) -> None:
    other = Site()
    other.thread.start()
    try:
        report = "<script>parent.postMessage([typeof workstation, typeof qt, typeof window.qt?.x].join(), '*')</script>"
        frame = other.page("/frame", report)
        own = site.page("/frame", report)
        origins = [{"origin": site.origin}, {"origin": other.origin}]
        open_site(booth, site, origins=origins)
        for source in (
            f"src='{frame}'",
            f"src='{own}'",
            f"sandbox='allow-scripts' src='{own}'",
            f'sandbox="allow-scripts" srcdoc="{report}"',
        ):
            booth.run(
                "window.heard = ''; window.onmessage = (event) => window.heard = event.data;"
                f"document.body.innerHTML = {json.dumps(f'<iframe {source}></iframe>')}; ''"
            )
            assert wait(booth, "window.heard") == "undefined,undefined,undefined", source
    finally:
        other.stop()


def test_each_main_document_of_the_pack_has_its_own(booth: Booth, site: Site) -> None:
    other = Site()
    other.thread.start()
    try:
        target = other.page("/second", "<title>second</title>")
        open_site(booth, site, origins=[{"origin": site.origin}, {"origin": other.origin, "paths": ["/second"]}])
        assert settle(booth, "workstation.facts()")[0] == "ok"
        booth.run(f"location.href = {json.dumps(target)}; ''")
        wait(booth, "document.title === 'second'")
        assert settle(booth, "workstation.facts()")[0] == "ok"
        booth.run("history.replaceState(null, '', '/elsewhere'); ''")
        assert settle(booth, "workstation.facts()") == ["no", "not-allowed"]
    finally:
        other.stop()

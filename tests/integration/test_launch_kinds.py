"""Every way into a main site with the real engine: what reaches the servers, who has arrived, and who was refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.test_locked_browser import Browser, Site

TICKET = "t-&+%=测"
SECRET = "O0l1-秘密'\"\\</script>"
PAGE = "<!doctype html><title>x</title>"
FORM = PAGE + "<form method=post action=/login><input id=u name=u><input id=p name=p type=password><button>go</button>"
ROOM = PAGE + "<main id=room>evaluation</main>"

REACT_LIKE = (
    PAGE
    + """<input id=u><input id=p type=password><button disabled>go</button><p class=bad></p><script>
// As React's inputs do: a setter on the element itself, and a change is one only when it went past that setter.
const kept = {};
for (const name of ["u", "p"]) {
  const field = document.getElementById(name);
  const native = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
  let tracked = "";
  Object.defineProperty(field, "value", {
    configurable: true, get() { return native.get.call(this); }, set(v) { tracked = v; native.set.call(this, v); },
  });
  field.addEventListener("input", () => {
    if (native.get.call(field) === tracked) return;
    kept[name] = native.get.call(field);
    setTimeout(() => { document.querySelector("button").disabled = !(kept.u && kept.p); }, 30);
  });
}
document.querySelector("button").addEventListener("click", async () => {
  const answer = await fetch("/api", {method: "POST", body: new URLSearchParams(kept)});
  if (answer.ok) history.pushState({}, "", "/room"), document.body.innerHTML = "<main id=room>in</main>";
  else document.querySelector(".bad").textContent = "wrong";
});
</script>"""
)


class Handler(BaseHTTPRequestHandler):
    server: MainSite
    timeout = 2.0

    def do_GET(self) -> None:
        self.take("")

    def do_POST(self) -> None:
        self.take(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def take(self, body: str) -> None:
        site = self.server
        site.seen.append((self.command, self.path, dict(self.headers), body))
        status, headers, page = site.answer(self.command, urlsplit(self.path).path, body)
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(page.encode())

    def log_message(self, *_args: object) -> None:
        pass


class MainSite(Site):
    """Answers from ``pages``; ``/login`` and ``/api`` take the one account."""

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = Handler
        self.seen: list[tuple[str, str, dict[str, str], str]] = []

    def answer(self, method: str, path: str, body: str) -> tuple[int, dict[str, str], str]:
        is_right = parse_qs(body) == {"u": ["专家"], "p": [SECRET]}
        if method == "POST" and path == "/login":
            return (303, {"Location": "/room"}, "") if is_right else (200, {}, FORM)
        if path == "/api":
            return (200 if is_right else 422), {}, ""
        return self.pages.get(path, (404, {}, ""))

    def to(self, path: str) -> list[tuple[str, str, dict[str, str], str]]:
        return [item for item in self.seen if urlsplit(item[1]).path == path]

    def pack(self, launch: dict[str, Any], *others: MainSite, **more: Any) -> dict[str, Any]:
        origins = [{"origin": site.origin} for site in (self, *others)]
        return {
            "main_site_id": "test", "name": "test", "serial": 1,
            "issued_at": "2026-01-01T00:00:00Z", "valid_until": "2036-01-01T00:00:00Z",
            "origins": origins, "launch": launch,
            "arrived": {"origin": self.origin, "paths": ["/room"], "selector": "#room"},
        } | more  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    browser = Browser(load_timeout_s=4)
    yield browser
    browser.ask("close")
    assert browser.end() == 0, browser.errors[-20:]
    assert SECRET not in "".join(browser.errors)
    assert not [line for line in browser.errors if "Release of profile" in line or "Traceback" in line]


@pytest.fixture
def sites() -> Iterator[tuple[MainSite, MainSite]]:
    pair = MainSite(), MainSite()
    for site in pair:
        site.thread.start()
        site.page("/room", ROOM)
    yield pair
    for site in pair:
        site.stop()


def enter(browser: Browser, pack: dict[str, Any], **key: Any) -> str:
    """Enter and return how it went: "opened" or a code."""
    browser.ask("close")
    browser.events.clear()
    browser.send("enter", pack=pack, **key)
    browser.until(lambda: bool(browser.named("opened") or browser.named("failed")))
    return "opened" if browser.named("opened") else str(browser.named("failed")[0]["code"])


def test_a_ticket_in_the_query_keeps_what_is_there(browser: Browser, sites: tuple[MainSite, MainSite]) -> None:
    site, _ = sites
    site.page("/enter", status=303, Location="/room")
    launch = {"kind": "ticket-get", "url": site.origin + "/enter?lang=zh%2Fcn", "parameter": "t k"}
    assert enter(browser, site.pack(launch), ticket=TICKET) == "opened"
    [(method, path, _, _)] = site.to("/enter")
    assert (method, urlsplit(path).query.split("&")[0]) == ("GET", "lang=zh%2Fcn")
    assert parse_qs(urlsplit(path).query) == {"lang": ["zh/cn"], "t k": [TICKET]}


def test_a_posted_ticket_is_in_no_address(browser: Browser, sites: tuple[MainSite, MainSite]) -> None:
    site, _ = sites
    site.page("/enter", status=303, Location="/room")
    assert enter(browser, site.pack({"kind": "ticket-post", "url": site.origin + "/enter"}), ticket=TICKET) == "opened"
    [(method, path, headers, body)] = site.to("/enter")
    assert (method, path, headers["Content-Type"]) == ("POST", "/enter", "application/x-www-form-urlencoded")
    assert parse_qs(body) == {"ticket": [TICKET]}
    assert site.to("/room")[0][3] == ""


@pytest.mark.parametrize("header", ["Authorization", "X-Ticket"])
def test_a_ticket_header_is_on_the_first_request_alone(
    browser: Browser, sites: tuple[MainSite, MainSite], header: str
) -> None:
    site, other = sites
    site.page("/enter", status=302, Location=f"{other.origin}/middle")
    other.page("/middle", status=302, Location=f"{site.origin}/room")
    site.page("/room", ROOM + f'<img src=/i.png><img src="{other.origin}/i.png"><a id=x href=/next>x</a>')
    launch = {"kind": "ticket-header", "url": site.origin + "/enter", "header": header, "scheme": "Bearer"}
    assert enter(browser, site.pack(launch, other), ticket="t-0.1_a") == "opened"
    browser.until(lambda: bool(site.to("/i.png") and other.to("/i.png")))
    browser.ask("click", selector="#x")
    browser.until(lambda: bool(site.to("/next")))
    carrying = [path for _, path, headers, _ in [*site.seen, *other.seen] if header in headers]
    assert carrying == ["/enter"]
    assert site.to("/enter")[0][2][header] == "Bearer t-0.1_a"


def test_a_login_started_by_us_says_issuer_hint_and_target(browser: Browser, sites: tuple[MainSite, MainSite]) -> None:
    site, issuer = sites
    site.page("/initiate", status=302, Location=f"{issuer.origin}/authorize")
    issuer.page("/authorize", status=302, Location=f"{site.origin}/room")
    target = site.origin + "/room?x=1&y"
    launch = {"kind": "oidc", "url": site.origin + "/initiate", "issuer": issuer.origin, "target": target}
    assert enter(browser, site.pack(launch, issuer), ticket=TICKET) == "opened"
    query = parse_qs(urlsplit(site.to("/initiate")[0][1]).query)
    assert query == {"iss": [issuer.origin], "login_hint": [TICKET], "target_link_uri": [target]}


def account(site: MainSite, **more: Any) -> dict[str, Any]:
    return {
        "kind": "account", "url": site.origin + "/form", "user": "#u", "password": "#p", "submit": "button",
    } | more  # fmt: skip


@pytest.mark.parametrize("form", [FORM, REACT_LIKE], ids=["plain", "react-like"])
def test_an_account_is_typed_into_its_form(browser: Browser, sites: tuple[MainSite, MainSite], form: str) -> None:
    site, _ = sites
    site.page("/form", form)
    pack = site.pack(account(site, refused=".bad"))
    assert enter(browser, pack, account=["专家", SECRET]) == "opened"
    assert len(site.to("/login") + site.to("/api")) == 1


@pytest.mark.parametrize("form", [FORM, REACT_LIKE], ids=["form-again", "refused-seen"])
def test_a_wrong_account_is_refused_after_one_try(
    browser: Browser, sites: tuple[MainSite, MainSite], form: str
) -> None:
    site, _ = sites
    site.page("/form", form)
    pack = site.pack(account(site, refused=".bad:not(:empty)"))
    assert enter(browser, pack, account=["专家", "wrong"]) == "E-506"
    assert len(site.to("/login") + site.to("/api")) == 1


def test_no_answer_to_a_typed_account_counts_as_a_refusal(browser: Browser, sites: tuple[MainSite, MainSite]) -> None:
    site, _ = sites
    site.page("/form", '<input id=u><input id=p><button onclick="document.title = 1">go</button>')
    assert enter(browser, site.pack(account(site)), account=["专家", SECRET]) == "E-506"


def test_an_account_is_not_typed_at_another_origin(browser: Browser, sites: tuple[MainSite, MainSite]) -> None:
    site, other = sites
    site.page("/form", status=302, Location=f"{other.origin}/form")
    other.page("/form", FORM.replace("<form", '<form oninput="fetch(`/typed`)"'))
    assert enter(browser, site.pack(account(site), other), account=["专家", SECRET]) == "E-504"
    assert SECRET not in str(other.seen)
    assert not other.to("/typed")


def test_an_account_opens_the_fallback_of_a_ticket_launch(browser: Browser, sites: tuple[MainSite, MainSite]) -> None:
    site, _ = sites
    site.page("/form", FORM)
    pack = site.pack({"kind": "ticket-get", "url": site.origin + "/enter"}, fallback=account(site))
    assert enter(browser, pack, account=["专家", SECRET]) == "opened"
    assert not site.to("/enter")


@pytest.mark.parametrize("status", [401, 403, 410])
def test_a_refused_ticket(browser: Browser, sites: tuple[MainSite, MainSite], status: int) -> None:
    site, _ = sites
    site.page("/enter", PAGE, status=status)
    assert enter(browser, site.pack({"kind": "ticket-get", "url": site.origin + "/enter"}), ticket="x") == "E-505"


LOGIN = {"paths": ["/login"], "selector": "form"}


def test_the_login_page_instead_of_the_evaluation_is_a_refusal(
    browser: Browser, sites: tuple[MainSite, MainSite]
) -> None:
    site, _ = sites
    site.page("/enter", status=302, Location="/login")
    site.page("/login", FORM)
    pack = site.pack({"kind": "ticket-get", "url": site.origin + "/enter"}, signed_out=LOGIN | {"origin": site.origin})
    assert enter(browser, pack, ticket="x") == "E-505"


WRONG = {
    "another-path": ("/elsewhere", ROOM, "E-504"),
    "path-that-only-begins-so": ("/rooms", ROOM, "E-504"),
    "no-such-element": ("/room/2", PAGE, "E-501"),
}


@pytest.mark.parametrize(("path", "body", "code"), WRONG.values(), ids=WRONG)
def test_another_page_is_no_arrival(
    browser: Browser, sites: tuple[MainSite, MainSite], path: str, body: str, code: str
) -> None:
    site, _ = sites
    site.page("/enter", status=302, Location=path)
    site.page(path, body)
    assert enter(browser, site.pack({"kind": "ticket-get", "url": site.origin + "/enter"}), ticket="x") == code


def test_a_page_cannot_pretend_to_be_the_evaluation(browser: Browser, sites: tuple[MainSite, MainSite]) -> None:
    site, _ = sites
    lie = "<script>document.querySelector = () => document.body; Object.prototype.isTyped = true</script>"
    site.page("/enter", status=302, Location="/room")
    site.page("/room", PAGE + lie)
    assert enter(browser, site.pack({"kind": "ticket-get", "url": site.origin + "/enter"}), ticket="x") == "E-501"


LEAVES = {
    "navigation": "location = '/login'",
    "in-page": "document.body.innerHTML = '<form></form>'; history.pushState({}, '', '/login')",
}


@pytest.mark.parametrize("script", LEAVES.values(), ids=LEAVES)
@pytest.mark.parametrize("status", [200, 403])
def test_the_end_of_the_main_sites_session_is_seen(
    browser: Browser, sites: tuple[MainSite, MainSite], script: str, status: int
) -> None:
    site, _ = sites
    site.page("/login", FORM, status=status)
    pack = site.pack({"kind": "ticket-get", "url": site.origin + "/room"}, signed_out=LOGIN | {"origin": site.origin})
    assert enter(browser, pack, ticket="x") == "opened"
    browser.ask("run", script=script)
    browser.until(lambda: bool(browser.named("failed")))
    assert [item["code"] for item in browser.named("failed")] == ["E-507"]

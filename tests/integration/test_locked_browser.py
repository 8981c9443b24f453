"""The locked browser with the real engine against real servers: what must open opens, nothing else gets out."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

WAIT_S = 30.0
OPENSSL_SELF_SIGN = (
    *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
    *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
)
CHILD = Path(__file__).with_name("locked_browser_process.py")


class Site(ThreadingHTTPServer):
    """A web server of one origin that counts what reaches it, down to bare connections."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SiteHandler)
        self.pages: dict[str, tuple[int, dict[str, str], str]] = {}
        self.requests: list[str] = []
        self.cookies: list[str] = []
        self.guarded: dict[str, str] = {}
        self.admitted: list[str] = []
        self.connections = 0
        self.release = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def get_request(self) -> Any:
        accepted = super().get_request()
        self.connections += 1
        return accepted

    def page(self, path: str, body: str = "", status: int = 200, **headers: str) -> str:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (status, {"Content-Type": "text/html; charset=utf-8"} | headers, body)
        return self.origin + path

    def stop(self) -> None:
        self.release.set()
        self.shutdown()
        self.thread.join(WAIT_S)
        self.server_close()


class SiteHandler(BaseHTTPRequestHandler):
    server: Site
    timeout = 2.0  # the engine opens spare connections that never ask for anything

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        self.server.cookies.append(self.headers.get("Cookie", ""))
        if self.path == "/hang":
            self.server.release.wait(WAIT_S)
            return
        if self.path in self.server.guarded:
            if self.headers.get("Authorization") != self.server.guarded[self.path]:
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic realm=x")
                self.end_headers()
                return
            self.server.admitted.append(self.path)
        status, headers, body = self.server.pages.get(self.path, (404, {"Content-Type": "text/html"}, ""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body.encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_args: object) -> None:
        pass


class Browser:
    """The child process, spoken to in JSON lines."""

    def __init__(self, **arguments: float) -> None:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("QTWEBENGINE")}
        environ |= {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(CHILD.parents[2]), "PYTHONWARNINGS": "error"}
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD), json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environ,
            text=True,
        )
        self.events: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.changed = threading.Condition()
        self.readers = [threading.Thread(target=self._read_events), threading.Thread(target=self._read_errors)]
        for reader in self.readers:
            reader.start()
        self.wait_for("ready")
        self.early_modules = self.wait_for("loaded-early")["modules"]

    def _read_events(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on the child's events or on a server's; the latter wake nobody, so look often."""
        deadline = time.monotonic() + WAIT_S
        with self.changed:
            while not condition():
                assert time.monotonic() < deadline, (self.events[-12:], self.errors[-20:])
                self.changed.wait(0.02)

    def named(self, event: str) -> list[dict[str, Any]]:
        return [item for item in self.events if item["event"] == event]

    def wait_for(self, event: str) -> dict[str, Any]:
        self.until(lambda: bool(self.named(event)))
        return self.named(event)[0]

    def send(self, do: str, **arguments: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()

    def ask(self, do: str, **arguments: object) -> Any:
        with self.changed:
            self.events = [item for item in self.events if item["event"] != "done"]
        self.send(do, **arguments)
        return self.wait_for("done")["result"]

    def open(self, url: str, *origins: str, pack: dict[str, Any] | None = None, ticket: str = "") -> None:
        self.ask("close")
        self.events.clear()
        self.send("open", url=url, origins=list(origins), pack=pack or {}, ticket=ticket)

    def open_and_wait(self, url: str, *origins: str, pack: dict[str, Any] | None = None, ticket: str = "") -> None:
        self.open(url, *origins, pack=pack, ticket=ticket)
        self.wait_for("opened")

    @property
    def surface(self) -> dict[str, Any]:
        """What the frame shows now."""
        seen = self.named("surface")
        return seen[-1] if seen else {"question": None, "tabs": [], "documents": []}

    def question(self, kind: str = "") -> dict[str, Any]:
        """Wait for a question, and return it."""
        self.until(lambda: self.surface["question"] is not None and kind in {"", self.surface["question"]["kind"]})
        return dict(self.surface["question"])

    def answer(self, kind: str = "", **reply: Any) -> dict[str, Any]:
        """Wait for a question and answer it."""
        question = self.question(kind)
        self.ask("answer", number=question["number"], **reply)
        # The page's call returns, and the next question may come, only after the answer was taken.
        self.until(lambda: (self.surface["question"] or {}).get("number") != question["number"])
        return question

    def command(self, kind: str, **facts: Any) -> None:
        self.ask("command", kind=kind, **facts)

    def refusals(self) -> list[tuple[str, str]]:
        return [(item["host"], item["reason"]) for item in self.named("refused")]

    def wait_refused(self, count: int = 1) -> list[tuple[str, str]]:
        """Wait for refusals, then for a round trip through the page, so that a second report would be here too."""
        self.until(lambda: len(self.named("refused")) >= count)
        self.ask("run", script="1")
        return self.refusals()

    def end(self, *, drop_view: bool = False) -> int:
        if self.process.poll() is None:
            self.send("quit", drop_view=drop_view)
        try:
            code = self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(WAIT_S)
        for reader in self.readers:
            reader.join(WAIT_S)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    browser = Browser(load_timeout_s=5)
    yield browser
    browser.ask("close")
    assert browser.end() == 0, browser.errors[-20:]
    assert not [line for line in browser.errors if "Release of profile" in line or "Traceback" in line], browser.errors


@pytest.fixture
def sites() -> Iterator[tuple[Site, Site]]:
    pair = Site(), Site()
    for site in pair:
        site.thread.start()
    yield pair
    for site in pair:
        site.stop()


ELSEWHERE = {
    "link": '<a id=x href="OTHER/a">x</a>',
    "link-new-window": '<a id=x target=_blank href="OTHER/a">x</a>',
    "script-link": """<a id=x href="javascript:location='OTHER/a'">x</a>""",
    "redirect": '<a id=x href="/redirect">x</a>',
    "form-post": '<form method=post action="OTHER/a"><button id=x>x</button></form>',
    "window-open": """<button id=x onclick="window.open('OTHER/a')">x</button>""",
    "meta-refresh": '<meta http-equiv=refresh content="1;url=OTHER/a">',
    "script-location": "<script>onload = () => setTimeout(() => location = 'OTHER/a', 100)</script>",
    "iframe": '<iframe src="OTHER/a"></iframe>',
    "object": '<object data="OTHER/a"></object>',
    "image": '<img src="OTHER/a">',
    "many-images": '<img src="OTHER/a"><img src="OTHER/b"><img src="OTHER/c">',
    "script": '<script src="OTHER/a"></script>',
    "style": '<link rel=stylesheet href="OTHER/a">',
    "prefetch": '<link rel=prefetch href="OTHER/a">',
    "fetch": "<script>fetch('OTHER/a').catch(() => 0)</script>",
    "worker-fetch": "<script>new Worker(URL.createObjectURL(new Blob([`fetch('OTHER/a')`])))</script>",
    "websocket": "<script>new WebSocket('OTHER/a'.replace('http', 'ws'))</script>",
    "beacon": "<script>navigator.sendBeacon('OTHER/a', 'x')</script>",
    "event-source": "<script>new EventSource('OTHER/a')</script>",
    "download-link": '<a id=x download href="OTHER/a">x</a>',
}


@pytest.mark.parametrize("body", ELSEWHERE.values(), ids=ELSEWHERE)
def test_nothing_reaches_another_origin(browser: Browser, sites: tuple[Site, Site], body: str) -> None:
    main, other = sites
    main.page("/redirect", status=302, Location=f"{other.origin}/a")
    url = main.page("/", body.replace("OTHER", other.origin))
    browser.open_and_wait(url, main.origin)
    if "id=x" in body:
        browser.ask("click", selector="#x")
    assert browser.wait_refused() == [("127.0.0.1", "origin")]
    assert other.connections == 0
    assert browser.ask("run", script="location.href") == url
    assert browser.ask("windows") == []


LOCAL_FRAMES = {
    "data-frame": '<iframe src="data:text/html,hi"></iframe>',
    "blob-main": "<a id=x>x</a><script>x.href = URL.createObjectURL(new Blob(['hi'], {type: 'text/html'}))</script>",
    "empty-window": """<button id=x onclick="window.open('')">x</button>""",
}


@pytest.mark.parametrize("body", LOCAL_FRAMES.values(), ids=LOCAL_FRAMES)
def test_documents_without_address_are_refused(browser: Browser, sites: tuple[Site, Site], body: str) -> None:
    main, _ = sites
    browser.open_and_wait(main.page("/", body), main.origin)
    if "id=x" in body:
        browser.ask("click", selector="#x")
    assert browser.wait_refused() == [("", "scheme")]


@pytest.mark.parametrize(
    "address", ["mailto:a@example.cn", "tel:1", "weixin://a", "file:///etc/passwd", "chrome://gpu", "data:text/html,x"]
)
def test_other_schemes_call_no_program(browser: Browser, sites: tuple[Site, Site], address: str) -> None:
    """The engine drops these before it asks anybody, so there is no report; what counts is that nothing happens."""
    main, _ = sites
    url = main.page("/", f'<a id=x href="{address}">x</a><iframe src="{address.replace("data", "tel")}"></iframe>')
    browser.open_and_wait(url, main.origin)
    browser.ask("click", selector="#x")
    assert browser.ask("run", script="location.href") == url
    assert browser.named("desktop") == []


# A picker is asked for again while Chromium's browser process has not heard yet of the click that its renderer already
# knows ("User activation is required" with userActivation.isActive true, in 1 of 40 clicks on a busy machine).
PICKER = """<button id=x onclick="pick()">x</button><script>
async function pick() {
  try { await PICK(); } catch (error) { if (error.name === "NotAllowedError") setTimeout(pick, 50); }
}
</script>"""
ASKS = {
    "attachment": ('<a id=x href="/attachment">x</a>', "download"),
    "download": ('<a id=x download href="/attachment">x</a>', "download"),
    "pdf": ('<a id=x href="/pdf">x</a>', "download"),
    "geolocation": ("<script>navigator.geolocation.getCurrentPosition(() => 0, () => 0)</script>", "permission"),
    "notification": ('<button id=x onclick="Notification.requestPermission()">x</button>', "permission"),
    "clipboard-read": ('<button id=x onclick="navigator.clipboard.readText()">x</button>', "permission"),
    "screen": ('<button id=x onclick="navigator.mediaDevices.getDisplayMedia()">x</button>', "capture"),
    "file-input": ("<input id=x type=file>", "upload"),
    "file-picker": (PICKER.replace("PICK", "showOpenFilePicker"), "upload"),
    "folder-picker": (PICKER.replace("PICK", "showDirectoryPicker"), "upload"),
    "protocol": (
        """<button id=x onclick="navigator.registerProtocolHandler('mailto', '/%s')">x</button>""",
        "protocol-handler",
    ),
    "print": ("<script>onload = () => print()</script>", "print"),
    "basic-authentication": ('<a id=x href="/authenticate">x</a>', "authentication"),
}


@pytest.mark.parametrize(("body", "reason"), ASKS.values(), ids=ASKS)
def test_what_a_page_may_ask_for_is_refused(browser: Browser, sites: tuple[Site, Site], body: str, reason: str) -> None:
    main, _ = sites
    main.page("/attachment", "x", Content_Disposition="attachment; filename=x.txt")
    main.page("/pdf", "%PDF-1.4", Content_Type="application/pdf")
    main.page("/authenticate", status=401, WWW_Authenticate="Basic realm=x")
    browser.open_and_wait(main.page("/", body), main.origin)
    if "id=x" in body:
        browser.ask("click", selector="#x")
    assert set(browser.wait_refused()) == {("127.0.0.1", reason)}
    assert browser.ask("windows") == []
    assert main.requests.count("/authenticate") <= 2


def test_right_click_opens_no_menu(browser: Browser, sites: tuple[Site, Site]) -> None:
    main, _ = sites
    browser.open_and_wait(main.page("/", "<p id=x>text"), main.origin)
    browser.ask("click", selector="#x", button="RightButton")
    assert browser.ask("windows") == []


def test_zoom_is_bounded(browser: Browser, sites: tuple[Site, Site]) -> None:
    main, _ = sites
    browser.open_and_wait(main.page("/"), main.origin)
    for keys, factor in (("Ctrl++", 3.0), ("Ctrl+-", 0.5), ("Ctrl+0", 1.0)):
        for _ in range(30):
            browser.ask("key", text=keys)
        assert browser.ask("zoom") == pytest.approx(factor)


# --- opened and failed ---


@pytest.mark.parametrize(
    ("status", "code"), [(401, "E-505"), (403, "E-505"), (410, "E-505"), (404, "E-501"), (500, "E-501")]
)
def test_the_status_of_the_ticket_page_counts(
    browser: Browser, sites: tuple[Site, Site], status: int, code: str
) -> None:
    main, _ = sites
    browser.open(main.page("/enter?ticket=t", "<p>no", status=status), main.origin)
    assert browser.wait_for("failed")["code"] == code
    assert not browser.named("opened")


def test_an_error_page_of_the_open_evaluation_is_not_ours(browser: Browser, sites: tuple[Site, Site]) -> None:
    main, _ = sites
    browser.open_and_wait(main.page("/", '<a id=x href="/missing">x</a>'), main.origin)
    browser.ask("click", selector="#x")
    browser.until(lambda: "/missing" in main.requests)
    browser.ask("run", script="1")
    assert not browser.named("failed")


def test_a_redirect_between_allowed_origins_opens(browser: Browser, sites: tuple[Site, Site]) -> None:
    main, files = sites
    browser.open_and_wait(
        main.page("/", status=302, Location=files.page("/home", "<p>home")), main.origin, files.origin
    )
    assert browser.refusals() == []


def test_a_ticket_page_that_leads_elsewhere_is_not_trusted(browser: Browser, sites: tuple[Site, Site]) -> None:
    main, other = sites
    browser.open(main.page("/", status=302, Location=f"{other.origin}/a"), main.origin)
    assert browser.wait_for("failed")["code"] == "E-504"
    assert browser.refusals() == [("127.0.0.1", "origin")]
    assert other.connections == 0


@pytest.mark.parametrize("origins", [[], ["nonsense"], ["https://pb.example.gov.cn"]])
def test_a_launch_outside_its_own_origins_is_not_trusted(
    browser: Browser, sites: tuple[Site, Site], origins: list[str]
) -> None:
    main, _ = sites
    browser.open(main.page("/"), *origins)
    assert browser.wait_for("failed")["code"] == "E-504"
    assert main.connections == 0


def test_a_server_that_is_away_is_unreachable(browser: Browser) -> None:
    site = Site()
    site.server_close()
    browser.open(site.origin, site.origin)
    assert browser.wait_for("failed")["code"] == "E-501"


def test_a_server_that_never_answers_is_unreachable(browser: Browser, sites: tuple[Site, Site]) -> None:
    main, _ = sites
    browser.open(f"{main.origin}/hang", main.origin)
    assert browser.wait_for("failed")["code"] == "E-501"
    assert main.requests == ["/hang"]


def test_a_self_signed_certificate_is_not_trusted(browser: Browser, tmp_path: Path) -> None:
    subprocess.run(
        [*OPENSSL_SELF_SIGN, "-keyout", "key.pem", "-out", "cert.pem", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=WAIT_S,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    site = Site()
    # The handshake belongs to the connection's own thread: the engine drops it, which is the point.
    site.socket = context.wrap_socket(site.socket, server_side=True, do_handshake_on_connect=False)
    site.handle_error = lambda *_: None
    site.thread.start()
    try:
        origin = site.origin.replace("http:", "https:")
        browser.open(f"{origin}/", origin)
        assert browser.wait_for("failed")["code"] == "E-504"
        assert ("127.0.0.1", "certificate") in browser.refusals()
        assert site.requests == []
    finally:
        site.stop()


# --- sessions ---


def test_the_next_session_knows_nothing_of_the_last(browser: Browser, sites: tuple[Site, Site]) -> None:
    main, _ = sites
    url = main.page("/", "<script>localStorage.seen = 1</script>", Set_Cookie="session=1; Max-Age=9999")
    browser.open_and_wait(url, main.origin)
    browser.ask("run", script="location.reload()")
    browser.until(lambda: len(main.cookies) == 2)
    browser.open_and_wait(main.page("/next"), main.origin)
    assert main.cookies == ["", "session=1", ""]
    assert browser.ask("run", script="localStorage.length") == 0


def test_closing_clears_the_clipboard_and_may_come_twice(browser: Browser, sites: tuple[Site, Site]) -> None:
    main, _ = sites
    browser.open_and_wait(main.page("/"), main.origin)
    assert browser.ask("close") == {"clipboard": ""}
    browser.ask("close")


@pytest.mark.parametrize("drop_view", [False, True])
def test_a_profile_never_outlives_its_page(sites: tuple[Site, Site], drop_view: bool) -> None:
    main, _ = sites
    browser = Browser(load_timeout_s=30)
    browser.open_and_wait(main.page("/"), main.origin)
    assert browser.end(drop_view=drop_view) == 0
    assert not [text for text in browser.errors if "Release of profile" in text or "Traceback" in text]
    assert not [item for item in browser.named("qt") if "profile" in item["text"]]


def test_the_engine_is_not_loaded_before_it_is_prepared(browser: Browser) -> None:
    assert browser.early_modules == []

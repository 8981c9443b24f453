"""What a session of the locked browser may do besides showing a page: questions, tabs, documents, recovery, hygiene."""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_locked_browser import Browser, Site

HANG_DEADLINE_S = 3.0
PDF = (
    "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>endobj\n"
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\n"
    "4 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    folder.chmod(0o700)
    return folder


@pytest.fixture(scope="module")
def browser(place: Path) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_RUNTIME_DIR", "HOME", "TMPDIR"):
            patch.setenv(name, str(place))
        browser = Browser(load_timeout_s=10, hang_deadline_s=HANG_DEADLINE_S)
    yield browser
    browser.ask("close")
    assert browser.end() == 0, browser.errors[-20:]
    assert not [line for line in browser.errors if "Release of profile" in line or "Traceback" in line], browser.errors


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    site.thread.start()
    yield site
    site.stop()


@pytest.fixture
def sites(site: Site) -> Iterator[tuple[Site, Site]]:
    other = Site()
    other.thread.start()
    yield site, other
    other.stop()


# --- questions ---


def test_a_page_gets_the_experts_answers(browser: Browser, site: Site) -> None:
    browser.open_and_wait(site.page("/"), site.origin)
    browser.ask("start", script="window.got = [alert('a'), confirm('b'), prompt('c', 'd')]")
    assert browser.answer("alert", accepted=True)["text"] == "a"
    assert browser.answer("confirm", accepted=True)["text"] == "b"
    question = browser.answer("prompt", accepted=True, text="typed")
    assert (question["text"], question["default"]) == ("c", "d")
    assert browser.ask("run", script="JSON.stringify(window.got)") == '[null,true,"typed"]'


def test_a_refusing_expert_changes_nothing(browser: Browser, site: Site) -> None:
    browser.open_and_wait(site.page("/"), site.origin)
    browser.ask("start", script="window.got = [confirm('b'), prompt('c', 'd')]")
    browser.answer("confirm")
    browser.answer("prompt", text="typed")
    assert browser.ask("run", script="JSON.stringify(window.got)") == "[false,null]"


def test_the_words_of_a_page_are_bounded_and_have_no_controls(browser: Browser, site: Site) -> None:
    browser.open_and_wait(site.page("/"), site.origin)
    browser.ask("start", script=r"alert('\u202e\u0007' + '<b>x</b>'.repeat(10000))")
    text = browser.answer("alert")["text"]
    assert text.startswith("<b>x</b><b>")
    assert len(text) == 1001


def test_from_the_third_in_a_row_on_questions_can_be_stopped(browser: Browser, site: Site) -> None:
    browser.open_and_wait(site.page("/"), site.origin)
    browser.ask("start", script="window.n = 0; while (n < 9) { confirm('again'); n += 1; }")
    seen = [browser.answer("confirm", silence=number == 2)["may_silence"] for number in range(3)]
    assert seen == [False, False, True]
    assert browser.ask("run", script="window.n") == 9
    assert browser.refusals() == [("127.0.0.1", "dialog")] * 6
    browser.ask("start", script="location.reload()")
    browser.until(lambda: site.requests.count("/") == 2)
    browser.ask("start", script="alert('new document')")
    browser.answer("alert")


def test_leaving_a_page_with_unsaved_input_is_asked(browser: Browser, site: Site) -> None:
    site.page("/next", "<p>next")
    leave = "<script>onbeforeunload = (event) => event.preventDefault()</script><a id=x href=/next>x</a><input id=y>"
    browser.open_and_wait(site.page("/", leave), site.origin)
    browser.ask("click", selector="#y")
    browser.ask("type", text="a")
    browser.ask("start", script="x.click()")
    browser.answer("leave")
    assert browser.ask("run", script="location.pathname") == "/"
    browser.ask("start", script="x.click()")
    browser.answer("leave", accepted=True)
    browser.until(lambda: "/next" in site.requests)


ENDINGS = {"close": ("close", {}), "lock": ("shown", {"is_shown": False}), "crash": ("kill_renderer", {})}


@pytest.mark.parametrize("kind", ["alert", "confirm", "prompt"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_happens_while_a_question_waits(browser: Browser, site: Site, ending: str, kind: str) -> None:
    url = site.page("/", "<p>here")
    browser.open_and_wait(url, site.origin)
    browser.ask("start", script=f"window.got = {kind}('wait')")
    browser.question(kind)
    command, facts = ENDINGS[ending]
    browser.ask(command, **facts)
    browser.until(lambda: browser.surface["question"] is None)
    if ending == "lock":
        assert browser.ask("run", script="window.got") in {"", False}
        browser.ask("start", script="window.got = confirm('unseen')")
        browser.until(lambda: ("127.0.0.1", "dialog") in browser.refusals())
        browser.ask("shown", is_shown=True)
    browser.open_and_wait(url, site.origin)
    browser.ask("start", script="window.got = confirm('again')")
    browser.answer("confirm", accepted=True)
    assert browser.ask("run", script="window.got") is True


# --- HTTP authentication ---


def test_a_password_is_asked_only_where_the_pack_says_so(browser: Browser, site: Site) -> None:
    site.guarded["/secret"] = "Basic " + base64.b64encode(b"expert:word").decode()
    site.page("/secret", "<p>inside")
    url = site.page("/", '<a id=x href="/secret">x</a>')
    browser.open_and_wait(url, site.origin, pack={"browser": {"http_authentication": True}})
    browser.ask("start", script="x.click()")
    browser.answer("password", accepted=True, text="expert", password="wrong")
    browser.answer("password", accepted=True, text="expert", password="word")
    browser.until(lambda: "/secret" in site.admitted)
    assert browser.refusals() == []
    browser.open_and_wait(url, site.origin)
    browser.ask("start", script="x.click()")
    assert set(browser.wait_refused()) == {("127.0.0.1", "authentication")}


def test_a_cancelled_password_ends_the_matter(browser: Browser, site: Site) -> None:
    site.guarded["/secret"] = "Basic x"
    url = site.page("/", '<a id=x href="/secret">x</a>')
    browser.open_and_wait(url, site.origin, pack={"browser": {"http_authentication": True}})
    browser.ask("start", script="x.click()")
    browser.answer("password")
    assert browser.wait_refused() == [("127.0.0.1", "authentication")]
    assert browser.surface["question"] is None
    assert site.requests.count("/secret") <= 2


def test_closing_while_a_password_is_asked(browser: Browser, site: Site) -> None:
    site.guarded["/secret"] = "Basic x"
    url = site.page("/", '<a id=x href="/secret">x</a>')
    browser.open_and_wait(url, site.origin, pack={"browser": {"http_authentication": True}})
    browser.ask("start", script="x.click()")
    browser.question("password")
    browser.ask("close")
    browser.open_and_wait(url, site.origin)


# --- tabs ---


def test_a_new_window_of_an_allowed_origin_is_a_tab(browser: Browser, sites: tuple[Site, Site]) -> None:
    main, files = sites
    form = files.page("/form", "<title>form</title><script>opener && opener.postMessage('hello', '*')</script>")
    listen = "<script>onmessage = (event) => window.heard = event.data</script>"
    body = f"<button id=x onclick=\"window.open('{form}')\">x</button>{listen}"
    browser.open_and_wait(main.page("/", body), files.origin, main.origin)
    browser.ask("click", selector="#x")
    browser.until(lambda: [tab["title"] for tab in browser.surface["tabs"][1:]] == ["form"])
    first, second = browser.surface["tabs"]
    assert (first["closable"], second["closable"]) == (False, True)
    assert browser.surface["active"] == second["number"]
    assert browser.ask("run", script="window.heard") == "hello"
    assert browser.ask("windows") == []
    browser.command("CloseTab", number=first["number"])
    browser.command("CloseTab", number=second["number"])
    browser.until(lambda: len(browser.surface["tabs"]) == 1)
    assert browser.surface["active"] == first["number"]


def test_only_extra_tabs_close_themselves(browser: Browser, site: Site) -> None:
    site.page("/popup", "<p>popup")
    body = "<button id=x onclick=\"window.p = window.open('/popup')\">x</button>"
    browser.open_and_wait(site.page("/", body), site.origin)
    browser.ask("click", selector="#x")
    browser.until(lambda: len(browser.surface["tabs"]) == 2)
    browser.ask("run", script="window.close(); p.close(); 1")
    browser.until(lambda: len(browser.surface["tabs"]) == 1)
    assert browser.ask("run", script="1 + 1") == 2


def test_there_is_an_end_to_tabs(browser: Browser, site: Site) -> None:
    site.page("/popup", "<p>popup")
    browser.open_and_wait(site.page("/", "<button id=x onclick=\"window.open('/popup')\">x</button>"), site.origin)
    number = browser.surface["tabs"][0]["number"]
    for count in range(2, 9):
        browser.command("SelectTab", number=number)
        browser.ask("click", selector="#x")
        browser.until(lambda count=count: len(browser.surface["tabs"]) == count)
    browser.command("SelectTab", number=number)
    browser.ask("click", selector="#x")
    browser.until(lambda: ("127.0.0.1", "window") in browser.refusals())
    assert len(browser.surface["tabs"]) == 8


# --- documents ---

DOCUMENTS = {"documents": {"download": ["pdf", "text"], "upload": ["text"], "max_mb": 1}}


def get_document(browser: Browser, site: Site, name: str, body: str, mime: str) -> None:
    site.page("/file", body, Content_Type=mime, Content_Disposition=f"attachment; filename*=UTF-8''{name}")
    body = '<a id=x href="/file">x</a><input id=y type=file onchange="window.chosen = y.files[0].name">'
    browser.open_and_wait(site.page("/", body), site.origin, pack=DOCUMENTS)
    browser.ask("click", selector="#x")


@pytest.mark.parametrize(
    ("name", "body", "mime"),
    [
        ("a.exe", "MZ", "application/octet-stream"),
        ("a.pdf", "MZ not a pdf", "application/pdf"),
        ("a.pdf", PDF, "text/html"),
        ("a.png", "\x89PNG", "image/png"),
        ("a.txt", "\x00\x01", "text/plain"),
        ("a.pdf.exe", PDF, "application/pdf"),
        ("a.txt", "x" * (1 << 20) + "x", "text/plain"),
    ],
    ids=["type", "content", "mime", "not-allowed", "binary", "ending", "size"],
)
def test_other_documents_are_refused(browser: Browser, site: Site, name: str, body: str, mime: str) -> None:
    get_document(browser, site, name, body, mime)
    assert browser.wait_refused() == [("127.0.0.1", "download")]
    assert list(browser.ask("folder").values()) == [[]]
    assert browser.surface["documents"] == []


def test_a_pdf_is_shown_in_a_tab_of_ours(browser: Browser, site: Site) -> None:
    get_document(browser, site, "..%2F..%2Fetc%2F%E6%BE%84%E6%B8%85.pdf", PDF, "application/pdf")
    browser.until(lambda: browser.surface.get("sheet") == [1, 2])
    (document,) = browser.surface["documents"]
    assert "/" not in document["name"]
    assert document["name"].endswith("澄清.pdf")
    ((folder, files),) = browser.ask("folder").items()
    assert files == [document["name"]]
    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
    browser.command("TurnSheet", step=1)
    browser.until(lambda: browser.surface["sheet"] == [2, 2])
    browser.command("Zoom", step=1)
    browser.command("CloseTab", number=browser.surface["active"])
    browser.until(lambda: len(browser.surface["tabs"]) == 1)
    browser.command("OpenDocument", name="../" + document["name"])
    browser.command("OpenDocument", name=document["name"])
    browser.until(lambda: len(browser.surface["tabs"]) == 2)
    browser.ask("close")
    assert browser.ask("folder") == {}


def test_only_documents_of_the_session_go_up(browser: Browser, site: Site) -> None:
    get_document(browser, site, "note.txt", "hello", "text/plain")
    browser.until(lambda: len(browser.surface["tabs"]) == 2)
    browser.command("SelectTab", number=browser.surface["tabs"][0]["number"])
    browser.ask("click", selector="#y")
    assert browser.question("file")["choices"] == ["note.txt"]
    browser.answer("file", accepted=True, text="../../etc/passwd")
    browser.until(lambda: ("127.0.0.1", "upload") in browser.refusals())
    browser.ask("click", selector="#y")
    browser.answer("file", accepted=True, text="note.txt")
    browser.until(lambda: browser.ask("run", script="window.chosen") == "note.txt")


# --- steering ---


def test_back_stays_behind_the_launch(browser: Browser, site: Site) -> None:
    for name in ("b", "c"):
        site.page(f"/{name}", f"<p>{name}")
    site.page("/enter?ticket=t", "<script>onload = () => setTimeout(() => location = '/b', 50)</script>")
    browser.open_and_wait(site.origin + "/enter", site.origin, ticket="t")
    browser.until(lambda: "/b" in site.requests)
    browser.until(lambda: browser.ask("run", script="location.pathname + document.readyState") == "/bcomplete")
    assert browser.surface["can_go_back"] is False
    browser.ask("start", script="location = '/c'")
    browser.until(lambda: browser.surface["can_go_back"])
    browser.command("GoBack")
    browser.until(lambda: browser.ask("run", script="location.pathname") == "/b")


def test_reload_asks_first(browser: Browser, site: Site) -> None:
    browser.open_and_wait(site.page("/"), site.origin)
    browser.command("Reload")
    browser.answer("reload")
    browser.command("Reload")
    browser.answer("reload", accepted=True)
    browser.until(lambda: site.requests.count("/") == 2)


def test_search_counts(browser: Browser, site: Site) -> None:
    browser.open_and_wait(site.page("/", "<p>标书 标书 标书"), site.origin)
    browser.command("Find", text="标书")
    browser.until(lambda: browser.surface["matches"] == {"current": 1, "total": 3})
    browser.command("Find", text="标书")
    browser.until(lambda: browser.surface["matches"] == {"current": 2, "total": 3})
    browser.command("Find", text="标书", backward=True)
    browser.until(lambda: browser.surface["matches"] == {"current": 1, "total": 3})
    browser.command("Find", text="")
    browser.until(lambda: browser.surface["matches"] is None)


def test_zoom_and_user_agent_are_the_packs(browser: Browser, site: Site) -> None:
    pack = {"browser": {"zoom": 1.3, "user_agent": "Booth/1"}}
    browser.open_and_wait(site.page("/"), site.origin, pack=pack)
    assert browser.ask("zoom") == pytest.approx(1.3)
    assert browser.ask("run", script="navigator.userAgent") == "Booth/1"
    browser.command("Zoom", step=1)
    assert browser.ask("zoom") == pytest.approx(1.4)
    browser.command("Zoom", step=0)
    assert browser.surface["zoom"] == pytest.approx(1.3)


# --- crash and hang ---


def test_a_page_that_crashes_comes_back_and_says_so(browser: Browser, site: Site) -> None:
    site.page("/b", "<p>b")
    browser.open_and_wait(site.page("/", '<a id=x href="/b">x</a>'), site.origin)
    browser.ask("click", selector="#x")
    browser.until(lambda: browser.ask("run", script="location.pathname + document.readyState") == "/bcomplete")
    for count in range(1, 4):
        browser.ask("kill_renderer")
        browser.until(lambda count=count: len(browser.named("noticed")) == count)
        browser.until(lambda count=count: site.requests.count("/b") == count + 1)
        browser.until(lambda: browser.ask("run", script="location.pathname + document.readyState") == "/bcomplete")
    assert {notice["kind"] for notice in browser.named("noticed")} == {"crashed"}
    assert not browser.named("failed")
    browser.ask("kill_renderer")
    assert browser.wait_for("failed")["code"] == "E-901"


def test_a_used_ticket_is_not_sent_again(browser: Browser, site: Site) -> None:
    site.page("/enter?ticket=t", "<p>here")
    browser.open_and_wait(site.origin + "/enter", site.origin, ticket="t")
    browser.ask("kill_renderer")
    assert browser.wait_for("failed")["code"] == "E-901"
    assert site.requests.count("/enter?ticket=t") == 1


def test_a_page_that_hangs_comes_back(browser: Browser, site: Site) -> None:
    browser.open_and_wait(site.page("/"), site.origin)
    browser.ask("start", script="for (;;) {}")
    browser.until(lambda: [notice["kind"] for notice in browser.named("noticed")] == ["hung"])
    browser.until(lambda: site.requests.count("/") == 2)
    assert browser.ask("run", script="1 + 1") == 2


def test_computing_for_a_while_and_waiting_for_a_person_is_not_hanging(browser: Browser, site: Site) -> None:
    browser.open_and_wait(site.page("/"), site.origin)
    busy = f"const end = Date.now() + {HANG_DEADLINE_S * 500}; while (Date.now() < end); confirm('done')"
    browser.ask("start", script=busy)
    browser.question("confirm")
    # While the question waits the page answers no ping; the loop that waits is measured by a page-independent clock.
    browser.ask("wait", seconds=HANG_DEADLINE_S * 1.5)
    browser.answer("confirm")
    assert browser.ask("run", script="1 + 1") == 2
    assert browser.named("noticed") == []


# --- hygiene ---

MARKER = "MARKER-7c1e"
STORE = f"""(async () => {{
  document.cookie = "m={MARKER}; Max-Age=9999";
  localStorage.m = sessionStorage.m = "{MARKER}";
  await new Promise((done) => {{
    const open = indexedDB.open("m");
    open.onupgradeneeded = () => open.result.createObjectStore("s").put("{MARKER}", 1);
    open.onsuccess = () => {{ open.result.close(); done(); }};
  }});
  await (await caches.open("m")).put("/m", new Response("{MARKER}"));
  await navigator.serviceWorker.register("/worker.js");
  await navigator.serviceWorker.ready;
  await (await fetch("/cached")).text();
  window.stored = 1;
}})()"""
LOOK = """(async () => {
  window.seen = JSON.stringify([document.cookie, localStorage.length, sessionStorage.length,
    (await indexedDB.databases()).length, (await caches.keys()).length,
    (await navigator.serviceWorker.getRegistrations()).length]);
})()"""


def test_a_second_expert_finds_nothing(browser: Browser, site: Site, place: Path) -> None:
    url = site.page("/", f"<p>{MARKER}")
    site.page("/worker.js", "onfetch = () => 0", Content_Type="text/javascript")
    site.page("/cached", MARKER, Cache_Control="max-age=9999", Etag='"m"')
    site.page("/file", MARKER, Content_Type="text/plain", Content_Disposition="attachment; filename=m.txt")
    pack = {"documents": {"download": ["text"], "upload": ["text"]}}
    browser.open_and_wait(url, site.origin, pack=pack)
    browser.ask("start", script=STORE)
    browser.until(lambda: browser.ask("run", script="window.stored") == 1)
    browser.ask("start", script="location = '/file'")
    browser.until(lambda: len(browser.surface["documents"]) == 1)
    browser.command("Zoom", step=1)
    browser.command("SelectTab", number=browser.surface["tabs"][0]["number"])
    browser.command("Find", text=MARKER)
    browser.until(lambda: browser.surface["matches"] is not None)
    browser.ask("clipboard", text=MARKER)
    browser.ask("close")
    assert browser.ask("folder") == {}
    requests = len(site.requests)
    browser.open_and_wait(url, site.origin, pack=pack)
    assert browser.ask("clipboard") == ""
    browser.ask("start", script=LOOK)
    browser.until(lambda: bool(browser.ask("run", script="window.seen")))
    assert browser.ask("run", script="window.seen") == '["",0,0,0,0,0]'
    assert browser.ask("run", script="history.length") == 1
    assert browser.ask("zoom") == pytest.approx(1.0)
    assert (browser.surface["documents"], browser.surface["matches"]) == ([], None)
    browser.ask("start", script="fetch('/cached')")
    browser.until(lambda: "/cached" in site.requests[requests:])
    assert set(site.cookies[requests:]) == {""}
    browser.ask("close")
    found = [file for file in place.rglob("*") if file.is_file() and MARKER.encode() in file.read_bytes()]
    assert found == []


def test_locking_empties_the_clipboard(browser: Browser, site: Site) -> None:
    browser.open_and_wait(site.page("/"), site.origin)
    browser.ask("clipboard", text=MARKER)
    assert browser.ask("shown", is_shown=False) == ""
    browser.ask("shown", is_shown=True)

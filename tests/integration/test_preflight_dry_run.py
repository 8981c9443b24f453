"""The dry run with the real locked browser in its own process, against real servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from kiosk_config.pack.model import AccountForm, MainSitePack, TicketPost
from tests.integration.tls_sites import Answer, Authority, Server, page
from tests.packs import make_pack
from workstation.preflight.dry_run import dry_run
from workstation.preflight.findings import Reason
from workstation.preflight.process import PreflightProcess
from workstation.preflight.request import PreflightRequest
from workstation.site.preflight import PreflightCheck, PreflightKind, PreflightVerdict

LIMIT_S = 60.0


class Pages:
    """Answers by path and remembers every request."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[bytes] = []

    def __call__(self, connection) -> None:
        request = connection.recv(65536)
        self.requests.append(request)
        path = request.split(b" ")[1].decode() if request.count(b" ") > 1 else ""
        self.answers.get(path, page(status="404 Not Found"))(connection)


@pytest.fixture
def main_site() -> Iterator[tuple[Server, Pages]]:
    pages = Pages()
    server = Server(pages, None)
    server.url = f"http://127.0.0.1:{server.port}"
    yield server, pages
    server.stop()


def of(checks: list[PreflightCheck], kind: PreflightKind) -> list[tuple[str, str, str]]:
    return [(check.subject, check.verdict.value, check.reason) for check in checks if check.kind is kind]


def visit(pack: MainSitePack, timeout_s: float = LIMIT_S) -> list[PreflightCheck]:
    return dry_run(pack, drill=True, timeout_s=timeout_s)


def test_a_page_that_opens_passes_and_names_the_hosts_it_lacks(main_site):
    server, pages = main_site
    body = "<title>x</title><script src='https://cdn.example.cn/a.js'></script><img src='http://127.0.0.9/b.png'>"
    pages.answers["/enter"] = page(body=body)
    checks = visit(make_pack(server.url))
    assert of(checks, PreflightKind.LAUNCH) == [("127.0.0.1", "pass", "good")]
    refused = of(checks, PreflightKind.REQUEST)
    assert sorted(refused) == [("127.0.0.9", "warn", "host-refused"), ("cdn.example.cn", "warn", "host-refused")]
    assert all(check.fix for check in checks if check.kind is PreflightKind.REQUEST)


def test_no_ticket_is_handed_over_and_a_refusal_without_one_is_an_answer(main_site):
    server, pages = main_site
    pages.answers["/enter"] = page(status="401 Unauthorized", body="ticket?")
    checks = visit(make_pack(server.url, launch=TicketPost(url=f"{server.url}/enter")))
    assert of(checks, PreflightKind.LAUNCH) == [("127.0.0.1", "pass", "good")]
    assert pages.requests[0].startswith(b"GET /enter HTTP/1.1")


def test_the_elements_of_a_login_form_are_looked_for(main_site):
    server, pages = main_site
    late = "setTimeout(() => document.body.insertAdjacentHTML('beforeend', '<button id=go>'), 4000)"
    pages.answers["/enter"] = page(body=f"<body><input id=user><script>{late}</script>")
    form = AccountForm(url=f"{server.url}/enter", user="#user", password="#pass[", submit="#go")
    checks = visit(make_pack(server.url, launch=form))
    assert of(checks, PreflightKind.FORM) == [
        ("#user", "pass", "good"),
        ("#pass[", "fail", "selector-invalid"),
        ("#go", "pass", "good"),
    ]
    form = AccountForm(url=f"{server.url}/enter", user="#user", password="#pass", submit="#go")
    checks = visit(make_pack(server.url, launch=form))
    assert ("#pass", "fail", "selector-missing") in of(checks, PreflightKind.FORM)


def test_a_way_out_of_the_pack_fails_and_names_the_host(main_site):
    server, pages = main_site
    pages.answers["/enter"] = page(status="302 Found", Location="https://sso.example.cn/login")
    checks = visit(make_pack(server.url), timeout_s=20)
    [(host, verdict, _)] = of(checks, PreflightKind.LAUNCH)
    assert (host, verdict) == ("127.0.0.1", "fail")
    assert ("sso.example.cn", "warn", "host-refused") in of(checks, PreflightKind.REQUEST)


def test_a_main_site_that_hangs_fails_in_time(main_site):
    server, pages = main_site
    pages.answers["/enter"] = lambda _connection: server.release.wait(60)
    [(_, verdict, reason)] = of(visit(make_pack(server.url), timeout_s=10), PreflightKind.LAUNCH)
    assert (verdict, reason) in {("fail", Reason.NOT_REACHED), ("fail", Reason.TIMED_OUT)}


def test_a_certificate_that_the_browser_does_not_take_fails(tmp_path):
    authority = Authority(tmp_path)
    context, _ = authority.issue()
    server = Server(page(body="x"), context)
    try:
        [(_, verdict, reason)] = of(visit(make_pack(server.origin)), PreflightKind.LAUNCH)
        own = make_pack(server.origin, certificate_authorities=(authority.pem,))
        assert of(visit(own), PreflightKind.LAUNCH) == [("127.0.0.1", "pass", "good")]
    finally:
        server.stop()
    assert (verdict, reason) == ("fail", Reason.NOT_TRUSTED)


def test_the_whole_runs_in_a_process_of_its_own(main_site, tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    server, pages = main_site
    pages.answers["/enter"] = pages.answers["/"] = page(body="x")
    component = tmp_path / "driver.so"
    component.write_bytes(b"driver")
    parts = [{"name": "驱动", "path": str(component), "sha256": "0" * 64}]
    client = {"command": ["/nonexistent/client"], "window": {"title": "."}}
    pack = make_pack(server.url, components=parts, conference="external", external_client=client)
    request = PreflightRequest(report_id=uuid4(), pack=pack, drill=True)
    report = PreflightProcess().run(request)
    assert report is not None
    assert (report.report_id, report.main_site_id, report.serial) == (request.report_id, "test", 3)
    assert report.verdict is PreflightVerdict.FAIL
    assert of(report.checks, PreflightKind.COMPONENT) == [("驱动", "fail", "file-altered")]
    assert of(report.checks, PreflightKind.CONFERENCE) == [
        ("/nonexistent/client", "fail", "file-missing"),
        ("X11", "warn", "no-screen"),
    ]
    assert of(report.checks, PreflightKind.LAUNCH) == [("127.0.0.1", "pass", "good")]
    assert {check.kind for check in report.checks} >= {PreflightKind.PACK, PreflightKind.ORIGIN, PreflightKind.CLOCK}
    assert json.loads(report.model_dump_json())["verdict"] == "fail"


def test_a_stopped_one_gives_no_report(main_site):
    server, pages = main_site
    process = PreflightProcess()

    def stop(_connection) -> None:
        process.stop()

    pages.answers["/enter"] = pages.answers["/"] = stop
    request = PreflightRequest(report_id=uuid4(), pack=make_pack(server.url), drill=True)
    assert process.run(request) is None
    assert process.is_stopped
    assert process.run(request) is None

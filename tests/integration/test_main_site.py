"""The demo main site as a process beside a real site server: a browser's way from ticket to logout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
import requests

import workstation
from workstation.drill.evaluation_record import CRITERIA, FormError, parse_form, total
from workstation.drill.main_site import COOKIE
from workstation.site.client import SiteClient
from workstation.site.contract import ArrivalRequest, LaunchRequest, VerificationMethod, expert_hash
from workstation.site.embedded import EmbeddedSite, ServerProcess

ROOT = Path(workstation.__file__).parents[1]
ID_NUMBER = "41150019000101001X"


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[SimpleNamespace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        folder = tmp_path_factory.mktemp("site")
        with EmbeddedSite(folder, "booth-03") as site:
            arguments = ["--site", site.base_url, f"--token={site.tokens.main_site}"]
            with ServerProcess("workstation.drill.main_site", *arguments) as main:
                client = SiteClient(site.base_url, "booth-03", site.tokens.booths["booth-03"], timeout_s=10)
                yield SimpleNamespace(site=site, main=main, client=client, arrival=_seat(site, main, client))
                client.close()


def _seat(site, main, client):
    roster = {
        "project_id": "P-1",
        "version": 1,
        "project_name": "浉河区<道路>工程",
        "main_site": "信阳市公共资源交易中心",
        "main_site_id": "demo",
        "starts_at": datetime.now(UTC).isoformat(),
        "expected_hours": 4,
        "entries": [{"name": "某", "id_number": ID_NUMBER, "alias": "专家1号", "role": "评委"}],
    }
    headers = {"Authorization": f"Bearer {site.tokens.admin}"}
    requests.put(f"{site.base_url}/v1/rosters/P-1", json=roster, headers=headers, timeout=20).raise_for_status()
    info = client.booth()
    arrival = ArrivalRequest(
        arrival_id=uuid4(),
        key_id=info.key_id,
        expert_hash=expert_hash(bytes.fromhex(info.arrival_key), ID_NUMBER),
        method=VerificationMethod.CARD_FACE,
        verified_at=datetime.now(UTC),
    )
    client.arrive(arrival)
    return arrival.arrival_id


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def launch_url(world) -> str:
    request = LaunchRequest(launch_id=uuid4(), arrival_id=world.arrival, project_id="P-1")
    return f"{world.main.base_url}/enter?ticket={world.client.launch(request).ticket}"


def form(points=10.0, comment="方案可行"):
    fields = {f"points-{criterion.key}": str(points) for criterion in CRITERIA}
    return fields | {f"comment-{criterion.key}": comment for criterion in CRITERIA}


def test_a_ticket_leads_to_the_evaluation_page(world, browser):
    page = browser.get(launch_url(world), timeout=20)
    assert page.status_code == 200
    assert page.url == f"{world.main.base_url}/evaluation"
    for text in ("主场电子评标系统", "演示", "浉河区&lt;道路&gt;工程", "投标人甲", "投标人乙", "投标人丙", "评标报告"):
        assert text in page.text
    cookie = page.history[0].headers["Set-Cookie"]
    assert cookie.startswith(COOKIE)
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "ticket" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    nonce = re.search(r"'nonce-([\w-]+)'", policy)
    assert nonce
    assert f'<script nonce="{nonce[1]}">' in page.text


def test_nothing_is_loaded_from_elsewhere_but_one_link_leads_out(world, browser):
    page = (
        browser.get(launch_url(world), timeout=20).text
        + browser.get(f"{world.main.base_url}/style.css", timeout=20).text
    )
    assert re.findall(r"""(?:https?:)?//[^"'\s)]+""", page) == ["https://help.example.com/"]


def test_saved_scores_are_shown_summed_and_reported(world, browser):
    browser.get(launch_url(world), timeout=20)
    address = f"{world.main.base_url}/evaluation?bidder=b"
    page = browser.post(address, data=form(12.5, '好"><script>'), timeout=20)
    assert page.status_code == 200
    assert "投标人乙的评分已保存" in page.text
    assert page.text.count('value="12.5"') == len(CRITERIA)
    assert "好&quot;&gt;&lt;script&gt;" in page.text
    assert ">62.5</output>" in page.text
    report = browser.get(f"{world.main.base_url}/report", timeout=20).text
    assert report.index("投标人乙</b>") < report.index("投标人甲</b>")
    assert "62.5" in report
    again = browser.get(launch_url(world), timeout=20)
    assert "已评分" in again.text


@pytest.mark.parametrize(
    "fields",
    [{}, form(99), form(-1), form("nan"), form("inf"), form("十"), form(10, "长" * 301), {"points-plan": "1"}],
)
def test_a_wrong_form_is_explained_and_not_saved(world, browser, fields):
    browser.get(launch_url(world), timeout=20)
    page = browser.post(f"{world.main.base_url}/evaluation?bidder=c", data=fields, timeout=20)
    assert page.status_code == 422
    assert "notice bad" in page.text


def test_a_body_that_is_no_form_is_explained(world, browser):
    browser.get(launch_url(world), timeout=20)
    for body in (b"\xff\xfe", b"a=1&" * 30_000, b"&".join(b"f%d=1" % n for n in range(200))):
        page = browser.post(f"{world.main.base_url}/evaluation?bidder=c", data=body, timeout=20)
        assert page.status_code == 422


@pytest.mark.parametrize("ticket", ["", "short", "x" * 43, "y" * 5000, "票" * 30])
def test_a_forged_ticket_is_refused(world, browser, ticket):
    page = browser.get(f"{world.main.base_url}/enter", params={"ticket": ticket}, timeout=20)
    assert page.status_code == 403
    assert "入场凭证无效" in page.text
    assert not browser.cookies


def test_a_used_ticket_is_refused(world, browser):
    url = launch_url(world)
    assert browser.get(url, timeout=20).status_code == 200
    with requests.Session() as other:
        other.trust_env = False
        assert other.get(url, timeout=20).status_code == 403


def test_a_new_entry_ends_the_old_session_and_logout_ends_the_new(world, browser):
    browser.get(launch_url(world), timeout=20)
    with requests.Session() as other:
        other.trust_env = False
        other.get(launch_url(world), timeout=20)
        assert browser.get(f"{world.main.base_url}/evaluation", timeout=20).status_code == 403
        assert other.get(f"{world.main.base_url}/evaluation", timeout=20).status_code == 200
        assert "您已退出" in other.post(f"{world.main.base_url}/logout", timeout=20).text
        for path in ("/evaluation", "/report"):
            assert other.get(world.main.base_url + path, timeout=20).status_code == 403
        assert other.post(f"{world.main.base_url}/evaluation", data=form(), timeout=20).status_code == 403


def test_health_needs_no_login(world, browser):
    assert browser.get(f"{world.main.base_url}/health", timeout=20).json() == {"status": "ok"}


def test_without_the_site_server_nobody_gets_in(monkeypatch, browser):
    monkeypatch.chdir(ROOT)
    arguments = ["--site", "http://127.0.0.1:1", "--token", "t" * 40]
    with ServerProcess("workstation.drill.main_site", *arguments) as main:
        page = browser.get(f"{main.base_url}/enter?ticket={'x' * 43}", timeout=30)
    assert page.status_code == 502
    assert "请稍候" in page.text


def test_a_form_is_read_and_summed():
    assert total(parse_form(form(10))) == 50.0
    with pytest.raises(FormError, match="施工组织设计"):
        parse_form({})

"""The drill's pack, the site server, the demo main site and the real page together: through every door and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args
from uuid import uuid4

import pytest
import requests

from tests.integration.test_launch_kinds import enter
from tests.integration.test_locked_browser import Browser
from tests.integration.test_main_site import ROOT, _seat
from workstation.drill.accounts import account
from workstation.drill.packs import LaunchKind, demo_pack
from workstation.site.client import SiteClient
from workstation.site.contract import LaunchRequest
from workstation.site.embedded import EmbeddedSite, ServerProcess


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        folder: Path = tmp_path_factory.mktemp("site")
        with EmbeddedSite(folder, "booth-03") as site:
            arguments = ["--site", site.base_url, f"--token={site.tokens.main_site}"]
            with ServerProcess("workstation.drill.main_site", *arguments) as main:
                client = SiteClient(site.base_url, "booth-03", site.tokens.booths["booth-03"], timeout_s=10)
                yield SimpleNamespace(main=main, client=client, arrival=_seat(site, main, client))
                client.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    browser = Browser(load_timeout_s=8)
    yield browser
    browser.ask("close")
    assert browser.end() == 0, browser.errors[-20:]


def pack(world: SimpleNamespace, kind: LaunchKind) -> dict[str, Any]:
    return demo_pack(world.main.base_url, launch=kind).model_dump(mode="json")


def ticket(world: SimpleNamespace) -> str:
    request = LaunchRequest(launch_id=uuid4(), arrival_id=world.arrival, project_id="P-1")
    granted = world.client.launch(request).ticket
    assert granted is not None
    return str(granted)


def key(world: SimpleNamespace, kind: LaunchKind, *, is_good: bool) -> dict[str, Any]:
    if kind == "account":
        return {"account": [account(3).user, account(3).password if is_good else "wrong"]}
    good = ticket(world)
    return {"ticket": good if is_good else good[::-1]}


@pytest.mark.parametrize("kind", get_args(LaunchKind))
def test_every_door_opens_and_the_end_of_the_session_is_seen(
    browser: Browser, world: SimpleNamespace, kind: LaunchKind
) -> None:
    assert enter(browser, pack(world, kind), **key(world, kind, is_good=True)) == "opened"
    assert browser.ask("run", script="location.pathname") == "/evaluation"
    requests.post(f"{world.main.base_url}/drill/time-out", timeout=20).raise_for_status()
    browser.until(lambda: bool(browser.named("failed")))
    assert browser.named("failed")[0]["code"] == "E-507"
    assert browser.refusals() == []


@pytest.mark.parametrize("kind", get_args(LaunchKind))
def test_no_door_opens_for_the_wrong_key(browser: Browser, world: SimpleNamespace, kind: LaunchKind) -> None:
    code = "E-506" if kind == "account" else "E-505"
    assert enter(browser, pack(world, kind), **key(world, kind, is_good=False)) == code


def test_the_account_opens_the_fallback(browser: Browser, world: SimpleNamespace) -> None:
    assert enter(browser, pack(world, "ticket-get"), **key(world, "account", is_good=True)) == "opened"


@pytest.mark.parametrize(
    "query",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": "OWN", "target_link_uri": "https://elsewhere.example/"},
        {"iss": "OWN", "target_link_uri": "OWN.elsewhere.example/"},
    ],
)
def test_the_demo_main_site_is_no_open_redirector(world: SimpleNamespace, query: dict[str, str]) -> None:
    own = world.main.base_url
    query = {name: value.replace("OWN", own) for name, value in query.items()}
    reply = requests.get(f"{own}/initiate", params=query, timeout=20, allow_redirects=False)
    assert reply.status_code == 400
    reply = requests.get(
        f"{own}/authorize", params={"target": "//elsewhere.example"}, timeout=20, allow_redirects=False
    )
    assert "elsewhere" not in reply.headers.get("Location", "")

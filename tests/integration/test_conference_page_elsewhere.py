"""The same page in a browser at the main site, the screen on its way to a supervisor, and how the pane looks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.simulated.janus import JanusService
from tests.integration.conference_site import link, served
from tests.integration.conference_stage import LISTEN, LOOK, FakeMedia, PageProcess, make_rooms, pages, ticket
from workstation.site.conference import ConferenceRole

FAKE_DEVICES = "--disable-gpu --use-fake-device-for-media-stream"


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture
def janus(tmp_path: Path) -> Iterator[JanusService]:
    with JanusService(tmp_path) as service:
        make_rooms(service)
        yield service


@pytest.fixture
def make_page() -> Iterator[Callable[..., PageProcess]]:
    with pages() as make:
        yield make


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An X server of its own; the pages' windows are on it."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x1000x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as answer:
        number = answer.readline().strip()
    assert number, "Xvfb did not start"
    monkeypatch.setenv("DISPLAY", f":{number}")
    monkeypatch.setenv("CONFERENCE_PAGE_PLATFORM", "xcb")
    yield
    server.terminate()
    server.wait()


def test_leader_in_a_browser_and_expert_in_a_booth(janus, make_page, site) -> None:
    with FakeMedia((81, 90, 240), 440) as red:
        expert = make_page()
        leader = make_page(size=(1280, 800), flags=FAKE_DEVICES)
        expert.join(ticket(janus, "a1", "甲分中心"), red)
        leader.open(link(site, ticket(janus, "a2", "主场·组长", ConferenceRole.LEADER)))
        leader.wait_for("document.querySelector('.people')?.textContent === '2 人'")
        assert leader.run("location.hash") == ""
        leader.wait("the expert", lambda: leader.run(LOOK % "a1") is not None)
        expert.wait("the leader", lambda: expert.run(LOOK % "a2") is not None)
        leader.press("microphone")
        expert.wait("the leader's sound", lambda: expert.run(LISTEN % "a2") > 0)
        assert leader.console == []


def test_address_without_a_ticket_says_what_to_do(make_page, site) -> None:
    page = make_page()
    page.open(site + "#bm8")
    page.wait_for("document.querySelector('.notices')?.textContent.includes('重新打开会议链接')")


def test_screen_reaches_the_supervisor_and_its_age_the_booth(janus, make_page, site, screen) -> None:
    expert = make_page()
    supervisor = make_page(size=(1280, 800), flags=FAKE_DEVICES)
    expert.join(ticket(janus, "b1", "甲分中心"))
    expert.wait("the screen runs", lambda: expert.last("desktop").get("running"))
    assert 0 <= expert.last("desktop")["age_s"] < 10
    assert expert.permissions == ["DesktopVideoCapture"]
    expert.wait_for("document.querySelector('.monitored').textContent === '桌面监控中'")
    supervisor.open(link(site, ticket(janus, "b2", "监督", ConferenceRole.SUPERVISOR)))
    supervisor.wait_for("document.querySelector('.screen[data-id=b1-screen]')")
    assert supervisor.run("document.querySelector('.screen video').videoWidth") == 0  # on demand only
    supervisor.run("document.querySelector('.screen button').click()")
    supervisor.wait_for("document.querySelector('.screen video').videoWidth > 600")
    seen = sum(each["kind"] == "desktop" for each in expert.said)
    expert.tell("hold", on=True)
    expert.wait("it goes on while locked", lambda: sum(each["kind"] == "desktop" for each in expert.said) > seen + 2)
    assert expert.last("desktop")["running"]


@pytest.mark.parametrize(("width", "height"), [(414, 980), (300, 620)])
@pytest.mark.parametrize("large_text", [False, True])
def test_pane_has_room_for_all_of_it(janus, make_page, width: int, height: int, large_text: bool) -> None:
    page = make_page(size=(width, height))
    others = [make_page() for _ in range(2)]
    with FakeMedia((81, 90, 240), 440) as red:
        page.join(ticket(janus, "c1", "副场"), red, large_text=large_text)
        for number, other in enumerate(others):
            other.join(ticket(janus, f"c{number + 2}", "平桥区公共资源交易分中心"))
        page.wait_for("document.querySelectorAll('.tile').length === 3")
        overflow = page.run(
            "[...document.querySelectorAll('.bar button, .tile, .chat form, .pane > header')].filter((each) => {"
            "const box = each.getBoundingClientRect();"
            "const isInside = box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;"
            "return !isInside || each.scrollWidth > each.clientWidth + 1;"
            "}).map((each) => each.className || each.dataset.name)"
        )
        assert overflow == []
        assert page.run("document.querySelector('.chat .lines').clientHeight") > 40

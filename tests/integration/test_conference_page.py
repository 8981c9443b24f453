"""The conference page in Qt WebEngine against a real Janus: what two and three of them see and hear of each other."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.simulated.janus import JanusService
from tests.integration.conference_stage import LISTEN, LOOK, FakeMedia, PageProcess, Wire, make_rooms, pages, ticket
from workstation.conference.contract import PAGE_ORIGIN
from workstation.conference.messages import read
from workstation.site.conference import ConferenceRole

RED, GREEN = (81, 90, 240), (145, 54, 34)
TONE_HZ, OTHER_TONE_HZ = 440.0, 880.0
HASH = """
(() => {
  const image = document.querySelector(".stage img");
  if (!image || image.hidden || !image.complete || !image.naturalWidth) return null;
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  let sum = 0;
  for (const each of context.getImageData(0, 0, canvas.width, canvas.height).data) sum = (sum * 31 + each) % 1000000007;
  return sum;
})()
"""


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
def red() -> Iterator[FakeMedia]:
    with FakeMedia(RED, TONE_HZ) as media:
        yield media


@pytest.fixture
def green() -> Iterator[FakeMedia]:
    with FakeMedia(GREEN, OTHER_TONE_HZ) as media:
        yield media


def sees(page: PageProcess, who: str, colour: tuple[int, int, int]) -> bool:
    seen = page.run(LOOK % who)
    return seen is not None and all(abs(a - b) < 60 for a, b in zip(seen, colour, strict=True))


def hears(page: PageProcess, who: str, tone_hz: float) -> bool:
    return abs(page.run(LISTEN % who) - tone_hz) < 30


def lines(page: PageProcess) -> list[str]:
    found: list[str] = page.run(
        "[...document.querySelectorAll('.lines p:not(.empty)')].map((each) => each.textContent)"
    )
    return found


def noise_png() -> str:
    """Return a picture that does not compress, several hundred kB, in base64."""
    noise = np.random.default_rng(1).integers(0, 255, (400, 400, 3), np.uint8)
    return base64.b64encode(cv2.imencode(".png", noise)[1].tobytes()).decode()


def same_document(*shown: PageProcess) -> bool:
    sums = [page.run(HASH) for page in shown]
    return sums[0] is not None and len(set(sums)) == 1


def test_two_booths_see_hear_and_write_to_each_other(janus, make_page, red, green) -> None:
    first, second = make_page(), make_page()
    first.join(ticket(janus, "a1", "甲分中心"), red)
    second.join(ticket(janus, "a2", "平桥分中心"), green)
    second.wait("red", lambda: sees(second, "a1", (254, 0, 0)))
    first.wait("green", lambda: sees(first, "a2", (0, 220, 0)))
    assert second.run("[...document.querySelectorAll('.tile .tag')].map((each) => each.innerText)") == [
        "平桥分中心\n· 本人",
        "甲分中心",
    ]
    assert set(red.origins) == {PAGE_ORIGIN}
    assert not hears(second, "a1", TONE_HZ)  # everybody joins muted
    first.press("microphone")
    first.wait("the wish", lambda: first.last("wish").get("microphone") is True)
    second.wait("the tone", lambda: hears(second, "a1", TONE_HZ))
    second.wait_for("document.querySelector('.tile[data-id=a1]').classList.contains('talk')")
    text = "请各位先核对资格审查表第 3 项。<img src=x onerror=document.title='hit'>"
    first.chat(text)
    second.wait("the text", lambda: lines(second) == [f"甲分中心：{text}"])
    assert second.run("document.title") == "评标会议室"
    first.chat("核" * 3000)
    second.wait("the long text", lambda: "甲分中心：" + "核" * 2000 in lines(second))
    first.press("hand")
    second.wait_for("!document.querySelector('.tile[data-id=a1] .hand').hidden")
    first.press("microphone")
    second.wait("silence", lambda: second.run(LISTEN % "a1") == 0)
    assert first.permissions == second.permissions == []  # offscreen there is no screen to ask for
    assert all(read(json.dumps(message)) is not None for page in (first, second) for message in page.said)
    assert not any(janus.token_secret in line or "pin-1" in line for line in first.console + second.console)
    assert first.console == second.console == []


def test_late_joiner_gets_chat_and_document(janus, make_page, red) -> None:
    presenter, early, late = make_page(), make_page(), make_page()
    presenter.join(ticket(janus, "b1", "甲"), red)
    early.join(ticket(janus, "b2", "乙"))
    presenter.chat("第一句")
    picture = noise_png()
    assert len(picture) > 400_000
    presenter.tell("document-page", name="澄清函.pdf", page=2, pages=3, picture=picture)
    early.wait("the document", lambda: same_document(presenter, early))
    assert early.last("stage") == {"kind": "stage", "on": True}
    assert early.run("document.querySelector('.stage .title').textContent") == "甲 共享：澄清函.pdf"
    presenter.run("document.querySelector('.stage header button[title=下一页]').click()")
    presenter.wait("the turn", lambda: presenter.last("turn") == {"kind": "turn", "page": 3})
    presenter.press("hand")
    late.join(ticket(janus, "b3", "丙"))
    late.wait("the chat", lambda: "甲：第一句" in lines(late))
    late.wait("the document", lambda: same_document(presenter, late))
    late.wait_for("!document.querySelector('.tile[data-id=b1] .hand').hidden")
    presenter.tell("document-end")
    early.wait("the stage given back", lambda: early.last("stage") == {"kind": "stage", "on": False})
    late.tell("leave")
    late.wait("left", lambda: late.last("phase").get("phase") == "left")
    early.wait("gone", lambda: early.run("document.querySelector('.tile[data-id=b3]')") is None)


def test_who_leaves_and_comes_back_is_seen_again(janus, make_page, red, green) -> None:
    watcher, restless, steady = make_page(), make_page(), make_page()
    watcher.join(ticket(janus, "g1", "甲"))
    steady.join(ticket(janus, "g2", "乙"), green)
    for _ in range(2):
        restless.said.clear()
        restless.join(ticket(janus, "g3", "丙"), red)
        watcher.wait("the picture", lambda: sees(watcher, "g3", (254, 0, 0)))
        restless.tell("leave")
        restless.wait("left", lambda: restless.last("phase").get("phase") == "left")
        watcher.wait_for("document.querySelector('.tile[data-id=g3]') === null")
    assert sees(watcher, "g2", (0, 220, 0))
    assert not any(each.get("phase") == "lost" for each in watcher.said)


def test_a_broken_line_is_joined_over_at_once_although_the_server_still_knows_the_name(janus, make_page, red) -> None:
    watcher, expert = make_page(), make_page()
    watcher.join(ticket(janus, "h1", "甲"))
    with Wire(janus.command_ports[0]) as wire:
        way_in = ticket(janus, "h2", "乙").model_copy(update={"server": f"ws://127.0.0.1:{wire.port}"})
        expert.join(way_in, red)
        watcher.wait("the picture", lambda: sees(watcher, "h2", (254, 0, 0)))
        wire.cut()
        assert wire.cuts
        expert.wait("lost", lambda: expert.last("phase").get("phase") == "lost")
        expert.wait("back", lambda: expert.last("phase").get("phase") == "joined")
        watcher.wait("the picture", lambda: sees(watcher, "h2", (254, 0, 0)))
        assert "id-taken" not in {each.get("reason") for each in expert.said}
        expert.chat("又在了")
        watcher.wait("the text", lambda: lines(watcher)[-1:] == ["乙：又在了"])


def test_moderator_mutes_and_lowers_hands(janus, make_page, red) -> None:
    expert, moderator = make_page(), make_page()
    expert.join(ticket(janus, "c1", "甲"), red)
    moderator.join(ticket(janus, "c2", "主持人", ConferenceRole.MODERATOR))
    expert.press("microphone")
    moderator.wait("the tone", lambda: hears(moderator, "c1", TONE_HZ))
    moderator.run("document.querySelector('.moderation button').click()")
    expert.wait("muted", lambda: expert.last("muted") == {"kind": "muted", "by_moderator": True})
    expert.wait_for("document.querySelector('.notices').textContent.includes('主持人已将您静音')")
    moderator.wait("silence", lambda: moderator.run(LISTEN % "c1") == 0)
    moderator.wait_for("document.querySelector('.tile[data-id=c1] .sound').classList.contains('moderated')")
    expert.press("hand")
    moderator.wait_for("!document.querySelector('.tile[data-id=c1] .hand').hidden")
    moderator.run("document.querySelectorAll('.moderation button')[1].click()")
    expert.wait_for("document.querySelector('[data-name=hand]').dataset.mood === ''")
    moderator.run("document.querySelector('.tile[data-id=c1] .tools button').click()")
    expert.wait("lifted", lambda: expert.last("muted") == {"kind": "muted", "by_moderator": False})
    expert.press("microphone")
    moderator.wait("the tone again", lambda: hears(moderator, "c1", TONE_HZ))


def test_nothing_unprotected_and_nothing_while_locked(janus, make_page, red) -> None:
    red.is_protected = False
    first, second = make_page(), make_page()
    first.join(ticket(janus, "d1", "甲"), red)
    second.join(ticket(janus, "d2", "乙"))
    first.press("microphone")
    second.wait("the other's tile", lambda: second.run("document.querySelector('.tile[data-id=d1]') !== null"))
    first.wait("two statistics", lambda: sum(each["kind"] == "statistics" for each in first.said) > 2)
    assert first.last("statistics")["width"] == 0
    assert second.run(LOOK % "d1") is None
    red.is_protected = True
    second.wait("the picture", lambda: sees(second, "d1", (254, 0, 0)))
    second.wait("the tone", lambda: hears(second, "d1", TONE_HZ))
    red.sends = set()
    second.wait("no picture", lambda: second.run(LOOK % "d1") is None)
    red.sends = {"video", "audio"}
    second.wait("the picture again", lambda: sees(second, "d1", (254, 0, 0)))
    first.tell("protected", video="stopped", voice="live", fault="mask")
    second.wait("no picture", lambda: second.run(LOOK % "d1") is None)
    first.wait_for("document.querySelector('.notices').textContent.includes('面部遮挡未就绪')")
    first.tell("protected", video="live", voice="live", fault="")
    second.wait("the picture again", lambda: sees(second, "d1", (254, 0, 0)))
    first.tell("hold", on=True)
    second.wait("no picture", lambda: second.run(LOOK % "d1") is None)
    second.wait("silence", lambda: second.run(LISTEN % "d1") == 0)
    assert first.run("[...document.querySelectorAll('audio')].every((each) => each.muted)")
    first.tell("hold", on=False)
    second.wait("the picture again", lambda: sees(second, "d1", (254, 0, 0)))


def test_all_comes_back_after_the_server_was_killed(janus, make_page, red, green) -> None:
    first, second = make_page(), make_page()
    first.join(ticket(janus, "e1", "甲"), red)
    second.join(ticket(janus, "e2", "乙"), green)
    first.press("microphone")
    first.press("hand")
    first.tell("document-page", name="图.png", page=1, pages=1, picture=noise_png())
    second.wait("the document", lambda: same_document(first, second))
    janus.kill()
    for page in (first, second):
        page.wait("lost", lambda page=page: page.last("phase").get("phase") == "lost")
    assert first.last("phase")["reason"] == "server-gone"
    janus.start()
    make_rooms(janus)
    for page, way_in in ((first, ticket(janus, "e1", "甲")), (second, ticket(janus, "e2", "乙"))):
        page.tell("renew", ticket=way_in.model_dump(mode="json"))
        page.wait("back", lambda page=page: page.last("phase").get("phase") == "joined")
    second.wait("the picture", lambda: sees(second, "e1", (254, 0, 0)))
    first.wait("the other picture", lambda: sees(first, "e2", (0, 220, 0)))
    second.wait("the tone", lambda: hears(second, "e1", TONE_HZ))
    second.wait("the document", lambda: same_document(first, second))
    second.wait_for("!document.querySelector('.tile[data-id=e1] .hand').hidden")
    first.chat("回来了")
    second.wait("the text", lambda: lines(second) == ["甲：回来了"])


@pytest.mark.parametrize("seed", range(2))
def test_words_of_a_hostile_application_or_room_do_not_break_the_page(janus, make_page, seed: int) -> None:
    page = make_page()
    page.join(ticket(janus, f"f{seed}", "甲"))
    chance = random.Random(seed)
    for _ in range(50):
        page.tell(
            chance.choice(["document-page", "unknown", "toString"]),
            name="x",
            page=1,
            pages=1,
            picture=chance.choice(["", "!!", "QUJD"]),
        )
    page.chat("还在")
    page.wait("the chat", lambda: any("还在" in line for line in lines(page)))
    assert page.run("document.querySelector('.stage').hidden")

"""A meeting of the real kiosk with the main site: real Janus, two sound servers, masked and with a changed voice.

The kiosk is on Xvfb with its own headset; the group leader and the supervisor have the same page in processes of their
own, the leader with a headset of a second sound server.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.headset.levels import find_tone
from drivers.simulated.bench import Scene
from drivers.simulated.pulse import PulseService, Which
from drivers.simulated.voice import vowel
from tests.e2e.meeting_sound import heard, picture_of, pitch_of
from tests.integration.conference_stage import FakeMedia, PageProcess, pages
from workstation.conference.media.mask import SURE
from workstation.drill.__main__ import virtual_screen
from workstation.drill.accounts import PROJECT_ID
from workstation.drill.kiosk import KioskProcess
from workstation.drill.script import Playwright
from workstation.drill.stage import Stage
from workstation.face.detector import FaceDetector
from workstation.face.networks import load_manifest
from workstation.site.admin_client import AdminClient
from workstation.site.conference import ConferenceRole, GuestRequest

pytestmark = [pytest.mark.timeout(280), pytest.mark.pcscd]

MAN_HZ = 118.0
TONE_HZ = 1000.0
MICROPHONE = (1100, 695)
CHAT = (1180, 630)
"""Where the buttons of the pane are on a screen of 1366x768."""
EXPERT = '.tile[data-id="{}"] video'
DESKTOP = ".desktops video"


@pytest.fixture(autouse=True)
def _screen() -> Iterator[None]:
    with virtual_screen("1366x768"):
        yield


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Playwright]:
    with (
        Stage(tmp_path / "drill", fullscreen=True) as stage,
        KioskProcess(stage.config_file, stage.environment) as kiosk,
    ):
        assert stage.notes == {}, "a real service is missing"
        yield Playwright(stage, kiosk, None, print)
        assert kiosk.stop() == 0
        assert [line for line in kiosk.lines if line.get("level") in {"error", "critical"}] == []


@pytest.fixture
def other_headset(tmp_path: Path) -> Iterator[PulseService]:
    folder = tmp_path / "other"
    folder.mkdir()
    with PulseService(folder) as pulse:
        pulse.plug()
        yield pulse


@pytest.fixture
def media() -> Iterator[FakeMedia]:
    with FakeMedia((120, 90, 200), TONE_HZ) as media:
        yield media


def to_the_meeting(play: Playwright) -> None:
    play.until("idle", "idle")
    play.place(scene=Scene.PERSON_A, card="person-a")
    play.until("task-review", "task")
    play.place(card=None)
    play.press("Return")
    play.until("self-check", "self-check")
    play.until_recorded("checks_done")
    play.press("Return")
    play.until("sound-check", "sound check")
    play.until("evaluating", "evaluation")
    play.until_recorded("conference_joined")


def guest(play: Playwright, page: PageProcess, role: ConferenceRole, alias: str, media: FakeMedia) -> PageProcess:
    way_in = play.stage.administrator.invite(PROJECT_ID, GuestRequest(alias=alias, role=role)).ticket
    page.join(way_in, media)
    return page


def click(place: tuple[int, int]) -> None:
    subprocess.run(["xdotool", "mousemove", *map(str, place), "click", "1"], check=True, timeout=10)


def wait(play: Playwright, what: str, condition: Callable[[], object], timeout_s: float = 40) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        play.let(0.1)


def expert_of(page: PageProcess) -> str:
    """Return the participant id of the expert in the booth, by alias."""
    return str(
        page.run(
            "[...document.querySelectorAll('.tile')]"
            ".find((each) => each.innerText.includes('专家03'))?.dataset.id ?? ''"
        )
    )


def colours(page: PageProcess, selector: str) -> np.ndarray:
    picture = picture_of(page, selector)
    return np.zeros((1, 3)) if picture is None else picture.reshape(-1, 3).astype(int)


def magenta_share(page: PageProcess) -> float:
    blue, green, red = colours(page, DESKTOP).T
    return float(np.mean((blue > 180) & (green < 90) & (red > 180)))


def test_the_expert_is_heard_and_seen_without_being_recognised(
    play: Playwright, other_headset: PulseService, media: FakeMedia, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_the_meeting(play)
    assert play.stage.pulse is not None
    monkeypatch.setenv("PULSE_SERVER", other_headset.server)
    with pages() as make:
        leader = guest(play, make(), ConferenceRole.LEADER, "组长", media)
        wait(play, "the expert is there", lambda: expert_of(leader))
        seen = EXPERT.format(expert_of(leader))

        models = Path(__file__).parents[2] / "assets" / "models"
        detector = FaceDetector(models, load_manifest(models)[0].detector)
        wait(play, "the expert's picture", lambda: colours(leader, seen).std() > 20)
        for _ in range(10):
            picture = picture_of(leader, seen)
            assert picture is not None
            heads = np.ascontiguousarray(picture[: picture.shape[0] * 3 // 4])
            assert detector.boxes(heads, SURE) == []
            play.let(0.3)

        leader.press("microphone")
        wait(play, "the tone", lambda: find_tone(heard(play.stage.pulse, 0.5), TONE_HZ).stands_out(0.001))

        play.stage.pulse.say(vowel("a", 25))
        assert pitch_of(heard(other_headset, 0.6)) == 0, "muted until the expert unmutes"
        click(MICROPHONE)
        wait(play, "the expert's voice", lambda: pitch_of(heard(other_headset, 0.6)), 20)
        ratio = pitch_of(heard(other_headset, 1.5)) / MAN_HZ
        assert ratio < 0.92 or ratio > 1.08, f"the voice is the expert's own: {ratio}"

        leader.chat("请各位先核对资格审查表第 3 项。")
        click(CHAT)
        subprocess.run(["xdotool", "type", "--delay", "30", "checked 3"], check=True, timeout=20)
        play.press("Return")
        wait(play, "the answer", lambda: "checked 3" in leader.run("document.querySelector('.lines').innerText"))

        play.press("F10", "Return")
        play.let(0.8)
        play.press("shift+Tab", "Return")
        play.until_recorded("conference_left")
        wait(play, "the expert has left", lambda: not expert_of(leader))
    require_archive(play)


def require_archive(play: Playwright) -> None:
    """What was said and shown lies at the conference server, by alias and with digests."""
    assert play.stage.janus is not None
    site = f"http://127.0.0.1:{play.stage.site_link.port}"
    with contextlib.closing(AdminClient(site, play.stage.tokens.admin)) as administrator:
        administrator.close_meeting(PROJECT_ID)
        wait(play, "the index is complete", lambda: administrator.recordings(PROJECT_ID).closed_at)
        index = administrator.recordings(PROJECT_ID)
    assert {("专家03", "video"), ("专家03", "audio"), ("组长", "audio")} <= {
        (each.alias, each.medium) for each in index.recordings if each.size > 1000
    }
    for each in index.recordings:
        [file] = play.stage.janus.recordings.rglob(each.file)
        assert hashlib.sha256(file.read_bytes()).hexdigest() == each.sha256


def test_the_supervisor_watches_the_desktop_and_a_document_comes_to_it(
    play: Playwright, media: FakeMedia, monkeypatch: pytest.MonkeyPatch, other_headset: PulseService
) -> None:
    to_the_meeting(play)
    monkeypatch.setenv("PULSE_SERVER", other_headset.server)
    with pages() as make:
        play.until_recorded("desktop_monitoring_started")
        supervisor = guest(play, make(size=(1200, 800)), ConferenceRole.SUPERVISOR, "监督", media)
        supervisor.wait_for("document.querySelector('.desktops button')")
        supervisor.run("document.querySelector('.desktops button').click()")
        wait(play, "the desktop", lambda: colours(supervisor, DESKTOP).std() > 20)
        assert magenta_share(supervisor) < 0.01

        page = np.full((900, 640, 3), (255, 0, 255), np.uint8)
        picture = base64.b64encode(cv2.imencode(".png", page)[1].tobytes()).decode()
        leader = guest(play, make(), ConferenceRole.LEADER, "组长", media)
        leader.tell("document-page", name="澄清函.pdf", page=1, pages=1, picture=picture)
        wait(play, "the document is large on the expert's screen", lambda: magenta_share(supervisor) > 0.1)
        leader.tell("document-end")
        wait(play, "and gone", lambda: magenta_share(supervisor) < 0.01)


def test_server_and_headset_may_go_and_come_back(
    play: Playwright, media: FakeMedia, monkeypatch: pytest.MonkeyPatch, other_headset: PulseService
) -> None:
    to_the_meeting(play)
    stage = play.stage
    assert stage.pulse is not None
    assert stage.janus is not None
    monkeypatch.setenv("PULSE_SERVER", other_headset.server)
    with pages() as make:
        leader = guest(play, make(), ConferenceRole.LEADER, "组长", media)
        wait(play, "the expert is there", lambda: expert_of(leader))
        seen = EXPERT.format(expert_of(leader))
        wait(play, "the expert's picture", lambda: colours(leader, seen).std() > 20)

        stage.janus.kill()
        play.until_recorded("outage_began")
        stage.janus.start()
        began = time.monotonic()
        play.until_recorded("outage_ended")
        wait(play, "the expert's picture again", lambda: expert_of(leader) and colours(leader, seen).std() > 20)
        print(f"back {time.monotonic() - began:.1f} s after the restart")

        click(MICROPHONE)
        stage.pulse.plug(Which.SPARE)
        stage.pulse.unplug()
        play.until_recorded("headset_switched")
        stage.pulse.say(vowel("a", 25), Which.SPARE)
        wait(play, "the voice from the spare", lambda: pitch_of(heard(other_headset, 0.6)), 20)

        stage.pulse.unplug(Which.SPARE)
        play.until_recorded("headset_lost")
        stage.janus.kill()
        play.until_recorded("meeting_lost")
        stage.janus.start()
        stage.pulse.plug()
        play.until_recorded("headset_back")
        play.until_recorded("meeting_back")

"""The sound check of the real kiosk: a person who hears and speaks goes on, and one without a headset writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.simulated.bench import Scene
from workstation.drill.__main__ import virtual_screen
from workstation.drill.kiosk import KioskProcess
from workstation.drill.packs import MAIN_SITE_ID, demo_pack
from workstation.drill.script import Playwright
from workstation.drill.stage import BOOTH_ID, Stage

pytestmark = [pytest.mark.timeout(240), pytest.mark.pcscd]


@pytest.fixture(scope="module", autouse=True)
def _screen() -> Iterator[None]:
    with virtual_screen("1366x768"):
        yield


class StageThatMeets(Stage):
    """The demo main site's pack asks for a meeting, whether or not there is a conference server."""

    def deliver_pack(self) -> None:
        pack = demo_pack(f"http://127.0.0.1:{self.main_site_link.port}")
        meets = pack.model_copy(update={"conference": "built-in"})
        self.administrator.deliver_pack(MAIN_SITE_ID, self.packs.issue(meets))


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Playwright]:
    with (
        StageThatMeets(tmp_path / "drill", fullscreen=True) as stage,
        KioskProcess(stage.config_file, stage.environment) as kiosk,
    ):
        assert stage.has_voice
        yield Playwright(stage, kiosk, None, print)
        assert kiosk.stop() == 0
        assert [line for line in kiosk.lines if line.get("level") in {"error", "critical"}] == []


def to_sound_check(play: Playwright) -> None:
    play.until("idle", "idle")
    play.place(scene=Scene.PERSON_A, card="person-a")
    play.until("task-review", "task")
    play.place(card=None)
    play.press("Return")
    play.until("self-check", "self-check")
    play.until_recorded("checks_done")
    play.press("Return")
    play.until("sound-check", "sound check")


def test_a_person_who_hears_and_speaks_goes_on(play: Playwright) -> None:
    to_sound_check(play)
    play.until("evaluating", "evaluation")
    play.wait_for_event("sound_checked")
    steps = [line["step"] for line in play.kiosk.lines if line.get("event") == "sound_stepped"]
    assert steps == ["starting", "tone-left", "tone-right", "speak", "hear-back"]


def test_without_a_headset_the_test_waits_and_goes_on_when_it_is_plugged(play: Playwright) -> None:
    to_sound_check(play)
    play.place(headset_plugged=False)
    play.until_recorded("sound_check_failed")
    play.place(headset_plugged=True)
    play.until("evaluating", "evaluation")
    codes = {e.data["code"] for e in play.stage.administrator.events(BOOTH_ID) if e.kind == "sound_check_failed"}
    assert codes <= {"E-401", "E-404"}

"""The real kiosk through the main site's doors: by account, after the main site's time-out, and without a pack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drivers.simulated.bench import Scene
from workstation.drill.__main__ import virtual_screen
from workstation.drill.accounts import account
from workstation.drill.kiosk import KioskProcess
from workstation.drill.roster import BOOTH_ID
from workstation.drill.script import Playwright
from workstation.drill.stage import Stage

pytestmark = [pytest.mark.timeout(240), pytest.mark.pcscd]


@pytest.fixture(scope="module", autouse=True)
def _screen() -> Iterator[None]:
    with virtual_screen("1366x768"):
        yield


class StageWithoutPack(Stage):
    def deliver_pack(self) -> None: ...


@pytest.fixture
def play(tmp_path, request) -> Iterator[Playwright]:
    kind = getattr(request, "param", "ticket-get")
    make = StageWithoutPack if kind == "no-pack" else Stage
    with (
        make(tmp_path / "drill", launch="account" if kind == "account" else "ticket-get", fullscreen=True) as stage,
        KioskProcess(stage.config_file, stage.environment) as kiosk,
    ):
        yield Playwright(stage, kiosk, None, print)
        assert kiosk.stop() == 0
        assert [line for line in kiosk.lines if line.get("level") in {"error", "critical"}] == []
        told = str(kiosk.lines).encode()
        files = [path.read_bytes() for path in stage.directory.rglob("*") if path.is_file()]
        assert not any(
            account(seat).password.encode() in content for content in (*files, told) for seat in range(3, 10)
        )


def to_self_check(play: Playwright) -> None:
    play.until("idle", "idle")
    play.place(scene=Scene.PERSON_A, card="person-a")
    play.until("task-review", "task")
    play.place(card=None)
    play.press("Return")
    play.until("self-check", "self-check")
    play.until_recorded("checks_done")


@pytest.mark.parametrize("play", ["account"], indirect=True)
def test_an_account_enters_and_the_end_of_the_session_leads_back_in(play: Playwright) -> None:
    to_self_check(play)
    play.press("Return")
    play.until("evaluating", "account typed")
    play.stage.time_out_main_site()
    play.until_recorded("evaluation_interrupted")
    play.until("evaluating", "entered again")
    play.wait_for_event("evaluation_interrupted")
    codes = [
        event.data["code"]
        for event in play.stage.administrator.events(BOOTH_ID)
        if event.kind == "evaluation_interrupted"
    ]
    assert codes == ["E-507"]


def test_an_outage_keeps_the_page_and_the_journal_knows_how_long(play: Playwright) -> None:
    to_self_check(play)
    play.press("Return")
    play.until("evaluating", "in")
    play.place(main_site_link_up=False)
    play.until_recorded("outage_began")
    play.let(2)
    play.place(main_site_link_up=True)
    play.until_recorded("outage_ended")
    play.wait_for_event("outage_ended")
    [end] = [event for event in play.stage.administrator.events(BOOTH_ID) if event.kind == "outage_ended"]
    assert end.data["outage"] == "main-site"
    assert end.data["duration_s"] >= 2
    assert [line["state"] for line in play.kiosk.lines if line.get("event") == "state_entered"][-1] == "evaluating"


@pytest.mark.parametrize("play", ["no-pack"], indirect=True)
def test_without_a_pack_the_self_check_says_so_and_nobody_enters(play: Playwright) -> None:
    to_self_check(play)
    play.wait_for_event("checks_done")
    [checks] = [event for event in play.stage.administrator.events(BOOTH_ID) if event.kind == "checks_done"]
    assert checks.data["passed"] == 0
    assert "E-508" in str(checks.data["failed"])
    play.press("Return")
    play.let(1)
    assert [line["state"] for line in play.kiosk.lines if line.get("event") == "state_entered"][-1] == "self-check"

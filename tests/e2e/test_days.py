"""The real kiosk as a process on Xvfb, with pcscd and vpcd, upsd, PulseAudio, QtWebEngine and the site server.

Afterwards the site server's database is asked what arrived, and every file is searched for personal data.
"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import psutil
import pytest

from drivers.simulated.bench import Scene
from drivers.simulated.people import PERSON_A, PERSON_B
from workstation.drill.__main__ import virtual_screen
from workstation.drill.accounts import PROJECT_ID
from workstation.drill.kiosk import KioskProcess
from workstation.drill.roster import BOOTH_ID
from workstation.drill.script import Playwright, good_day
from workstation.drill.stage import Stage
from workstation.site.administration import ReviewPicture
from workstation.site.contract import CommandKind

pytestmark = [pytest.mark.timeout(240), pytest.mark.pcscd]


@pytest.fixture(scope="module", autouse=True)
def _screen():
    with virtual_screen("1366x768"):
        yield


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path / "drill", fullscreen=True) as stage:
        assert stage.notes == {}, "a real service is missing"
        yield stage


@pytest.fixture
def play(stage):
    with KioskProcess(stage.config_file, stage.environment) as kiosk:
        yield Playwright(stage, kiosk, None, print)
        assert kiosk.stop() == 0, kiosk.lines[-60:]
        errors = [line for line in kiosk.lines if line.get("level") in {"error", "critical"}]
        assert errors == []


def ask(stage, query, *values):
    """Ask the site server's database."""
    connection = sqlite3.connect(f"file:{stage.directory / 'site' / 'site.db'}?mode=ro", uri=True)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def kinds(stage):
    return [kind for (kind,) in ask(stage, "SELECT kind FROM events ORDER BY row_id")]


def markers() -> list[bytes]:
    """Return what must not be in any file, in the encodings a file could have."""
    texts = [text for person in (PERSON_A, PERSON_B) for text in (person.name, person.number, person.address)]
    texts += [person.number[6:14] + person.number[14:17] for person in (PERSON_A, PERSON_B)]
    photos = [person.photo_block()[16:80] for person in (PERSON_A, PERSON_B)]
    encoded = [text.encode(encoding) for text in texts for encoding in ("utf-8", "utf-16-le", "gb18030")]
    escaped = [text.encode("unicode_escape") for text in texts]
    return encoded + escaped + photos


def assert_no_personal_data(folder: Path, log: str):
    places = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_socket()}
    assert any(path.suffix == ".sqlite3" for path in places), "the journal was searched"
    places[Path("log")] = log.encode()
    for path, content in places.items():
        for marker in markers():
            assert marker not in content, f"personal data in {path}"


def contents(stage) -> list[bytes]:
    return [path.read_bytes() for path in stage.directory.rglob("*") if path.is_file() and not path.is_socket()]


def assert_chain_holds(stage):
    page = stage.administrator.event_page(BOOTH_ID)
    assert page.incidents == []
    assert [event.seq for event in page.events] == list(range(1, len(page.events) + 1))


def test_the_good_day(stage, play):
    good_day(play)
    play.let(1.0)
    assert ask(stage, "SELECT booth_id, method, left_at IS NOT NULL FROM arrivals") == [(BOOTH_ID, "card-face", 1)]
    assert ask(stage, "SELECT project_id, redeemed_at IS NOT NULL FROM launches") == [(PROJECT_ID, 1)]
    readings = dict(ask(stage, "SELECT kind, json_extract(reading, '$.state') FROM latest_readings"))
    assert readings["ups"] == "ok"
    assert {"reader", "camera", "headset", "disk", "clock", "site"} <= set(readings)
    [(runtime_s,)] = ask(
        stage,
        "SELECT json_extract(reading, '$.values.runtime_s') FROM latest_readings WHERE kind = 'ups' AND subject = ''",
    )
    assert runtime_s > 4 * 3600
    for kind in ("card_read", "face_compared", "presence_verified", "arrival_recorded", "task_confirmed", "checks_done",
                 "evaluation_opened", "evaluation_ended", "signed_out"):  # fmt: skip
        assert kinds(stage).count(kind) == 1
    assert kinds(stage).count("pack_installed") == 1
    assert "pack_refused" not in kinds(stage)
    assert_chain_holds(stage)
    assert_no_personal_data(stage.directory, str(play.kiosk.lines))


def test_after_a_visit_a_new_process_waits_for_the_next_expert(stage, play):
    good_day(play)
    kiosk = play.kiosk
    afresh = kiosk.wait_for(lambda line: line.get("event") == "started_afresh", 15)
    kiosk.wait_for(lambda line: line.get("event") == "window_painted", 15, after=afresh)
    idle = kiosk.wait_for_state("idle", 15, after=afresh)
    engine = [child for child in psutil.Process(kiosk.pid).children(recursive=True) if "QtWebEngine" in child.name()]
    assert engine == [], "the browser engine went with the first expert"
    stage.bench.change(scene=Scene.PERSON_A, card="person-a")
    kiosk.wait_for_state("face-check", 20, after=idle)
    stage.bench.change(card=None)
    assert_chain_holds(stage)


def test_the_wrong_person_goes_to_a_human(stage, play):
    play.until("idle", "idle")
    stage.bench.change(scene=Scene.PERSON_B, card="person-a")
    play.until("face-check", "card")
    for _ in range(2):
        play.until("face-problem", "mismatch")
        play.let(0.6)
        play.press("Return")
        play.until("face-check", "again")
    play.until("human-review", "the third mismatch")
    play.wait_for_event("review_needed")
    assert ask(stage, "SELECT * FROM arrivals") == []
    assert ask(stage, "SELECT * FROM launches") == []
    play.until_recorded("review_sent")
    (case,) = stage.administrator.waiting_cases()
    assert (case.code, case.pictures) == ("E-206", list(ReviewPicture))
    pieces = [
        stage.administrator.picture(case, picture)[700:764] for picture in (ReviewPicture.CARD, ReviewPicture.LIVE)
    ]
    assert all(any(piece in content for content in contents(stage)) for piece in pieces), (
        "the site keeps them meanwhile"
    )
    session_id = stage.administrator.waiting_review(BOOTH_ID)
    assert session_id == case.session_id
    stage.administrator.review(BOOTH_ID, session_id, CommandKind.REVIEW_REJECTED)
    play.until("idle", "rejected")
    play.wait_for_event("review_rejected")
    assert not any(piece in content for piece in pieces for content in contents(stage))
    assert_chain_holds(stage)
    assert_no_personal_data(stage.directory, str(play.kiosk.lines))


def test_a_person_who_is_not_on_the_roster_is_told_and_let_in_when_added(stage, play):
    play.until("idle", "idle")
    stage.deliver_roster(listed=False)
    stage.bench.change(scene=Scene.PERSON_A, card="person-a")
    play.until("awaiting-match", "arrived")
    play.until_recorded("match_pending")
    [pending] = [line for line in play.kiosk.lines if line.get("kind") == "match_pending"]
    assert pending["code"] == "E-302"
    play.wait_for_event("match_pending")
    assert ask(stage, "SELECT count(*) FROM launches") == [(0,)]
    stage.deliver_roster(listed=True)
    play.until("task-review", "matched without a second card")
    assert_chain_holds(stage)
    assert_no_personal_data(stage.directory, str(play.kiosk.lines))


def test_a_card_lifted_early_is_read_at_the_next_try(stage, play):
    play.until("idle", "idle")
    stage.bench.change(scene=Scene.PERSON_A, card="lifted-early")
    play.until("card-problem", "lifted")
    play.until_recorded("card_failed")
    [failed] = [line for line in play.kiosk.lines if line.get("kind") == "card_failed"]
    assert failed["code"] == "E-103"
    stage.bench.change(card=None)
    play.let(1.0)
    stage.bench.change(card="person-a")
    play.until("task-review", "the next try")
    play.wait_for_event("arrival_recorded")
    assert_chain_holds(stage)


def test_a_bank_card_is_named_and_the_id_card_signs_in(stage, play):
    play.until("idle", "idle")
    stage.bench.change(scene=Scene.PERSON_A, card="bank")
    play.until("card-problem", "not an ID card")
    play.until_recorded("card_failed")
    [failed] = [line for line in play.kiosk.lines if line.get("kind") == "card_failed"]
    assert (failed["code"], failed["other_card"]) == ("E-105", "bank")
    stage.bench.change(card=None)
    play.let(1.0)
    stage.bench.change(card="person-a")
    play.until("task-review", "the next try")
    play.wait_for_event("arrival_recorded")
    assert_chain_holds(stage)


@pytest.mark.parametrize("card", ["foreign-resident-2017", "foreign-resident-2023"])
def test_a_foreign_resident_signs_in(stage, play, card):
    play.until("idle", "idle")
    stage.bench.change(scene=Scene.PERSON_B, card=card)
    play.until("task-review", "matched")
    play.wait_for_event("expert_matched")
    assert ask(stage, "SELECT method FROM arrivals") == [("card-face",)]
    assert_no_personal_data(stage.directory, str(play.kiosk.lines))


def test_where_no_card_photo_can_be_opened_the_sites_photo_is_compared(tmp_path):
    library = tmp_path / "libwlt.so"
    library.write_bytes(b"no library")
    photo = {
        "missing": "server_photo",
        "decoder": "dewlt",
        "library": str(library),
        "sha256": hashlib.sha256(b"no library").hexdigest(),
    }
    with (
        Stage(tmp_path / "drill", photo=photo, fullscreen=True) as stage,
        KioskProcess(stage.config_file, stage.environment) as kiosk,
    ):
        assert stage.notes == {}, "a real service is missing"
        play = Playwright(stage, kiosk, None, print)
        play.until("idle", "idle")
        stage.bench.change(scene=Scene.PERSON_A, card="person-a")
        play.until("fetching-reference", "no picture from the card")
        play.until("task-review", "signed in by face")
        play.wait_for_event("expert_matched")
        [compared] = [line for line in kiosk.lines if line.get("kind") == "face_compared"]
        assert (compared["outcome"], compared["reference"]) == ("match", "site-photo")
        assert ask(stage, "SELECT method FROM arrivals") == [("card-face",)]
        assert kiosk.stop() == 0, kiosk.lines[-60:]
        [(picture,)] = ask(stage, "SELECT photo FROM roster_photos LIMIT 1")
        kept = [path for path in (stage.directory / "kiosk").rglob("*") if path.is_file()]
        assert any(path.suffix == ".sqlite3" for path in kept)
        assert [path.name for path in kept if picture[2000:2064] in path.read_bytes()] == []
        assert_chain_holds(stage)


def test_the_site_server_is_away_for_a_minute_in_the_middle(stage, play):
    play.until("idle", "idle")
    stage.bench.change(scene=Scene.PERSON_A, site_link_up=False)
    stage.follow()
    stage.bench.change(card="person-a")
    play.until("arriving", "presence verified without the site")
    play.let(60.0)
    assert ask(stage, "SELECT * FROM arrivals") == []
    stage.bench.change(site_link_up=True, card=None)
    play.let(0.2)
    play.until("task-review", "goes on by itself")
    play.wait_for_event("expert_matched", timeout_s=90)
    assert ask(stage, "SELECT count(*) FROM arrivals") == [(1,)]
    for kind in ("card_read", "presence_verified", "arrival_recorded"):
        assert kinds(stage).count(kind) == 1
    assert_chain_holds(stage)
    assert_no_personal_data(stage.directory, str(play.kiosk.lines))


def test_a_power_cut_during_the_evaluation_leads_back_to_it(stage):
    with KioskProcess(stage.config_file, stage.environment) as kiosk:
        play = Playwright(stage, kiosk, None, print)
        play.until("idle", "idle")
        stage.bench.change(scene=Scene.PERSON_A, card="person-a")
        play.until("task-review", "matched")
        stage.bench.change(card=None)
        play.let(0.5)
        play.press("Return")
        play.until_recorded("checks_done")
        play.let(0.5)
        play.press("Return")
        play.until("evaluating", "evaluating")
        play.let(0.5)
        kiosk.kill()
    with KioskProcess(stage.config_file, stage.environment) as kiosk:
        play = Playwright(stage, kiosk, None, print)
        play.until_recorded("restarted")
        stage.bench.change(card="person-a")
        play.until("evaluating", "straight back")
        play.wait_for_event("restarted")
        kiosk.stop()
    assert ask(stage, "SELECT count(*) FROM launches WHERE redeemed_at IS NOT NULL") == [(2,)]
    assert_chain_holds(stage)


# --- the seat during the evaluation

SHORT_TIMES = {
    "away_notice_s": 1.0,
    "away_lock_s": 4.0,
    "away_report_s": 3.0,
    "leave_s": 3.0,
    "others_notice_s": 1.5,
    "others_alarm_s": 4.0,
    "camera_lock_s": 6.0,
}


ONE_TURN = {"liveness_actions": ["turn-left"], "liveness_count": 1}


@pytest.fixture
def evaluating(tmp_path):
    """A kiosk whose expert has just begun to evaluate, and that loses patience quickly."""
    with (
        Stage(tmp_path / "drill", face=ONE_TURN, presence=SHORT_TIMES, fullscreen=True) as stage,
        KioskProcess(stage.config_file, stage.environment) as kiosk,
    ):
        assert stage.notes == {}, "a real service is missing"
        play = Playwright(stage, kiosk, None, print)
        play.until("idle", "idle")
        stage.bench.change(scene=Scene.PERSON_A, card="person-a")
        play.until("task-review", "matched", timeout_s=90)
        stage.bench.change(card=None)
        play.let(0.5)
        play.press("Return")
        play.until_recorded("checks_done")
        play.let(0.5)
        play.press("Return")
        play.until("evaluating", "evaluating")
        play.let(1.5)
        yield play
        assert kiosk.stop() == 0, kiosk.lines[-60:]
        assert ask(stage, "SELECT count(*) FROM launches WHERE redeemed_at IS NOT NULL") == [(1,)], "the same page"
        assert_chain_holds(stage)
        assert_no_personal_data(stage.directory, str(kiosk.lines))


def recorded(play, kind):
    return [line for line in play.kiosk.lines if line.get("event") == "recorded" and line.get("kind") == kind]


def test_an_expert_who_leaves_finds_the_booth_locked_and_opens_it_by_face(evaluating):
    play = evaluating
    play.place(scene=Scene.NOBODY)
    play.until_recorded("seat_notice")
    play.until("locked", "seat left")
    play.until_recorded("seat_alarm")
    play.place(scene=Scene.PERSON_A)
    play.until("evaluating", "back, without a key pressed", timeout_s=60)
    play.wait_for_event("seat_unlocked")
    [unlocked] = recorded(play, "seat_unlocked")
    assert (unlocked["code"], unlocked["method"]) == ("E-701", "face")
    assert unlocked["duration_s"] >= SHORT_TIMES["away_report_s"]
    [compared] = [line for line in recorded(play, "face_compared") if line["reference"] == "enrolled"]
    assert compared["outcome"] == "match"


def test_another_person_in_the_seat_locks_it_and_a_human_decides(evaluating):
    play = evaluating
    play.place(scene=Scene.PERSON_B)
    play.until("locked", "somebody else")
    play.until_recorded("seat_locked")
    [locked] = recorded(play, "seat_locked")
    assert locked["code"] == "E-704"
    for _ in range(3):
        play.let(0.5)
        play.press("Return")
        play.until_recorded("face_compared", timeout_s=60)
    play.until_recorded("review_needed")
    play.wait_for_event("review_needed")
    session_id = play.stage.administrator.waiting_review(BOOTH_ID)
    play.stage.administrator.review(BOOTH_ID, session_id, CommandKind.REVIEW_REJECTED)
    play.until("farewell", "refused and wiped")
    play.wait_for_event("signed_out")


def test_a_second_person_is_told_to_the_administrator(evaluating):
    play = evaluating
    play.place(scene=Scene.TWO)
    play.until_recorded("seat_alarm")
    play.place(scene=Scene.PERSON_A)
    play.until_recorded("seat_notice_cleared")
    assert [line["code"] for line in recorded(play, "seat_alarm")] == ["E-703"]
    assert recorded(play, "seat_locked") == []


def test_a_short_leave_by_the_keyboard(evaluating):
    play = evaluating
    play.press("F10", "shift+Tab", "shift+Tab", "Return")
    play.until("locked", "short leave")
    play.place(scene=Scene.NOBODY)
    play.until_recorded("seat_alarm")
    [locked] = recorded(play, "seat_locked")
    assert locked["code"] == "E-702"
    play.let(3.0)
    play.place(scene=Scene.PERSON_A)
    play.until("evaluating", "back", timeout_s=60)


@pytest.mark.parametrize(
    ("change", "back", "code"),
    [
        ({"scene": Scene.COVERED}, {"scene": Scene.PERSON_A}, "E-406"),
        ({"scene": Scene.FROZEN}, {"scene": Scene.PERSON_A}, "E-406"),
        ({"camera_plugged": False}, {"camera_plugged": True}, "E-405"),
    ],
    ids=["covered", "frozen", "unplugged"],
)
def test_a_camera_that_shows_nothing_locks_the_booth(evaluating, change, back, code):
    play = evaluating
    play.place(**change)
    play.until("locked", "nothing to see")
    play.until_recorded("seat_locked")
    [locked] = recorded(play, "seat_locked")
    assert locked["code"] == code
    play.place(**back)
    play.let(4.0)
    play.press("Return")
    play.until("evaluating", "the camera is back", timeout_s=60)

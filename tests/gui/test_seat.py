"""The seat from the camera to the screen: the real journey, bridges and window around a scripted camera and worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from drivers.contracts import CardType
from drivers.errors import ErrorCode
from tests.integration.scripted_seat import EMPTY, EXPERT, STRANGER, TWO, ScriptedCamera, ScriptedClient
from workstation.bridge import face as face_bridge
from workstation.bridge.actions import KioskActions
from workstation.bridge.doors import Doors
from workstation.bridge.face import FaceBridge
from workstation.bridge.meeting import NoMeeting
from workstation.bridge.presence import PresenceBridge
from workstation.face.liveness import ChallengePolicy
from workstation.face.verification import Decision
from workstation.health.trust import PUBLIC_TRUST, MainSiteTrust
from workstation.identity.presence import make_rules
from workstation.identity.vault import IdentityVault
from workstation.journey import events as ev
from workstation.journey.diagram import holder
from workstation.journey.facts import Assignment, Check, CheckKind
from workstation.journey.seat import SeatPolicy
from workstation.journey.states import Evaluating, Launching, Locked, SigningOut
from workstation.ui.messages import Messages
from workstation.ui.theme import install_fonts
from workstation.ui.window import KioskWindow

LIMIT_MS = 20_000
WORDS = Messages()
TASK = Assignment(
    project_id="P", project_name="", section="", main_site="主场", alias="专家03", role="", starts_at="09:00",
    expected_hours=4, signing="",
)  # fmt: skip
RULES = make_rules(away_notice_s=0.3, away_lock_s=1.0, others_notice_s=0.2, others_alarm_s=0.6, camera_lock_s=1.5)
POLICY = SeatPolicy(away_report_s=1.0, leave_s=1.0)


class Elsewhere(QObject):
    """The bridges that play no part here: they hear everything, keep what is journaled, and answer nothing."""

    card_inserted = Signal()
    card_lifted = Signal()
    status_observed = Signal(object)
    card_read = Signal(int, object, object)
    card_failed = Signal(int, object, object)
    condition_raised = Signal(object)
    condition_cleared = Signal(object)
    event_found = Signal(object)
    checked = Signal(int, object)
    recovered = Signal()
    navigation_refused = Signal(str, str)
    opened = Signal(int)
    failed = Signal(object)
    lost = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.journal: list[tuple[str, dict[str, object]]] = []
        self.cameras: list[object] = []
        self.pages_closed = 0

    def read(self, attempt: int) -> None: ...

    def stop_reading(self) -> None: ...

    def check(self, attempt: int) -> None: ...

    def watch_main_site(self, origin: str | None, trust: object = None) -> None: ...

    def observe_device(self, status: object) -> None:
        self.cameras.append(status)

    def append(self, kind: str, session_id: str, facts: dict[str, object]) -> None:
        self.journal.append((kind, facts))

    def keep_resume(self, resume: object) -> None: ...

    def forget_resume(self) -> None: ...

    def prepare(self) -> None: ...

    def open(self, attempt: int, entry: object) -> None: ...

    def close_page(self) -> None:
        self.pages_closed += 1


class OpenDoors(Doors):
    def __init__(self) -> None: ...

    def needs_account(self, *, by_account: bool) -> bool:
        return by_account

    def use(self) -> object:
        return object()

    def take(self, attempt: int, launch: object) -> ev.LaunchGranted:
        return ev.LaunchGranted(attempt=attempt)

    def origin(self) -> None: ...

    def trust(self) -> MainSiteTrust:
        return PUBLIC_TRUST

    def expect(self, main_site_id: str) -> None: ...

    def drop_grant(self) -> None: ...

    def forget(self) -> None: ...


class Browser(Elsewhere):
    failed = Signal(int, object)


class Booth(QObject):
    """A booth whose expert has just begun to evaluate."""

    def __init__(self, face: FaceBridge, client: ScriptedClient, qtbot: QtBot) -> None:
        super().__init__()
        self.client, self.camera, self._qtbot = client, face._camera, qtbot
        self.elsewhere, self.browser = Elsewhere(), Browser()
        self.presence = PresenceBridge(face, RULES)
        self.actions = KioskActions(
            vault=IdentityVault(), card=self.elsewhere, face=face, presence=self.presence, health=self.elsewhere,
            records=self.elsewhere, browser=self.browser, doors=OpenDoors(), checks=self.elsewhere,
            conference=NoMeeting(), sound=NoMeeting(),
            card_types=frozenset(CardType), is_drill=True,
        )  # fmt: skip
        self.window = KioskWindow(WORDS)
        self.window.resize(1366, 768)
        self.page = QLineEdit()
        self.window.set_page(self.page)
        self.actions.journey.changed.connect(self.window.show_journey)
        self.window.pressed.connect(self.on_pressed)
        with qtbot.waitExposed(self.window):
            self.window.show()
        self.actions.journey.begin(None, seat_policy=POLICY)

    @Slot(object)
    def on_pressed(self, intent: ev.Intent) -> None:
        self.actions.journey.handle(ev.Pressed(intent=intent))

    @property
    def state(self) -> object:
        return self.actions.journey.journey.state

    def evaluate(self) -> None:
        check = Check(kind=CheckKind.HEADSET, required=True)
        for make in (
            lambda a: ev.CardInserted(),
            lambda a: ev.CardRead(attempt=a, holder=holder()),
            lambda a: ev.Pressed(intent=ev.Intent.MANUAL),
            lambda a: ev.ReviewPassed(session_id="S"),
            lambda a: ev.ArrivalRecorded(attempt=a, expert_hash="0" * 64),
            lambda a: ev.ExpertMatched(attempt=a, assignment=TASK),
            lambda a: ev.Pressed(intent=ev.Intent.CONFIRM),
            lambda a: ev.ChecksDone(attempt=a, checks=(check,)),
            lambda a: ev.Pressed(intent=ev.Intent.CONFIRM),
            lambda a: ev.LaunchGranted(attempt=a),
            lambda a: ev.PageOpened(attempt=a),
        ):
            self.actions.journey.handle(make(self.actions.journey.journey.attempt))
        assert isinstance(self.state, Evaluating)

    def until(self, condition: Callable[[], object]) -> None:
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=LIMIT_MS)

    def until_locked(self, code: ErrorCode) -> None:
        self.until(lambda: isinstance(self.state, Locked))
        assert self.state.code is code

    def recorded(self, kind: str) -> list[dict[str, object]]:
        return [facts for what, facts in self.elsewhere.journal if what == kind]

    def texts(self) -> str:
        return "\n".join(label.text() for label in self.window.findChildren(QLabel) if label.isVisible())

    def press(self, key: str) -> None:
        caption = WORDS.text(key)
        [found] = [
            button
            for button in self.window.findChildren(QPushButton)
            if button.isVisible() and button.text() == caption
        ]
        self._qtbot.mouseClick(found, Qt.MouseButton.LeftButton)

    def close(self) -> None:
        self.actions.journey.stop()
        self.presence.stop()
        self.window.set_page(None)
        self.page.deleteLater()
        self.window.allow_close()
        self.window.close()
        self.window.deleteLater()


@pytest.fixture
def booth(qtbot: QtBot, qapp: QApplication, monkeypatch) -> Iterator[Booth]:
    install_fonts(qapp)
    monkeypatch.setattr(face_bridge, "WATCH_INTERVAL_S", 0.05)
    monkeypatch.setattr(face_bridge, "WATCH_RETRY_S", 0.05)
    monkeypatch.setattr("workstation.identity.presence.EMPTY_S", 0.3)
    client = ScriptedClient()
    face = FaceBridge(ScriptedCamera(), lambda: client, challenges=ChallengePolicy(actions=()))
    booth = Booth(face, client, qtbot)
    booth.evaluate()
    booth.until(lambda: booth.camera.is_open)
    yield booth
    booth.close()
    face.close()
    assert not booth.camera.is_open


def test_the_seat_is_left_mentioned_locked_and_taken_again(booth: Booth) -> None:
    booth.client.seen = EMPTY
    booth.until(lambda: WORDS.expert(ErrorCode.SEAT_LEFT, "evaluation") in booth.texts())
    booth.until_locked(ErrorCode.SEAT_LEFT)
    assert WORDS.text("locked.title") in booth.texts()
    assert not booth.page.isVisible()
    booth.until(lambda: booth.recorded("seat_alarm"))
    booth.client.seen = EXPERT
    booth.until(lambda: isinstance(booth.state, Evaluating))
    assert booth.page.isVisible()
    [unlocked] = booth.recorded("seat_unlocked")
    assert (unlocked["method"], unlocked["code"]) == ("face", "E-701")
    assert unlocked["duration_s"] >= POLICY.away_report_s
    [compared] = booth.recorded("face_compared")
    assert compared["reference"] == "enrolled"
    assert booth.browser.pages_closed == 0


def test_a_second_person_is_mentioned_and_told(booth: Booth) -> None:
    booth.client.seen = TWO
    booth.until(lambda: booth.recorded("seat_alarm"))
    assert WORDS.expert(ErrorCode.SEAT_SEVERAL) in booth.texts()
    booth.client.seen = EXPERT
    booth.until(lambda: booth.recorded("seat_notice_cleared"))
    assert WORDS.expert(ErrorCode.SEAT_SEVERAL) not in booth.texts()
    assert isinstance(booth.state, Evaluating)


def test_another_person_locks_and_three_failures_call_the_administrator(booth: Booth) -> None:
    booth.client.seen = STRANGER
    booth.client.decision = Decision.NO_MATCH
    booth.until_locked(ErrorCode.SEAT_OTHER_PERSON)
    for tries in (1, 2, 3):
        booth.press("locked.unlock")
        booth.until(lambda tries=tries: booth.state.tries == tries)
    assert booth.state.by_human
    assert booth.recorded("review_needed") == [
        {"code": ErrorCode.CARD_PHOTO_UNUSABLE},
        {"code": ErrorCode.FACE_MISMATCH},
    ]
    booth.actions.journey.handle(ev.ReviewPassed(session_id="S"))
    assert isinstance(booth.state, Evaluating)
    assert booth.recorded("seat_unlocked")[0]["method"] == "human"


def test_nobody_to_compare_with_calls_the_administrator(booth: Booth) -> None:
    booth.client.is_enrolled = False
    booth.press("footer.leave_seat")
    booth.until_locked(ErrorCode.SHORT_LEAVE)
    booth.press("leave_reason.water")
    assert booth.recorded("seat_leave") == [{"reason": "water"}]
    booth.press("locked.unlock")
    booth.until(lambda: booth.state.by_human)
    assert WORDS.text("locked.human") in booth.texts()
    booth.actions.journey.handle(ev.ReviewRejected(session_id="S"))
    booth.until(lambda: not isinstance(booth.state, Locked | SigningOut))
    assert booth.browser.pages_closed == 1


def test_pressing_short_leave_and_staying_unlocks_nothing_by_itself(booth: Booth, qtbot: QtBot) -> None:
    booth.press("footer.leave_seat")
    booth.until(lambda: booth.camera.is_open and booth.presence._watch is not None)
    booth.until(lambda: booth.presence._watch._frames_since_return > 5)
    assert isinstance(booth.state, Locked)
    assert not booth.state.checking
    booth.until(lambda: booth.recorded("seat_alarm"))
    assert booth.recorded("seat_alarm")[0]["code"] == "E-702"


def test_a_lost_camera_locks_and_the_board_hears_of_it(booth: Booth) -> None:
    booth.camera.is_plugged.clear()
    booth.until_locked(ErrorCode.CAMERA_LOST)
    assert booth.elsewhere.cameras
    assert booth.recorded("seat_watch_failed")[0] == {"code": "E-405"}
    booth.press("locked.unlock")
    booth.until(lambda: booth.state.problem is ErrorCode.CAMERA_LOST)
    booth.camera.is_plugged.set()
    booth.press("locked.unlock")
    booth.until(lambda: isinstance(booth.state, Evaluating))


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_page_that_dies_is_heard_of_whatever_the_attempt(booth: Booth, is_locked: bool) -> None:
    if is_locked:
        booth.press("footer.leave_seat")
    booth.browser.lost.emit(ErrorCode.MAIN_SITE_UNREACHABLE)
    if is_locked:
        assert isinstance(booth.state, Locked)
        booth.press("locked.unlock")
    booth.until(lambda: isinstance(booth.state, Launching))


def test_the_keys_go_to_the_locked_screen(booth: Booth, qtbot: QtBot) -> None:
    booth.page.setFocus()
    booth.press("footer.leave_seat")
    focused = booth.window.focusWidget()
    assert isinstance(focused, QPushButton)
    assert focused.text() == WORDS.text("locked.unlock")
    qtbot.keyClick(focused, Qt.Key.Key_Return)
    booth.until(lambda: isinstance(booth.state, Evaluating))
    assert booth.page.text() == ""

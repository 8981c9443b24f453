"""The window: every state on its screen, every button its intent, nothing cut off, and a kiosk that stays open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from drivers.errors import ErrorCode, OtherCard
from workstation.headset.contract import Suggestion
from workstation.health.outages import OutageClock, OutageRule
from workstation.health.shutdown import PowerPhase
from workstation.health.supply import Verdict
from workstation.journey.events import Intent
from workstation.journey.facts import (
    Assignment,
    Attempt,
    Check,
    CheckKind,
    Holder,
    Presence,
    PresenceMethod,
    Session,
    SessionId,
)
from workstation.journey.meeting import ConferenceKind, Meeting, SoundStep
from workstation.journey.seat import LeaveReason, SeatPolicy
from workstation.journey.states import (
    Arriving,
    AwaitingMatch,
    CardProblem,
    Evaluating,
    FaceCheck,
    FaceProblem,
    Farewell,
    FetchingReference,
    HumanReview,
    Idle,
    Journey,
    Launching,
    Locked,
    OutOfService,
    ReadingCard,
    SelfCheck,
    SigningOut,
    SoundCheck,
    State,
    TaskReview,
)
from workstation.site.outages import OutageKind
from workstation.site.readings import ReadingKind, ReadingState
from workstation.ui.content import SCREENS
from workstation.ui.messages import Language, Messages
from workstation.ui.screens.evaluation import EvaluationScreen
from workstation.ui.screens.face import FaceScreen
from workstation.ui.screens.locked import LockedScreen
from workstation.ui.screens.power_off import PowerOffScreen
from workstation.ui.theme import install_fonts
from workstation.ui.views import BookingView, BoothView, Coaching, DeviceView, FaceView, PowerView, StatusView
from workstation.ui.widgets.basics import Banner, ProgressBar
from workstation.ui.widgets.camera_view import CameraView
from workstation.ui.widgets.card_picture import CardPicture
from workstation.ui.window import KioskWindow

HOLDER = Holder(session_id=SessionId("s"), masked_name="柯＊", masked_number="4115****0012", sex="2")
EXPIRED = replace(HOLDER, masked_name="欧阳＊＊", expired_on="2023.06.01")
PRESENCE = Presence(method=PresenceMethod.CARD_FACE)
TASK = Assignment(
    project_id="XY-2026-GC-0417",
    project_name="信阳市某道路改造工程施工总承包及附属管网综合提升项目",
    section="第二标段",
    main_site="信阳市公共资源交易中心",
    alias="评委 07",
    role="技术标评委（副场）",
    starts_at="09:00",
    expected_hours=4.0,
    signing="临时 CA（编号 0317，离席归还）",
)
SESSION = Session(holder=HOLDER, presence=PRESENCE, assignment=TASK)
COMPONENT = "信安世纪数字证书驱动 5.2"
GOOD = tuple(Check(kind=kind, required=kind is not CheckKind.UPS, detail="18 ms") for kind in CheckKind)
FAILED = (
    Check(kind=CheckKind.HEADSET, required=True, code=ErrorCode.HEADSET_ABSENT),
    Check(kind=CheckKind.CAMERA, required=True, detail="1280×720 · 30 fps"),
    Check(kind=CheckKind.UPS, required=False, code=ErrorCode.ON_BATTERY),
    Check(kind=CheckKind.SITE, required=False, code=ErrorCode.SITE_SERVER_UNREACHABLE),
    Check(kind=CheckKind.MAIN_SITE, required=True, code=ErrorCode.MAIN_SITE_UNREACHABLE),
    Check(kind=CheckKind.PACK, required=True, code=ErrorCode.COMPONENT_MISSING, detail=COMPONENT),
)


def waiting(code: ErrorCode | None, booth_label: str = "") -> AwaitingMatch:
    return AwaitingMatch(holder=HOLDER, presence=PRESENCE, expert_hash="h", problem=code, booth_label=booth_label)


def arriving(code: ErrorCode | None = None, booth_label: str = "") -> Arriving:
    return Arriving(holder=HOLDER, presence=PRESENCE, problem=code, booth_label=booth_label)


def launching(code: ErrorCode | None = None) -> Launching:
    return Launching(session=SESSION, expert_hash="h", problem=code)


def locked(code: ErrorCode = ErrorCode.SEAT_LEFT, **facts: object) -> Locked:
    return replace(Locked(session=SESSION, expert_hash="h", code=code), **facts)


TASK_REVIEW = TaskReview(session=SESSION, expert_hash="h")
EVALUATING = Evaluating(session=SESSION, expert_hash="h")
CONFIRMING = replace(EVALUATING, confirming_end=True)
CHECKED = SelfCheck(session=SESSION, expert_hash="h", checks=GOOD)
MEETING = Meeting(kind=ConferenceKind.BUILT_IN, mask=True, voice=True)
CHECK_FAILED = SelfCheck(session=SESSION, expert_hash="h", checks=FAILED)


def sound(step: SoundStep = SoundStep.STARTING, meeting: Meeting = MEETING, **facts: object) -> SoundCheck:
    session = replace(SESSION, assignment=replace(TASK, meeting=meeting))
    return replace(SoundCheck(session=session, expert_hash="h", step=step), **facts)


def silent(suggestion: str = "mute-switch", **facts: object) -> SoundCheck:
    return sound(problem=ErrorCode.MICROPHONE_SILENT, suggestion=suggestion, failures=1, **facts)


SPEAKING = sound(SoundStep.SPEAK, digits="3852")
STUCK = replace(silent("too-quiet"), failures=3)
SOUND_CHECKS = (
    sound(),
    sound(SoundStep.TONE_LEFT),
    sound(SoundStep.TONE_RIGHT),
    SPEAKING,
    sound(SoundStep.HEAR_BACK),
    sound(SoundStep.HEAR_BACK, Meeting(kind=ConferenceKind.BUILT_IN)),
    *(silent(suggestion.value) for suggestion in Suggestion),
    *(
        sound(problem=code, failures=1)
        for code in (ErrorCode.HEADSET_ABSENT, ErrorCode.HEADSET_HOWLS, ErrorCode.HEADSET_LOST)
    ),
    sound(problem=ErrorCode.ANONYMITY_NOT_READY, failures=1),
    STUCK,
)

PLAIN: tuple[State, ...] = (
    Idle(),
    Idle(notice=ErrorCode.RESTARTED),
    ReadingCard(),
    CardProblem(code=ErrorCode.CARD_WRONG_TYPE, failures=1),
    CardProblem(code=ErrorCode.CARD_READER_BROKEN, failures=1),
    *(CardProblem(code=ErrorCode.CARD_WRONG_TYPE, failures=1, other_card=card) for card in OtherCard),
    CardProblem(code=ErrorCode.SAM_NOT_ALLOWED, failures=1),
    CardProblem(code=ErrorCode.CARDS_SEVERAL, failures=1),
    CardProblem(code=ErrorCode.PHOTO_REQUIRED, failures=1),
    FetchingReference(holder=HOLDER),
    FaceCheck(holder=HOLDER),
    FaceCheck(holder=EXPIRED, tries=2),
    FaceProblem(holder=HOLDER, code=ErrorCode.FACE_NOT_SEEN, tries=1),
    FaceProblem(holder=HOLDER, code=ErrorCode.FACE_MISMATCH, tries=1),
    HumanReview(holder=HOLDER, code=ErrorCode.FACE_UNCERTAIN),
    HumanReview(holder=EXPIRED, code=ErrorCode.CARD_EXPIRED),
    HumanReview(holder=HOLDER, code=ErrorCode.FACE_UNCERTAIN, on_site=True),
    arriving(),
    arriving(ErrorCode.SITE_SERVER_UNREACHABLE),
    arriving(ErrorCode.ROSTER_ALREADY_SIGNED_IN, "02 号工位"),
    waiting(None),
    waiting(ErrorCode.ROSTER_NOT_HERE),
    waiting(ErrorCode.ROSTER_NOT_LISTED),
    waiting(ErrorCode.ROSTER_OTHER_BOOTH, "05 号工位"),
    waiting(ErrorCode.ROSTER_REPLACED),
    TASK_REVIEW,
    SelfCheck(session=SESSION, expert_hash="h"),
    CHECKED,
    CHECK_FAILED,
    *SOUND_CHECKS,
    launching(),
    launching(ErrorCode.MAIN_SITE_UNREACHABLE),
    launching(ErrorCode.MAIN_SITE_NOT_TRUSTED),
    launching(ErrorCode.TICKET_REFUSED),
    EVALUATING,
    CONFIRMING,
    replace(EVALUATING, notices=frozenset({ErrorCode.SEAT_LEFT, ErrorCode.SEAT_SEVERAL, ErrorCode.CAMERA_COVERED})),
    locked(),
    locked(ErrorCode.SHORT_LEAVE),
    *(locked(ErrorCode.SHORT_LEAVE, reason=reason) for reason in LeaveReason),
    locked(ErrorCode.SEAT_OTHER_PERSON),
    locked(ErrorCode.CAMERA_LOST),
    locked(ErrorCode.CAMERA_COVERED),
    locked(tries=1, problem=ErrorCode.FACE_MISMATCH),
    locked(problem=ErrorCode.FACE_NOT_SEEN),
    locked(problem=ErrorCode.FACE_ENGINE_FAILED),
    locked(checking=True),
    locked(by_human=True),
    SigningOut(holder=HOLDER, alias="评委 07"),
    Farewell(alias="评委 07"),
    Farewell(alias=""),
    OutOfService(code=ErrorCode.INTERNAL),
)

JOURNEYS = (
    *(Journey(state=state) for state in PLAIN),
    Journey(state=Idle(), card_present=True),
    Journey(state=Idle(), conditions=frozenset({ErrorCode.READER_ABSENT})),
    Journey(state=Idle(), conditions=frozenset({ErrorCode.SAM_NOT_ALLOWED})),
    Journey(state=Idle(), conditions=frozenset({ErrorCode.STORAGE_FULL})),
    Journey(state=Idle(), conditions=frozenset({ErrorCode.DEVICE_NOT_REGISTERED})),
    Journey(state=waiting(None), message="午餐 12:00 送到，请在工位等候。", help_called=True),
    Journey(
        state=EVALUATING,
        conditions=frozenset({ErrorCode.MAIN_SITE_UNREACHABLE, ErrorCode.ON_BATTERY, ErrorCode.CAMERA_LOST}),
        message="请各位专家保持独立评审。",
    ),
)

BOOTH = BoothView(
    centre="浉河区分中心",
    room="远程异地评标室 2",
    booth_label="03 号工位",
    hotline="0376-000 0000",
    bookings=(
        BookingView(starts_at="09:00", ends_at="13:00", projects=1),
        BookingView(starts_at="14:30", ends_at="18:00", projects=2),
    ),
    bundle="2026.11-3",
)
DEVICES = tuple(
    DeviceView(kind=kind, state=ReadingState.OK)
    for kind in (ReadingKind.READER, ReadingKind.CAMERA, ReadingKind.HEADSET, ReadingKind.UPS)
)
STATUS = StatusView(network=ReadingState.OK, network_ms=18, power=ReadingState.OK, minutes_left=252, devices=DEVICES)

Open = Callable[..., KioskWindow]


@pytest.fixture
def open_window(qtbot: QtBot, qapp: QApplication) -> Iterator[Open]:
    install_fonts(qapp)
    opened: list[KioskWindow] = []

    def opener(width: int = 1920, height: int = 1080, language: Language = Language.ZH_CN) -> KioskWindow:
        window = KioskWindow(Messages(language))
        window.resize(width, height)
        window.show_booth(BOOTH)
        window.show_status(STATUS)
        with qtbot.waitExposed(window):
            window.show()
        opened.append(window)
        return window

    yield opener
    for window in opened:
        window.allow_close()
        window.close()
        window.deleteLater()
    qapp.processEvents()


def texts(window: QWidget) -> str:
    labels = [label.text() for label in window.findChildren(QLabel) if label.isVisible()]
    buttons = [button.text() for button in window.findChildren(QPushButton) if button.isVisible()]
    return "\n".join(labels + buttons).replace("。\n", "。")


def button(window: QWidget, key: str, language: Language = Language.ZH_CN) -> QPushButton:
    """Return the last visible button with this caption; screens stand before the footer in the focus order."""
    caption = Messages(language).text(key)
    found = [one for one in window.findChildren(QPushButton) if one.isVisible() and one.text() == caption]
    assert found, f"no button {caption}"
    return found[-1]


def primaries(window: QWidget) -> list[QPushButton]:
    return [
        one
        for one in window.findChildren(QPushButton)
        if one.isVisible() and one.property("kind") == "primary" and one.isEnabled()
    ]


def cut_off(window: KioskWindow) -> list[str]:
    """Return what does not fit: labels and buttons smaller than their text, or reaching over the window's edge."""
    found = []
    for part in (*window.findChildren(QLabel), *window.findChildren(QPushButton)):
        if not part.isVisible() or not part.text():
            continue
        if isinstance(part, QLabel) and part.wordWrap():
            words = part.text().split() if part.text().isascii() else []
            widest = max((part.fontMetrics().horizontalAdvance(word) for word in words), default=0)
            fits = part.heightForWidth(part.width()) <= part.height() and widest <= part.width()
        else:
            wanted = part.sizeHint()
            fits = wanted.width() <= part.width() and wanted.height() <= part.height()
        corner = part.mapTo(window, QPoint(part.width(), part.height()))
        if not fits or corner.x() > window.width() or corner.y() > window.height():
            found.append(part.text())
    return found


def picture(width: int = 64, height: int = 48) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("#c79f86"))
    return image


# --- every state ---------------------------------------------------------------------------------------------------


def test_every_state_has_a_screen() -> None:
    assert {type(state) for state in PLAIN} == set(SCREENS)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("large_text", [False, True], ids=["normal", "large"])
@pytest.mark.parametrize("size", [(1920, 1080), (1366, 768)], ids=["1080p", "768p"])
def test_nothing_is_cut_off(
    open_window: Open, qtbot: QtBot, size: tuple[int, int], large_text: bool, language: Language
) -> None:
    window = open_window(*size, language)
    window.show_booth(replace(BOOTH, drill=True))
    if large_text:
        button(window, "footer.text_larger", language).click()
    failures = {}
    for attempt, journey in enumerate(JOURNEYS, 1):
        window.show_journey(replace(journey, attempt=Attempt(attempt)))
        try:
            qtbot.waitUntil(lambda: not cut_off(window), timeout=1000)
        except qtbot.TimeoutError:
            failures[type(journey.state).__name__, attempt] = cut_off(window)
    assert failures == {}
    assert window.size().toTuple() == size


@pytest.mark.parametrize("state", PLAIN, ids=lambda state: type(state).__name__)
def test_at_most_one_primary_button_and_it_has_the_focus(open_window: Open, state: State) -> None:
    window = open_window()
    window.show_journey(Journey(state=state, attempt=Attempt(1)))
    found = primaries(window)
    assert len(found) <= 1
    if found:
        assert found[0] is window.focusWidget()


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (CardProblem(code=ErrorCode.CARD_LIFTED, failures=1), ErrorCode.CARD_LIFTED),
        (CardProblem(code=ErrorCode.CARD_NOT_PRESENTED, failures=0, reminders=1), ErrorCode.CARD_NOT_PRESENTED),
        (Idle(notice=ErrorCode.RESTARTED), ErrorCode.RESTARTED),
        (CardProblem(code=ErrorCode.CARD_WRONG_TYPE, failures=1), ErrorCode.CARD_WRONG_TYPE),
        (CardProblem(code=ErrorCode.SAM_NOT_ALLOWED, failures=1), ErrorCode.SAM_NOT_ALLOWED),
        (CardProblem(code=ErrorCode.CARDS_SEVERAL, failures=1), ErrorCode.CARDS_SEVERAL),
        (CardProblem(code=ErrorCode.PHOTO_REQUIRED, failures=1), ErrorCode.PHOTO_REQUIRED),
        (FaceProblem(holder=HOLDER, code=ErrorCode.FACE_SEVERAL, tries=1), ErrorCode.FACE_SEVERAL),
        (HumanReview(holder=HOLDER, code=ErrorCode.FACE_DECLINED), ErrorCode.FACE_DECLINED),
        (HumanReview(holder=HOLDER, code=ErrorCode.CARD_PHOTO_UNUSABLE), ErrorCode.CARD_PHOTO_UNUSABLE),
        (arriving(ErrorCode.SITE_SERVER_UNREACHABLE), ErrorCode.SITE_SERVER_UNREACHABLE),
        (waiting(ErrorCode.ROSTER_NOT_HERE), ErrorCode.ROSTER_NOT_HERE),
        (waiting(None), ErrorCode.ROSTER_NOT_HERE),
        (waiting(ErrorCode.ROSTER_NOT_LISTED), ErrorCode.ROSTER_NOT_LISTED),
        (waiting(ErrorCode.ROSTER_REPLACED), ErrorCode.ROSTER_REPLACED),
        (launching(ErrorCode.MAIN_SITE_NOT_TRUSTED), ErrorCode.MAIN_SITE_NOT_TRUSTED),
        (OutOfService(code=ErrorCode.INTERNAL), ErrorCode.INTERNAL),
    ],
    ids=lambda value: str(value) if isinstance(value, ErrorCode) else type(value).__name__,
)
def test_the_code_is_explained(open_window: Open, state: State, code: ErrorCode) -> None:
    window = open_window()
    window.show_journey(Journey(state=state))
    assert Messages().expert(code) in texts(window)


@pytest.mark.parametrize("card", OtherCard)
def test_another_card_is_named(open_window: Open, card: OtherCard) -> None:
    window = open_window()
    window.show_journey(Journey(state=CardProblem(code=ErrorCode.CARD_WRONG_TYPE, failures=1, other_card=card)))
    shown = texts(window)
    assert Messages().text(f"other_card.{card}") in shown
    assert Messages().expert(ErrorCode.CARD_WRONG_TYPE) not in shown


@pytest.mark.parametrize(
    "code",
    [ErrorCode.READER_ABSENT, ErrorCode.CARD_READER_BROKEN, ErrorCode.SAM_NOT_ALLOWED, ErrorCode.STORAGE_FULL],
)
def test_a_closed_booth_says_so(open_window: Open, code: ErrorCode) -> None:
    window = open_window()
    window.show_journey(Journey(state=Idle(), conditions=frozenset({code})))
    assert f"代码 {code}" in texts(window)
    assert Messages().text("sign_in.title") not in texts(window)


def test_a_roster_that_is_not_here_is_no_error(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=waiting(ErrorCode.ROSTER_NOT_HERE)))
    assert "E-301" not in texts(window)


def test_the_other_booth_is_named(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=waiting(ErrorCode.ROSTER_OTHER_BOOTH, "05 号工位")))
    assert "您的座位是 05 号工位" in texts(window)


def test_the_expiry_date_is_named(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=HumanReview(holder=EXPIRED, code=ErrorCode.CARD_EXPIRED)))
    assert "2023.06.01" in texts(window)
    assert Messages().text("holder.card_expired") in texts(window)


def test_staff_on_their_way_are_announced(open_window: Open) -> None:
    window = open_window()
    review = HumanReview(holder=HOLDER, code=ErrorCode.FACE_UNCERTAIN)
    coming = Messages().text("review.next_coming")
    window.show_journey(Journey(state=review))
    assert coming not in texts(window)
    window.show_journey(Journey(state=replace(review, on_site=True)))
    assert coming in texts(window)
    assert Messages().text("review.on_site").partition("。")[0] in texts(window)


def test_a_card_left_on_the_reader(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=Idle(), card_present=True))
    assert Messages().text("sign_in.lift_title") in texts(window)
    window.show_journey(Journey(state=FaceCheck(holder=HOLDER), card_present=True))
    assert Messages().text("face.title_lift") in texts(window)


def test_the_sign_in_screen_moves_only_while_reading(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=Idle()))
    picture_of_card = window.findChild(CardPicture)
    assert not picture_of_card.is_moving
    window.show_journey(Journey(state=ReadingCard(), attempt=Attempt(1)))
    assert picture_of_card.is_moving
    window.show_journey(Journey(state=CardProblem(code=ErrorCode.CARD_LIFTED, failures=1), attempt=Attempt(2)))
    assert not picture_of_card.is_moving


def test_the_card_stops_moving_when_another_screen_comes(open_window: Open, qtbot: QtBot) -> None:
    window = open_window()
    window.show_journey(Journey(state=ReadingCard()))
    window.show_journey(Journey(state=FaceCheck(holder=HOLDER), attempt=Attempt(1)))
    picture_of_card = window.findChild(CardPicture)
    qtbot.waitUntil(lambda: not picture_of_card.is_moving)


# --- what is pressed -----------------------------------------------------------------------------------------------

PRESSES = [
    (Idle(notice=ErrorCode.RESTARTED), "action.understood", Intent.CANCEL),
    (Idle(), "footer.help", Intent.HELP),
    (CardProblem(code=ErrorCode.CARD_UNREADABLE, failures=3), "footer.help", Intent.HELP),
    (CardProblem(code=ErrorCode.CARD_UNREADABLE, failures=3), "action.cancel", Intent.CANCEL),
    (FaceCheck(holder=HOLDER), "face.manual", Intent.MANUAL),
    (FaceCheck(holder=HOLDER), "action.cancel", Intent.CANCEL),
    (FaceProblem(holder=HOLDER, code=ErrorCode.FACE_NOT_SEEN, tries=1), "action.retry", Intent.RETRY),
    (FaceProblem(holder=HOLDER, code=ErrorCode.FACE_NOT_SEEN, tries=1), "action.manual", Intent.MANUAL),
    (HumanReview(holder=HOLDER, code=ErrorCode.FACE_DECLINED), "action.cancel", Intent.CANCEL),
    (arriving(), "action.leave", Intent.CANCEL),
    (waiting(None), "action.leave", Intent.CANCEL),
    (waiting(ErrorCode.ROSTER_OTHER_BOOTH), "action.leave", Intent.CANCEL),
    (TASK_REVIEW, "task.confirm", Intent.CONFIRM),
    (TASK_REVIEW, "task.wrong", Intent.HELP),
    (TASK_REVIEW, "action.leave", Intent.CANCEL),
    (CHECKED, "self_check.enter", Intent.CONFIRM),
    (CHECK_FAILED, "self_check.again", Intent.RECHECK),
    (sound(SoundStep.TONE_LEFT), "sound_check.heard", Intent.CONFIRM),
    (sound(SoundStep.TONE_LEFT), "sound_check.repeat", Intent.RETRY),
    (silent(), "sound_check.again", Intent.RETRY),
    (silent(), "footer.help", Intent.HELP),
    (STUCK, "sound_check.without", Intent.WITHOUT_SOUND),
    (launching(ErrorCode.TICKET_REFUSED), "action.retry", Intent.RETRY),
    (EVALUATING, "footer.end", Intent.END),
    (EVALUATING, "footer.help", Intent.HELP),
    (CONFIRMING, "evaluation.end_back", Intent.END_DECLINED),
    (CONFIRMING, "evaluation.end_confirm", Intent.END_CONFIRMED),
    (EVALUATING, "footer.leave_seat", Intent.LEAVE),
    (locked(), "locked.unlock", Intent.UNLOCK),
    (locked(), "action.manual", Intent.MANUAL),
    (locked(checking=True), "face.manual", Intent.MANUAL),
    (locked(by_human=True), "footer.help", Intent.HELP),
    (locked(ErrorCode.SHORT_LEAVE), "leave_reason.rest-room", Intent.LEAVE_REST_ROOM),
    (locked(ErrorCode.SHORT_LEAVE), "leave_reason.water", Intent.LEAVE_WATER),
    (locked(ErrorCode.SHORT_LEAVE), "leave_reason.unwell", Intent.LEAVE_UNWELL),
    (locked(ErrorCode.SHORT_LEAVE), "leave_reason.other", Intent.LEAVE_OTHER),
    (Farewell(alias=""), "farewell.done", Intent.CONFIRM),
]


@pytest.mark.parametrize(
    ("state", "key", "intent"), PRESSES, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)
def test_buttons_report_their_intent(open_window: Open, qtbot: QtBot, state: State, key: str, intent: Intent) -> None:
    window = open_window()
    window.show_journey(Journey(state=state))
    with qtbot.waitSignal(window.pressed) as pressed:
        qtbot.mouseClick(button(window, key), Qt.MouseButton.LeftButton)
    assert pressed.args == [intent]


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
@pytest.mark.parametrize(
    ("state", "intent"),
    [
        (TASK_REVIEW, Intent.CONFIRM),
        (CHECKED, Intent.CONFIRM),
        (CHECK_FAILED, Intent.RECHECK),
        (CONFIRMING, Intent.END_DECLINED),
        (FaceProblem(holder=HOLDER, code=ErrorCode.FACE_NOT_SEEN, tries=1), Intent.RETRY),
    ],
    ids=lambda value: type(value).__name__,
)
def test_enter_and_space_press_the_button_in_focus(
    open_window: Open, qtbot: QtBot, state: State, intent: Intent, key: Qt.Key
) -> None:
    window = open_window()
    window.show_journey(Journey(state=state, attempt=Attempt(1)))
    focused = window.focusWidget()
    assert isinstance(focused, QPushButton)
    with qtbot.waitSignal(window.pressed) as pressed:
        qtbot.keyClick(focused, key)
    assert pressed.args == [intent]


def test_tab_reaches_every_button_of_the_task_screen(open_window: Open, qtbot: QtBot) -> None:
    window = open_window()
    window.show_journey(Journey(state=TASK_REVIEW, attempt=Attempt(1)))
    wanted = {one.text() for one in window.findChildren(QPushButton) if one.isVisible() and one.isEnabled()}
    reached = set()
    for _ in wanted:
        focused = window.focusWidget()
        assert isinstance(focused, QPushButton)
        reached.add(focused.text())
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    assert reached == wanted


def test_the_evaluation_stays_closed_until_the_checks_are_good(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=CHECK_FAILED))
    assert not button(window, "self_check.enter").isEnabled()
    window.show_journey(Journey(state=SelfCheck(session=SESSION, expert_hash="h")))
    assert not button(window, "self_check.again").isEnabled()
    window.show_journey(Journey(state=CHECKED))
    assert button(window, "self_check.enter").isEnabled()


@pytest.mark.parametrize("language", Language)
def test_the_self_check_says_which_component_is_missing(language: Language, open_window: Open) -> None:
    window = open_window(language=language)
    window.show_journey(Journey(state=CHECK_FAILED))
    assert COMPONENT in texts(window)


def test_help_is_called_once(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=TASK_REVIEW, help_called=True))
    called = [
        one
        for one in window.findChildren(QPushButton)
        if one.isVisible() and one.text() == Messages().text("footer.help_called")
    ]
    assert len(called) == 2
    assert not any(one.isEnabled() for one in called)


def test_the_administrators_notice_is_read(open_window: Open, qtbot: QtBot) -> None:
    window = open_window()
    window.show_journey(Journey(state=waiting(None), message="<b>请稍候</b>"))
    assert "<b>请稍候</b>" in texts(window)
    with qtbot.waitSignal(window.pressed) as pressed:
        button(window, "message.read").click()
    assert pressed.args == [Intent.MESSAGE_READ]
    window.show_journey(Journey(state=waiting(None)))
    assert "请稍候" not in texts(window)


# --- text size, closing --------------------------------------------------------------------------------------------


def test_larger_text_and_back(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=TASK_REVIEW))

    def title_size() -> int:
        title = Messages().text("task.title")
        found = [label for label in window.findChildren(QLabel) if label.isVisible() and label.text() == title]
        return found[0].fontInfo().pixelSize()

    normal = title_size()
    button(window, "footer.text_larger").click()
    assert title_size() == round(normal * 1.2)
    assert window.focusWidget() is button(window, "footer.text_normal")
    button(window, "footer.text_normal").click()
    assert title_size() == normal


def test_larger_text_keeps_the_page(open_window: Open, qapp: QApplication) -> None:
    window = open_window()
    page = QWidget()
    window.set_page(page)
    window.show_journey(Journey(state=EVALUATING))
    button(window, "footer.text_larger").click()
    qapp.processEvents()
    assert page.isVisible()
    assert window.isAncestorOf(page)
    window.set_page(None)
    assert page.parent() is None
    page.deleteLater()


def test_the_page_survives_a_new_size_while_it_is_not_shown(open_window: Open, qapp: QApplication) -> None:
    window = open_window()
    page = QWidget()
    window.set_page(page)
    window.show_journey(Journey(state=EVALUATING))
    window.show_journey(Journey(state=SigningOut(holder=HOLDER), attempt=Attempt(1)))
    window.resize(1366, 768)
    qapp.processEvents()
    assert not page.isVisible()
    page.deleteLater()


def test_the_window_cannot_be_closed_by_the_expert(open_window: Open) -> None:
    window = open_window()
    assert not window.close()
    assert window.isVisible()
    window.allow_close()
    assert window.close()


# --- what changes while a state lasts ------------------------------------------------------------------------------


def test_the_face_check_coaches(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=FaceCheck(holder=HOLDER, tries=2)))
    camera, bar = window.findChild(CameraView), window.findChild(ProgressBar)
    window.show_frame(picture())
    window.show_face(FaceView(box=(0.3, 0.2, 0.3, 0.5), coaching=Coaching.SEVERAL))
    assert camera.hint == Messages().text("coaching.several")
    assert Messages().text("face.no") in texts(window)
    window.show_face(FaceView(box=(0.3, 0.2, 0.3, 0.5), coaching=Coaching.NONE, kept=3, wanted=5))
    assert camera.hint == Messages().text("coaching.none")
    assert bar.fraction == pytest.approx(0.6)
    assert "第 2 次，共 3 次" in texts(window)


def test_the_mirror_is_mirrored(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=FaceCheck(holder=HOLDER)))
    left_is_white = picture(200, 100)
    for x in range(100):
        for y in range(100):
            left_is_white.setPixelColor(x, y, QColor("white"))
    window.show_frame(left_is_white)
    camera = window.findChild(CameraView)
    shown = camera.grab().toImage()
    y = round(camera.height() * 0.45)
    assert shown.pixelColor(round(camera.width() * 0.6), y) == QColor("white")
    assert shown.pixelColor(round(camera.width() * 0.4), y) == QColor("#c79f86")


def test_pictures_of_a_person_go_when_the_person_goes(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=FaceCheck(holder=HOLDER)))
    window.show_portrait(picture())
    window.show_frame(picture())
    camera = window.findChild(FaceScreen).findChild(CameraView)
    assert camera.has_frame
    window.show_journey(Journey(state=Idle(), attempt=Attempt(1)))
    assert not camera.has_frame
    window.show_frame(picture())
    assert not camera.has_frame
    window.show_journey(Journey(state=FaceCheck(holder=HOLDER), attempt=Attempt(2)))
    assert window._scene.portrait is None


def test_names_go_when_the_person_goes(open_window: Open) -> None:
    window = open_window()
    for attempt, state in enumerate(PLAIN):
        window.show_journey(Journey(state=state, attempt=Attempt(attempt)))
    window.show_journey(Journey(state=Idle(), attempt=Attempt(99)))
    everything = "\n".join(label.text() for label in window.findChildren(QLabel))
    assert HOLDER.masked_name not in everything
    assert HOLDER.masked_number not in everything
    assert EXPIRED.masked_name not in everything


@pytest.mark.parametrize(
    ("power", "said"),
    [
        (PowerView(until="15:20"), "可用到 15:20"),
        (
            PowerView(until="15:20", needed="14:30", verdict=Verdict.ENOUGH),
            "可用到 15:20，评审预计 14:30 结束，够用",
        ),
        (
            PowerView(until="15:20", needed="16:00", is_rule=True, verdict=Verdict.SHORT),
            "可用到 15:20，按规定应到 16:00，不够",
        ),
    ],
)
def test_until_when_the_battery_lasts_is_said_and_what_that_is_compared_with(
    open_window: Open, power: PowerView, said: str
) -> None:
    window = open_window()
    window.show_journey(Journey(state=EVALUATING, conditions=frozenset({ErrorCode.ON_BATTERY})))
    window.show_power(power)
    assert said in texts(window)


def test_the_countdown_is_told_beside_the_page_and_fills_the_screen_at_its_end(open_window: Open) -> None:
    window, words = open_window(), Messages()
    window.show_journey(Journey(state=EVALUATING))
    window.show_power(PowerView(phase=PowerPhase.SAVE, off_in_s=272))
    assert "00:04:32 后本机将自动关机" in texts(window)
    assert words.text("footer.leave_seat") in texts(window)
    window.show_power(PowerView(phase=PowerPhase.CLOSING, off_in_s=45))
    assert "00:00:45" in texts(window)
    assert words.text("power_off.soon") in texts(window)
    assert "E-602" not in texts(window), "the page cannot be saved any more"
    assert words.text("footer.leave_seat") not in texts(window)
    window.show_power(PowerView(phase=PowerPhase.OFF))
    assert words.text("power_off.now") in texts(window)
    window.show_power(PowerView(phase=PowerPhase.MAINS))
    assert words.text("footer.leave_seat") in texts(window)


def test_the_countdown_is_told_in_every_state(open_window: Open) -> None:
    window = open_window()
    window.show_power(PowerView(phase=PowerPhase.SAVE, off_in_s=100))
    assert "00:01:40 后本机将自动关机" in texts(window)


def test_a_supply_that_nobody_watches_is_not_said_to_be_looked_at(open_window: Open) -> None:
    window, words = open_window(), Messages()
    window.show_status(replace(STATUS, power=ReadingState.UNKNOWN, minutes_left=None))
    assert words.text("header.power_unknown") in texts(window)
    window.show_power(PowerView(is_monitored=False))
    assert words.text("header.power_unmonitored") in texts(window)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_nothing_of_the_countdown_is_cut_off(open_window: Open, language: Language, size: tuple[int, int]) -> None:
    window = open_window(*size, language)
    window.show_journey(Journey(state=EVALUATING))
    window.show_power(PowerView(phase=PowerPhase.CLOSING, off_in_s=45))
    QApplication.processEvents()
    screen = window.findChild(PowerOffScreen)
    assert screen is not None
    for label in screen.findChildren(QLabel):
        if label.isVisible() and label.text() and not label.wordWrap():
            assert label.width() >= label.sizeHint().width() - 1, label.text()
        if label.isVisible() and label.wordWrap():
            assert label.height() >= label.heightForWidth(label.width()) - 1, label.text()


def test_conditions_get_a_banner_only_in_the_evaluation(open_window: Open) -> None:
    window = open_window()
    conditions = frozenset({ErrorCode.CAMERA_LOST, ErrorCode.ON_BATTERY})
    window.show_status(replace(STATUS, on_battery=True, power=ReadingState.WARN, minutes_left=220))
    window.show_journey(Journey(state=EVALUATING, conditions=conditions))
    lost = Messages().expert(ErrorCode.CAMERA_LOST, limit="3 分钟")
    assert lost in texts(window)
    assert Messages().expert(ErrorCode.ON_BATTERY, left="3 小时 40 分") in texts(window)
    window.show_journey(Journey(state=EVALUATING, conditions=frozenset({ErrorCode.ON_BATTERY})))
    assert lost not in texts(window)
    window.show_journey(Journey(state=waiting(None), conditions=conditions, attempt=Attempt(1)))
    assert "市电中断" not in texts(window)


def test_the_outage_is_timed(open_window: Open) -> None:
    window = open_window()
    journey = Journey(state=EVALUATING, conditions=frozenset({ErrorCode.MAIN_SITE_UNREACHABLE}))
    window.show_journey(journey)
    assert "00:00:00" in texts(window)
    window.show_outages((OutageClock(outage=OutageKind.MAIN_SITE, seconds=80),))
    assert "与主场的网络中断（00:01:20）" in texts(window)


TWO_HOURS = OutageRule(outage=OutageKind.MAINS, after_s=7200, text="中止评标")
FOUR_HOURS = OutageRule(outage=OutageKind.MAINS, after_s=14400, text="改期，重新组建评标委员会")


@pytest.mark.parametrize("size", [(1920, 1080), (1366, 768)])
def test_several_outages_at_once_each_with_its_clock_and_rule(open_window: Open, size: tuple[int, int]) -> None:
    window = open_window(*size)
    conditions = frozenset(
        {
            ErrorCode.ON_BATTERY,
            ErrorCode.NETWORK_DOWN,
            ErrorCode.MAIN_SITE_UNREACHABLE,
            ErrorCode.SITE_SERVER_UNREACHABLE,
            ErrorCode.CONFERENCE_LOST,
        }
    )
    window.show_journey(Journey(state=EVALUATING, conditions=conditions))
    window.show_outages(
        (
            OutageClock(outage=OutageKind.CONFERENCE, seconds=5),
            OutageClock(
                outage=OutageKind.MAINS, seconds=7384, reached=TWO_HOURS, coming=FOUR_HOURS, left_s=14400 - 7384
            ),
            OutageClock(outage=OutageKind.MAIN_SITE, seconds=80, network=True),
            OutageClock(outage=OutageKind.SITE_SERVER, seconds=70),
        )
    )
    shown = texts(window)
    assert "已中断 02:03:04 · 已满 2 小时，按本地规定：中止评标 · " in shown
    assert "按本地规定，满 4 小时：改期，重新组建评标委员会（还有 01:56:56）" in shown
    assert "网络中断（00:01:20）" in shown
    assert "与主场的网络中断" not in shown  # a part of it, and not told twice
    assert "已中断 00:00:05\n" in shown
    for banner in window.findChildren(Banner):
        for part in banner.findChildren(QLabel):  # every line is there, however many the width makes of it
            if part.isVisible() and part.wordWrap():
                assert part.height() >= part.heightForWidth(part.width())
    assert "本地服务连接中断 00:01:10，不影响评审" in shown


@pytest.mark.parametrize(("seconds", "length"), [(1080, "18 分钟"), (42, "42 秒"), (7500, "2 小时 5 分")])
def test_what_is_back_says_how_long_it_was_away(open_window: Open, seconds: int, length: str) -> None:
    window = open_window()
    window.show_journey(Journey(state=EVALUATING))
    window.show_outages((OutageClock(outage=OutageKind.MAINS, seconds=seconds, is_over=True),))
    assert f"供电已恢复，中断 {length}。" in texts(window)
    assert "E-603" in texts(window)
    window.show_outages((OutageClock(outage=OutageKind.SITE_SERVER, seconds=seconds, is_over=True),))
    assert "恢复" not in texts(window)
    window.show_outages(())
    assert "供电已恢复" not in texts(window)


def test_a_site_server_that_is_away_is_a_small_mark(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=EVALUATING, conditions=frozenset({ErrorCode.SITE_SERVER_UNREACHABLE})))
    assert Messages().text("outage.site_server", clock="00:00:00") in texts(window)
    assert "代码 E-502" not in texts(window)


def test_a_refused_navigation_is_mentioned(open_window: Open) -> None:
    window = open_window()
    window.note_refused_navigation("early.invalid")
    window.show_journey(Journey(state=EVALUATING))
    window.note_refused_navigation("x" * 300)
    shown = texts(window.findChild(EvaluationScreen))
    assert "该操作在评审期间不可用" in shown
    assert "x" * 33 not in shown


def test_the_page_cannot_be_used_while_the_end_is_confirmed(open_window: Open) -> None:
    window = open_window()
    page = QWidget()
    window.set_page(page)
    window.show_journey(Journey(state=CONFIRMING))
    assert not page.isEnabled()
    assert not button(window, "footer.end").isEnabled()
    window.show_journey(Journey(state=EVALUATING))
    assert page.isEnabled()
    window.set_page(None)
    page.deleteLater()


def test_the_page_is_hidden_and_gets_no_keys_while_the_booth_is_locked(
    open_window: Open, qtbot: QtBot, qapp: QApplication
) -> None:
    window = open_window()
    page = QLineEdit()
    window.set_page(page)
    window.show_journey(Journey(state=EVALUATING, attempt=Attempt(1)))
    page.setFocus()
    qtbot.keyClicks(window.focusWidget(), "ab")
    assert page.text() == "ab"
    for attempt, state in enumerate((locked(), locked(checking=True), locked(by_human=True)), 2):
        window.show_journey(Journey(state=state, attempt=Attempt(attempt)))
        assert not page.isVisible()
        page.setFocus()  # as a script of the page would
        assert qapp.focusWidget() is not page
        qtbot.keyClicks(window.focusWidget() or window, "cd")
    window.show_journey(Journey(state=EVALUATING, attempt=Attempt(9)))
    assert page.isVisible()
    assert page.text() == "ab"
    assert window.focusWidget() is page
    window.set_page(None)
    page.deleteLater()


@pytest.mark.parametrize("state", [Idle(), EVALUATING, locked()], ids=lambda state: type(state).__name__)
def test_what_does_not_belong_here_is_told_on_every_screen(open_window: Open, state: State) -> None:
    window = open_window()
    window.show_journey(Journey(state=state, conditions=frozenset({ErrorCode.DEVICE_NOT_REGISTERED})))
    assert "检测到未登记的设备，请拔出后继续。" in texts(window)
    window.show_journey(Journey(state=state))
    assert "未登记" not in texts(window)


def test_the_locked_booth_shows_nothing_of_the_person(open_window: Open) -> None:
    window = open_window()
    window.show_portrait(picture())
    window.show_journey(Journey(state=EVALUATING))
    window.show_journey(Journey(state=locked(), attempt=Attempt(1)))
    assert HOLDER.masked_name not in texts(window)
    assert HOLDER.masked_number not in texts(window)
    assert TASK.project_name not in texts(window)


def test_the_locked_booth_has_a_mirror_only_while_it_compares(open_window: Open) -> None:
    window = open_window()
    window.show_journey(Journey(state=locked()))
    window.show_frame(picture())
    mirror = window.findChild(LockedScreen).findChild(CameraView)
    assert not mirror.has_frame
    window.show_journey(Journey(state=locked(checking=True)))
    window.show_frame(picture())
    window.show_face(FaceView(box=(0.3, 0.2, 0.3, 0.5), coaching=Coaching.TOO_FAR))
    assert mirror.isVisible()
    assert mirror.has_frame
    assert mirror.hint == Messages().text("coaching.too-far")
    window.show_journey(Journey(state=locked(problem=ErrorCode.FACE_MISMATCH)))
    assert not mirror.has_frame
    assert not mirror.isVisible()


def test_a_short_leave_is_timed_and_says_when_it_is_over(open_window: Open, qtbot: QtBot) -> None:
    window = open_window()
    policy = SeatPolicy(leave_s=61.0)
    window.show_journey(Journey(state=locked(ErrorCode.SHORT_LEAVE), seat_policy=policy))
    assert "请在 1 分钟内返回" in texts(window)
    qtbot.waitUntil(lambda: "00:00:01" in texts(window))
    window._locked_since -= 60
    qtbot.waitUntil(lambda: "已超过 1 分钟，已告知管理员" in texts(window))
    window.show_journey(Journey(state=EVALUATING, attempt=Attempt(1)))
    window.show_journey(Journey(state=locked(), attempt=Attempt(2)))
    assert "00:00:00" in texts(window)
    assert "内返回" not in texts(window)


def test_the_evaluation_goes_on_counting_behind_the_lock(open_window: Open, qtbot: QtBot) -> None:
    window = open_window()
    window.show_journey(Journey(state=EVALUATING))
    window._evaluating_since -= 100
    window.show_journey(Journey(state=locked(), attempt=Attempt(1)))
    window.show_journey(Journey(state=EVALUATING, attempt=Attempt(2)))
    assert "评标中 00:01:4" in texts(window)


def test_what_is_wrong_with_the_seat_gets_a_banner(open_window: Open) -> None:
    window = open_window()
    codes = frozenset({ErrorCode.SEAT_SEVERAL, ErrorCode.CAMERA_COVERED})
    window.show_journey(Journey(state=replace(EVALUATING, notices=codes)))
    assert Messages().expert(ErrorCode.SEAT_SEVERAL) in texts(window)
    assert "3 分钟内未恢复将锁定本工位" in texts(window)
    window.show_journey(Journey(state=replace(EVALUATING, notices=codes), seat_policy=SeatPolicy(watch=False)))
    assert "将锁定本工位" not in texts(window)
    window.show_journey(Journey(state=EVALUATING))
    assert Messages().expert(ErrorCode.SEAT_SEVERAL) not in texts(window)


def test_the_header_names_what_is_wrong(open_window: Open) -> None:
    window = open_window()
    bad = (replace(DEVICES[0], state=ReadingState.BAD), *DEVICES[1:])
    window.show_status(StatusView(network=ReadingState.BAD, on_battery=True, minutes_left=5, devices=bad))
    shown = texts(window)
    for part in ("网络中断", "备用电源 · 约 5 分钟", "设备 3/4 · 读卡器"):
        assert part in shown
    window.show_status(StatusView())
    assert Messages().text("header.network_unknown") in texts(window)
    assert Messages().text("header.power_unknown") in texts(window)


def test_the_drill_cannot_be_overlooked(open_window: Open) -> None:
    window = open_window()
    assert Messages().text("drill.band") not in texts(window)
    window.show_booth(replace(BOOTH, drill=True))
    assert Messages().text("drill.band") in texts(window)


def test_a_booth_without_bookings(open_window: Open) -> None:
    window = open_window()
    window.show_booth(BoothView())
    assert Messages().text("sign_in.not_booked") in texts(window)

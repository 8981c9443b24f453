"""The drill console: what is pressed stands in the bench file, and what others write there is shown."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPlainTextEdit, QPushButton

from drivers.simulated.bench import BenchFile, BenchState, Gesture, Scene
from drivers.simulated.other_cards import OTHER_CARDS
from drivers.simulated.people import DRILL_CARDS, PERSON_A
from workstation.drill import session
from workstation.drill.console import WIDTH_PX, CardChoice, DrillConsole
from workstation.drill.review import WaitingReview
from workstation.site.administration import ReviewPicture
from workstation.site.contract import CommandKind

CARDS = (
    CardChoice("person-a", "专家甲", Scene.PERSON_A),
    CardChoice("person-b", "专家乙", Scene.PERSON_B),
    CardChoice("unreadable", "读不出的卡"),
)


@pytest.fixture
def bench(tmp_path: Path) -> BenchFile:
    return BenchFile(tmp_path / "bench.json")


@pytest.fixture
def console(qtbot, bench: BenchFile) -> DrillConsole:
    return make(qtbot, bench)


def make(qtbot, bench: BenchFile, **arguments) -> DrillConsole:
    console = DrillConsole(bench, CARDS, **arguments)
    qtbot.addWidget(console)
    console.show()
    return console


def button(console: DrillConsole, caption: str) -> QPushButton:
    (found,) = [item for item in console.findChildren(QPushButton) if item.text() == caption]
    return found


def press(qtbot, target: QPushButton) -> None:
    qtbot.mouseClick(target, Qt.MouseButton.LeftButton)


def words(console: DrillConsole) -> str:
    return "\n".join(item.text() for item in console.findChildren(QLabel) if item.isVisible())


def on_disk(bench: BenchFile) -> BenchState:
    return BenchFile(bench.path).read()


def test_a_card_is_put_and_taken(qtbot, console: DrillConsole, bench: BenchFile) -> None:
    (choice,) = console.findChildren(QComboBox)
    choice.setCurrentIndex(2)
    press(qtbot, button(console, "放上"))
    assert on_disk(bench).card == "unreadable"
    assert not button(console, "放上").isEnabled()
    assert not choice.isEnabled()
    press(qtbot, button(console, "取走"))
    assert on_disk(bench).card is None
    assert not button(console, "取走").isEnabled()


@pytest.mark.parametrize(
    ("chosen", "scenes"), [(0, [Scene.PERSON_A, Scene.PERSON_B]), (1, [Scene.PERSON_B, Scene.PERSON_A])]
)
def test_who_sits_there(qtbot, console: DrillConsole, bench: BenchFile, chosen: int, scenes: list[Scene]) -> None:
    console.findChildren(QComboBox)[0].setCurrentIndex(chosen)
    captions = ("本人", "另一个人", "两个人", "没有人", "照片攻击", "屏幕翻拍", "遮挡", "画面冻结", "昏暗")
    around = [Scene.TWO, Scene.NOBODY, Scene.PRINT, Scene.REPLAY, Scene.COVERED, Scene.FROZEN, Scene.DIM]
    assert {*scenes, *around} == {*Scene}
    for caption, scene in zip(captions, [*scenes, *around], strict=True):
        press(qtbot, button(console, caption))
        assert on_disk(bench).scene is scene
        assert on_disk(bench).subject is scenes[0]
        assert button(console, caption).isChecked()


def test_gestures_are_done_as_often_as_they_are_pressed(qtbot, console: DrillConsole, bench: BenchFile) -> None:
    captions = {"向左转头": "turn-left", "向右转头": "turn-right", "眨眼": "blink", "张嘴": "open-mouth"}
    assert {*captions.values(), "none"} == {*Gesture}
    done = 0
    for caption, gesture in captions.items():
        for _ in range(2):
            press(qtbot, button(console, caption))
            done += 1
            assert (on_disk(bench).gesture, on_disk(bench).gestures) == (gesture, done)


def test_the_operator_can_stop_the_cooperation(qtbot, console: DrillConsole) -> None:
    (box,) = console.findChildren(QCheckBox)
    assert console.cooperates
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=box.rect().center() - QPoint(box.width() // 2 - 12, 0))
    assert not console.cooperates


@pytest.mark.parametrize(
    "field", ["reader_plugged", "camera_plugged", "headset_plugged", "mains_on", "site_link_up", "main_site_link_up"]
)
def test_each_switch_goes_both_ways(qtbot, console: DrillConsole, bench: BenchFile, field: str) -> None:
    switch = console.findChild(QPushButton, field)
    for is_on, caption in ((False, {"插上", "恢复"}), (True, {"拔出", "断开"})):
        press(qtbot, switch)
        assert getattr(on_disk(bench), field) is is_on
        assert switch.text() in caption
        assert on_disk(bench).model_dump(exclude={field}) == BenchState().model_dump(exclude={field})


def test_changes_of_others_are_shown(qtbot, console: DrillConsole, bench: BenchFile) -> None:
    BenchFile(bench.path).change(card="person-b", scene=Scene.PERSON_B, mains_on=False)
    qtbot.waitUntil(lambda: "市电已断开" in words(console), timeout=5000)
    assert "读卡器上：专家乙 · 镜头前：本人" in words(console)
    assert button(console, "本人").isChecked()
    assert button(console, "取走").isEnabled()


def test_choosing_another_card_changes_who_is_meant(qtbot, console: DrillConsole, bench: BenchFile) -> None:
    bench.change(scene=Scene.PERSON_A)
    qtbot.waitUntil(button(console, "本人").isChecked, timeout=5000)
    (choice,) = console.findChildren(QComboBox)
    choice.setCurrentIndex(1)
    choice.activated.emit(1)
    assert button(console, "另一个人").isChecked()
    assert on_disk(bench).scene is Scene.PERSON_A


def test_every_card_of_the_drill_can_be_put(qtbot, bench: BenchFile) -> None:
    assert {choice.key for choice in session.CARDS} == {*DRILL_CARDS, *OTHER_CARDS}
    console = DrillConsole(bench, session.CARDS)
    qtbot.addWidget(console)
    console.show()
    (choice,) = console.findChildren(QComboBox)
    for card in session.CARDS:
        choice.setCurrentIndex(choice.findText(card.label))
        press(qtbot, button(console, "放上"))
        assert on_disk(bench).card == card.key
        press(qtbot, button(console, "取走"))


def test_a_heading_is_no_card(qtbot, bench: BenchFile) -> None:
    console = DrillConsole(
        bench, [CardChoice("person-a", "专家甲", group="名单内"), CardChoice("bank", "银行卡", group="其他")]
    )
    qtbot.addWidget(console)
    console.show()
    (choice,) = console.findChildren(QComboBox)
    assert choice.currentText() == "专家甲"
    assert [choice.itemText(index) for index in range(choice.count())] == ["名单内", "专家甲", "其他", "银行卡"]
    qtbot.keyClick(choice, Qt.Key.Key_Down)
    assert choice.currentText() == "银行卡", "the heading is passed over"


def test_a_spoilt_bench_file_is_said_once_and_survived(
    qtbot, console: DrillConsole, bench: BenchFile, allow_logs
) -> None:
    allow_logs("workstation.drill.console")
    bench.path.write_text("{")
    qtbot.waitUntil(lambda: "演练台文件无法读取" in words(console), timeout=5000)
    bench.write(BenchState(headset_plugged=False))
    qtbot.waitUntil(lambda: "耳麦已拔出" in words(console), timeout=5000)


def test_what_cannot_be_done_here_says_why(qtbot, bench: BenchFile) -> None:
    reasons = {
        "headset_plugged": "本机没有声音服务",
        "card": "本机没有虚拟读卡器",
        "scene": "本机没有画面",
        "message": "站点不收消息",
        "voice": "没有声音服务，不能说话",
    }
    console = make(qtbot, bench, unavailable=reasons)
    for reason in reasons.values():
        assert reason in words(console)
    assert not console.findChild(QPushButton, "headset_plugged").isEnabled()
    for caption in ("放上", "取走", "本人", "昏暗", "眨眼", "发送", "说话"):
        assert not button(console, caption).isEnabled()
    assert console.findChild(QPushButton, "reader_plugged").isEnabled()
    bench.change(card="person-a")
    qtbot.waitUntil(lambda: "专家甲 ·" in words(console), timeout=5000)
    assert not button(console, "取走").isEnabled()


def test_the_console_refuses_to_be_built_wrong(qtbot, bench: BenchFile) -> None:
    with pytest.raises(ValueError, match="unknown control"):
        DrillConsole(bench, CARDS, unavailable={"printer": "?"})
    with pytest.raises(ValueError, match="no card"):
        DrillConsole(bench, ())


@pytest.mark.parametrize(
    ("caption", "signal", "value"),
    [
        ("下发名单", "roster_requested", "deliver"),
        ("撤回名单", "roster_requested", "withdraw"),
    ],
)
def test_the_administrator_speaks_in_signals(
    qtbot, console: DrillConsole, caption: str, signal: str, value: object
) -> None:
    with qtbot.waitSignal(getattr(console, signal), timeout=5000) as caught:
        press(qtbot, button(console, caption))
    assert caught.args == [value]


def test_the_operator_speaks_into_the_headset(qtbot, console: DrillConsole) -> None:
    with qtbot.waitSignal(console.speech_requested, timeout=5000):
        press(qtbot, button(console, "说话"))


CASE = WaitingReview(
    code="E-205",
    may_repeat=True,
    card_year=2008,
    pictures={picture: (files("assets.drill") / PERSON_A.picture).read_bytes() for picture in ReviewPicture},
)
CHOICES = {
    "通过": CommandKind.REVIEW_PASSED,
    "再拍": CommandKind.REVIEW_AGAIN,
    "到场": CommandKind.REVIEW_ON_SITE,
    "不通过": CommandKind.REVIEW_REJECTED,
}


def colours(console: DrillConsole) -> int:
    """Count the colours of the window: pictures of people have thousands, the controls do not."""
    shot = console.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return len(set(shot.constBits().cast("I")))


@pytest.mark.parametrize(("caption", "kind"), CHOICES.items())
def test_the_reviewer_sees_the_pictures_and_chooses(
    qtbot, console: DrillConsole, caption: str, kind: CommandKind
) -> None:
    before = colours(console)
    console.show_review(CASE)
    shown = words(console)
    for word in ("E-205", "证件照 · 2008 年", "现场照", "专家库照"):
        assert word in shown
    assert colours(console) > before + 1000, "the pictures are painted"
    with qtbot.waitSignal(console.review_requested, timeout=5000) as caught:
        press(qtbot, button(console, caption))
    assert caught.args == [kind]
    console.show_review(None)
    assert "人工复核" not in words(console)
    assert not button(console, caption).isVisible()
    assert colours(console) < before + 1000


def test_what_there_is_no_picture_of_is_said(console: DrillConsole) -> None:
    console.show_review(WaitingReview(code="E-207", pictures={ReviewPicture.LIVE: b"no picture"}))
    for word in ("卡内无照片", "未拍摄", "库内无照片", "专家选择人工核验"):
        assert word in words(console)


def test_another_face_check_is_offered_only_where_the_booth_would_take_it(console: DrillConsole) -> None:
    for review in (WaitingReview(), WaitingReview(code="E-207")):
        console.show_review(review)
        assert {caption: button(console, caption).isEnabled() for caption in CHOICES} == {
            "通过": True, "再拍": False, "到场": True, "不通过": True,
        }  # fmt: skip
    console.show_review(CASE)
    assert button(console, "再拍").isEnabled()


def test_a_review_before_its_pictures_says_so(console: DrillConsole) -> None:
    console.show_review(WaitingReview())
    assert "工位还没有送来照片" in words(console)
    assert "未拍摄" not in words(console)


def test_where_nothing_can_be_reviewed_the_reason_stands_there(qtbot, bench: BenchFile) -> None:
    console = make(qtbot, bench, unavailable={"review": "站点不收照片"})
    console.show_review(CASE)
    assert "站点不收照片" in words(console)
    assert not any(button(console, caption).isEnabled() for caption in CHOICES)


def test_pictures_hide_from_repr() -> None:
    assert "JFIF" not in repr(CASE)


def test_a_message_is_sent_once_and_never_empty(qtbot, console: DrillConsole) -> None:
    sent: list[str] = []
    console.message_requested.connect(sent.append)
    (field,) = console.findChildren(QLineEdit)
    for typed in ("", "   ", " 请稍候 "):
        field.setText(typed)
        press(qtbot, button(console, "发送"))
    qtbot.keyClicks(field, "ok")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert sent == ["请稍候", "ok"]
    assert field.text() == ""


def test_events_are_listed(console: DrillConsole) -> None:
    console.show_event("09:30:01", "已放上")
    assert console.findChildren(QPlainTextEdit)[0].toPlainText() == "09:30:01  已放上"


def test_the_column_fits_a_low_screen(console: DrillConsole) -> None:
    assert console.width() == WIDTH_PX
    assert console.minimumSizeHint().height() <= 700

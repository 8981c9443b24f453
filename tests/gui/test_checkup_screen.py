"""The check-up on the screen: over the sign-in alone, filled item by item, never cut off, gone when somebody comes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from drivers.errors import ErrorCode
from workstation.checkup.findings import Reason, item
from workstation.checkup.progress import Progress
from workstation.journey.states import Idle, Journey, ReadingCard
from workstation.site.readings import ReadingKind
from workstation.site.selfcheck import CheckupVerdict
from workstation.ui.checkup_words import CheckupWords
from workstation.ui.messages import Language, Messages
from workstation.ui.theme import install_fonts
from workstation.ui.window import KioskWindow

SHOWN = {ReadingKind.READER, ReadingKind.HEADSET, ReadingKind.UPS}
SIZES = ((1920, 1080), (1366, 768))


def made(language: Language) -> Progress:
    words = CheckupWords(Messages(language))
    items = (
        item(ReadingKind.READER, CheckupVerdict.PASS, Reason.GOOD),
        item(ReadingKind.HEADSET, CheckupVerdict.FAIL, Reason.FAULT, code=ErrorCode.HEADSET_ABSENT),
        item(
            ReadingKind.UPS,
            CheckupVerdict.WARN,
            Reason.TOO_SHORT,
            subject="a-very-long-name-of-a-supply-32",
            values={"runtime_s": 9000.0, "charge_percent": 98.0, "required_s": 14400.0},
        ),
        *(item(kind, CheckupVerdict.NOT_FITTED, Reason.NOT_FITTED) for kind in ReadingKind if kind not in SHOWN),
    )
    return Progress(plan=tuple(ReadingKind), verdict=CheckupVerdict.FAIL).with_items(tuple(map(words, items)))


@pytest.fixture(params=[(size, large) for size in SIZES for large in (False, True)], ids=str)
def window(qtbot: QtBot, qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[KioskWindow]:
    install_fonts(qapp)
    (width, height), large = request.param
    shown = KioskWindow(Messages(), large_text=large)
    shown.resize(width, height)
    shown.show()
    qtbot.waitExposed(shown)
    shown.show_journey(Journey(state=Idle()))
    yield shown
    shown.allow_close()
    shown.close()


def texts(window: KioskWindow) -> list[str]:
    return [label.text() for label in window.findChildren(QLabel) if label.isVisible() and label.text()]


def button(window: KioskWindow, caption: str) -> QPushButton | None:
    found = [each for each in window.findChildren(QPushButton) if each.text() == caption and each.isVisible()]
    return found[0] if found else None


def press(qtbot: QtBot, window: KioskWindow, caption: str) -> None:
    found = button(window, caption)
    assert found is not None, caption
    qtbot.mouseClick(found, Qt.MouseButton.LeftButton)


def test_it_fills_item_by_item_and_says_what_to_do(qtbot: QtBot, window: KioskWindow) -> None:
    with qtbot.waitSignal(window.checkup_wanted, timeout=5000):
        press(qtbot, window, "自检")
    done = made(Language.ZH_CN)
    window.show_checkup(Progress(plan=done.plan))
    assert button(window, "自检") is None
    assert texts(window).count("检查中") == len(done.plan)
    window.show_checkup(Progress(plan=done.plan).with_items(done.items[:2]))
    shown = texts(window)
    assert "正在检查，已完成 2 项，还有 14 项。放上身份证会立即停止自检。" in shown
    assert shown.count("检查中") == len(done.plan) - 2
    again = button(window, "再检一次")
    assert again is not None
    assert not again.isEnabled()
    window.show_checkup(done)
    shown = texts(window)
    assert "有 1 项不正常，请按提示处理后再检一次。" in shown
    assert "办法：插好耳麦的插头，再检一次；仍没有请更换耳麦。" in shown
    assert shown.index("耳麦") < shown.index("读卡器")  # the worst first
    with qtbot.waitSignal(window.checkup_wanted, timeout=5000):
        press(qtbot, window, "再检一次")
    with qtbot.waitSignal(window.checkup_closed, timeout=5000):
        press(qtbot, window, "返回")
    window.show_checkup(None)
    assert "工位自检" not in texts(window)


def test_a_card_takes_it_off_the_screen(window: KioskWindow) -> None:
    window.show_checkup(made(Language.ZH_CN))
    assert "工位自检" in texts(window)
    window.show_journey(Journey(state=ReadingCard()))
    assert "工位自检" not in texts(window)
    assert button(window, "自检") is None


def test_nothing_is_cut_off(window: KioskWindow) -> None:
    for language in Language:
        window.show_checkup(made(language))
        for _ in range(5):
            QApplication.processEvents()
        for label in window.findChildren(QLabel):
            if label.isVisible() and label.text():
                wanted = label.heightForWidth(label.width()) if label.wordWrap() else label.sizeHint().height()
                assert label.height() >= wanted, label.text()
                assert label.wordWrap() or label.width() >= label.sizeHint().width(), label.text()

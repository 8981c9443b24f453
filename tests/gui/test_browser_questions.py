"""What stands around the main site's page: the desk that waits for answers, the questions, tabs, search, documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from tests.gui.test_ui_window import BOOTH, CONFIRMING, EVALUATING, STATUS, cut_off, texts
from workstation.evaluation import surface as sf
from workstation.evaluation.dialogs import DialogDesk, Row
from workstation.journey.facts import Attempt
from workstation.journey.states import Journey
from workstation.ui.messages import Language, Messages
from workstation.ui.theme import install_fonts
from workstation.ui.widgets.pointer import is_pointer_large
from workstation.ui.window import KioskWindow

# --- the desk ---


class Page:
    """Stands for a page whose renderer lives as long as it is told."""

    def __init__(self) -> None:
        self.alive = True

    def is_alive(self) -> bool:
        return self.alive


def during(desk: DialogDesk, *work: Callable[[], object]) -> None:
    """Do ``work`` once the question stands, each in an event of its own."""
    for number, part in enumerate(work):
        QTimer.singleShot(number * 20, part)


def yes(desk: DialogDesk) -> Callable[[], None]:
    def answer() -> None:
        assert desk.question is not None
        desk.answer(desk.question.number, sf.Reply(accepted=True))

    return answer


@pytest.fixture
def desk(qapp: QApplication) -> DialogDesk:
    return DialogDesk()


def test_a_second_question_gets_the_safe_answer(desk: DialogDesk) -> None:
    second: list[object] = []
    during(desk, lambda: second.append(desk.ask(Page(), sf.QuestionKind.CONFIRM)), yes(desk))
    reply = desk.ask(Page(), sf.QuestionKind.CONFIRM)
    assert second == [None]
    assert reply == sf.Reply(accepted=True)


def test_a_late_answer_is_dropped_and_another_pages_end_is_not_this_ones(desk: DialogDesk) -> None:
    during(
        desk,
        lambda: desk.answer(99, sf.Reply(accepted=True)),
        lambda: desk.abort(Page()),
        yes(desk),
    )
    assert desk.ask(Page(), sf.QuestionKind.CONFIRM) == sf.Reply(accepted=True)
    desk.answer(1, sf.Reply())


@pytest.mark.parametrize("ending", ["abort", "owner", "closed", "dead"])
def test_whatever_ends_the_wait_gives_the_safe_answer(desk: DialogDesk, ending: str) -> None:
    page = Page()
    ends: dict[str, Callable[[], object]] = {
        "abort": desk.abort,
        "owner": lambda: desk.abort(page),
        "closed": lambda: desk.set_open(is_open=False),
        "dead": lambda: setattr(page, "alive", False),
    }
    during(desk, ends[ending])
    assert desk.ask(page, sf.QuestionKind.PROMPT) == sf.Reply()
    assert desk.ask(page, sf.QuestionKind.ALERT) is None if ending == "closed" else not desk.is_waiting


def test_nothing_is_deleted_while_the_call_is_on_the_stack(desk: DialogDesk, qtbot: QtBot) -> None:
    page, returned, when = Page(), [False], []
    during(desk, lambda: (desk.abort(), desk.after(lambda: when.append(returned[0]))))
    desk.ask(page, sf.QuestionKind.CONFIRM)
    desk.after(lambda: when.append(returned[0]))
    assert when == []
    returned[0] = True
    qtbot.waitUntil(lambda: when == [True, True])
    desk.after(lambda: when.append(returned[0]))
    assert when == [True, True, True]


def test_a_row_of_questions_can_be_stopped(desk: DialogDesk) -> None:
    row, seen = Row(), []
    for _ in range(3):
        during(desk, lambda: seen.append(desk.question is not None and desk.question.may_silence), desk.abort)
        desk.ask(Page(), sf.QuestionKind.ALERT, row=row)
    row.end(silence=True)
    assert seen == [False, False, True]
    assert desk.ask(Page(), sf.QuestionKind.ALERT, row=row) is None
    row.reset()
    during(desk, desk.abort)
    assert desk.ask(Page(), sf.QuestionKind.ALERT, row=row) is not None


# --- the frame ---

DOCUMENTS = tuple(
    sf.Document(name=f"澄清函（第 {n} 号）投标人甲的说明与补充材料及附件.pdf", kind="pdf", size=n * 123_456)
    for n in (1, 2)
)
TABS = (
    sf.Tab(number=1, title="主场电子评标系统", closable=False),
    sf.Tab(number=2, title="投标人甲 · 技术标 & <b>施工组织设计</b>与附件", closable=True),
    *(sf.Tab(number=number, title=f"澄清函 {number}.pdf", closable=True) for number in range(3, 9)),
)
PLAIN = sf.Surface(
    tabs=TABS[:1],
    active=1,
    zoom=1.1,
    can_go_back=True,
    can_reload=True,
    can_search=True,
    documents=DOCUMENTS,
    takes_documents=True,
)
QUESTIONS = (
    sf.Question(number=1, kind=sf.QuestionKind.ALERT, text="第三页已提交"),
    sf.Question(number=2, kind=sf.QuestionKind.CONFIRM, text="提交后不能修改。\n确定提交？", may_silence=True),
    sf.Question(number=3, kind=sf.QuestionKind.PROMPT, text="请填写否决理由", default="不符合 3.2"),
    sf.Question(number=4, kind=sf.QuestionKind.LEAVE),
    sf.Question(number=-1, kind=sf.QuestionKind.RELOAD),
    sf.Question(number=5, kind=sf.QuestionKind.PASSWORD),
    sf.Question(number=6, kind=sf.QuestionKind.FILE, choices=tuple(document.name for document in DOCUMENTS)),
)
SURFACES = (
    PLAIN,
    replace(PLAIN, tabs=TABS, active=2, matches=sf.Matches(current=2, total=14)),
    replace(PLAIN, tabs=TABS[:3], active=3, sheet=(128, 360), can_reload=False),
    *(replace(PLAIN, question=question) for question in QUESTIONS),
)


@pytest.fixture
def open_frame(qtbot: QtBot, qapp: QApplication) -> Iterator[Callable[..., KioskWindow]]:
    install_fonts(qapp)
    opened: list[KioskWindow] = []

    def opener(
        size: tuple[int, int] = (1366, 768), language: Language = Language.ZH_CN, *, large_text: bool = False
    ) -> KioskWindow:
        window = KioskWindow(Messages(language), large_text=large_text)
        window.resize(*size)
        window.show_booth(replace(BOOTH, drill=True))
        window.show_status(STATUS)
        with qtbot.waitExposed(window):
            window.show()
        window.set_page(QLineEdit())
        window.show_journey(Journey(state=EVALUATING, attempt=Attempt(1)))
        window.show_surface(PLAIN)
        opened.append(window)
        return window

    yield opener
    for window in opened:
        window.show_surface(sf.Surface())
        window.allow_close()
        window.close()
        window.deleteLater()
    qapp.processEvents()


def press(window: QWidget, key: str, **facts: int) -> None:
    caption = Messages().text(key, **facts)
    found = [one for one in window.findChildren(QPushButton) if one.isVisible() and one.text() == caption]
    assert found, caption
    QTest.mouseClick(found[-1], Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("large_text", [False, True], ids=["normal", "large"])
@pytest.mark.parametrize("size", [(1920, 1080), (1366, 768)], ids=["1080p", "768p"])
def test_nothing_around_the_page_is_cut_off(
    open_frame: Callable[..., KioskWindow], qtbot: QtBot, size: tuple[int, int], language: Language, *, large_text: bool
) -> None:
    window = open_frame(size, language, large_text=large_text)
    failures = {}
    shown: list[sf.Surface | sf.Notice] = [*SURFACES, PLAIN, *(sf.Notice(kind=kind) for kind in sf.NoticeKind)]
    for number, one in enumerate(shown):
        if isinstance(one, sf.Notice):
            window.note(one)
        else:
            window.show_surface(one)
        try:
            qtbot.waitUntil(lambda: not cut_off(window), timeout=1000)
        except qtbot.TimeoutError:
            failures[number] = cut_off(window)
    assert failures == {}


def test_every_button_of_the_bar_commands(open_frame: Callable[..., KioskWindow]) -> None:
    window = open_frame()
    commands: list[object] = []
    window.commanded.connect(commands.append)
    press(window, "browser.back")
    press(window, "browser.reload")
    press(window, "browser.zoom", percent=110)
    window.show_surface(SURFACES[2])
    press(window, "browser.sheet_back")
    press(window, "browser.sheet_on")
    assert commands == [sf.GoBack(), sf.Reload(), sf.Zoom(0), sf.TurnSheet(-1), sf.TurnSheet(1)]


def test_the_large_pointer_ends_with_the_session(open_frame: Callable[..., KioskWindow]) -> None:
    window = open_frame()
    press(window, "browser.pointer")
    assert is_pointer_large()
    press(window, "browser.pointer")
    assert not is_pointer_large()
    press(window, "browser.pointer")
    window.show_surface(sf.Surface())
    assert not is_pointer_large()


def test_search_is_typed_counted_and_forgotten(open_frame: Callable[..., KioskWindow]) -> None:
    window = open_frame()
    commands: list[object] = []
    window.commanded.connect(commands.append)
    press(window, "browser.find")
    edit = window.focusWidget()
    assert isinstance(edit, QLineEdit)
    QTest.keyClicks(edit, "ab")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    QTest.keyClick(edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    window.show_surface(replace(PLAIN, matches=sf.Matches(current=1, total=3)))
    assert "第 1 个，共 3 个" in texts(window)
    QTest.keyClick(edit, Qt.Key.Key_Escape)
    assert commands == [sf.Find("a"), sf.Find("ab"), sf.Find("ab"), sf.Find("ab", backward=True), sf.Find("")]
    assert edit.text() == ""


def test_a_question_takes_the_keyboard_from_the_page_and_gives_it_back(open_frame: Callable[..., KioskWindow]) -> None:
    window = open_frame()
    commands: list[object] = []
    window.commanded.connect(commands.append)
    for question in QUESTIONS:
        window.show_surface(replace(PLAIN, question=question))
        focus = window.focusWidget()
        assert focus is not None
        assert focus.isEnabled()
        assert not [edit for edit in window.findChildren(QLineEdit) if edit.objectName() == "page" and edit.isEnabled()]
        QTest.keyClick(focus, Qt.Key.Key_Escape)
        assert commands.pop() == sf.Answer(question.number, sf.Reply())
        window.show_surface(PLAIN)


def test_what_is_typed_and_ticked_is_the_answer(open_frame: Callable[..., KioskWindow]) -> None:
    window = open_frame()
    commands: list[object] = []
    window.commanded.connect(commands.append)
    window.show_surface(replace(PLAIN, question=QUESTIONS[1]))
    (box,) = [box for box in window.findChildren(QCheckBox) if box.isVisible()]
    box.click()
    press(window, "question.yes")
    assert commands == [sf.Answer(2, sf.Reply(accepted=True, silence=True))]
    window.show_surface(replace(PLAIN, question=QUESTIONS[5]))
    user = window.focusWidget()
    assert user is not None
    QTest.keyClicks(user, "expert")
    (secret,) = [
        one
        for one in window.findChildren(QLineEdit)
        if one.isVisible() and one.echoMode() is QLineEdit.EchoMode.Password
    ]
    QTest.keyClicks(secret, "word")
    press(window, "question.yes")
    assert commands[-1] == sf.Answer(5, sf.Reply(accepted=True, text="expert", password="word"))
    assert "word" not in repr(commands[-1])


def test_the_words_of_a_page_are_never_markup(open_frame: Callable[..., KioskWindow]) -> None:
    window = open_frame()
    question = sf.Question(number=1, kind=sf.QuestionKind.ALERT, text="<img src=x><b>x</b>")
    window.show_surface(replace(PLAIN, question=question))
    (words,) = [one for one in window.findChildren(QLabel) if one.isVisible() and "<img" in one.text()]
    assert words.textFormat() is Qt.TextFormat.PlainText


def test_the_end_question_goes_before_the_pages(open_frame: Callable[..., KioskWindow]) -> None:
    window = open_frame()
    window.show_surface(replace(PLAIN, question=QUESTIONS[0]))
    window.show_journey(Journey(state=CONFIRMING, attempt=Attempt(1)))
    assert Messages().text("evaluation.end_title") in texts(window)
    assert "第三页已提交" not in texts(window)


def test_a_document_is_opened_from_the_list(open_frame: Callable[..., KioskWindow]) -> None:
    window = open_frame()
    commands: list[object] = []
    window.commanded.connect(commands.append)
    press(window, "browser.documents", count=2)
    first = window.focusWidget()
    assert isinstance(first, QPushButton)
    first.click()
    assert commands == [sf.OpenDocument(DOCUMENTS[0].name)]
    assert Messages().text("documents.title") not in texts(window)


def test_tabs_show_themselves_only_when_there_are_several(open_frame: Callable[..., KioskWindow]) -> None:
    window = open_frame()
    commands: list[object] = []
    window.commanded.connect(commands.append)

    def tabs() -> list[QPushButton]:
        return [one for one in window.findChildren(QPushButton) if one.isVisible() and one.text().startswith("主场电")]

    assert tabs() == []
    window.show_surface(SURFACES[1])
    buttons = tabs()
    buttons[0].click()
    closers = [one for one in window.findChildren(QPushButton) if one.isVisible() and one.accessibleName()]
    assert len(closers) == len(TABS) - 1
    closers[0].click()
    assert commands == [sf.SelectTab(1), sf.CloseTab(2)]

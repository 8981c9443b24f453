"""The pane of the meeting beside the main site's page: its place, the way back from it, and the lasting marks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from tests.gui.test_ui_window import EVALUATING
from workstation.conference.pane import Monitoring, Pane, PanePhase
from workstation.evaluation import surface as sf
from workstation.journey.states import Idle, Journey
from workstation.ui.messages import Language, Messages
from workstation.ui.screens.evaluation import EvaluationScreen
from workstation.ui.theme import install_fonts
from workstation.ui.widgets.basics import Tag
from workstation.ui.widgets.conference_pane import ConferencePane
from workstation.ui.widgets.page_question import DocumentsPanel
from workstation.ui.window import KioskWindow

SIZES = [(1920, 1080, 414), (1366, 768, 300)]
DOCUMENTS = (
    sf.Document(name="澄清函.pdf", kind="pdf", size=120_000),
    sf.Document(name="说明.txt", kind="text", size=100),
)
JOINED = Pane(phase=PanePhase.JOINED)
WORDS = Messages(Language.ZH_CN)


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication) -> Iterator[KioskWindow]:
    install_fonts(qapp)
    made = KioskWindow(WORDS)
    made.allow_close()
    qtbot.addWidget(made)
    made.resize(1920, 1080)
    made.show()
    made.show_journey(Journey(state=EVALUATING))
    yield made
    made.close()


def evaluation(window: KioskWindow) -> EvaluationScreen:
    return window.findChildren(EvaluationScreen)[0]


def pane(window: KioskWindow) -> ConferencePane:
    return window.findChildren(ConferencePane)[0]


def fold_button(window: KioskWindow) -> QPushButton:
    caption = WORDS.text("conference.button")
    return next(each for each in window.findChildren(QPushButton) if each.text() == caption)


def marks(window: KioskWindow) -> list[str]:
    footer = window.findChild(QWidget, "footer")
    assert footer is not None
    return [tag._caption.text() for tag in footer.findChildren(Tag) if tag.isVisible()]


def test_without_a_meeting_there_is_no_pane(window: KioskWindow) -> None:
    assert not pane(window).isVisible()
    assert not fold_button(window).isVisible()
    assert marks(window) == []


@pytest.mark.parametrize(("width", "height", "wide"), SIZES)
def test_the_pane_stands_at_the_right_and_the_page_beside_it(
    window: KioskWindow, width: int, height: int, wide: int
) -> None:
    page, view = QWidget(), QWidget()
    window.resize(width, height)
    QApplication.processEvents()
    window.set_page(page)
    window.set_conference(view)
    window.show_meeting(Pane(phase=PanePhase.JOINING))
    assert not view.isVisible()
    window.show_meeting(JOINED)
    QApplication.processEvents()
    shown = pane(window)
    assert (shown.width(), shown.mapTo(window, QPoint(shown.width(), 0)).x()) == (wide, width)
    assert view.isVisible()
    assert view.width() == wide
    assert page.width() == width - wide
    window.set_page(None)
    window.set_conference(None)
    for part in (page, view):
        assert part.parent() is None
        part.deleteLater()


def test_the_pane_can_be_folded_and_comes_back(window: KioskWindow) -> None:
    page = QWidget()
    window.set_page(page)
    window.show_meeting(JOINED)
    fold_button(window).click()
    QApplication.processEvents()
    assert not pane(window).isVisible()
    assert page.width() == 1920
    window.show_meeting(Pane(phase=PanePhase.LOST))
    assert not pane(window).isVisible(), "what the expert folded stays folded"
    fold_button(window).click()
    assert pane(window).isVisible()
    window.set_page(None)
    page.deleteLater()


def test_a_staged_document_takes_the_room_and_gives_it_back(window: KioskWindow) -> None:
    page = QWidget()
    window.set_page(page)
    window.show_meeting(JOINED)
    QApplication.processEvents()
    narrow = page.size()
    fold_button(window).click()
    staged = Pane(phase=PanePhase.JOINED, is_staged=True)
    window.show_meeting(staged)
    QApplication.processEvents()
    assert pane(window).width() == 1920
    assert page.size() == narrow, "the main site's page stays as it was"
    assert not page.isEnabled(), "what is covered takes no keys"
    fold_button(window).click()
    assert pane(window).width() == 414
    assert page.isEnabled()
    window.show_meeting(staged)
    assert pane(window).width() == 414, "closed by the expert, it stays closed"
    window.show_meeting(JOINED)
    window.show_meeting(staged)
    assert pane(window).width() == 1920, "another document"
    window.set_page(None)
    page.deleteLater()


@pytest.mark.parametrize(
    ("monitoring", "is_recorded", "key"),
    [
        (Monitoring.RUNNING, True, "monitored_recorded"),
        (Monitoring.RUNNING, False, "monitored"),
        (Monitoring.OFF, True, "recorded"),
        (Monitoring.BROKEN, True, "monitoring_broken"),
        (Monitoring.BROKEN, False, "monitoring_broken"),
        (Monitoring.OFF, False, ""),
    ],
)
def test_the_mark_says_what_really_happens(
    window: KioskWindow, monitoring: Monitoring, is_recorded: bool, key: str
) -> None:
    window.show_meeting(Pane(phase=PanePhase.JOINED, monitoring=monitoring, is_recorded=is_recorded))
    assert marks(window) == ([WORDS.text(f"conference.{key}")] if key else [])
    window.show_meeting(Pane())
    assert marks(window) == []


def test_a_document_is_chosen_for_the_meeting(window: KioskWindow, qtbot: QtBot) -> None:
    window.show_surface(sf.Surface(documents=DOCUMENTS, takes_documents=True))
    window.show_meeting(JOINED)
    window.ask_document()
    panel = window.findChildren(DocumentsPanel)[0]
    choices = [button for button in panel.findChildren(QPushButton) if button is not panel.close_button]
    assert len(choices) == 1, "text has no pages"
    with qtbot.waitSignal(window.document_shared) as shared:
        choices[0].click()
    assert shared.args == ["澄清函.pdf"]
    assert not panel.isVisible()


def test_a_new_person_finds_nothing_of_the_last_ones_meeting(window: KioskWindow) -> None:
    view = QWidget()
    window.set_conference(view)
    window.show_meeting(JOINED)
    window.set_conference(None)
    window.show_meeting(Pane())
    window.show_journey(Journey(state=Idle()))
    assert view.parent() is None
    assert window.findChildren(ConferencePane) == []
    view.deleteLater()

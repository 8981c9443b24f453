"""Rare characters of names reach the screen as themselves and not as the box of a missing glyph."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QFont, QTextLayout
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from drivers.contracts import Assurance
from drivers.idcard.record import parse_record
from drivers.simulated.people import DRILL_CARDS
from workstation.identity.masking import mask_name
from workstation.journey.facts import Holder, SessionId
from workstation.journey.states import FaceCheck, Journey
from workstation.ui.messages import Language, Messages
from workstation.ui.theme import install_fonts
from workstation.ui.window import KioskWindow

NO_CHARACTER = "\U0010ffff"
"""A noncharacter: no font has a glyph for it."""


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication) -> Iterator[KioskWindow]:
    install_fonts(qapp)
    window = KioskWindow(Messages(Language.ZH_CN))
    window.resize(1920, 1080)
    with qtbot.waitExposed(window):
        window.show()
    yield window
    window.allow_close()
    window.close()
    window.deleteLater()
    qapp.processEvents()


def missing(text: str, font: QFont) -> bool:
    """Whether any character of ``text`` is drawn as glyph 0, the box, with Qt's own fallback fonts."""
    layout = QTextLayout(text, font)
    layout.beginLayout()
    layout.createLine()
    layout.endLayout()
    return any(0 in run.glyphIndexes() for run in layout.glyphRuns())


def label_on_face_screen(window: KioskWindow, name: str) -> QLabel:
    shown = mask_name(name)
    holder = Holder(session_id=SessionId("s"), masked_name=shown, masked_number="4115****0046", sex="2")
    window.show_journey(Journey(state=FaceCheck(holder=holder)))
    (label,) = (one for one in window.findChildren(QLabel) if one.isVisible() and shown in one.text())
    return label


@pytest.mark.parametrize(
    "name",
    [
        "柯文𠅤",  # extension B
        "𠮷伟",
        "王𬳽𬱖",  # extension E
        "张三𫖯",  # extension C
        "买买提·艾力",
        "王小\U0002a700",  # extension C, beyond Noto: BabelStone Han
        "王小\U0002b740",  # D
        "王小\U0002b820",  # E
        "王小\U0002ceb0",  # F
        "王小\U00030000",  # G
        "王小\U00031350",  # H
        "葛\U000e0100伟",  # with an ideographic variation selector
        "O'BRIEN, ÉMILE",
    ],
)
def test_the_name_on_the_face_screen_has_its_glyphs(window: KioskWindow, name: str) -> None:
    shown = mask_name(name)
    label = label_on_face_screen(window, name)
    assert label.text() == shown
    assert not missing(shown, label.font())


def test_a_missing_glyph_would_be_noticed(window: KioskWindow) -> None:
    label = label_on_face_screen(window, f"王伟{NO_CHARACTER}")
    assert missing(label.text(), label.font())
    box = label.grab().toImage()
    label.setText("王＊𬱖")
    assert label.grab().toImage() != box


def test_a_rare_name_comes_through_from_the_card_to_the_screen(window: KioskWindow) -> None:
    card = DRILL_CARDS["rare-character"]
    record = parse_record(bytearray(card.text), card.photo(), Assurance.UNVERIFIED, bytearray())
    label = label_on_face_screen(window, record.name)
    assert label.text() == "柯＊𠅤"
    assert not missing(label.text(), label.font())

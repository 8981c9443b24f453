"""The screen of the sound check: what it says at each step, the meter, and the picture that the others will see."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from drivers.errors import ErrorCode
from tests.gui.test_ui_window import (  # noqa: F401 - a fixture
    EVALUATING,
    SPEAKING,
    STUCK,
    Open,
    button,
    open_window,
    picture,
    silent,
    sound,
    texts,
)
from workstation.journey.facts import Attempt
from workstation.journey.meeting import ConferenceKind, Meeting, SoundStep
from workstation.journey.states import Journey
from workstation.ui.messages import Messages
from workstation.ui.theme import Color
from workstation.ui.widgets.level_meter import LOWEST_DBFS, LevelMeter
from workstation.ui.widgets.preview import PreviewView

WORDS = Messages()


@pytest.mark.parametrize("step", SoundStep)
def test_one_thing_is_asked_at_a_time(open_window: Open, step: SoundStep) -> None:  # noqa: F811
    window = open_window()
    window.show_journey(Journey(state=sound(step, Meeting(kind=ConferenceKind.BUILT_IN))))
    shown = texts(window)
    assert [other for other in SoundStep if WORDS.text(f"sound_step.{other}") in shown] == [step]
    asks = step in {SoundStep.TONE_LEFT, SoundStep.TONE_RIGHT}
    assert (WORDS.text("sound_check.heard") in shown) == asks


def test_the_digits_are_there_only_to_be_read(open_window: Open) -> None:  # noqa: F811
    window = open_window()
    window.show_journey(Journey(state=SPEAKING))
    assert "3  8  5  2" in texts(window)
    window.show_journey(Journey(state=replace(SPEAKING, problem=ErrorCode.MICROPHONE_SILENT)))
    assert "3  8  5  2" not in texts(window)


def test_what_helps_is_said_and_the_way_in_writing_opens_with_the_third_failure(open_window: Open) -> None:  # noqa: F811
    window = open_window()
    window.show_journey(Journey(state=silent("mute-switch")))
    assert WORDS.text("sound_help.mute-switch") in texts(window)
    assert WORDS.text("sound_check.without") not in texts(window)
    window.show_journey(Journey(state=STUCK, attempt=Attempt(3)))
    assert button(window, "sound_check.without").isEnabled()
    assert window.focusWidget() is button(window, "sound_check.again")


def test_the_voice_is_said_to_be_changed_only_when_it_is(open_window: Open) -> None:  # noqa: F811
    window = open_window()
    window.show_journey(Journey(state=sound()))
    assert WORDS.text("sound_check.changed") in texts(window)
    window.show_journey(Journey(state=sound(meeting=Meeting(kind=ConferenceKind.BUILT_IN))))
    assert WORDS.text("sound_check.not_changed") in texts(window)


def test_the_meter_shows_this_tests_level_and_its_good_range(open_window: Open, qtbot: QtBot) -> None:  # noqa: F811
    window = open_window()
    window.show_journey(Journey(state=SPEAKING, attempt=Attempt(7)))
    [meter] = window.findChildren(LevelMeter)
    window.show_level(6, -20.0, -10.0)
    assert meter.level_dbfs == LOWEST_DBFS
    window.show_level(7, -20.0, -10.0)
    assert meter.level_dbfs == -20.0
    window.show_level(7, -float("inf"), 3.0)
    assert meter.level_dbfs == LOWEST_DBFS
    window.show_level(7, -20.0, -10.0)
    colors = {meter.grab().toImage().pixelColor(x, meter.height() // 2).name().upper() for x in range(meter.width())}
    assert {Color.OK, Color.OK_SOFT, Color.QUIET} <= colors
    window.show_journey(Journey(state=silent(), attempt=Attempt(7)))
    assert meter.level_dbfs == LOWEST_DBFS, "nobody listens after the test"


def test_the_preview_is_not_mirrored_and_goes_with_the_screen(open_window: Open) -> None:  # noqa: F811
    window = open_window()
    window.show_preview(picture())
    window.show_journey(Journey(state=SPEAKING))
    [preview] = window.findChildren(PreviewView)
    assert not preview.has_frame
    half = picture(64, 36)
    for x in range(32):
        for y in range(36):
            half.setPixel(x, y, 0xFF00FF00)
    window.show_preview(half)
    shown = preview.grab().toImage()
    assert shown.pixelColor(shown.width() // 4, shown.height() // 2).name() == "#00ff00"
    window.show_journey(Journey(state=EVALUATING, attempt=Attempt(1)))
    assert not preview.has_frame
    window.show_preview(half)
    assert not preview.has_frame

"""The sound check before a meeting, and what the journey does about the meeting itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from drivers.errors import ErrorCode
from tests.unit.test_journey import (
    LEFT,
    TASK,
    TO_CHECK,
    TO_MATCH,
    checks,
    face,
    kinds,
    page_failed,
    play,
    press,
    records,
    timer,
    walks,
)
from workstation.bridge.records import URGENT
from workstation.journey import effects as fx
from workstation.journey import events as e
from workstation.journey import states as s
from workstation.journey.meeting import ConferenceKind, Meeting, SoundStep

MEETING = Meeting(kind=ConferenceKind.BUILT_IN, mask=True, voice=True)


def matched(attempt):
    return e.ExpertMatched(attempt=attempt, assignment=replace(TASK, meeting=MEETING))


def stepped(step, digits=""):
    return lambda attempt: e.SoundStepped(attempt=attempt, step=step, digits=digits)


def found(code=None, suggestion=""):
    return lambda attempt: e.SoundChecked(attempt=attempt, code=code, suggestion=suggestion)


TO_SOUND = (*TO_MATCH, matched, press(e.Intent.CONFIRM), checks(), press(e.Intent.CONFIRM))
TO_MEETING = (
    *TO_SOUND,
    found(),
    lambda attempt: e.LaunchGranted(attempt=attempt),
    lambda attempt: e.PageOpened(attempt=attempt),
)
SILENT = found(ErrorCode.MICROPHONE_SILENT, "mute-switch")
CONFERENCE = fx.JoinConference | fx.HoldConference | fx.LeaveConference


def met(effects):
    return [effect for effect in effects if isinstance(effect, CONFERENCE)]


def test_who_meets_others_tests_the_headset_first_and_who_does_not_enters_at_once():
    journey, effects = play(*TO_SOUND)
    assert journey.state.step is SoundStep.STARTING
    assert fx.StartSoundCheck(attempt=journey.attempt, voice=True, mask=True) in effects
    assert isinstance(play(*TO_CHECK, checks(), press(e.Intent.CONFIRM))[0].state, s.Launching)


def test_the_good_sound_check_asks_twice_and_goes_on_by_itself():
    journey, effects = play(*TO_SOUND, stepped(SoundStep.TONE_LEFT), press(e.Intent.CONFIRM))
    assert effects == (fx.AnswerSoundCheck(heard=True),)
    journey, effects = play(press(e.Intent.CONFIRM), journey=journey)
    assert effects == (), "a double click is one answer"
    journey, effects = play(stepped(SoundStep.TONE_RIGHT), press(e.Intent.CONFIRM), journey=journey)
    assert effects == (fx.AnswerSoundCheck(heard=True),)
    journey, _ = play(stepped(SoundStep.SPEAK, "3852"), journey=journey)
    assert (journey.state.digits, journey.state.asks) == ("3852", False)
    journey, effects = play(stepped(SoundStep.HEAR_BACK), found(), journey=journey)
    assert isinstance(journey.state, s.Launching)
    assert fx.StopSoundCheck() in effects
    assert kinds(effects) == ["sound_checked"]


def test_a_tone_is_repeated_twice_and_then_counts_as_not_heard():
    journey, _ = play(*TO_SOUND, stepped(SoundStep.TONE_RIGHT))
    answers = []
    for _ in range(4):
        journey, effects = play(press(e.Intent.RETRY), journey=journey)
        answers += effects
    assert answers == [fx.RepeatSoundCheck(), fx.RepeatSoundCheck(), fx.AnswerSoundCheck(heard=False)]


def test_the_third_failure_tells_the_administrator_once_and_opens_the_way_without_a_voice():
    journey, reported = None, []
    for events in (TO_SOUND, *[(press(e.Intent.RETRY),)] * 3):
        journey, _ = play(*events, journey=journey)
        assert not journey.state.may_go_on
        assert play(press(e.Intent.WITHOUT_SOUND), journey=journey)[0].state == journey.state
        journey, effects = play(SILENT, journey=journey)
        assert records(effects)[0][1]["suggestion"] == "mute-switch"
        reported.append("sound_check_alarm" in kinds(effects))
    assert reported == [False, False, True, False]
    journey, effects = play(press(e.Intent.WITHOUT_SOUND), journey=journey)
    assert isinstance(journey.state, s.Launching)
    assert records(effects) == [("sound_check_skipped", {"code": ErrorCode.MICROPHONE_SILENT, "failures": 3})]


def test_the_second_howl_and_a_voice_that_cannot_be_changed_are_the_administrators_matter():
    howl = found(ErrorCode.HEADSET_HOWLS)
    journey, effects = play(*TO_SOUND, howl)
    assert "sound_check_alarm" not in kinds(effects)
    _, effects = play(press(e.Intent.RETRY), howl, journey=journey)
    assert kinds(effects) == ["sound_check_failed", "sound_check_alarm"]
    _, effects = play(*TO_SOUND, found(ErrorCode.ANONYMITY_NOT_READY))
    assert kinds(effects) == ["sound_check_failed", "sound_check_alarm"]


@pytest.mark.parametrize("code", [ErrorCode.HEADSET_ABSENT, ErrorCode.HEADSET_LOST])
def test_a_headset_that_stays_away_is_reported_and_one_that_is_plugged_is_tested_by_itself(code):
    journey, effects = play(*TO_SOUND, found(code))
    assert fx.StartTimer(timer=e.Timer.HEADSET, attempt=journey.attempt, seconds=60) in effects
    journey, effects = play(timer(e.Timer.HEADSET), journey=journey)
    assert records(effects) == [("sound_check_alarm", {"code": code, "failures": 1})]
    absent = ErrorCode.HEADSET_ABSENT
    journey, effects = play(e.ConditionRaised(code=absent), e.ConditionCleared(code=absent), journey=journey)
    assert fx.StartSoundCheck(attempt=journey.attempt, voice=True, mask=True) in effects
    assert fx.StopSoundCheck() not in effects, "the preview goes on"
    assert (journey.state.problem, journey.state.failures) == (None, 1)


def test_a_result_of_the_test_before_and_steps_after_the_end_are_dropped():
    journey, _ = play(*TO_SOUND, SILENT)
    late = e.SoundChecked(attempt=journey.attempt)
    assert play(stepped(SoundStep.SPEAK), late, journey=journey)[0] == journey
    again, _ = play(press(e.Intent.RETRY), journey=journey)
    assert play(late, journey=again) == (again, ())


@settings(max_examples=100, deadline=None)
@given(walks(meeting=True))
def test_the_headset_is_tested_in_its_state_only(steps):
    tested = isinstance(steps[0][0].state, s.SoundCheck)
    for _, _, effects, after in steps:
        for effect in effects:
            tested = (tested or isinstance(effect, fx.StartSoundCheck)) and not isinstance(effect, fx.StopSoundCheck)
        assert tested == isinstance(after.state, s.SoundCheck)


@settings(max_examples=100, deadline=None)
@given(walks(meeting=True))
def test_the_meeting_is_left_with_the_evaluation_and_held_while_nobody_is_known_to_sit_there(steps):
    joined = held = False
    for _, _, effects, after in steps:
        for effect in met(effects):
            joined = not isinstance(effect, fx.LeaveConference) and (joined or isinstance(effect, fx.JoinConference))
            held = effect.held if isinstance(effect, fx.HoldConference) else held and joined
        if isinstance(after.state, s.Evaluating):
            assert joined == (after.state.session.assignment.meeting.kind is not ConferenceKind.NONE)
            assert not held
        else:
            assert held == joined
            assert not joined or isinstance(after.state, s.Locked | s.Launching)


def test_the_meeting_is_joined_held_while_locked_and_left_at_the_end():
    journey, effects = play(*TO_MEETING)
    join = fx.JoinConference(attempt=journey.attempt, session_id="S", project_id="P")
    assert met(effects) == [join, fx.HoldConference(held=False)]
    journey, effects = play(LEFT, journey=journey)
    assert met(effects) == [fx.HoldConference(held=True)]
    journey, effects = play(press(e.Intent.UNLOCK), face(e.FaceOutcome.MATCH), journey=journey)
    assert met(effects) == [fx.HoldConference(held=False)]
    _, effects = play(e.Crashed(), journey=journey)
    assert met(effects) == [fx.LeaveConference()]
    _, effects = play(press(e.Intent.END), press(e.Intent.END_CONFIRMED), journey=journey)
    assert met(effects) == [fx.LeaveConference()]


def test_a_lost_page_holds_the_meeting_until_it_is_back():
    journey, effects = play(*TO_MEETING, page_failed(ErrorCode.MAIN_SITE_UNREACHABLE))
    assert met(effects) == [fx.HoldConference(held=True)]
    _, effects = play(press(e.Intent.CANCEL), journey=journey)
    assert met(effects) == [fx.LeaveConference()]


@pytest.mark.parametrize(
    ("code", "kind", "end"),
    [
        (ErrorCode.HEADSET_LOST, "headset_lost", "headset_back"),
        (ErrorCode.CONFERENCE_LOST, "meeting_lost", "meeting_back"),
        (ErrorCode.ANONYMITY_NOT_READY, "anonymity_lost", "anonymity_back"),
    ],
)
def test_a_trouble_of_the_meeting_is_journaled_with_its_end_and_stops_nothing(code, kind, end):
    inside, _ = play(*TO_MEETING)
    journey, effects = play(e.ConditionRaised(code=code), journey=inside)
    assert (journey.state, records(effects)) == (inside.state, [(kind, {"code": code})])
    _, effects = play(e.ConditionCleared(code=code), journey=journey)
    assert effects[0] == fx.Record(kind=end, session_id="S", facts=(("code", code),), since=kind)


def test_a_meeting_that_stays_lost_is_the_administrators_matter_whatever_the_state():
    journey, effects = play(*TO_MEETING, e.ConditionRaised(code=ErrorCode.CONFERENCE_LOST))
    [started] = [effect for effect in effects if isinstance(effect, fx.StartTimer)]
    assert (started.timer, started.seconds) == (e.Timer.MEETING, 60)
    expired = e.TimerExpired(attempt=started.attempt, timer=e.Timer.MEETING)
    journey, _ = play(LEFT, journey=journey)
    _, effects = play(expired, journey=journey)
    assert kinds(effects) == ["meeting_alarm"]
    journey, effects = play(e.ConditionCleared(code=ErrorCode.CONFERENCE_LOST), journey=journey)
    assert fx.StopTimer(timer=e.Timer.MEETING) in effects
    assert play(expired, journey=journey) == (journey, ())


def test_what_somebody_waits_for_is_reported_at_once():
    assert {"sound_check_alarm", "meeting_alarm", "anonymity_lost", "headset_lost"} <= URGENT

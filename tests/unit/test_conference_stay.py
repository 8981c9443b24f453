"""What is wrong with a meeting and when people hear of it; what of a stay goes into the journal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ErrorCode
from workstation.conference.contract import SILENCE_S, Anonymity, MediaFault, MediaStatus, StreamPhase
from workstation.conference.figures import read_conference
from workstation.conference.messages import Desktop, Phase, Statistics, Wish
from workstation.conference.pane import PICTURE_AGE_S, START_S, DesktopWatch, Monitoring, PanePhase
from workstation.conference.stay import MAX_REFUSALS, Stay
from workstation.conference.troubles import JOIN_S, LOST_S, Troubles
from workstation.health.readings import Moment
from workstation.site.conference import ConferencePlan, ConferenceRole, ConferenceTicket, RoomAccess
from workstation.site.readings import ReadingState

LOST, UNPROTECTED = ErrorCode.CONFERENCE_LOST, ErrorCode.ANONYMITY_NOT_READY
LIVE = MediaStatus(video=StreamPhase.LIVE, voice=StreamPhase.LIVE)
AT = Moment(utc=datetime(2026, 11, 28, tzinfo=UTC), monotonic_s=0.0)


def ticket(**plan: bool) -> ConferenceTicket:
    return ConferenceTicket(
        server="wss://janus.test/janus",
        token="t",
        expires_at=datetime(2026, 11, 29, tzinfo=UTC),
        meeting=RoomAccess(room="r", pin="p"),
        desktop=RoomAccess(room="r-desktop", pin="p"),
        participant_id="p1",
        alias="评委 07",
        role=ConferenceRole.EXPERT,
        plan=ConferencePlan(**plan),
    )


def kinds(stay: Stay) -> list[str]:
    return [kind for kind, _ in stay.take_notes()]


# --- what is wrong ---


def test_a_first_join_may_take_its_time_and_a_loss_a_moment() -> None:
    troubles = Troubles(anonymity=Anonymity(), out_since=0.0)
    assert troubles.conditions(JOIN_S) == frozenset()
    assert troubles.conditions(JOIN_S + 0.1) == {LOST}
    troubles.enter()
    assert troubles.conditions(1e6) == frozenset()
    troubles.lose(100.0)
    troubles.lose(103.0)
    assert troubles.conditions(100.0 + LOST_S) == frozenset()
    assert troubles.conditions(100.1 + LOST_S) == {LOST}


def test_a_refused_ticket_is_told_at_once() -> None:
    troubles = Troubles(anonymity=Anonymity(), out_since=0.0, is_refused=True)
    assert troubles.conditions(0.0) == {LOST}


def test_a_media_process_that_is_silent_protects_nobody() -> None:
    troubles = Troubles(anonymity=Anonymity(mask=True), out_since=None)
    assert troubles.conditions(0.0) == frozenset()
    troubles.await_media(0.0)
    assert troubles.conditions(JOIN_S + 0.1) == {UNPROTECTED}
    troubles.hear(LIVE, 50.0)
    assert troubles.conditions(50.0 + SILENCE_S) == frozenset()
    assert troubles.conditions(50.1 + SILENCE_S) == {UNPROTECTED}
    troubles.hear(LIVE, 60.0)
    troubles.lose_media()
    assert troubles.conditions(60.0) == {UNPROTECTED}


phases, faults = st.sampled_from(StreamPhase), st.sampled_from(MediaFault)
statuses = st.builds(MediaStatus, video=phases, voice=phases, video_fault=faults, voice_fault=faults)


@given(st.builds(Anonymity, mask=st.booleans(), voice=st.booleans()), statuses)
def test_only_a_demanded_protection_can_be_missed(anonymity: Anonymity, status: MediaStatus) -> None:
    troubles = Troubles(anonymity=anonymity, out_since=None)
    troubles.hear(status, 0.0)
    video_fails = status.video is StreamPhase.STOPPED and status.video_fault in {MediaFault.MASK, MediaFault.PROCESS}
    voice_fails = status.voice is StreamPhase.STOPPED and status.voice_fault in {MediaFault.VOICE, MediaFault.PROCESS}
    expected = (anonymity.mask and video_fails) or (anonymity.voice and voice_fails)
    assert (UNPROTECTED in troubles.conditions(0.0)) == expected


# --- the screen ---


def test_the_mark_follows_the_pictures() -> None:
    watch = DesktopWatch(is_demanded=True)
    assert watch.state(1e6) is Monitoring.OFF, "nobody is in a meeting"
    watch.begin(0.0)
    assert watch.state(START_S) is Monitoring.OFF
    assert watch.state(START_S + 0.1) is Monitoring.BROKEN
    watch.hear(Desktop(running=True, age_s=1.0), 20.0)
    assert watch.state(20.0) is Monitoring.RUNNING
    assert watch.state(19.0 + PICTURE_AGE_S) is Monitoring.RUNNING
    assert watch.state(19.1 + PICTURE_AGE_S) is Monitoring.BROKEN
    watch.hear(Desktop(running=False, age_s=-1), 40.0)
    assert watch.state(40.0) is Monitoring.BROKEN


def test_a_page_that_says_running_with_an_old_picture_is_not_believed() -> None:
    watch = DesktopWatch(is_demanded=True)
    watch.begin(0.0)
    watch.hear(Desktop(running=True, age_s=PICTURE_AGE_S + 1), 5.0)
    assert watch.state(5.0) is Monitoring.BROKEN
    watch.hear(Desktop(running=True, age_s=-1), 6.0)
    assert watch.state(6.0) is Monitoring.BROKEN


def test_without_the_projects_word_there_is_no_mark() -> None:
    watch = DesktopWatch(is_demanded=False)
    watch.begin(0.0)
    watch.hear(Desktop(running=True, age_s=0), 1.0)
    assert watch.state(1.0) is Monitoring.OFF


# --- the stay ---


def test_a_stay_is_journaled_with_its_durations() -> None:
    stay = Stay(session_id="s", begun_at=0.0)
    assert stay.take_ticket(ticket())
    assert not stay.take_ticket(ticket())
    stay.hear_phase(Phase(phase="joined", people=3), 4.0)
    stay.hear_phase(Phase(phase="joined", people=4), 5.0)
    stay.hear_phase(Phase(phase="lost", reason="ice-failed"), 10.0)
    stay.hear_phase(Phase(phase="lost", reason="ice-failed", attempt=2), 11.0)
    stay.hear_phase(Phase(phase="joined", people=4), 13.5)
    stay.end(20.0)
    assert stay.take_notes() == [
        ("conference_joined", {"people": 3, "wait_s": 4.0}),
        ("conference_lost", {"reason": "ice-failed"}),
        ("conference_back", {"people": 4, "duration_s": 3.5}),
        ("conference_left", {"duration_s": 20.0}),
    ]


def test_monitoring_that_runs_stops_and_is_missed() -> None:
    stay = Stay(session_id="s", begun_at=0.0)
    stay.take_ticket(ticket())
    stay.hear_phase(Phase(phase="joined"), 0.0)
    stay.follow_monitoring(START_S + 1)
    stay.desktop.hear(Desktop(running=True, age_s=0), 20.0)
    stay.follow_monitoring(20.0)
    stay.follow_monitoring(20.0 + PICTURE_AGE_S + 1)
    stay.end(60.0)
    assert kinds(stay) == [
        "conference_joined",
        "desktop_monitoring_missing",
        "desktop_monitoring_started",
        "desktop_monitoring_stopped",
        "conference_left",
    ]


def test_leaving_ends_the_monitoring_first() -> None:
    stay = Stay(session_id="s", begun_at=0.0)
    stay.take_ticket(ticket())
    stay.hear_phase(Phase(phase="joined"), 0.0)
    stay.desktop.hear(Desktop(running=True, age_s=0), 1.0)
    stay.follow_monitoring(1.0)
    stay.end(11.0)
    assert stay.take_notes()[-2:] == [
        ("desktop_monitoring_stopped", {"duration_s": 10.0}),
        ("conference_left", {"duration_s": 11.0}),
    ]


def test_nothing_is_wished_while_held_nor_without_a_headset() -> None:
    stay = Stay(session_id="s", begun_at=0.0)
    stay.wish = Wish(microphone=True, camera=True)
    assert (stay.media_wish().microphone, stay.media_wish().camera) == (False, True)
    stay.take_headset("a", is_spare=False)
    assert stay.media_wish().microphone
    stay.is_held = True
    assert (stay.media_wish().microphone, stay.media_wish().camera) == (False, False)


def test_the_first_headset_is_no_switch_and_the_next_is() -> None:
    stay = Stay(session_id="s", begun_at=0.0)
    stay.take_headset("a", is_spare=False)
    assert kinds(stay) == []
    stay.lose_headset()
    assert stay.troubles.conditions(0.0) == {ErrorCode.HEADSET_LOST}
    stay.take_headset("b", is_spare=True)
    assert stay.take_notes() == [("headset_switched", {"is_spare": True})]


def test_a_page_that_is_gone_begins_muted() -> None:
    stay = Stay(session_id="s", begun_at=0.0)
    stay.wish = Wish(microphone=True, camera=True)
    stay.hear_phase(Phase(phase="joined"), 0.0)
    stay.lose_page(1.0)
    assert not stay.wish.microphone
    assert stay.phase is PanePhase.LOST


def test_refusals_are_told_once_and_not_without_end() -> None:
    stay = Stay(session_id="s", begun_at=0.0)
    for number in range(MAX_REFUSALS * 2):
        stay.hear_refusal(f"h{number // 2}", "request")
    stay.hear_refusal("one-more", "request")
    assert len(kinds(stay)) == MAX_REFUSALS


def test_the_pane_says_recorded_only_inside() -> None:
    stay = Stay(session_id="s", begun_at=0.0, is_staged=True)
    stay.take_ticket(ticket(record=True))
    assert (stay.pane().is_recorded, stay.pane().is_staged) == (False, False)
    stay.hear_phase(Phase(phase="joined"), 0.0)
    assert (stay.pane().is_recorded, stay.pane().is_staged) == (True, True)


# --- figures ---

finite = st.floats(allow_nan=False, allow_infinity=False)


pixels = st.integers(-1, 100_000)
statistics = st.builds(
    Statistics,
    rtt_ms=finite,
    jitter_ms=finite,
    loss=finite,
    sent_kbps=finite,
    received_kbps=finite,
    width=pixels,
    height=pixels,
    fps=finite,
)


@given(statistics)
def test_any_figures_make_a_reading(said: Statistics) -> None:
    reading = read_conference(said, AT)
    assert all(value >= 0 for value in reading.values.values())
    assert reading.report().kind == "conference"


@pytest.mark.parametrize(
    ("loss", "rtt_ms", "state"), [(0, 20, "ok"), (0.2, 20, "warn"), (0, 900, "warn"), (-1, -1, "ok")]
)
def test_loss_and_delay_are_judged(loss: float, rtt_ms: float, state: str) -> None:
    said = Statistics(
        rtt_ms=rtt_ms, jitter_ms=-1, loss=loss, sent_kbps=-1, received_kbps=-1, width=-1, height=-1, fps=-1
    )
    assert read_conference(said, AT).state == ReadingState(state)

"""Presence: single frames prove nothing, every rule waits its time, and one good frame ends what it disproves."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ErrorCode
from workstation.face.seat import SeatObservation
from workstation.identity.presence import PresenceFinding, PresenceWatch, make_rules
from workstation.journey.seat import SeatLevel

RULES = make_rules()
GOOD = SeatObservation(captured_at=0, face_count=1, is_expert=True, is_covered=False, is_frozen=False)
EMPTY = replace(GOOD, face_count=0, is_expert=None)
TWO = replace(GOOD, face_count=2)
STRANGER = replace(GOOD, is_expert=False)
TURNED = replace(GOOD, is_expert=None)
COVERED = replace(EMPTY, is_covered=True)
FROZEN = replace(GOOD, is_frozen=True)


def play(watch, seen, start, end, step=0.7):
    """Show the same thing from ``start`` to ``end``; return what was found after the last frame."""
    at, found = start, frozenset()
    while at <= end:
        found = watch.observe(replace(seen, captured_at=at))
        at += step
    return found


def levels(found):
    return {presence.finding: presence.level for presence in found}


def first(seen, level, limit=400.0, step=0.7):
    """Return the seconds after the first frame at which ``level`` is reached, ``None`` if it is not."""
    watch, at = PresenceWatch(RULES), 0.0
    while at <= limit:
        if any(presence.level is level for presence in watch.observe(replace(seen, captured_at=at))):
            return at
        at += step
    return None


@pytest.mark.parametrize(
    ("seen", "level", "seconds"),
    [
        (EMPTY, SeatLevel.NOTICE, 20),
        (EMPTY, SeatLevel.ALARM, None),
        (EMPTY, SeatLevel.LOCK, 60),
        (TWO, SeatLevel.NOTICE, 3),
        (TWO, SeatLevel.ALARM, 15),
        (TWO, SeatLevel.LOCK, None),
        (STRANGER, SeatLevel.NOTICE, None),
        (STRANGER, SeatLevel.LOCK, 2),
        (COVERED, SeatLevel.NOTICE, 2),
        (COVERED, SeatLevel.ALARM, 30),
        (COVERED, SeatLevel.LOCK, 180),
        (FROZEN, SeatLevel.LOCK, 180),
        (GOOD, SeatLevel.NOTICE, None),
        (TURNED, SeatLevel.NOTICE, None),
    ],
)
def test_each_rule_acts_at_its_time(seen, level, seconds):
    reached = first(seen, level)
    assert reached is None if seconds is None else seconds <= reached < seconds + 0.7


def test_the_lost_camera_is_measured_by_the_clock():
    watch = PresenceWatch(RULES)
    watch.observe(GOOD)
    assert watch.camera_lost(10.0) == frozenset()
    assert watch.camera_lost(100.0) == frozenset()
    assert watch.tick(189.9) == frozenset()
    [lost] = watch.tick(190.0)
    assert (lost.code, lost.since, lost.level) == (ErrorCode.CAMERA_LOST, 10.0, SeatLevel.LOCK)
    assert watch.observe(replace(EMPTY, captured_at=191.0)) == frozenset()


def test_a_finding_knows_since_when():
    watch = PresenceWatch(RULES)
    [away] = play(watch, EMPTY, 100.0, 125.0)
    assert (away.finding, away.code, away.since) == (PresenceFinding.AWAY, ErrorCode.SEAT_LEFT, 100.0)


@pytest.mark.parametrize("seen", [EMPTY, TWO, COVERED, FROZEN])
def test_one_good_frame_ends_every_notice(seen):
    watch = PresenceWatch(RULES)
    assert SeatLevel.NOTICE in levels(play(watch, seen, 0.0, 25.0)).values() or seen is TWO
    assert watch.observe(replace(GOOD, captured_at=26.0)) == frozenset()


def test_a_turned_face_neither_proves_nor_disproves_the_other_person():
    watch = PresenceWatch(RULES)
    for at, seen in enumerate((STRANGER, TURNED, STRANGER, TURNED, STRANGER, TURNED)):
        found = watch.observe(replace(seen, captured_at=float(at)))
    assert levels(found) == {PresenceFinding.OTHER_PERSON_SEATED: SeatLevel.LOCK}


def test_the_expert_in_between_starts_it_anew():
    watch = PresenceWatch(RULES)
    for at, seen in enumerate((STRANGER, STRANGER, GOOD) * 10):
        assert watch.observe(replace(seen, captured_at=float(at))) == frozenset()


def test_a_larger_face_beside_the_expert_is_several_and_not_another_person():
    assert first(replace(STRANGER, face_count=2), SeatLevel.LOCK) is None


def test_a_covered_or_frozen_picture_says_nothing_about_people():
    for seen in (COVERED, replace(EMPTY, is_frozen=True), replace(STRANGER, is_frozen=True)):
        found = levels(play(PresenceWatch(RULES), seen, 0.0, 100.0))
        assert found.keys() <= {PresenceFinding.CAMERA_COVERED, PresenceFinding.CAMERA_FROZEN}


def test_a_seat_is_taken_again_only_after_it_was_empty():
    watch = PresenceWatch(RULES)
    play(watch, GOOD, 0.0, 5.0)
    watch.observe(replace(EMPTY, captured_at=6.0))
    play(watch, GOOD, 7.0, 9.0)
    assert not watch.has_returned, "a turned head is no empty seat"
    play(watch, EMPTY, 10.0, 15.0)
    watch.observe(replace(GOOD, captured_at=16.0))
    assert not watch.has_returned, "one frame proves nothing"
    watch.observe(replace(TWO, captured_at=17.0))
    watch.observe(replace(GOOD, captured_at=18.0))
    assert not watch.has_returned
    watch.observe(replace(GOOD, captured_at=19.0))
    assert watch.has_returned


def test_a_seat_known_to_be_empty_is_taken_at_once():
    watch = PresenceWatch(RULES, is_empty=True)
    watch.observe(replace(TURNED, captured_at=1.0))
    assert not watch.has_returned
    watch.observe(replace(TURNED, captured_at=2.0))
    assert watch.has_returned


observations = st.builds(
    SeatObservation,
    captured_at=st.floats(0, 400),
    face_count=st.integers(0, 3),
    is_expert=st.sampled_from([True, False, None]),
    is_covered=st.sampled_from([False, False, False, True]),
    is_frozen=st.sampled_from([False, False, False, True]),
)
moments = st.one_of(
    observations,
    st.tuples(st.sampled_from(["lost", "tick"]), st.floats(0, 400)),
)


def feed(watch, moment):
    match moment:
        case ("lost", at):
            return watch.camera_lost(at)
        case ("tick", at):
            return watch.tick(at)
        case seen:
            return watch.observe(seen)


def time_of(moment):
    return moment[1] if isinstance(moment, tuple) else moment.captured_at


SHOWS = {
    PresenceFinding.AWAY: lambda seen: seen.face_count == 0 and not (seen.is_covered or seen.is_frozen),
    PresenceFinding.SEVERAL: lambda seen: seen.face_count > 1 and not (seen.is_covered or seen.is_frozen),
    PresenceFinding.OTHER_PERSON_SEATED: lambda seen: (
        seen.is_expert is False and seen.face_count == 1 and not (seen.is_covered or seen.is_frozen)
    ),
    PresenceFinding.CAMERA_COVERED: lambda seen: seen.is_covered,
    PresenceFinding.CAMERA_FROZEN: lambda seen: seen.is_frozen,
}


@given(st.lists(moments, max_size=60), st.booleans())
def test_nothing_is_found_earlier_than_its_rule_says(sequence, in_order):
    if in_order:
        sequence = sorted(sequence, key=time_of)
    watch, now, newest, frames = PresenceWatch(RULES), float("-inf"), float("-inf"), []
    for moment in sequence:
        found = feed(watch, moment)
        now = max(now, time_of(moment))
        if isinstance(moment, SeatObservation) and moment.captured_at >= newest:
            newest = moment.captured_at
            frames.append(moment)
        for presence in found:
            rule = RULES[presence.finding]
            least = {SeatLevel.NOTICE: rule.notice_s, SeatLevel.ALARM: rule.alarm_s, SeatLevel.LOCK: rule.lock_s}
            if presence.finding is PresenceFinding.CAMERA_LOST:
                assert now - presence.since >= least[presence.level]
                assert newest <= presence.since
                continue
            during = [frame for frame in frames if frame.captured_at >= presence.since]
            times = [frame.captured_at for frame in during if SHOWS[presence.finding](frame)]
            assert len(times) >= rule.min_frames
            assert times[-1] - presence.since >= least[presence.level]
            assert all(later - earlier <= rule.max_gap_s for earlier, later in pairwise([*times, now]))


def test_a_clock_that_is_ahead_of_the_frames_drops_none():
    watch = PresenceWatch(RULES)
    for second in range(70):
        found = watch.observe(replace(EMPTY, captured_at=second - 0.3))
        watch.tick(float(second))
    assert levels(found) == {PresenceFinding.AWAY: SeatLevel.LOCK}


@given(st.lists(st.tuples(st.just("tick"), st.floats(0, 1e6)), max_size=20))
def test_time_alone_finds_nothing(ticks):
    watch = PresenceWatch(RULES)
    assert all(feed(watch, tick) == frozenset() for tick in ticks)


@given(st.lists(observations, max_size=40))
def test_one_good_frame_leaves_nothing(sequence):
    watch = PresenceWatch(RULES)
    for seen in sequence:
        watch.observe(seen)
    assert watch.observe(replace(GOOD, captured_at=401.0)) == frozenset()


@given(st.lists(st.sampled_from([EMPTY, TWO, STRANGER, COVERED, TURNED]), max_size=200))
def test_a_seat_that_flaps_is_never_locked(kinds):
    watch = PresenceWatch(RULES)
    for number, seen in enumerate(kinds):
        bad = watch.observe(replace(seen, captured_at=number * 1.0))
        good = watch.observe(replace(GOOD, captured_at=number * 1.0 + 0.5))
        assert not any(presence.level is SeatLevel.LOCK for presence in bad | good)

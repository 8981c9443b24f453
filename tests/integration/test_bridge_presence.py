"""The presence bridge in front of a scripted face worker: what the journey is told, and what a lost camera does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from drivers.errors import ErrorCode
from tests.integration.scripted_seat import EMPTY, EXPERT, STRANGER, TWO, ScriptedCamera, ScriptedClient
from workstation.bridge import face as face_bridge
from workstation.bridge.face import FaceBridge
from workstation.bridge.presence import PresenceBridge
from workstation.face.liveness import ChallengePolicy
from workstation.face.verification import Decision, Observation
from workstation.identity.presence import make_rules
from workstation.journey.events import SeatChanged, SeatTaken
from workstation.journey.seat import SeatLevel

LIMIT_MS = 20_000
RULES = make_rules(away_notice_s=0.3, away_lock_s=1.0, others_notice_s=0.2, others_alarm_s=0.6, camera_lock_s=1.5)


class Ears(QObject):
    """Hears the presence bridge, and what a comparison says."""

    def __init__(self, presence: PresenceBridge, face: FaceBridge) -> None:
        super().__init__()
        self.found: list[SeatChanged | SeatTaken] = []
        self.failures: list[ErrorCode] = []
        self.decisions: list[tuple[int, Decision | None]] = []
        self.refused: list[tuple[int, ErrorCode]] = []
        presence.found.connect(self.on_found)
        presence.failed.connect(self.on_failed)
        face.observed.connect(self.on_observed)
        face.failed.connect(self.on_face_failed)

    @Slot(object)
    def on_found(self, event: SeatChanged | SeatTaken) -> None:
        self.found.append(event)

    @Slot(object)
    def on_failed(self, code: ErrorCode) -> None:
        self.failures.append(code)

    @Slot(int, object)
    def on_observed(self, attempt: int, observation: Observation) -> None:
        self.decisions.append((attempt, observation.decision))

    @Slot(int, object)
    def on_face_failed(self, attempt: int, code: ErrorCode) -> None:
        self.refused.append((attempt, code))

    def levels(self, code: ErrorCode) -> list[SeatLevel | None]:
        return [event.level for event in self.found if isinstance(event, SeatChanged) and event.code is code]


@pytest.fixture
def camera() -> ScriptedCamera:
    return ScriptedCamera()


@pytest.fixture
def client() -> ScriptedClient:
    return ScriptedClient()


@pytest.fixture
def face(camera, client, qtbot: QtBot, monkeypatch) -> Iterator[FaceBridge]:
    monkeypatch.setattr(face_bridge, "WATCH_INTERVAL_S", 0.05)
    monkeypatch.setattr(face_bridge, "WATCH_RETRY_S", 0.05)
    bridge = FaceBridge(camera, lambda: client, challenges=ChallengePolicy(actions=()))
    yield bridge
    bridge.close()
    assert not camera.is_open


@pytest.fixture
def presence(face: FaceBridge) -> Iterator[PresenceBridge]:
    presence = PresenceBridge(face, RULES)
    yield presence
    presence.stop()


@pytest.fixture
def ears(presence: PresenceBridge, face: FaceBridge) -> Ears:
    return Ears(presence, face)


@pytest.fixture
def until(qtbot: QtBot) -> Callable[[Callable[[], object]], None]:
    def until(condition: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=LIMIT_MS)

    return until


def test_an_empty_seat_goes_from_notice_to_lock(presence, client, ears, until) -> None:
    client.seen = EMPTY
    presence.watch(7)
    until(lambda: SeatLevel.LOCK in ears.levels(ErrorCode.SEAT_LEFT))
    assert ears.levels(ErrorCode.SEAT_LEFT) == [SeatLevel.NOTICE, SeatLevel.LOCK]
    assert {event.attempt for event in ears.found} == {7}


def test_a_notice_ends_when_the_expert_is_back(presence, client, ears, until) -> None:
    client.seen = TWO
    presence.watch(1)
    until(lambda: SeatLevel.ALARM in ears.levels(ErrorCode.SEAT_SEVERAL))
    client.seen = EXPERT
    until(lambda: None in ears.levels(ErrorCode.SEAT_SEVERAL))
    assert ears.levels(ErrorCode.SEAT_SEVERAL) == [SeatLevel.NOTICE, SeatLevel.ALARM, None]


def test_another_person_locks_without_a_notice(presence, client, ears, until) -> None:
    client.seen = STRANGER
    presence.watch(1)
    until(lambda: ears.found)
    assert ears.levels(ErrorCode.SEAT_OTHER_PERSON) == [SeatLevel.LOCK]


def test_a_camera_that_stays_away_locks_and_is_told_once(presence, camera, ears, until) -> None:
    presence.watch(1)
    until(lambda: camera.is_open)
    camera.is_plugged.clear()
    until(lambda: ears.levels(ErrorCode.CAMERA_LOST))
    assert ears.levels(ErrorCode.CAMERA_LOST) == [SeatLevel.LOCK]
    assert ears.failures == [ErrorCode.CAMERA_LOST]


def test_a_camera_that_comes_back_is_watched_again(presence, camera, client, ears, until) -> None:
    presence.watch(1)
    until(lambda: camera.is_open)
    camera.is_plugged.clear()
    until(lambda: ears.failures)
    camera.is_plugged.set()
    client.seen = EMPTY
    until(lambda: ears.levels(ErrorCode.SEAT_LEFT))
    assert camera.opened == 2
    assert ears.levels(ErrorCode.CAMERA_LOST) == []


def test_a_worker_that_fails_is_told_and_locks_nothing(presence, client, ears, until) -> None:
    client.is_broken = True
    presence.watch(1)
    until(lambda: ears.failures)
    client.is_broken, client.seen = False, EMPTY
    until(lambda: ears.levels(ErrorCode.SEAT_LEFT))
    assert ears.failures == [ErrorCode.FACE_ENGINE_FAILED]


def test_stopping_closes_the_camera_and_says_nothing_more(presence, face, client, ears, until) -> None:
    client.seen = EMPTY
    presence.watch(1)
    until(lambda: ears.found)
    presence.stop()
    heard = len(ears.found)
    face.lane.drain()
    assert not face._camera.is_open
    face.seat_observed.emit(1, replace(STRANGER, captured_at=time.monotonic()))
    assert len(ears.found) == heard
    presence.stop()


def test_somebody_who_comes_back_is_told_once(presence, client, ears, until, monkeypatch) -> None:
    monkeypatch.setattr("workstation.identity.presence.EMPTY_S", 0.2)
    client.seen = EMPTY
    presence.watch(3)
    until(lambda: ears.levels(ErrorCode.SEAT_LEFT))
    client.seen = EXPERT
    until(lambda: SeatTaken(attempt=3) in ears.found)
    client.seen = EMPTY
    until(lambda: ears.levels(ErrorCode.SEAT_LEFT)[-1] is SeatLevel.NOTICE)
    client.seen = EXPERT
    until(lambda: ears.levels(ErrorCode.SEAT_LEFT)[-1] is None)
    assert ears.found.count(SeatTaken(attempt=3)) == 1


def test_what_the_watch_before_saw_does_not_count(presence, face, client, ears, until) -> None:
    client.seen = EMPTY
    presence.watch(1)
    until(lambda: ears.found)
    ears.found.clear()
    client.seen = EXPERT
    presence.watch(2)
    face.seat_observed.emit(1, replace(EMPTY, captured_at=time.monotonic()))
    face.seat_lost.emit(1, ErrorCode.CAMERA_LOST)
    face.lane.submit(lambda: None)
    until(lambda: presence._watch is not None and presence._watch._last_frame > 0)
    assert ears.found == []
    assert ears.failures == []


def test_unlocking_takes_the_camera_over_and_gives_it_back(presence, face, ears, until) -> None:
    camera = face._camera
    presence.watch(1)
    until(lambda: camera.is_open)
    presence.stop()
    face.unlock(1)
    until(lambda: ears.decisions)
    face.lane.drain()
    assert ears.decisions == [(1, Decision.MATCH)]
    assert not camera.is_open
    assert face._client.resets == 1
    presence.watch(2)
    until(lambda: camera.is_open)


def test_unlocking_without_anybody_enrolled_says_so(face, client, ears, camera, until) -> None:
    client.is_enrolled = False
    face.unlock(5)
    until(lambda: ears.refused)
    assert ears.refused == [(5, ErrorCode.CARD_PHOTO_UNUSABLE)]
    assert camera.opened == 0

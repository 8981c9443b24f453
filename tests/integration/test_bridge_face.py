"""The camera's bridge with the drill camera and the real face worker: decisions, losses, and what is left behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from drivers.camera.hub import CameraHub
from drivers.contracts import Image
from drivers.errors import ErrorCode
from drivers.simulated.bench import BenchFile, BenchState, Scene
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.people import DRILL_CARDS, PERSON_A
from drivers.simulated.photo import DrillPhotoDecoder
from workstation.bridge.face import FaceBridge, to_qimage
from workstation.face.client import FaceClient
from workstation.face.coaching import Coaching
from workstation.face.liveness import Action, ChallengePolicy
from workstation.face.seat import SeatObservation
from workstation.face.verification import Decision, NormalisedBox, Observation

LIMIT_MS = 30_000
NOTHING_ASKED = ChallengePolicy(actions=())


class WatchedCamera(SimulatedCamera):
    """Counts what is open."""

    def __init__(self, bench: BenchFile) -> None:
        super().__init__(bench)
        self.opened = 0
        self.is_open = False

    def open(self) -> None:
        super().open()
        self.opened += 1
        self.is_open = True

    def close(self) -> None:
        super().close()
        self.is_open = False


class Mirror(QObject):
    """Hears everything the bridge says, in the GUI thread."""

    def __init__(self, bridge: FaceBridge) -> None:
        super().__init__()
        self.frames: list[int] = []
        self.seen: list[tuple[int, Observation]] = []
        self.failures: list[tuple[int, ErrorCode]] = []
        self.kept: list[tuple[int, Image]] = []
        bridge.picture_kept.connect(self.on_kept)
        self.seats: list[tuple[int, SeatObservation]] = []
        self.losses: list[tuple[int, ErrorCode]] = []
        bridge.seat_observed.connect(self.on_seat)
        bridge.seat_lost.connect(self.on_lost)
        bridge.frame_captured.connect(self.on_frame)
        bridge.observed.connect(self.on_observed)
        bridge.failed.connect(self.on_failed)

    @Slot(int, QImage)
    def on_frame(self, attempt: int, frame: QImage) -> None:
        assert (frame.width(), frame.height()) == (640, 480)
        self.frames.append(attempt)

    @Slot(int, object)
    def on_observed(self, attempt: int, observation: Observation) -> None:
        self.seen.append((attempt, observation))

    @Slot(int, object)
    def on_kept(self, attempt: int, picture: Image) -> None:
        if not self.kept or self.kept[-1][0] != attempt:
            assert self.decision(attempt) is None, "the picture is there before the decision"
        self.kept.append((attempt, picture))

    @Slot(int, object)
    def on_failed(self, attempt: int, code: ErrorCode) -> None:
        self.failures.append((attempt, code))

    @Slot(int, object)
    def on_seat(self, attempt: int, seat: SeatObservation) -> None:
        self.seats.append((attempt, seat))

    @Slot(int, object)
    def on_lost(self, attempt: int, code: ErrorCode) -> None:
        self.losses.append((attempt, code))

    def decision(self, attempt: int) -> Decision | None:
        return next((found.decision for of, found in self.seen if of == attempt and found.decision), None)

    def coaching(self) -> Coaching | None:
        return self.seen[-1][1].coaching if self.seen else None


@pytest.fixture
def bench(tmp_path: Path) -> BenchFile:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState(scene=Scene.PERSON_A))
    return bench


@pytest.fixture
def camera(bench: BenchFile) -> WatchedCamera:
    return WatchedCamera(BenchFile(bench.path))


@pytest.fixture
def clients() -> list[FaceClient]:
    return []


@pytest.fixture
def bridge(camera: WatchedCamera, clients: list[FaceClient], qtbot: QtBot) -> Iterator[FaceBridge]:
    def make() -> FaceClient:
        clients.append(FaceClient(models_dir=Path(str(files("assets") / "models"))))
        return clients[-1]

    bridge = FaceBridge(CameraHub(camera).reader(), make, challenges=NOTHING_ASKED)
    yield bridge
    bridge.close()
    assert not camera.is_open
    assert all(client.pid is None for client in clients)


@pytest.fixture
def mirror(bridge: FaceBridge) -> Mirror:
    return Mirror(bridge)


@pytest.fixture
def until(qtbot: QtBot) -> Callable[[Callable[[], object]], None]:
    def until(condition: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=LIMIT_MS)

    return until


def portrait() -> Image:
    image = DrillPhotoDecoder().decode(PERSON_A.photo_block())
    assert image is not None
    return image


def settle(bridge: FaceBridge) -> None:
    bridge.lane.drain()


def test_the_right_person_matches_and_the_picture_is_overwritten(bridge, mirror, camera, until) -> None:
    reference = portrait()
    bridge.prepare()
    bridge.start(1, reference)
    until(lambda: mirror.decision(1))
    settle(bridge)
    assert mirror.decision(1) is Decision.MATCH
    assert mirror.failures == []
    assert set(mirror.frames) == {1}
    assert not reference.any(), "the reference is overwritten"
    assert not camera.is_open
    assert sum(found.decision is not None for _, found in mirror.seen) == 1


def test_after_a_visit_a_new_worker_takes_the_place_of_the_one_that_knew(bridge, mirror, clients, until) -> None:
    bridge.start(1, portrait())
    until(lambda: mirror.decision(1))
    (client,) = clients
    knew = client.pid
    bridge.release()
    settle(bridge)
    fresh = client.pid
    assert fresh not in {None, knew}
    bridge.release()  # nobody was seen since
    settle(bridge)
    assert client.pid == fresh
    bridge.start(2, portrait())
    until(lambda: mirror.decision(2))
    assert mirror.decision(2) is Decision.MATCH


def test_another_person_does_not_match_and_the_next_attempt_starts_clean(bridge, mirror, bench, camera, until) -> None:
    bench.change(scene=Scene.PERSON_B)
    bridge.start(1, portrait())
    until(lambda: mirror.decision(1))
    assert mirror.decision(1) is Decision.NO_MATCH
    bench.change(scene=Scene.PERSON_A)
    bridge.start(2, portrait())
    until(lambda: mirror.decision(2))
    assert mirror.decision(2) is Decision.MATCH


def test_nobody_and_two_people_are_coached(bridge, mirror, bench, until) -> None:
    bench.change(scene=Scene.NOBODY)
    bridge.start(1, portrait())
    until(lambda: mirror.coaching() is Coaching.NO_FACE)
    bench.change(scene=Scene.TWO)
    until(lambda: mirror.coaching() is Coaching.SEVERAL)
    bench.change(scene=Scene.PERSON_A)
    until(lambda: mirror.decision(1))
    assert mirror.decision(1) is Decision.MATCH


def test_a_picture_of_one_person_is_kept_for_a_reviewer_head_and_shoulders(bridge, mirror, bench, until) -> None:
    bench.change(scene=Scene.NOBODY)
    bridge.start(1, portrait())
    until(lambda: mirror.coaching() is Coaching.NO_FACE)
    bench.change(scene=Scene.TWO)
    until(lambda: mirror.coaching() is Coaching.SEVERAL)
    assert mirror.kept == [], "nobody is photographed beside the expert"
    bench.change(scene=Scene.PERSON_A)
    until(lambda: mirror.decision(1))
    good = [found for _, found in mirror.seen if found.coaching is Coaching.NONE and found.prompt is None]
    assert len(mirror.kept) >= len(good) > 0
    assert {attempt for attempt, _ in mirror.kept} == {1}
    _, picture = mirror.kept[-1]
    box = good[-1].box
    assert box is not None
    assert picture.shape[0] <= 2 * box.height * 480 + 2
    assert picture.shape[1] <= 2 * box.width * 640 + 2


def test_until_there_is_a_good_picture_any_with_a_face_will_do(bridge) -> None:
    kept: list[Image] = []
    bridge.picture_kept.connect(lambda _attempt, picture: kept.append(picture), Qt.ConnectionType.DirectConnection)
    box = NormalisedBox(x=0.25, y=0.25, width=0.5, height=0.5)
    has_good = False
    coached, turning = (Coaching.BLURRED, None), (Coaching.NONE, Action.TURN_LEFT)
    good = (Coaching.NONE, None)
    for number, (coaching, prompt) in enumerate((coached, turning, good, coached, turning, good)):
        seen = Observation(face_count=1, box=box, coaching=coaching, prompt=prompt)
        picture = np.full((8, 8, 3), number, np.uint8)
        has_good = bridge._keep_picture(1, picture, seen, has_good=has_good)
    assert [int(picture[0, 0, 0]) for picture in kept] == [0, 1, 2, 5]


def test_a_camera_unplugged_in_the_middle(bridge, mirror, bench, camera, until) -> None:
    bench.change(scene=Scene.NOBODY)
    bridge.start(1, portrait())
    until(lambda: mirror.frames)
    bench.change(camera_plugged=False)
    until(lambda: mirror.failures)
    settle(bridge)
    assert mirror.failures == [(1, ErrorCode.CAMERA_LOST)]
    assert not camera.is_open
    bridge.start(2, portrait())
    until(lambda: len(mirror.failures) == 2)
    bench.change(camera_plugged=True, scene=Scene.PERSON_A)
    bridge.start(3, portrait())
    until(lambda: mirror.decision(3))


def test_a_card_photo_without_a_face(bridge, mirror, camera, until) -> None:
    picture = DrillPhotoDecoder().decode(DRILL_CARDS["no-face"].photo())
    assert picture is not None
    bridge.start(1, picture)
    until(lambda: mirror.failures)
    settle(bridge)
    assert mirror.failures == [(1, ErrorCode.CARD_PHOTO_UNUSABLE)]
    assert camera.opened == 0
    assert not picture.any()


def test_a_worker_killed_in_the_middle_fails_and_the_next_attempt_works(
    *, bridge, mirror, bench, camera, clients, until
) -> None:
    bench.change(scene=Scene.NOBODY)
    bridge.start(1, portrait())
    until(lambda: mirror.seen)
    os.kill(clients[0].pid, signal.SIGKILL)
    until(lambda: mirror.failures)
    settle(bridge)
    assert mirror.failures == [(1, ErrorCode.FACE_ENGINE_FAILED)]
    assert not camera.is_open
    bench.change(scene=Scene.PERSON_A)
    bridge.start(2, portrait())
    until(lambda: mirror.decision(2))
    assert mirror.decision(2) is Decision.MATCH


def test_a_worker_that_died_while_nobody_sat_here_costs_no_attempt(bridge, mirror, clients, until) -> None:
    bridge.prepare()
    settle(bridge)
    os.kill(clients[0].pid, signal.SIGKILL)
    bridge.prepare()  # the next card
    bridge.start(1, portrait())
    until(lambda: mirror.decision(1) or mirror.failures)
    assert mirror.failures == []


def test_a_worker_that_cannot_start(camera, qtbot, until, tmp_path) -> None:
    bridge = FaceBridge(camera, lambda: FaceClient(["/nonexistent"], models_dir=tmp_path), challenges=NOTHING_ASKED)
    mirror = Mirror(bridge)
    bridge.prepare()
    bridge.start(1, portrait())
    until(lambda: mirror.failures)
    assert mirror.failures == [(1, ErrorCode.FACE_ENGINE_FAILED)]
    assert camera.opened == 0
    bridge.close()


def test_stopping_closes_the_camera_and_says_nothing_more(bridge, mirror, bench, camera, until) -> None:
    bench.change(scene=Scene.NOBODY)
    bridge.start(1, portrait())
    until(lambda: mirror.frames)
    bridge.stop()
    settle(bridge)
    assert not camera.is_open
    assert mirror.failures == []
    bridge.stop()


def test_an_attempt_called_off_before_its_turn_opens_no_camera(bridge, mirror, camera, until) -> None:
    hold = threading.Event()
    bridge.lane.submit(lambda: hold.wait(10) and None)
    first, second = portrait(), portrait()
    bridge.start(1, first)
    bridge.start(2, second)
    bridge.stop()
    hold.set()
    settle(bridge)
    assert camera.opened == 0
    assert not first.any()
    assert not second.any()
    assert mirror.seen == []
    assert mirror.failures == []


def test_a_new_attempt_replaces_the_one_that_runs(bridge, mirror, bench, camera, until) -> None:
    bench.change(scene=Scene.NOBODY)
    bridge.start(1, portrait())
    until(lambda: mirror.frames)
    bench.change(scene=Scene.PERSON_A)
    bridge.start(2, portrait())
    until(lambda: mirror.decision(2))
    assert mirror.decision(1) is None
    assert mirror.failures == []


def test_closing_in_the_middle_ends_thread_and_worker(*, bridge, mirror, bench, camera, clients, until) -> None:
    bench.change(scene=Scene.NOBODY)
    bridge.start(1, portrait())
    until(lambda: mirror.frames)
    bridge.close()
    assert clients[0].pid is None
    assert not camera.is_open
    bridge.start(2, portrait())  # ignored: the program ends
    assert camera.opened == 1


def test_a_picture_for_the_screen_is_a_copy() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 0] = (255, 0, 0)
    shown = to_qimage(image)
    image.fill(7)
    assert (shown.width(), shown.height()) == (6, 4)
    assert shown.pixelColor(0, 0).getRgb() == (0, 0, 255, 255)
    assert shown.pixelColor(1, 1).getRgb() == (0, 0, 0, 255)


# --- the seat


def matched(bridge: FaceBridge, mirror: Mirror, until: Callable[[Callable[[], object]], None]) -> None:
    bridge.start(1, portrait())
    until(lambda: mirror.decision(1))
    assert mirror.decision(1) is Decision.MATCH


@pytest.mark.parametrize(
    "seen",
    [
        (Scene.PERSON_A, 1, True, False, False),
        (Scene.PERSON_B, 1, False, False, False),
        (Scene.NOBODY, 0, None, False, False),
        (Scene.COVERED, 0, None, True, False),
        (Scene.FROZEN, 1, True, False, True),
    ],
)
def test_the_seat_after_a_match(bridge, mirror, bench, until, seen) -> None:
    scene, *wanted = seen
    matched(bridge, mirror, until)
    bench.change(scene=scene)
    bridge.watch(2)
    until(lambda: len(mirror.seats) >= 6)
    bridge.stop()
    attempt, seat = mirror.seats[-1]
    assert attempt == 2
    assert [seat.face_count, seat.is_expert, seat.is_covered, seat.is_frozen] == wanted


def test_two_in_the_seat_without_a_match_before(bridge, mirror, bench, until) -> None:
    bench.change(scene=Scene.TWO)
    bridge.watch(1)
    until(lambda: any(seat.face_count == 2 for _, seat in mirror.seats))
    assert {seat.is_expert for _, seat in mirror.seats} == {None}


def test_unlocking_compares_with_the_person_who_matched(bridge, mirror, bench, until) -> None:
    matched(bridge, mirror, until)
    bridge.unlock(2)
    until(lambda: mirror.decision(2))
    bench.change(scene=Scene.PERSON_B)
    bridge.unlock(3)
    until(lambda: mirror.decision(3))
    assert (mirror.decision(2), mirror.decision(3)) == (Decision.MATCH, Decision.NO_MATCH)


def test_after_the_visit_nobody_is_known(bridge, mirror, until) -> None:
    matched(bridge, mirror, until)
    bridge.release()
    bridge.unlock(2)
    until(lambda: mirror.failures)
    assert mirror.failures == [(2, ErrorCode.CARD_PHOTO_UNUSABLE)]


def test_the_seat_is_watched_again_after_a_loss(bridge, mirror, bench, clients, until) -> None:
    bridge.watch(1)
    until(lambda: mirror.seats)
    bench.change(camera_plugged=False)
    until(lambda: (1, ErrorCode.CAMERA_LOST) in mirror.losses)
    bench.change(camera_plugged=True)
    seen = len(mirror.seats)
    until(lambda: len(mirror.seats) > seen)
    os.kill(clients[0].pid, signal.SIGKILL)
    until(lambda: (1, ErrorCode.FACE_ENGINE_FAILED) in mirror.losses)
    seen = len(mirror.seats)
    until(lambda: len(mirror.seats) > seen)

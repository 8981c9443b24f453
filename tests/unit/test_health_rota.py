"""The rota: who looks when, and that nobody waits for anybody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from drivers.contracts import CancelToken
from workstation.health import rota as rota_module
from workstation.health.coordinator import Coordinator
from workstation.health.readings import Moment, Reading
from workstation.health.rota import Rota
from workstation.site.readings import ReadingKind, ReadingState

LIMIT_S = 10.0


class Looker:
    def __init__(self, kind: ReadingKind, period_s: float, look: Callable[[], None] = lambda: None) -> None:
        self.name, self.period_s = kind.value, period_s
        self._kind, self._look = kind, look

    def observe(self) -> Iterable[Reading]:
        self._look()
        return [Reading(kind=self._kind, state=ReadingState.OK, observed=Moment.now())]


class Running:
    def __init__(self, *coordinators: Coordinator) -> None:
        self.told: list[ReadingKind] = []
        self.rota = Rota(coordinators, lambda reading: self.told.append(reading.kind))
        self._cancel = CancelToken()
        self._thread = threading.Thread(target=self.rota.run, args=(self._cancel,))
        self._thread.start()

    def stop(self) -> None:
        self._cancel.cancel()
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()
        self.rota.stop()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def start(*coordinators: Coordinator) -> Running:
        running.append(Running(*coordinators))
        return running[-1]

    yield start
    for each in running:
        each.stop()


def test_everybody_looks_at_once_and_then_by_period(run: Callable[..., Running]) -> None:
    booth = run(Looker(ReadingKind.CAMERA, 0.02), Looker(ReadingKind.DISK, 600.0))
    until(lambda: booth.told.count(ReadingKind.CAMERA) > 4)
    assert booth.told.count(ReadingKind.DISK) == 1


def test_a_look_that_hangs_holds_up_nobody_and_is_not_begun_twice(run: Callable[..., Running]) -> None:
    release, begun = threading.Event(), list[float]()

    def hang() -> None:
        begun.append(time.monotonic())
        release.wait(LIMIT_S)

    booth = run(Looker(ReadingKind.MAIN_SITE, 0.02, hang), Looker(ReadingKind.CAMERA, 0.02))
    until(lambda: booth.told.count(ReadingKind.CAMERA) > 5)
    assert len(begun) == 1
    release.set()
    until(lambda: len(begun) > 1)


def test_who_is_asked_looks_now_and_only_they(run: Callable[..., Running]) -> None:
    booth = run(Looker(ReadingKind.CAMERA, 600.0), Looker(ReadingKind.DISK, 600.0))
    until(lambda: len(booth.told) == 2)
    booth.rota.look_now("disk")
    until(lambda: booth.told.count(ReadingKind.DISK) == 2)
    booth.rota.look_now()
    until(lambda: booth.told.count(ReadingKind.CAMERA) == 2 and booth.told.count(ReadingKind.DISK) == 3)


def test_asked_during_a_look_there_is_another_after_it(run: Callable[..., Running]) -> None:
    begun, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def look() -> None:
        begun.release()
        go_on.acquire(timeout=LIMIT_S)

    booth = run(Looker(ReadingKind.CAMERA, 600.0, look))
    assert begun.acquire(timeout=LIMIT_S)
    booth.rota.look_now()
    go_on.release()
    assert begun.acquire(timeout=LIMIT_S), "the one under way may have looked before"
    go_on.release()
    until(lambda: len(booth.told) == 2)


def test_a_failure_is_logged_once_and_so_is_its_end(
    run: Callable[..., Running], caplog: pytest.LogCaptureFixture, allow_logs: Callable[[str], None]
) -> None:
    allow_logs(rota_module.__name__)
    caplog.set_level("INFO", rota_module.__name__)
    broken, looks = threading.Event(), list[None]()
    broken.set()

    def look() -> None:
        looks.append(None)
        if broken.is_set():
            raise ZeroDivisionError

    booth = run(Looker(ReadingKind.CAMERA, 0.01, look), Looker(ReadingKind.DISK, 0.01))
    until(lambda: len(looks) > 5 and len(booth.told) > 5)
    assert ReadingKind.CAMERA not in booth.told
    broken.clear()
    until(lambda: booth.told.count(ReadingKind.CAMERA) > 2)
    said = [record.getMessage() for record in caplog.records if record.name == rota_module.__name__]
    assert said == ["camera cannot be looked at", "camera can be looked at again"]


def test_after_the_end_nothing_is_told() -> None:
    release = threading.Event()
    booth = Running(Looker(ReadingKind.CAMERA, 0.01, lambda: release.wait(LIMIT_S) and None))
    threading.Timer(0.1, release.set).start()
    booth.stop()
    assert booth.told == []
    booth.rota.look_now()
    assert booth.rota._start_due() >= 0
    assert booth.told == []

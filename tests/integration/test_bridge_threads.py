"""The two kinds of background thread: a loop that comes back from anything, and a lane that keeps the order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest
from PySide6.QtCore import QObject, QThread, Slot

from drivers.contracts import CancelToken
from workstation.bridge import threads
from workstation.bridge.threads import Lane, SupervisedLoop

LIMIT_S = 10.0


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_BACK_OFF_S", (0.01, 0.02, 0.03))


def test_a_body_that_dies_is_started_again(allow_logs: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    allow_logs("workstation.bridge.threads")
    runs, alive = [], threading.Event()

    def body(cancel: CancelToken) -> None:
        runs.append(threading.current_thread().name)
        if len(runs) < 6:
            raise RuntimeError("the driver broke")
        alive.set()
        cancel.wait(LIMIT_S)

    loop = SupervisedLoop("dev-test", body)
    loop.start()
    assert alive.wait(LIMIT_S)
    loop.stop()
    assert set(runs) == {"dev-test"}
    failures = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(failures) == 5
    assert all("dev-test failed and is started again" in record.getMessage() for record in failures)


def test_a_body_that_returns_is_started_again() -> None:
    again = threading.Barrier(2)
    loop = SupervisedLoop("dev-test", lambda _: again.wait(LIMIT_S) and None)
    loop.start()
    for _ in range(3):
        again.wait(LIMIT_S)
    again.abort()
    loop._body = lambda _: None
    loop.stop()


def test_stopping_wakes_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_BACK_OFF_S", (600.0,))
    ran = threading.Event()
    loop = SupervisedLoop("dev-test", lambda _: ran.set())
    loop.start()
    assert ran.wait(LIMIT_S)
    loop.stop()
    assert not loop._thread.is_alive()


def test_a_loop_that_never_started_can_be_stopped() -> None:
    SupervisedLoop("dev-test", lambda _: None).stop()


class Listener(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.crashes: list[BaseException] = []
        self.threads: list[QThread] = []

    @Slot(object)
    def on_crashed(self, error: BaseException) -> None:
        self.crashes.append(error)
        self.threads.append(QThread.currentThread())


def test_a_lane_keeps_the_order_and_survives_a_crash(qtbot) -> None:
    lane, listener, seen = Lane("lane"), Listener(), []
    lane.crashed.connect(listener.on_crashed)

    def crash() -> None:
        raise LookupError("unforeseen")

    for number in range(20):
        lane.submit(lambda number=number: seen.append(number))
    lane.submit(crash)
    lane.submit(lambda: seen.append("after"))
    lane.drain()
    assert seen == [*range(20), "after"]
    qtbot.waitUntil(lambda: bool(listener.crashes))
    assert isinstance(listener.crashes[0], LookupError)
    assert listener.threads == [listener.thread()], "told in the thread that listens"
    lane.close()


def test_closing_drops_what_waits_and_finishes_what_runs() -> None:
    lane, started, go, seen = Lane("lane"), threading.Event(), threading.Event(), []

    def slow() -> None:
        started.set()
        assert go.wait(LIMIT_S)
        seen.append("slow")

    lane.submit(slow)
    assert started.wait(LIMIT_S)
    lane.submit(lambda: seen.append("waiting"))
    threading.Timer(0.05, go.set).start()
    lane.close()
    assert seen == ["slow"]
    lane.submit(lambda: seen.append("late"))
    assert seen == ["slow"]

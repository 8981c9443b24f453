"""What every test lives under: no unexpected warnings in the log, no thread and no timer left behind."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref

import pytest
from hypothesis import settings
from PySide6.QtCore import QTimer
from shiboken6 import isValid

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
settings.register_profile("default", deadline=None)
settings.load_profile("default")

THREAD_GRACE_S = 5.0


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen: list[logging.LogRecord] = []
        self.allowed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record)

    def unexpected(self) -> list[str]:
        return [
            f"{record.name}: {record.getMessage()}"
            for record in self.seen
            if not any(record.name == name or record.name.startswith(f"{name}.") for name in self.allowed)
        ]


@pytest.fixture(autouse=True)
def _log_recorder():
    """Fail a test in which something was logged at WARNING or above that the test did not expect."""
    recorder = _Recorder()
    root = logging.getLogger()
    root.addHandler(recorder)
    yield recorder
    root.removeHandler(recorder)
    assert not recorder.unexpected(), "unexpected log records"


@pytest.fixture
def allow_logs(_log_recorder):
    """``allow_logs("logger.name")`` accepts WARNING and above from this logger and those below it."""

    def allow(*names: str) -> None:
        _log_recorder.allowed.update(names)

    return allow


@pytest.fixture(autouse=True)
def _no_leaked_threads():
    """Fail a test that leaves a thread of ours running."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + THREAD_GRACE_S
    while leaked := [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads left running: {sorted(thread.name for thread in leaked)}")
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _no_leaked_timers(monkeypatch):
    """Fail a test that leaves a QTimer of ours running in an object nobody deleted."""
    started: list[weakref.ref[QTimer]] = []
    original = QTimer.start

    def start(self: QTimer, *args: int) -> None:
        started.append(weakref.ref(self))
        original(self, *args)

    monkeypatch.setattr(QTimer, "start", start)
    yield
    timers = [timer for reference in started if (timer := reference()) is not None and isValid(timer)]
    leaked = {f"{type(timer.parent()).__name__}: {timer.interval()} ms" for timer in timers if timer.isActive()}
    assert not leaked, "timers left running"

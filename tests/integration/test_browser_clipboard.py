"""The clipboard on a real X server: what another program copies is gone at once, what the session copies stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

WAIT_S = 20.0

KIOSK = """
import sys
from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QApplication, QWidget
from workstation.evaluation.clipboard import SessionClipboard
app = QApplication(sys.argv[:1])
window = QWidget(); window.show()
clipboard = app.clipboard()
session = SessionClipboard()
def on_line(_fd):
    word, _, text = sys.stdin.readline().strip().partition(" ")
    if word == "copy":
        clipboard.setText(text)
    print("clip:" + clipboard.text(), flush=True)
    if word == "end":
        session.close(); print("clip:" + clipboard.text(), flush=True); app.quit()
notifier = QSocketNotifier(0, QSocketNotifier.Type.Read)
notifier.activated.connect(on_line)
print("clip:" + clipboard.text(), flush=True)
app.exec()
"""
OTHER = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget
app = QApplication(sys.argv[:1])
window = QWidget(); window.show()
def copy():
    app.clipboard().setText("outside"); print("copied", flush=True)
QTimer.singleShot(200, copy)
app.clipboard().dataChanged.connect(lambda: app.clipboard().ownsClipboard() or (print("lost", flush=True), app.quit()))
app.exec()
"""


@pytest.fixture
def display() -> Iterator[str]:
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x480x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as numbers:
        number = numbers.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(WAIT_S)


def program(source: str, display: str) -> subprocess.Popen[str]:
    environ = os.environ | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", source], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_only_the_sessions_own_copies_stay(display: str) -> None:
    kiosk = program(KIOSK, display)
    assert kiosk.stdin is not None
    assert kiosk.stdout is not None

    def ask(line: str) -> str:
        assert kiosk.stdin is not None
        assert kiosk.stdout is not None
        kiosk.stdin.write(line + "\n")
        kiosk.stdin.flush()
        return kiosk.stdout.readline().strip()

    try:
        assert kiosk.stdout.readline().strip() == "clip:"
        assert ask("copy inside") == "clip:inside"
        assert ask("look") == "clip:inside"
        other = program(OTHER, display)
        said, _ = other.communicate(timeout=WAIT_S)
        assert said.split() == ["copied", "lost"]
        assert ask("look") == "clip:"
        assert ask("copy again") == "clip:again"
        assert ask("end") == "clip:again"
        assert kiosk.stdout.readline().strip() == "clip:"
    finally:
        kiosk.kill()
        kiosk.communicate(timeout=WAIT_S)

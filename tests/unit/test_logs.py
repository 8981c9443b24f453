"""The log: one JSON object a line, Qt's words among them, tracebacks without values, nothing personal."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler, qWarning

from drivers.simulated.people import PERSON_A
from workstation import logs

MARKERS = (PERSON_A.name, PERSON_A.number, PERSON_A.address)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What ``install`` sends to stderr; the root logger is as before afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    for handler in before:
        root.removeHandler(handler)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    qt_before = qInstallMessageHandler(None)
    with warnings.catch_warnings():
        logs.install(logging.DEBUG)
        yield stream
        logging.captureWarnings(capture=False)
    qInstallMessageHandler(qt_before)
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)


def parsed(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def formatted(message: str, *arguments: object, **extra: Any) -> dict[str, Any]:
    record = logging.getLogger("t").makeRecord(
        "t", logging.INFO, "f.py", 1, message, arguments, extra.pop("exc_info", None), extra=extra
    )
    line = logs.JsonLines().format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_has_time_level_logger_and_message() -> None:
    line = formatted("worker %s is back after %d s", "face", 3)
    assert line["message"] == "worker face is back after 3 s"
    assert (line["level"], line["logger"]) == ("info", "t")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(line["time"])).total_seconds()) < 60


def test_an_event_carries_its_facts(lines: io.StringIO) -> None:
    logs.log_event(logging.getLogger("t"), "state_entered", state="idle", attempt=3, drill=True)
    [line] = parsed(lines)
    assert (line["event"], line["state"], line["attempt"], line["drill"]) == ("state_entered", "idle", 3, True)
    assert line["message"] == "state_entered"


@given(st.text())
def test_any_message_is_one_line_of_json(message: str) -> None:
    assert formatted("%s", message)["message"] == message


def test_chinese_stays_readable() -> None:
    assert "读卡器" in logs.JsonLines().format(logging.makeLogRecord({"msg": "读卡器", "levelno": 20}))


class CardError(Exception):
    def __init__(self) -> None:
        super().__init__(*MARKERS)
        self.number = PERSON_A.number

    def __str__(self) -> str:
        return f"cannot use {' '.join(MARKERS)}"


def fail_with_personal_data() -> None:
    name, number = PERSON_A.name, PERSON_A.number
    try:
        int(name + number)
    except ValueError as error:
        raise CardError from error


def test_a_traceback_has_places_and_types_but_no_values(lines: io.StringIO) -> None:
    try:
        fail_with_personal_data()
    except CardError:
        logging.getLogger("t").exception("a card failed")
        logging.getLogger("t").critical("unhandled exception", exc_info=True, stack_info=True)
    for line in parsed(lines):
        assert line["error"] == "CardError"
        assert [place.split(":")[0] for place in line["at"]] == ["test_logs.py", "test_logs.py"]
        assert all(place.split(":")[1].isdigit() for place in line["at"])
    for marker in MARKERS:
        assert marker not in lines.getvalue()
        assert marker.encode("unicode_escape").decode() not in lines.getvalue()


def test_without_an_exception_there_is_no_error(lines: io.StringIO) -> None:
    logging.getLogger("t").error("plain", exc_info=(None, None, None))
    [line] = parsed(lines)
    assert "error" not in line
    assert "at" not in line


def test_qt_speaks_through_the_log(lines: io.StringIO, allow_logs: Any) -> None:
    qWarning("a widget is unhappy")
    [line] = parsed(lines)
    assert (line["logger"], line["level"], line["message"]) == ("qt.default", "warning", "a widget is unhappy")


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (QtMsgType.QtDebugMsg, "debug"),
        (QtMsgType.QtInfoMsg, "info"),
        (QtMsgType.QtWarningMsg, "warning"),
        (QtMsgType.QtCriticalMsg, "error"),
        (QtMsgType.QtFatalMsg, "critical"),
    ],
)
def test_qt_levels(lines: io.StringIO, kind: QtMsgType, level: str) -> None:
    logs._on_qt_message(kind, QMessageLogContext(), "words")
    [line] = parsed(lines)
    assert (line["level"], line["message"]) == (level, "words")


def test_python_warnings_are_lines_too(lines: io.StringIO) -> None:
    warnings.simplefilter("always")
    warnings.warn("something is old", DeprecationWarning, stacklevel=1)
    [line] = parsed(lines)
    assert (line["logger"], line["level"]) == ("py.warnings", "warning")
    assert "something is old" in line["message"]


def test_a_record_whose_arguments_do_not_fit_shows_no_values() -> None:
    assert formatted("read %d", PERSON_A.name)["message"] == "read %d (arguments do not fit)"

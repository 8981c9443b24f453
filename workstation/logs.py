"""Structured logs: one JSON object a line on stderr, Qt's messages among them. Never a person's data.

An event line has ``event`` (a constant) and facts; everything else is an ordinary message.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

_QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: ISO 8601 UTC time, level, logger, message, and the event's facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Tracebacks are kept to file, line and type: their values may be personal."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        line |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            trace, places = record.exc_info[2], []
            while trace is not None:
                places.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}")
                trace = trace.tb_next
            line["at"] = places
        return json.dumps(line, ensure_ascii=False)


def _message(record: logging.LogRecord) -> str:
    """Return the message; only its template when the arguments do not fit, as ``logging`` would print them."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - str() of an argument may raise anything
        return f"{record.msg} (arguments do not fit)"


def log_event(logger: logging.Logger, event: str, **facts: str | float | bool) -> None:
    """Log an event with its facts at INFO."""
    logger.info(event, extra={"facts": {"event": event, **facts}})


def install(level: int = logging.INFO) -> None:
    """Send every log record, and every Qt message, to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    qInstallMessageHandler(_on_qt_message)


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    logging.getLogger(f"qt.{context.category or 'default'}").log(_QT_LEVELS.get(kind, logging.WARNING), message)

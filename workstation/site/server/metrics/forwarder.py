"""Forwards rounds of readings to an OTLP collector. A collector that is away costs a counter and one line in the log.

OpenTelemetry's encoder makes the messages (``otlp``); sending is here. The SDK's exporter keeps nothing beyond one
call, logs every attempt, and does not say whether a refusal is for good, so it could neither make up for an absence in
order nor leave a round alone that no collector will ever take.
"""

from __future__ import annotations

import logging
import random
import re
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path

import requests
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from workstation.site.server.metrics import otlp
from workstation.site.server.metrics.fleet import Fleet
from workstation.site.server.metrics.server_metrics import ServerMetrics
from workstation.site.server.options import OptionError, private_text, require_protected
from workstation.site.server.rounds import every
from workstation.site.transport import bounded_session, exchange

MAX_WAITING_BYTES = 32 << 20
"""What waits for a collector: half an hour of 500 booths, a day of 10."""

MIN_INTERVAL_S, MAX_INTERVAL_S = 5.0, 3600.0
_TIMEOUT_S = 3.0
_TOTAL_S = 5.0
_FIRST_PAUSE_S = 1.0
_MAX_PAUSE_S = 30.0
_MAX_RETRY_AFTER_S = 300.0
_LATER = frozenset({
    HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT,
})  # fmt: skip
"""What OTLP/HTTP lets a client send again; every other refusal is for good."""

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([!-~](?:[ -~]*[!-~])?)[ \t]*")
_logger = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of a part."""

    SENT = "sent"
    REFUSED = "refused"
    DROPPED = "dropped"


@dataclass(frozen=True, kw_only=True)
class Collector:
    """Where readings are forwarded to.

    Attributes:
        url: of its metrics, such as ``https://collector:4318/v1/metrics``.
        headers: such as for its authentication.
        interval_s: pause between two rounds.
        ca_file: PEM file of the authorities to trust instead of the usual ones.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    interval_s: float = 15.0
    ca_file: str | None = None


def open_collector(url: str, headers_file: Path | None, interval_s: float, ca_file: str | None) -> Collector:
    """Check the options. Nothing is asked of the collector yet: it may come later.

    Raises:
        OptionError: an option cannot be used.
    """
    require_protected(url, {"http", "https"}, "https")
    if not MIN_INTERVAL_S <= interval_s <= MAX_INTERVAL_S:
        raise OptionError(f"the OTLP interval is {MIN_INTERVAL_S:g} to {MAX_INTERVAL_S:g} s")
    if ca_file is not None and not Path(ca_file).is_file():
        raise OptionError("the file of OTLP authorities is not there")
    headers = {} if headers_file is None else parse_headers(private_text(headers_file))
    return Collector(url=url, headers=headers, interval_s=interval_s, ca_file=ca_file)


def parse_headers(text: str) -> dict[str, str]:
    """Read lines of ``Name: value``; empty lines and those that begin with # say nothing.

    Raises:
        OptionError: a line is none. It is named by its number, since it may hold a secret.
    """
    headers = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _HEADER.fullmatch(line.removesuffix("\r"))
        if found is None:
            raise OptionError(f"line {number} of the OTLP headers is not 'Name: value'")
        headers[found[1]] = found[2]
    return headers


@contextmanager
def forwarding(collector: Collector, fleet: Fleet, metrics: ServerMetrics) -> Iterator[None]:
    """Forward the fleet while the block runs, from two threads of its own.

    One makes a round each interval, however slow the collector is; the other sends them, oldest first.
    """
    waiting = WaitingRoom(metrics)
    sender = Sender(collector, waiting, metrics)
    thread = threading.Thread(target=sender.run, name="otlp-send", daemon=True)
    thread.start()
    try:
        with every(collector.interval_s, lambda _: _round(fleet, waiting), name="otlp-round"):
            yield
    finally:
        sender.stop()
        thread.join()


def _round(fleet: Fleet, waiting: WaitingRoom) -> None:
    for part in otlp.parts(fleet.read()):
        waiting.put(part)


class WaitingRoom:
    """What waits to be sent, oldest first, bounded: the oldest makes room for the newest. Thread-safe."""

    def __init__(self, metrics: ServerMetrics, limit_bytes: int = MAX_WAITING_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._metrics = metrics
        self._parts: deque[bytes] = deque()
        self._bytes = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, part: bytes) -> None:
        """Add the newest part."""
        with self._changed:
            self._parts.append(part)
            self._bytes += len(part)
            while self._bytes > self._limit_bytes:
                self._bytes -= len(self._parts.popleft())
                self._metrics.otlp_requests.labels(Outcome.DROPPED).inc()
            self._metrics.otlp_waiting_bytes.set(self._bytes)
            self._changed.notify()

    def oldest(self) -> bytes | None:
        """Wait for a part and return the oldest, which stays here; ``None`` once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._parts or self._is_closed)
            return None if self._is_closed else self._parts[0]

    def remove(self, part: bytes) -> bool:
        """Take ``part`` out; false when it had to make room meanwhile."""
        with self._changed:
            if not self._parts or self._parts[0] is not part:
                return False
            self._parts.popleft()
            self._bytes -= len(part)
            self._metrics.otlp_waiting_bytes.set(self._bytes)
            return True

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class Sender:
    """Sends what waits, in its order, and says once when the collector is away and once when it is back."""

    def __init__(self, collector: Collector, waiting: WaitingRoom, metrics: ServerMetrics) -> None:
        self._collector = collector
        self._waiting = waiting
        self._metrics = metrics
        self._stop = threading.Event()
        self._pause_s = _FIRST_PAUSE_S
        self._is_away = False
        self._refusals: set[str] = set()

    def run(self) -> None:
        """Send until ``stop``."""
        with bounded_session(self._collector.ca_file) as session:
            while (part := self._waiting.oldest()) is not None:
                self._send(session, part)

    def stop(self) -> None:
        """Let ``run`` end after the exchange under way."""
        self._stop.set()
        self._waiting.close()

    def _send(self, session: requests.Session, part: bytes) -> None:
        headers = {
            **self._collector.headers,
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
        }
        request = requests.Request("POST", self._collector.url, headers=headers, data=part)
        try:
            response, body = exchange(session, request, timeout_s=_TIMEOUT_S, total_s=_TOTAL_S)
        except (requests.RequestException, OSError) as error:
            self._later(type(error).__name__, None)
            return
        if response.status_code in _LATER:
            self._later(f"status {response.status_code}", response.headers.get("Retry-After"))
            return
        self._back()
        refusal = _refusal(response.status_code, body)
        if refusal:
            self._refused(refusal)
        if self._waiting.remove(part):
            self._metrics.otlp_requests.labels(Outcome.REFUSED if refusal else Outcome.SENT).inc()

    def _later(self, reason: str, retry_after: str | None) -> None:
        if not self._is_away:
            self._is_away = True
            _logger.warning("the OTLP collector is away (%s); readings wait for it", reason)
        pause_s = self._pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
            pause_s = min(float(retry_after[:6]), _MAX_RETRY_AFTER_S)
        self._pause_s = min(_MAX_PAUSE_S, self._pause_s * 2)
        self._stop.wait(pause_s)

    def _back(self) -> None:
        self._pause_s = _FIRST_PAUSE_S
        if self._is_away:
            self._is_away = False
            _logger.warning("the OTLP collector is back")

    def _refused(self, refusal: str) -> None:
        if refusal not in self._refusals:
            self._refusals.add(refusal)
            _logger.error("the OTLP collector refuses readings: %s", refusal)


def _refusal(status: int, body: bytes) -> str:
    """Return why a collector that answered did not take everything, by our own words; "" when it did."""
    if status != HTTPStatus.OK:
        return f"status {status}"
    answer = ExportMetricsServiceResponse()
    try:
        answer.ParseFromString(body)
    except DecodeError:
        return "its answer is no OTLP"
    return "some points" if answer.partial_success.rejected_data_points else ""

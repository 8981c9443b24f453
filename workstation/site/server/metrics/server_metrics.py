"""What the server counts of its own work, in this process and since it started."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workstation.site.contract import API_VERSION
from workstation.site.server.metrics.catalogue import EVENT_KINDS, OTHER

_METHODS = frozenset({"GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"})
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_DELAY_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)


class ServerMetrics:
    """Counters on a registry of their own, which collectors of a scrape join.

    Attributes:
        otlp_requests: of the forwarder: ``sent``, ``refused`` by the collector, ``dropped`` as it was away too long.
        otlp_waiting_bytes: what the forwarder still has to send.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "site_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._durations = Histogram(
            "site_request_duration_seconds",
            "Time that requests took.",
            ("route",),
            registry=self.registry,
            buckets=_BUCKETS_S,
        )
        self._delays = Histogram(
            "site_report_delay_seconds",
            "How old reports were when they were stored, by the booths' clocks.",
            registry=self.registry,
            buckets=_DELAY_BUCKETS_S,
        )
        self._events = Counter("site_events", "New events stored.", ("kind",), registry=self.registry)
        for kind in (*EVENT_KINDS, OTHER):
            self._events.labels(kind)
        self.otlp_requests = Counter(
            "site_otlp_requests", "Parts of rounds handed to the collector.", ("outcome",), registry=self.registry
        )
        self.otlp_waiting_bytes = Gauge(
            "site_otlp_waiting_bytes", "What waits for the collector.", registry=self.registry
        )
        ProcessCollector(registry=self.registry)

    def reported(self, sent_at: datetime, now: datetime) -> None:
        """Count a report that is stored."""
        self._delays.observe(max(0.0, (now - sent_at).total_seconds()))

    def stored_events(self, kinds: Iterable[str]) -> None:
        """Count events that are stored for the first time, by their kinds."""
        for kind in kinds:
            self._events.labels(kind if kind in EVENT_KINDS else OTHER).inc()

    def answered(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count a request. ``route`` is a pattern of ours, never a path that somebody asked for."""
        self._requests.labels(method if method in _METHODS else OTHER, route, str(status)).inc()
        self._durations.labels(route).observe(duration_s)


class CountRequests:
    """ASGI middleware: counts requests and their time."""

    def __init__(self, app: ASGIApp, metrics: ServerMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # what uvicorn answers when the application ends without an answer

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.monotonic()
        try:
            await self._app(scope, receive, noted)
        finally:
            self._metrics.answered(scope["method"], _route(scope), status, time.monotonic() - began)


def _route(scope: Scope) -> str:
    path = getattr(scope.get("route"), "path", None)
    return OTHER if path is None else str(path).removeprefix(f"/v{API_VERSION}")

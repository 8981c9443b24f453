"""An OTLP/HTTP collector for tests: takes metrics, decodes them with opentelemetry-proto, and behaves as told."""

from __future__ import annotations

import contextlib
import gzip
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)


class OtlpCollector:
    """What came, and what the next requests get.

    Attributes:
        statuses: of the next answers, first to last; then 200.
        retry_after: header beside a status that is not 200.
        delay_s: before each answer.
        rejected: how many points the answers say were not taken.
        garbage: answers that are no OTLP.
    """

    def __init__(self) -> None:
        self.url = ""
        self.statuses: list[int] = []
        self.retry_after = ""
        self.delay_s = 0.0
        self.rejected = 0
        self.garbage = False
        self.taken: list[ExportMetricsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.asked = 0

    def points(self) -> dict[tuple[str, str, str, str], float]:
        """Return the newest value of each series: by name, booth, kind and subject."""
        found = {}
        for request in list(self.taken):
            for of_resource in request.resource_metrics:
                for metric in of_resource.scope_metrics[0].metrics:
                    for point in metric.gauge.data_points:
                        labels = {item.key: item.value.string_value for item in point.attributes}
                        key = (metric.name, labels["booth"], labels.get("kind", ""), labels.get("subject", ""))
                        found[key] = point.as_double if point.HasField("as_double") else float(point.as_int)
        return found

    def wait(self, is_there: Callable[[], bool], limit_s: float = 20) -> None:
        """Wait until ``is_there`` says so."""
        deadline = time.monotonic() + limit_s
        while not is_there():
            assert time.monotonic() < deadline, (self.asked, len(self.taken))
            time.sleep(0.02)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        assert handler.path == "/v1/metrics"
        self.asked += 1
        time.sleep(self.delay_s)
        status = self.statuses.pop(0) if self.statuses else 200
        answer = b""
        if status == 200:
            self.headers.append(dict(handler.headers))
            self.taken.append(ExportMetricsServiceRequest.FromString(gzip.decompress(body)))
            response = ExportMetricsServiceResponse()
            if self.rejected:
                response.partial_success.rejected_data_points = self.rejected
            answer = b"<html>" if self.garbage else response.SerializeToString()
        handler.send_response(status)
        if self.retry_after and status != 200:
            handler.send_header("Retry-After", self.retry_after)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address) -> None:
        """Say nothing: a client that hangs up is what some tests want."""


@contextlib.contextmanager
def collecting(context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[OtlpCollector]:
    """Collect on loopback; over TLS with a ``context``."""
    collector = OtlpCollector()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            collector.answer(self)

        def log_message(self, *arguments: object) -> None:
            """Keep quiet."""

    server = _Server(("127.0.0.1", port), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if context is None else "https"
    collector.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/v1/metrics"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

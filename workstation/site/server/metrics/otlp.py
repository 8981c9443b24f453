"""The fleet as OTLP metrics, in parts of a size that collectors take.

Names and units are such that Prometheus, when it takes OTLP, makes the same names of them as ``/metrics`` has.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics.export import (
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from workstation.site.server.metrics.fleet import BoothNow, FleetNow

BOOTHS_IN_PART = 50
"""A booth has about 60 points of 100 bytes; collectors take 4 MiB and more."""

_SCOPE = InstrumentationScope("evaluation-site")
_STATE = ("booth.reading.state", "", "Judgement of a reading: 0 ok, 1 warn, 2 bad, 3 unknown.")
_OUTAGES = ("booth.outages.open", "", "Outages that a booth has not told the end of.")
_UP = ("booth.up", "", "Whether a booth's reports arrive.")
_Kind = tuple[str, str, str]
"""Name, unit and text of a metric."""


def parts(fleet: FleetNow) -> Iterator[bytes]:
    """Return the fleet as ``ExportMetricsServiceRequest`` messages, each compressed by gzip.

    Every point has the server's time: that of a booth may be wrong, and engines refuse what is from another time.
    """
    time_ns = int(fleet.at.timestamp()) * 10**9
    for first in range(0, len(fleet.booths), BOOTHS_IN_PART):
        booths = fleet.booths[first : first + BOOTHS_IN_PART]
        request = encode_metrics(MetricsData([_of_booth(booth, time_ns) for booth in booths]))
        yield gzip.compress(request.SerializeToString(), compresslevel=1)


def _of_booth(booth: BoothNow, time_ns: int) -> ResourceMetrics:
    resource = {"service.name": "evaluation-booth", "service.instance.id": booth.booth_id}
    if booth.version:
        resource["service.version"] = booth.version
    metrics = [_metric(kind, points) for kind, points in _points(booth, time_ns).items()]
    return ResourceMetrics(
        # Not Resource.create: that would add what this process is, which is no booth.
        resource=Resource(resource),
        scope_metrics=[ScopeMetrics(scope=_SCOPE, metrics=metrics, schema_url="")],
        schema_url="",
    )


def _points(booth: BoothNow, time_ns: int) -> dict[_Kind, list[NumberDataPoint]]:
    points = {_UP: [_point(int(booth.is_up), time_ns, {"booth": booth.booth_id})]}
    for outage, number in booth.outages.items():
        points.setdefault(_OUTAGES, []).append(_point(number, time_ns, {"booth": booth.booth_id, "outage": outage}))
    for reading in booth.readings:
        labels = {"booth": booth.booth_id, "kind": reading.kind, "subject": reading.subject}
        points.setdefault(_STATE, []).append(_point(reading.state, time_ns, labels))
        for figure, value in reading.figures:
            kind = (f"booth.{figure.stem}", figure.unit.ucum, figure.text)
            points.setdefault(kind, []).append(_point(value, time_ns, labels))
    return points


def _point(value: float, time_ns: int, labels: dict[str, str]) -> NumberDataPoint:
    return NumberDataPoint(attributes=labels, start_time_unix_nano=0, time_unix_nano=time_ns, value=value)


def _metric(kind: _Kind, points: Sequence[NumberDataPoint]) -> Metric:
    name, unit, text = kind
    return Metric(name=name, description=text, unit=unit, data=Gauge(data_points=points))

"""The fleet as OTLP metrics (opentelemetry-proto), in parts that a collector takes.

Encoding is OpenTelemetry's own. The export and its retries are not: the SDK's exporter keeps nothing beyond its one
call and does not say whether a refusal is for good (``forwarder``).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched

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

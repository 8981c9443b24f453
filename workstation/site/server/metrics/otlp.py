"""The fleet as OTLP metrics (opentelemetry-proto), in parts that a collector takes.

Encoding is OpenTelemetry's own. The export and its retries are not: the SDK's exporter keeps nothing beyond its one
call and does not say whether a refusal is for good (``forwarder``).
"""

from __future__ import annotations

"""What the site server tells monitoring engines: OpenMetrics on request, OTLP by itself (docs/metrics.md)."""

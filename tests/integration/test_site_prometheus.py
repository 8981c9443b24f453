"""A real Prometheus scrapes the real site server: values, what disappears, and the shipped alerts."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from tests.integration.prometheus_service import scraping
from workstation.site.client import SiteClient
from workstation.site.contract import ReportRequest
from workstation.site.embedded import EmbeddedSite
from workstation.site.readings import Quality, ReadingKind, ReadingReport, ReadingState

BOOT = uuid4()


def report(state: ReadingState, **values: float) -> ReportRequest:
    now = datetime.now(UTC)
    quality = Quality.BAD if state is ReadingState.UNKNOWN else Quality.GOOD
    reading = ReadingReport(
        kind=ReadingKind.UPS, subject="room", state=state, quality=quality, observed_at=now, values=values
    )
    return ReportRequest(
        boot_id=BOOT, sent_at=now, state="idle", version="0.1.0", full=True, readings=[reading], events=[],
        acknowledged=[],
    )  # fmt: skip


def test_a_real_prometheus_takes_it_all(tmp_path):
    labels = '{"booth": "booth-01", "kind": "ups", "subject": "room"}'
    with EmbeddedSite(tmp_path / "site", "booth-01", "booth-02") as site:
        client = SiteClient(site.base_url, "booth-01", site.tokens.booths["booth-01"], timeout_s=10)
        client.report(report(ReadingState.BAD, charge_percent=4, runtime_s=120))
        assert site.tokens.metrics is not None
        with scraping(site.base_url, site.tokens.metrics, tmp_path / "prometheus") as engine:
            engine.wait(lambda: engine.values("booth_charge_ratio") == {labels: 0.04})
            assert engine.values("booth_runtime_seconds") == {labels: 120}
            assert engine.values("booth_reading_state") == {labels: 2}
            assert engine.values("booth_up") == {'{"booth": "booth-01"}': 1, '{"booth": "booth-02"}': 0}
            info = '{"booth": "booth-01", "label": "booth-01", "version": "0.1.0"}'
            assert engine.values('booth_info{booth="booth-01"}') == {info: 1}
            reports = 'site_requests_total{method="POST", status="200"}'
            assert list(engine.values(reports).values()) == [1]
            assert engine.ask("metadata", metric="booth_charge_ratio")["booth_charge_ratio"] == [
                {"type": "gauge", "help": "Charge of a battery.", "unit": "ratio"}
            ]
            engine.wait(lambda: "UpsLow" in engine.firing())
            client.report(report(ReadingState.UNKNOWN))
            # Prometheus marks what is gone as stale with the next scrape: no last good value.
            engine.wait(lambda: engine.values("booth_charge_ratio") == {})
            assert engine.values("booth_reading_state") == {labels: 3}
            engine.wait(lambda: "UpsLow" not in engine.firing())
        client.close()

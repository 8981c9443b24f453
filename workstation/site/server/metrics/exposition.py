"""The fleet as OpenMetrics families, made anew for each scrape."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from workstation.site.server.metrics.fleet import Fleet, FleetNow

_OF_READING = ("booth", "kind", "subject")
_logger = logging.getLogger(__name__)


class FleetCollector(Collector):
    """Reads the fleet when a registry is asked. Without the database it says just that."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand, so that registering asks no database."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return every family with its samples."""
        try:
            fleet = self._fleet.read()
        except SQLAlchemyError as error:
            _logger.error("the database failed: %s", type(error).__name__)
            yield GaugeMetricFamily("site_database_up", "Whether the database answered this scrape.", 0)
            return
        yield GaugeMetricFamily("site_database_up", "Whether the database answered this scrape.", 1)
        yield from _booths(fleet)
        yield from _readings(fleet)
        yield from _server(fleet)


def _booths(fleet: FleetNow) -> Iterable[Metric]:
    up = GaugeMetricFamily("booth_up", "Whether a booth's reports arrive.", labels=("booth",))
    seen = GaugeMetricFamily(
        "booth_last_seen_timestamp_seconds", "When the last report of a booth came.", labels=("booth",), unit="seconds"
    )
    outages = GaugeMetricFamily(
        "booth_outages_open", "Outages that a booth has not told the end of.", labels=("booth", "outage")
    )
    info = InfoMetricFamily("booth", "What a booth is.", labels=("booth",))
    for booth in fleet.booths:
        up.add_metric((booth.booth_id,), booth.is_up)
        if booth.last_seen is not None:
            seen.add_metric((booth.booth_id,), booth.last_seen.timestamp())
        for outage, number in booth.outages.items():
            outages.add_metric((booth.booth_id, outage), number)
        info.add_metric((booth.booth_id,), {"label": booth.label, "room": booth.room, "version": booth.version})
    return up, seen, outages, info


def _readings(fleet: FleetNow) -> Iterable[Metric]:
    states = GaugeMetricFamily(
        "booth_reading_state", "Judgement of a reading: 0 ok, 1 warn, 2 bad, 3 unknown.", labels=_OF_READING
    )
    figures: dict[str, GaugeMetricFamily] = {}
    for booth in fleet.booths:
        for reading in booth.readings:
            # The family takes as many values as there are: a label without value is no label.
            labels = (booth.booth_id, reading.kind, *([reading.subject] if reading.subject else []))
            states.add_metric(labels, reading.state)
            for figure, value in reading.figures:
                family = figures.get(figure.metric)
                if family is None:
                    family = GaugeMetricFamily(figure.metric, figure.text, labels=_OF_READING, unit=figure.unit.name)
                    figures[figure.metric] = family
                family.add_metric(labels, value)
    return states, *figures.values()


def _server(fleet: FleetNow) -> Iterable[Metric]:
    left_out = GaugeMetricFamily(
        "site_left_out", "What booths say that is no series, by what it is; see docs/metrics.md.", labels=("what",)
    )
    for what, number in fleet.left_out.items():
        left_out.add_metric((what,), number)
    waiting = "Orders that no booth acknowledged yet."
    return (
        left_out,
        GaugeMetricFamily("site_commands_waiting", waiting, fleet.commands_waiting),
        GaugeMetricFamily("site_database_size_bytes", "Size of the database.", fleet.database_bytes, unit="bytes"),
    )

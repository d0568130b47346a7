"""Make Prometheus's gauges of values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric


def gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=float(value))


def gauges(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    """Return a gauge with a value for each value of one label."""
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for of_label, value in values.items():
        family.add_metric([of_label], float(value))
    return family


def moment(name: str, help_text: str, at: datetime | None) -> Metric:
    """Return a moment as seconds since 1970, as Prometheus's rules compare it; 0 for never."""
    return gauge(name, help_text, at.timestamp() if at else 0)


def age(name: str, help_text: str, since: datetime | None, now: datetime) -> Metric:
    """Return how long something has been waiting; 0 where nothing does."""
    return gauge(name, help_text, max((now - since).total_seconds(), 0) if since else 0)

"""Define what each process counts about itself, for Prometheus.

Here are all names that processes count by, with the labels, which take few values: never an
address, a person or a row. ``sharing`` brings the figures of all processes together; what can be
counted from rows is, in ``portal.site.operations``, and so survives restarts.
"""

from __future__ import annotations

from collections.abc import Iterator

import prometheus_client
from django.db import connection
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# Else each counter has a second series, of when it was made.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

REQUEST_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
JOB_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)

registry = CollectorRegistry(auto_describe=False)

http_requests = Counter(
    "weightgate_http_requests_total",
    "Requests answered, by the protocol, the route’s name and the status",
    ["surface", "route", "status"],
    registry=registry,
)
http_duration = Histogram(
    "weightgate_http_request_duration_seconds",
    "Time from a request to the beginning of its answer",
    ["surface", "route"],
    buckets=REQUEST_BUCKETS,
    registry=registry,
)
http_in_flight = Gauge(
    "weightgate_http_requests_in_flight",
    "Requests whose answer has not begun",
    registry=registry,
)
refusals = Counter(
    "weightgate_refusals_total",
    "Refusals, by the protocol and the code of the reason: of links, of rate limits, of all else",
    ["surface", "reason"],
    registry=registry,
)
jobs_ended = Counter(
    "weightgate_jobs_ended_total", "Jobs that ended, by how", ["state"], registry=registry
)
lease_losses = Counter(
    "weightgate_lease_losses_total",
    "Jobs whose worker let its lease run out: it was lost, or too slow",
    registry=registry,
)
prompt_tokens = Counter(
    "weightgate_prompt_tokens_total",
    "Tokens of the prompts that workers took up",
    ["model"],
    registry=registry,
)
queue_time = Histogram(
    "weightgate_job_queue_seconds",
    "Time from a job’s making to the first time that a worker took it up",
    ["model"],
    buckets=JOB_BUCKETS,
    registry=registry,
)
first_token_time = Histogram(
    "weightgate_time_to_first_token_seconds",
    "Time from a job’s making to its first token, waiting included",
    ["model"],
    buckets=JOB_BUCKETS,
    registry=registry,
)
mails = Counter(
    "weightgate_mails_tried_total",
    "Tries to deliver a mail, by the state that it is in after it",
    ["state"],
    registry=registry,
)


class DatabasePool(Collector):
    """A collector of this process's database connections; of none where they aren't pooled."""

    def collect(self) -> Iterator[Metric]:
        pool = getattr(connection, "pool", None)
        if pool is None:
            return
        stats = pool.get_stats()
        idle = stats["pool_available"]
        help_text = "Database connections, by whether a request has one"
        states = GaugeMetricFamily("weightgate_db_pool_connections", help_text, labels=["state"])
        states.add_metric(["in_use"], stats["pool_size"] - idle)
        states.add_metric(["idle"], idle)
        yield states
        help_text = "Database connections that this process may have"
        yield GaugeMetricFamily("weightgate_db_pool_limit", help_text, value=stats["pool_max"])
        waiting = stats["requests_waiting"]
        help_text = "Threads that wait for a database connection now"
        yield GaugeMetricFamily("weightgate_db_pool_waiting", help_text, value=waiting)
        errors = stats.get("requests_errors", 0)
        help_text = "Times that no database connection came free in time"
        yield CounterMetricFamily("weightgate_db_pool_errors_total", help_text, value=errors)


registry.register(DatabasePool())

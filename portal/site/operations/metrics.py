"""The metrics that Prometheus scrapes: counts of rows, and what each process counts by itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db import Error
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from redis import RedisError

from portal.audit.last_check import last_chain_check
from portal.jobs.hosting import hosted_repos, live_workers
from portal.jobs.ticks import last_tick
from portal.observability.sharing import all_processes
from portal.redis_client import redis_client
from portal.site.operations.families import gauge, gauges, moment
from portal.site.operations.row_metrics import from_rows


class SiteMetrics(Collector):
    """A collector of everything, at each scrape. What is away hides nothing else."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        rows = _from_database(now)
        yield gauge("weightgate_database_up", "1 while the database answers", bool(rows))
        yield from rows
        has_broker = _has_broker()
        yield gauge("weightgate_broker_up", "1 while Redis answers", has_broker)
        if has_broker:
            yield from _from_redis()
        yield from _disks()
        yield from all_processes()


def _from_database(now: datetime) -> list[Metric]:
    """Return what rows say; nothing while the database is away."""
    try:
        return [*from_rows(now), *_hosted_models()]
    except Error:
        return []


def _hosted_models() -> Iterator[Metric]:
    alive = live_workers()
    ready = {repo.full_name: repo.pk in alive for repo in hosted_repos()}
    help_text = "1 while a live worker holds the hosted model"
    yield gauges("weightgate_hosted_model_ready", help_text, "model", ready)


def _has_broker() -> bool:
    try:
        redis_client().ping()
    except RedisError:
        return False
    return True


def _from_redis() -> Iterator[Metric]:
    help_text = "When a worker last ran a task of the clock; 0 where none did for a day"
    yield moment("weightgate_worker_last_tick_timestamp_seconds", help_text, last_tick())
    check = last_chain_check()
    help_text = "When the hash chain was last read from end to end; 0 for never"
    name = "weightgate_audit_chain_checked_timestamp_seconds"
    yield moment(name, help_text, check.at if check else None)
    broken = check is not None and check.is_broken
    help_text = "1 where the last reading of the hash chain found a fault"
    yield gauge("weightgate_audit_chain_broken", help_text, broken)


def _disks() -> Iterator[Metric]:
    """Yield the room on the disks of the host that is scraped."""
    folders = {"var": settings.VAR}
    if settings.STORAGE == "local":
        folders["blobs"] = settings.BLOB_DIR
    usage = {name: shutil.disk_usage(path) for name, path in folders.items() if path.is_dir()}
    free = {name: room.free for name, room in usage.items()}
    yield gauges("weightgate_disk_free_bytes", "Room that is left on a disk", "folder", free)
    total = {name: room.total for name, room in usage.items()}
    yield gauges("weightgate_disk_size_bytes", "Size of a disk", "folder", total)


registry = CollectorRegistry(auto_describe=False)
registry.register(SiteMetrics())

"""The Celery application, and the one place that knows its broker's address.

A message is a hint that there is work; the row in the database is the work. So a broker that is
away loses nothing: beat sends the hint again.
"""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlsplit

from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def broker_url(redis_url: str) -> str:
    """kombu's form of a redis-py URL: only unix sockets are spelt differently."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"


app = Celery("weightgate", broker=broker_url(settings.REDIS_URL))
app.conf.update(
    task_ignore_result=True,
    task_acks_late=False,  # leases in the database bring lost work back, not the broker
    task_default_queue="weightgate",
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_connect_timeout": 2, "max_retries": 1},
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    timezone="UTC",
)


def enqueue(task_name: str, *, queue: str | None = None, **ids: int | str) -> None:
    """Hint that there is work. Call it after commit."""
    try:
        app.send_task(task_name, kwargs=ids, queue=queue, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("The broker is away; beat will hint again: %s", error)

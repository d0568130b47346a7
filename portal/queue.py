"""The Celery application, and the one place that knows its broker's address.

A message is a hint that there is work; the row in the database is the work. So a broker that is
away loses nothing: beat sends the hint again.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

from celery import Celery, Task
from celery.signals import before_task_publish, task_postrun, task_prerun
from django.conf import settings
from kombu.exceptions import OperationalError

from portal.observability import traces
from portal.observability.request_ids import bind_http_request_id, http_request_id

log = logging.getLogger(__name__)
HEADER = "http_request_id"
SPAN = "weightgate_span"


def broker_url(redis_url: str) -> str:
    """Return a redis-py URL in kombu's form, which spells only unix sockets differently."""
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
    broker_connection_max_retries=None,  # a worker waits for its broker however long it is away
    broker_transport_options={
        "socket_connect_timeout": 2,
        "socket_timeout": 10,  # more than a worker's blocking read takes
        "max_retries": 1,
    },
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


@before_task_publish.connect
def _name_request(headers: dict[str, Any], **_: Any) -> None:
    headers[HEADER] = http_request_id()
    headers[traces.HEADER] = traces.trace_parent()


@task_prerun.connect
def _bind_request(task: Task[Any, Any], **_: Any) -> None:
    """Mark what the task logs with the request that hinted; a row that it takes up has its own."""
    bind_http_request_id(task.request.get(HEADER) or "")
    # Only what a request hinted at is in a trace: the clock's tasks would be most of them.
    parent = task.request.get(traces.HEADER) or ""
    span = ExitStack()
    span.enter_context(traces.continued(f"task {task.name}", parent))
    task.request.update({SPAN: span})


@task_postrun.connect
def _unbind_request(task: Task[Any, Any], **_: Any) -> None:
    bind_http_request_id("")
    if span := task.request.get(SPAN):
        span.close()

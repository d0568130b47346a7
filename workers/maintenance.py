"""What the clock asks for."""

from __future__ import annotations

import logging
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from portal.access.reminders.tick import tick
from portal.audit.heads import publish_heads
from portal.catalog.services.storage_check import verify_storage
from portal.delivery.accounting.anonymous_reads import record_anonymous_reads
from portal.delivery.accounting.transfers import read_transfers
from portal.jobs.services import sweep
from portal.queue import app
from portal.site.services.retention import enforce_retention

log = logging.getLogger(__name__)


@app.task(name="jobs.sweep")
def sweep_jobs() -> None:
    """Bring lost jobs back; end those past their time."""
    swept = sweep(now=timezone.now())
    if swept.requeued or swept.failed or swept.expired:
        log.warning("%s", swept)


@app.task(name="audit.publish_heads")
def publish_chain_heads() -> None:
    """Once a day there is something to do; asking more often costs one look."""
    publish_heads(timezone.now())


@app.task(name="access.tick")
def tick_clock() -> None:
    """Deadlines, reminders, escalations: what the minute has brought."""
    done = tick(timezone.now())
    if done:
        log.info("The clock: %s", done)


@app.task(name="delivery.transfers")
def read_transfer_log() -> None:
    """What nginx has sent since the last look, where nginx sends."""
    if settings.TRANSFER_LOG:
        read_transfers(Path(settings.TRANSFER_LOG))


@app.task(name="delivery.anonymous_reads")
def record_open_reads() -> None:
    """Put yesterday's anonymous downloads on record, one number a model."""
    record_anonymous_reads(timezone.now())


@app.task(name="site.forget")
def forget() -> None:
    """What has had its time is kept no longer."""
    done = enforce_retention(timezone.now())
    if done:
        log.info("Forgotten: %s", done)


@app.task(name="storage.verify")
def verify_some_storage() -> None:
    """What hasn't been looked at for longest; what is wrong is logged and recorded there."""
    if settings.VERIFY_STORAGE_BYTES:
        verify_storage(now=timezone.now(), limit_bytes=settings.VERIFY_STORAGE_BYTES)

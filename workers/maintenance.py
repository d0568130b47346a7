"""Define the tasks that beat starts by the clock."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from redis import RedisError

from portal.access.reminders.tick import tick
from portal.audit.checking import verify_chain
from portal.audit.heads import publish_heads
from portal.audit.last_check import note_chain_check
from portal.catalog.licensing.relicensing import relicense_due
from portal.catalog.services.storage_check import verify_storage
from portal.delivery.accounting.anonymous_reads import record_anonymous_reads
from portal.delivery.accounting.transfers import read_transfers
from portal.jobs.batches.advancing import advance_batch, advance_batches
from portal.jobs.captures.keeping import sweep_captures
from portal.jobs.services import sweep
from portal.jobs.services.forgetting import forget_fetched
from portal.jobs.ticks import note_tick
from portal.queue import app
from portal.site.services.retention import enforce_retention
from portal.site.transparency.publishing import publish_months

log = logging.getLogger(__name__)


@app.task(name="jobs.sweep")
def sweep_jobs() -> None:
    """Requeue jobs of lost workers, and end those past their time."""
    now = timezone.now()
    _note_tick(now)
    swept = sweep(now=now)
    forget_fetched(now)
    sweep_captures(now)
    if swept.requeued or swept.failed or swept.expired or swept.readdressed:
        log.warning("%s", swept)


@app.task(name="jobs.advance_batches")
def advance_all_batches() -> None:
    """Move every open batch on: those whose hints were lost, that wait for a quota, that expire."""
    advance_batches(timezone.now())


@app.task(name="jobs.advance_batch")
def advance_one_batch(batch: str) -> None:
    """Move the batch on that was submitted, cancelled, or has a line that ended."""
    advance_batch(UUID(batch), timezone.now())


def _note_tick(now: datetime) -> None:
    """Leave the sign that beat and a worker are alive; this task is started by beat alone."""
    try:
        note_tick(now)
    except RedisError as error:
        log.warning("Redis is away, the clock leaves no sign: %s", error)


@app.task(name="audit.publish_heads")
def publish_chain_heads() -> None:
    """Publish the audit log's chain heads, once a day; on every other call do nothing."""
    publish_heads(timezone.now())


@app.task(name="audit.verify")
def verify_record() -> None:
    """Read the hash chain from end to end; a fault is logged, and shown by the metrics."""
    report = verify_chain()
    if report.fault:
        log.error("The hash chain is broken at event %s", report.fault.sequence)
    note_chain_check(report, timezone.now())


@app.task(name="access.tick")
def tick_clock() -> None:
    """Apply the deadlines, reminders and escalations that have come due."""
    done = tick(timezone.now())
    if done:
        log.info("Deadlines: %s", done)


@app.task(name="catalog.relicense")
def renew_licence_files() -> None:
    """Deliver the licence in force with each model whose main has an older text."""
    if renewed := relicense_due(timezone.now()):
        log.info("Licence files renewed: %d", renewed)


@app.task(name="delivery.transfers")
def read_transfer_log() -> None:
    """Account for downloads that nginx has sent since the last call, if it sends them."""
    if settings.TRANSFER_LOG:
        read_transfers(Path(settings.TRANSFER_LOG))


@app.task(name="delivery.anonymous_reads")
def record_open_reads() -> None:
    """Put yesterday's anonymous downloads on record, one number a model."""
    record_anonymous_reads(timezone.now())


@app.task(name="site.forget")
def forget() -> None:
    """Delete data whose retention time is over."""
    done = enforce_retention(timezone.now())
    if done:
        log.info("Deleted: %s", done)


@app.task(name="storage.verify")
def verify_some_storage() -> None:
    """Verify the blobs that were checked longest ago; faults are logged and recorded."""
    if settings.VERIFY_STORAGE_BYTES:
        verify_storage(now=timezone.now(), limit_bytes=settings.VERIFY_STORAGE_BYTES)


@app.task(name="site.publish_months")
def publish_months_that_are_over() -> None:
    """Publish the gate's figures of the months that are over; most days there is none."""
    if made := publish_months(timezone.now()):
        log.info("%d months of figures published", made)

"""Move batches on: read the file, queue lines, write down what has ended, end.

The rows say how far a batch is. Whoever calls this, and however often it was killed, it goes on
from there; one process at a time has a batch, and others leave it to that one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.db.models import Min, Q

from portal.access.policy.policy import Action
from portal.access.policy.refusals import require_may
from portal.database.binding import values_apart
from portal.errors import DomainError
from portal.jobs.batches.capturing import capture_file_ids, seal, unsealed, write_index
from portal.jobs.batches.collecting import collect
from portal.jobs.batches.ending import fail_batch, record_end
from portal.jobs.batches.feeding import feed
from portal.jobs.batches.locking import locked_batch
from portal.jobs.batches.models import LEFT, OPEN_BATCHES, Batch, BatchLine, StoredFile
from portal.jobs.batches.reading import BatchError, BatchReader, RequestLine
from portal.jobs.batches.stopping import EXPIRED, stop_lines
from portal.jobs.hosting import find_hosted
from portal.jobs.models import Job
from portal.jobs.querysets import OPEN_STATES
from portal.observability.request_ids import bound_to
from portal.surfaces.openai import openai_body

log = logging.getLogger(__name__)
State = Batch.State
CHUNK_LINES = 500


def advance_batches(now: datetime) -> int:
    """Move every open batch on. One that fails holds up no other. Return how many there are."""
    open_batches = Batch.objects.filter(state__in=OPEN_BATCHES).order_by("created_at")
    ids = list(open_batches.values_list("pk", flat=True))
    for batch_id in ids:
        try:
            advance_batch(batch_id, now)
        except Exception:
            log.exception("Batch %s didn't move on; it is tried again", batch_id)
    return len(ids)


def advance_batch(batch_id: UUID, now: datetime) -> None:
    """Move a batch as far on as it can go now."""
    _validate(batch_id, now)
    _expire(batch_id, now)
    collect(batch_id, now)
    feed(batch_id, now)
    collect(batch_id, now)  # what was refused just now
    seal(batch_id, now)
    _finish(batch_id, now)


@transaction.atomic
def _validate(batch_id: UUID, now: datetime) -> None:
    """Read the file and keep its lines; a killed process leaves none of them."""
    if not Batch.objects.filter(pk=batch_id, state=State.VALIDATING).exists():
        return
    batch = locked_batch(batch_id)
    if batch is None or batch.state != State.VALIDATING:
        return
    with bound_to(batch.http_request_id):
        reader = BatchReader(batch.endpoint)
        file = StoredFile.objects.filter(pk=batch.input_file_id).first()
        batch.total = _keep(batch, reader.lines(file)) if file else 0
        batch.model_name = reader.model[:200]
        errors = reader.errors or _access_errors(batch, now)
        if errors:
            fail_batch(batch, errors, now)
        else:
            batch.state, batch.in_progress_at = State.IN_PROGRESS, now
            batch.save()
        log.info("Batch %s is %s: %s requests", batch.pk, batch.state, batch.total)


def _keep(batch: Batch, lines: Iterable[RequestLine]) -> int:
    rows = (
        BatchLine(batch=batch, number=line.number, custom_id=line.custom_id, body=line.body)
        for line in lines
    )
    count = 0
    while chunk := list(islice(rows, CHUNK_LINES)):
        with values_apart():
            BatchLine.objects.bulk_create(chunk)
        count += len(chunk)
    return count


def _access_errors(batch: Batch, now: datetime) -> list[BatchError]:
    """Return why nobody could answer this batch's requests; nothing where somebody may."""
    try:
        repo = find_hosted(batch.model_name, batch.caller)
        require_may(batch.caller, Action.INFER, repo, now)
    except DomainError as error:
        content = openai_body(error)[1]["error"]
        return [BatchError(content["code"], content["message"], None, "model")]
    return []


@transaction.atomic
def _expire(batch_id: UUID, now: datetime) -> None:
    if not Batch.objects.filter(pk=batch_id, expires_at__lte=now).exists():
        return
    batch = locked_batch(batch_id)
    if batch is None or batch.state != State.IN_PROGRESS:
        return
    batch.state, batch.finalizing_at, batch.expired_at = State.FINALIZING, now, now
    batch.save(update_fields=["state", "finalizing_at", "expired_at"])
    stop_lines(batch, EXPIRED, now)


@transaction.atomic
def _finish(batch_id: UUID, now: datetime) -> None:
    """End a batch whose lines are all in its files; one that only writes yet says so."""
    batch = locked_batch(batch_id)
    if batch is None or batch.state == State.VALIDATING:
        return
    if batch.lines.filter(state__in=LEFT).exists():
        _finalize(batch, now)
        return
    if unsealed(batch_id).exists():  # another process joins them just now
        return
    write_index(batch, now)
    if batch.state == State.CANCELLING:
        batch.state, batch.cancelled_at = State.CANCELLED, now
    elif batch.expired_at:
        batch.state = State.EXPIRED
    else:
        batch.finalizing_at = batch.finalizing_at or now
        batch.state, batch.completed_at = State.COMPLETED, now
    batch.save()
    StoredFile.objects.filter(pk__in=_written(batch)).update(is_whole=True, created_at=now)
    _shorten_days(batch)
    record_end(batch, now)


def _finalize(batch: Batch, now: datetime) -> None:
    working = batch.lines.filter(state=BatchLine.State.WAITING).exists() or (
        batch.lines.filter(state=BatchLine.State.RUNNING, job__state__in=OPEN_STATES).exists()
    )
    if batch.state == State.IN_PROGRESS and not working:
        batch.state, batch.finalizing_at = State.FINALIZING, now
        batch.save(update_fields=["state", "finalizing_at"])


def _shorten_days(batch: Batch) -> None:
    """Keep the files no longer than the model's lab has prompts kept."""
    days = Job.objects.filter(batch_line__batch=batch).aggregate(least=Min("text_days"))["least"]
    if days is None:
        return
    files = StoredFile.objects.filter(pk__in=[batch.input_file_id, *_written(batch)])
    files.filter(Q(text_days=None) | Q(text_days__gt=days)).update(text_days=days)


def _written(batch: Batch) -> list[UUID]:
    own = (batch.output_file_id, batch.error_file_id, batch.capture_index_id)
    return [*filter(None, own), *capture_file_ids(batch)]

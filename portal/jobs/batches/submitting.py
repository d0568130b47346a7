"""Submit batches, find, list and cancel them: each is its owner's alone."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.audit.events import EventType
from portal.audit.services import record
from portal.jobs.batches.files import find_file, within_token
from portal.jobs.batches.models import OPEN_BATCHES, Batch, StoredFile
from portal.jobs.batches.public_ids import BATCH_PREFIX, read_id
from portal.jobs.batches.stopping import CANCELLED, stop_lines
from portal.jobs.errors import BadParameter, BatchHasEnded, BatchNotFound, QuotaExceeded
from portal.jobs.openai.batches import BatchRequest
from portal.queue import enqueue

log = logging.getLogger(__name__)
WINDOW = timedelta(hours=24)
OPEN_RETRY_SECONDS = 60


@transaction.atomic
def create_batch(*, caller: Caller, request: BatchRequest, now: datetime) -> Batch:
    """Submit a batch; a worker reads its file next.

    Raises StoredFileNotFound, BadParameter, QuotaExceeded.
    """
    person = User.objects.select_for_update(no_key=True).get(pk=caller.named.pk)
    file = find_file(caller=caller, public_id=request.input_file_id, field="input_file_id")
    if file.purpose != StoredFile.Purpose.BATCH:
        message = "This file is what a batch answered. Upload one with purpose batch."
        raise BadParameter(message, field="input_file_id")
    # Locked, so that nobody deletes it between this look and the row that names it.
    StoredFile.objects.select_for_update(no_key=True).get(pk=file.pk)
    _require_room(person)
    batch = Batch.objects.create(
        person=person,
        token=caller.token,
        endpoint=request.endpoint,
        input_file_id=file.pk,
        metadata=request.metadata,
        created_at=now,
        expires_at=now + WINDOW,
    )
    record(
        EventType.BATCH_SUBMITTED, actor=person, target=batch, at=now, size_bytes=file.size_bytes
    )
    log.info("Batch %s is submitted: %s bytes", batch.pk, file.size_bytes)
    transaction.on_commit(lambda: hint(batch.pk))
    return batch


def hint(batch_id: UUID) -> None:
    """Tell workers that a batch can go on. Beat makes up for a lost hint in seconds."""
    enqueue("jobs.advance_batch", batch=str(batch_id))


def _require_room(person: User) -> None:
    most = settings.MAX_OPEN_BATCHES
    if Batch.objects.filter(person=person, state__in=OPEN_BATCHES).count() >= most:
        raise QuotaExceeded(
            f"You have {most} batches open, the most at one time. Wait for one to end, or cancel "
            "one.",
            retry_after_seconds=OPEN_RETRY_SECONDS,
        )


def batches_of(caller: Caller) -> QuerySet[Batch]:
    return within_token(Batch.objects.filter(person=caller.named), caller)


def find_batch(*, caller: Caller, public_id: str) -> Batch:
    """Find a person's own batch; others' don’t exist to them. Raises BatchNotFound."""
    batch_id = read_id(BATCH_PREFIX, public_id)
    batch = batches_of(caller).filter(pk=batch_id).first() if batch_id else None
    if batch is None:
        raise BatchNotFound
    return batch


@transaction.atomic
def cancel_batch(*, caller: Caller, public_id: str, now: datetime) -> Batch:
    """Stop one's own batch: what waits at once, what runs by its worker.

    What was answered is kept. Asking twice changes nothing. Raises BatchNotFound, BatchHasEnded.
    """
    batch_id = find_batch(caller=caller, public_id=public_id).pk
    batch = Batch.objects.select_for_update(no_key=True).get(pk=batch_id)
    if batch.state == Batch.State.CANCELLING:
        return batch
    if not batch.can_be_cancelled:
        raise BatchHasEnded(batch.state)
    batch.state, batch.cancelling_at = Batch.State.CANCELLING, now
    batch.save(update_fields=["state", "cancelling_at"])
    stop_lines(batch, CANCELLED, now)
    transaction.on_commit(lambda: hint(batch.pk))
    return batch

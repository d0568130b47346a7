"""End batches, each with one event for all of its lines."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from portal.audit.events import EventType
from portal.audit.services import record
from portal.jobs.accounting.batches import tokens_of
from portal.jobs.batches.models import Batch
from portal.jobs.batches.reading import BatchError

log = logging.getLogger(__name__)


def fail_batch(batch: Batch, errors: Sequence[BatchError], now: datetime) -> None:
    """End a locked batch of which nothing is answered, with what is wrong."""
    batch.lines.all().delete()
    batch.state, batch.failed_at = Batch.State.FAILED, now
    batch.errors = [error.as_dict for error in errors]
    batch.save()
    record_end(batch, now)


def record_end(batch: Batch, now: datetime) -> None:
    """Put the end on record, and what its lines took together in the row too."""
    tokens = tokens_of([batch])[batch.pk]
    batch.prompt_tokens, batch.completion_tokens = tokens.prompts, tokens.answers
    batch.waiting_for = ""
    batch.save(update_fields=["prompt_tokens", "completion_tokens", "waiting_for"])
    record(
        EventType.BATCH_ENDED,
        actor=None,
        target=batch,
        at=now,
        state=str(batch.state),
        repo=batch.model_name,
        total=batch.total,
        completed=batch.completed,
        failed=batch.failed,
        prompt_tokens=tokens.prompts,
        completion_tokens=tokens.answers,
    )
    log.info("Batch %s ended: %s", batch.pk, batch.state)

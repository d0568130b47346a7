"""End the batches that were open when a backup was made: it holds none of their requests."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.jobs.batches.ending import fail_batch
from portal.jobs.batches.models import OPEN_BATCHES, Batch
from portal.jobs.batches.reading import BatchError

RESTORED = "The site was restored from a backup, which holds no prompts. Submit it again."


@transaction.atomic
def end_restored_batches(now: datetime) -> int:
    """Fail open batches, with the reason. Return how many there were."""
    batches = list(Batch.objects.filter(state__in=OPEN_BATCHES).select_for_update(no_key=True))
    for batch in batches:
        batch.output_file_id = batch.error_file_id = batch.capture_index_id = None
        fail_batch(batch, [BatchError("restored", RESTORED)], now)
    return len(batches)

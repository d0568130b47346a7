"""Have one process at a time move a batch on."""

from __future__ import annotations

from uuid import UUID

from portal.jobs.batches.models import OPEN_BATCHES, Batch


def locked_batch(batch_id: UUID) -> Batch | None:
    """Lock an open batch; None where another process has it, who goes on with it."""
    rows = Batch.objects.filter(pk=batch_id, state__in=OPEN_BATCHES)
    batch: Batch | None = (
        rows.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("person", "token__user")
        .first()
    )
    return batch

"""Add up what the lines of batches took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from portal.jobs.batches.models import Batch
from portal.jobs.models import Job


@dataclass(frozen=True)
class BatchTokens:
    """The tokens of a batch's lines so far, or of all of them once it has ended."""

    prompts: int = 0
    answers: int = 0

    @property
    def total(self) -> int:
        return self.prompts + self.answers


def tokens_of(batches: Sequence[Batch]) -> dict[UUID, BatchTokens]:
    """Return the tokens of each: one query for those that are open, none for the others.

    A batch that has ended has its sums in its row, so that a list of many adds up few lines.
    """
    open_ones = [batch.pk for batch in batches if batch.prompt_tokens is None]
    sums = _added_up(open_ones) if open_ones else {}
    return {batch.pk: sums.get(batch.pk) or _kept(batch) for batch in batches}


def _kept(batch: Batch) -> BatchTokens:
    return BatchTokens(batch.prompt_tokens or 0, batch.completion_tokens or 0)


def _added_up(batch_ids: Sequence[UUID]) -> dict[UUID, BatchTokens]:
    jobs = Job.objects.filter(batch__in=batch_ids).order_by().values("batch")
    rows = jobs.annotate(prompts=Sum("prompt_tokens"), answers=Sum("completion_tokens"))
    return {row["batch"]: BatchTokens(row["prompts"], row["answers"]) for row in rows}

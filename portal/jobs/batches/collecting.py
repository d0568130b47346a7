"""Write the lines that have ended into the batch's files, and forget their jobs' words.

Each round is one transaction of bounded size: a killed process loses one, which is done again.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from portal.errors import DomainError
from portal.jobs.batches import contents
from portal.jobs.batches.feeding import refusal_outcome
from portal.jobs.batches.locking import locked_batch
from portal.jobs.batches.models import Batch, BatchLine, StoredFile
from portal.jobs.batches.public_ids import BATCH_PREFIX, spelt
from portal.jobs.batches.stopping import ACCESS_ENDED, CANCELLED, EXPIRED, never_answered
from portal.jobs.chat.endpoints import Endpoint
from portal.jobs.errors import JobFailed
from portal.jobs.hosting import hosted_model
from portal.jobs.models import Job
from portal.jobs.querysets import OPEN_STATES
from portal.jobs.services.forgetting import forget
from portal.jobs.services.running import LOST_ACCESS
from portal.jobs.terms import metadata, terms_of

ROUND_LINES = 100
ROUND_BYTES = 4 << 20


def collect(batch_id: UUID, now: datetime) -> None:
    """Write down all that has ended."""
    while _collect_some(batch_id, now):
        pass


def uncollected(batch: Batch) -> QuerySet[BatchLine]:
    """Select the lines that have ended and are in no file yet."""
    stopped = Q(state=BatchLine.State.STOPPED)
    ended = Q(state=BatchLine.State.RUNNING) & ~Q(job__state__in=OPEN_STATES)
    return batch.lines.filter(stopped | ended)


@transaction.atomic
def _collect_some(batch_id: UUID, now: datetime) -> bool:
    """Write down some lines. Return whether there may be more."""
    batch = locked_batch(batch_id)
    if batch is None:
        return False
    written = _Round(batch)
    names = ("job__revision", "job__repo__namespace", "job__person")
    rows = uncollected(batch).select_related(*names).order_by("number")
    for line in rows[:ROUND_LINES].iterator(chunk_size=1):
        written.add(line)
        if written.size_bytes >= ROUND_BYTES:
            break
    written.save(now)
    return bool(written.lines)


class _Round:
    """The lines of one transaction, by the file that they go to."""

    def __init__(self, batch: Batch) -> None:
        self.lines: list[BatchLine] = []
        self.size_bytes = 0
        self._batch = batch
        self._answers: list[bytes] = []
        self._errors: list[bytes] = []

    def add(self, line: BatchLine) -> None:
        is_answered = line.job is not None and line.job.state == Job.State.SUCCEEDED
        text = _answered(self._batch, line) if is_answered else ""
        file, state = self._answers, BatchLine.State.COMPLETED
        if not text:
            file, state = self._errors, BatchLine.State.FAILED
            text = _written(line, _outcome(self._batch, line))
        line.state, line.outcome = state, None
        encoded = f"{text}\n".encode()
        file.append(encoded)
        self.size_bytes += len(encoded)
        self.lines.append(line)

    def save(self, now: datetime) -> None:
        batch = self._batch
        batch.output_file_id = self._append(batch.output_file_id, "output", self._answers, now)
        batch.error_file_id = self._append(batch.error_file_id, "error", self._errors, now)
        batch.completed += len(self._answers)
        batch.failed += len(self._errors)
        batch.save(update_fields=["output_file_id", "error_file_id", "completed", "failed"])
        BatchLine.objects.bulk_update(self.lines, ["state", "outcome"])
        forget(Job.objects.filter(pk__in=[line.job_id for line in self.lines]))

    def _append(
        self, file_id: UUID | None, name: str, texts: list[bytes], now: datetime
    ) -> UUID | None:
        if not texts:
            return file_id
        file = StoredFile.objects.filter(pk=file_id).first() if file_id else None
        if file is None:
            file = self._begun(name, now)
        file.size_bytes += contents.append(file, texts)
        file.save(update_fields=["size_bytes"])
        return file.pk

    def _begun(self, name: str, now: datetime) -> StoredFile:
        return StoredFile.objects.create(
            person=self._batch.person,
            token=self._batch.token,
            purpose=StoredFile.Purpose.BATCH_OUTPUT,
            filename=f"{spelt(BATCH_PREFIX, self._batch.pk)}_{name}.jsonl",
            created_at=now,
            is_whole=False,
        )


def _answered(batch: Batch, line: BatchLine) -> str:
    """Write an answer as the batch’s endpoint gives it; "" where it can't be written any more."""
    job = line.job
    if job is None:
        return ""
    try:
        reply = Endpoint(batch.endpoint).reply(
            job, hosted_model(job.revision), metadata(terms_of(job))
        )
    except DomainError as error:
        line.outcome = refusal_outcome(line, error)
        return ""
    body = reply.whole(job)
    head = f'{{"status_code":200,"request_id":"{job.pk.hex}","body":{body}}}'
    return f'{_head(line)},"response":{head},"error":null}}'


def _written(line: BatchLine, outcome: dict[str, Any]) -> str:
    return f"{_head(line)},{json.dumps(outcome, separators=(',', ':'))[1:]}"


def _head(line: BatchLine) -> str:
    """Return the beginning of an object, which more members follow."""
    head = {"id": id_of_line(line), "custom_id": line.custom_id}
    return json.dumps(head, separators=(",", ":"))[:-1]


def id_of_line(line: BatchLine) -> str:
    """Return the id by which a line stands in its batch's files, first of its members."""
    return f"batch_req_{line.batch_id.hex}_{line.number}"


def _outcome(batch: Batch, line: BatchLine) -> dict[str, Any]:
    """Return why a line has no answer."""
    if line.outcome is not None or line.job is None:
        outcome: dict[str, Any] = line.outcome or never_answered(CANCELLED)
        return outcome
    if line.job.state == Job.State.CANCELLED:
        return never_answered(_why_stopped(batch))
    if line.job.error == LOST_ACCESS:
        return never_answered(ACCESS_ENDED)
    return refusal_outcome(line, JobFailed(line.job.error))


def _why_stopped(batch: Batch) -> str:
    if batch.expired_at:
        return EXPIRED
    return CANCELLED if batch.cancelling_at else ACCESS_ENDED

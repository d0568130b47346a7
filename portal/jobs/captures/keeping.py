"""Keep files of captures in the blob store, each as long as a row names it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from portal.catalog.models import Blob
from portal.jobs.batches.models import OPEN_BATCHES
from portal.jobs.captures.models import CapturedBlob, CaptureFile, CaptureShard
from portal.jobs.errors import LeaseLost
from portal.jobs.models import Job
from portal.storage import blob_store

log = logging.getLogger(__name__)
# A file that is being stored has a row that names it; this is for the moment between the two.
GRACE = timedelta(minutes=10)


def keep_captures(
    *,
    job_id: UUID,
    attempt: int,
    path: Path,
    sha256: str,
    tensors: Mapping[str, Any],
    now: datetime,
) -> None:
    """Store what a run has captured. It counts once ``settle`` has named it the job's.

    Raises LeaseLost where the job is another's by now, ValueError for more than was reserved; then
    nothing is stored.
    """
    _announce(job_id, attempt, sha256, path.stat().st_size, tensors, now)
    blob_store().put(path, sha256)


@transaction.atomic
def _announce(
    job_id: UUID,
    attempt: int,
    sha256: str,
    size_bytes: int,
    tensors: Mapping[str, Any],
    now: datetime,
) -> None:
    own_run = Job.objects.filter(pk=job_id, attempt=attempt, state=Job.State.RUNNING)
    job = own_run.select_for_update(no_key=True).first()
    if job is None:
        raise LeaseLost
    if size_bytes > job.reserved_capture_bytes:  # whatever went wrong, the budget holds
        raise ValueError(f"{size_bytes} bytes, over the {job.reserved_capture_bytes} reserved")
    blob = named_blob(sha256, size_bytes, now)
    CaptureFile.objects.create(
        job_id=job_id, attempt=attempt, blob=blob, tensors=tensors, created_at=now
    )


def named_blob(sha256: str, size_bytes: int, now: datetime) -> CapturedBlob:
    """Return the locked row of bytes that the caller's transaction then names.

    It is locked for as long as that takes, so that nobody removes the bytes meanwhile.
    """
    row = CapturedBlob(sha256=sha256, size_bytes=size_bytes, created_at=now)
    while True:  # somebody may remove it between the two
        CapturedBlob.objects.bulk_create([row], ignore_conflicts=True)
        locked = CapturedBlob.objects.select_for_update(no_key=True).filter(pk=sha256).first()
        if locked is not None:
            return locked


def settle(job: Job) -> None:
    """Name the file of a locked job's attempt as its captures, if it made one.

    What really left is then what counts for the budget.
    """
    captures = job.capture_files.filter(attempt=job.attempt).select_related("blob").first()
    if captures is None:
        return
    captures.is_whole = True
    captures.save(update_fields=["is_whole"])
    job.capture_bytes = captures.blob.size_bytes


def captures_of(job: Job) -> CaptureFile | None:
    """Return what a job captured, as long as it is kept."""
    return job.capture_files.filter(is_whole=True).select_related("blob").first()


def forget_captures(job_ids: Collection[UUID]) -> int:
    """Delete the files of these jobs, with their bytes. Return how many there were.

    Those of a batch's lines stay until one of the batch's files has them.
    """
    return drop_files(CaptureFile.objects.filter(job__in=job_ids, job__batch=None))


def drop_files(files: QuerySet[CaptureFile]) -> int:
    """Delete files of captures; their bytes go once it is committed, if nothing else has them."""
    rows = list(files.values_list("pk", "blob_id"))
    if rows:
        CaptureFile.objects.filter(pk__in=[pk for pk, _ in rows]).delete()
        blobs = {sha256 for _, sha256 in rows}
        transaction.on_commit(lambda: drop_blobs(blobs))
    return len(rows)


def drop_unfinished() -> int:
    """Delete what attempts left behind that ended without a result. Return how many."""
    over = CaptureFile.objects.filter(job__batch__isnull=False, is_whole=True)
    drop_files(over.exclude(job__batch__state__in=OPEN_BATCHES))
    running = Job.objects.filter(
        pk=OuterRef("job"), attempt=OuterRef("attempt"), state=Job.State.RUNNING
    )
    return drop_files(CaptureFile.objects.filter(~Exists(running), is_whole=False))


def sweep_captures(now: datetime) -> int:
    """Delete what is left over of lost workers: files, and bytes that nothing names."""
    count = drop_unfinished()
    old = _unnamed().filter(created_at__lt=now - GRACE)
    drop_blobs(list(old.values_list("pk", flat=True)))
    return count


def drop_blobs(sha256s: Collection[str]) -> None:
    """Delete bytes that no file of captures names any more."""
    for sha256 in sha256s:
        _drop_blob(sha256)


@transaction.atomic
def _drop_blob(sha256: str) -> None:
    # Locked first and looked at then: whoever names it waits for the lock, and writes it anew.
    if CapturedBlob.objects.select_for_update(no_key=True).filter(pk=sha256).first() is None:
        return
    if not _unnamed().filter(pk=sha256).exists():
        return
    if not Blob.objects.filter(pk=sha256).exists():  # a file of a model may have the same bytes
        blob_store().delete(sha256)
    CapturedBlob.objects.filter(pk=sha256).delete()


def _unnamed() -> QuerySet[CapturedBlob]:
    by_job = CaptureFile.objects.filter(blob=OuterRef("pk"))
    by_batch = CaptureShard.objects.filter(blob=OuterRef("pk"))
    return CapturedBlob.objects.filter(~Exists(by_job), ~Exists(by_batch))


def named_by_captures(sha256s: Collection[str]) -> set[str]:
    """Tell which blobs of the store belong to captures, for the check of the store."""
    return set(CapturedBlob.objects.filter(pk__in=sha256s).values_list("pk", flat=True))

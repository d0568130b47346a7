"""Hand out the files of what a batch's lines captured, to whom the model's inside is open."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.policy.policy import Action
from portal.access.policy.refusals import require_may
from portal.accounts.tokens.authentication import Caller
from portal.audit.events import EventType
from portal.audit.services import record
from portal.jobs.batches.models import StoredFile
from portal.jobs.captures.models import CapturedBlob, CaptureShard
from portal.jobs.errors import StoredFileNotFound


@transaction.atomic
def open_shard(*, caller: Caller, file: StoredFile, now: datetime) -> CapturedBlob | None:
    """Return the bytes of one's own shard, and record it; None for any other file.

    Raises Refused where the model's inside is open to the caller no more.
    """
    shards = CaptureShard.objects.select_related("blob", "batch")
    shard = shards.filter(file=file.pk).first()
    if shard is None:
        return None
    job = shard.batch.jobs.select_related("repo__namespace", "revision").first()
    if job is None:
        raise StoredFileNotFound
    require_may(caller, Action.CAPTURE, job.revision, now)
    record(
        EventType.CAPTURES_LINKED,
        actor=caller.named,
        target=shard.batch,
        at=now,
        repo=job.repo.full_name,
        size_bytes=shard.blob.size_bytes,
        token=caller.token.pk if caller.token else None,
    )
    return shard.blob

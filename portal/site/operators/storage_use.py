"""Add up what each model takes of the store, for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Min, Sum

from portal.catalog.models import Blob, ModelRepo

# Revisions of a model name the same blobs again, so each is counted once: the ORM has no sum over
# a column of distinct pairs.
BY_MODEL = """
SELECT pairs.repo_id, count(*), sum(blob.size_bytes), min(blob.checked_at),
       count(*) FILTER (WHERE blob.checked_at IS NULL)
FROM (
    SELECT DISTINCT revision.repo_id, file.blob_id
    FROM catalog_file AS file
    JOIN catalog_revision AS revision ON revision.id = file.revision_id
) AS pairs
JOIN catalog_blob AS blob ON blob.sha256 = pairs.blob_id
GROUP BY pairs.repo_id
ORDER BY sum(blob.size_bytes) DESC, pairs.repo_id
"""


@dataclass(frozen=True)
class StorageUse:
    """A model’s part of the store, in which a blob that another model shares is counted too.

    ``checked_at``: when the blob was read that wasn't read for longest; None where none was.
    """

    repo: ModelRepo
    blobs: int
    size_bytes: int
    checked_at: datetime | None
    unchecked: int


@dataclass(frozen=True)
class StorageTotal:
    """All bytes of the store that rows name, each once."""

    blobs: int
    size_bytes: int
    checked_at: datetime | None
    unchecked: int


def storage_total() -> StorageTotal:
    row = Blob.objects.order_by().aggregate(
        blobs=Count("pk"), size=Sum("size_bytes"), at=Min("checked_at"), checked=Count("checked_at")
    )
    return StorageTotal(row["blobs"], row["size"] or 0, row["at"], row["blobs"] - row["checked"])


def storage_by_model() -> list[StorageUse]:
    """Return the use of each model that has files, the largest first, in two queries."""
    with connection.cursor() as cursor:
        cursor.execute(BY_MODEL)
        rows = cursor.fetchall()
    repos = ModelRepo.objects.with_names().in_bulk([key for key, *_ in rows])
    return [
        StorageUse(repos[key], blobs, int(size), at, unchecked)
        for key, blobs, size, at, unchecked in rows
        if key in repos
    ]

"""Choose the blob store by the settings."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from portal.storage.base import BlobStore
from portal.storage.local import LocalBlobStore

if TYPE_CHECKING:
    from portal.storage.direct import DirectUploads


@cache
def blob_store() -> BlobStore:
    """Return the process's one store."""
    if settings.STORAGE == "s3":
        from portal.storage.s3 import S3BlobStore  # boto3 is slow to import and not always used

        return S3BlobStore.from_settings()
    return LocalBlobStore(settings.BLOB_DIR)


def direct_uploads() -> DirectUploads | None:
    """Return how clients upload to the store directly; None where bytes go through the portal."""
    if settings.STORAGE != "s3":
        return None
    from portal.storage.direct import DirectUploads
    from portal.storage.s3 import S3BlobStore

    store = blob_store()
    return DirectUploads(store) if isinstance(store, S3BlobStore) else None

"""The backend that settings choose."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from portal.storage.base import BlobStore
from portal.storage.local import LocalBlobStore


@cache
def blob_store() -> BlobStore:
    """One store for the process."""
    if settings.STORAGE == "s3":
        from portal.storage.s3 import S3BlobStore  # boto3 is slow to import and not always used

        return S3BlobStore.from_settings()
    return LocalBlobStore(settings.BLOB_DIR)

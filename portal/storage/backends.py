"""Choose the blob store by the settings."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
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


def bucket_is_away(error: BaseException) -> bool:
    """Tell whether an error says that the bucket's server can't be reached, or can't answer."""
    if settings.STORAGE != "s3":
        return False
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, ConnectionError | HTTPClientError)


def direct_uploads() -> DirectUploads | None:
    """Return how clients upload to the store directly; None where bytes go through the portal."""
    if settings.STORAGE != "s3":
        return None
    from portal.storage.direct import DirectUploads
    from portal.storage.s3 import S3BlobStore

    store = blob_store()
    return DirectUploads(store) if isinstance(store, S3BlobStore) else None

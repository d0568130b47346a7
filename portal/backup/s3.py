"""Places in a bucket, as ``s3://bucket/key``, reached by keys of their own or the blob store's."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings

from portal.backup.errors import BackupFailed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SCHEME = "s3://"


def is_in_bucket(place: str) -> bool:
    return place.startswith(SCHEME)


def bucket_and_key(place: str) -> tuple[str, str]:
    """Return the bucket and the key, or the prefix of keys, that a place names."""
    parts = urlsplit(place)
    if not parts.netloc:
        raise BackupFailed(f"{place} names no bucket. Write it as s3://bucket/folder.")
    return parts.netloc, parts.path.lstrip("/")


def backup_client() -> S3Client:
    """Return a client by the keys of backups, or by the blob store's where there are none."""
    from portal.storage.s3 import s3_client  # boto3 is slow to import and not always used

    return s3_client(
        endpoint_url=settings.BACKUP_S3_ENDPOINT_URL or settings.S3_ENDPOINT_URL,
        region=settings.BACKUP_S3_REGION or settings.S3_REGION,
        access_key_id=settings.BACKUP_S3_ACCESS_KEY_ID or settings.S3_ACCESS_KEY_ID,
        secret_access_key=settings.BACKUP_S3_SECRET_ACCESS_KEY or settings.S3_SECRET_ACCESS_KEY,
    )

"""Blob stores with one interface; the settings choose which is used."""

from portal.storage.backends import blob_store, bucket_is_away, direct_uploads
from portal.storage.base import BlobMissing, BlobStore, CorruptBlob, Stored
from portal.storage.room import NoRoom, free_bytes, require_room

__all__ = [
    "BlobMissing",
    "BlobStore",
    "CorruptBlob",
    "NoRoom",
    "Stored",
    "blob_store",
    "bucket_is_away",
    "direct_uploads",
    "free_bytes",
    "require_room",
]

"""Blob backends behind one protocol; settings choose which."""

from portal.storage.backends import blob_store
from portal.storage.base import BlobMissing, BlobStore, CorruptBlob

__all__ = ["BlobMissing", "BlobStore", "CorruptBlob", "blob_store"]

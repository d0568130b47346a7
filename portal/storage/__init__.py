"""Blob stores with one interface; the settings choose which is used."""

from portal.storage.backends import blob_store, direct_uploads
from portal.storage.base import BlobMissing, BlobStore, CorruptBlob, Stored

__all__ = ["BlobMissing", "BlobStore", "CorruptBlob", "Stored", "blob_store", "direct_uploads"]

"""Real stores of both backends: a folder, and a bucket on each of two S3 servers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from portal.storage.base import BlobStore
from portal.storage.local import LocalBlobStore
from portal.storage.s3 import S3BlobStore
from tests.buckets import COMMANDS, make_s3_store, s3_servers

__all__ = ["s3_servers"]


@pytest.fixture(params=list(COMMANDS))
def s3_store(request, s3_servers: Callable[[str], str], settings) -> S3BlobStore:
    return make_s3_store(s3_servers(request.param), settings)


@pytest.fixture(params=["local", *COMMANDS])
def store(request, s3_servers: Callable[[str], str], settings, tmp_path: Path) -> BlobStore:
    if request.param == "local":
        return LocalBlobStore(tmp_path / "blobs")
    return make_s3_store(s3_servers(request.param), settings)

"""Both backends, real: a folder, and a bucket on an S3 server that checks signatures."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.storage.base import BlobStore
from portal.storage.local import LocalBlobStore
from portal.storage.s3 import S3BlobStore
from tests.waiting import wait_until

KEY_ID, SECRET, BUCKET = "an-access-key", "a-secret-access-key", "weights"


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory) -> Iterator[str]:
    """The address of an S3 server that runs until the tests end."""
    port = _free_port()
    command = [sys.executable, "-m", "nanio", "serve", "--host", "127.0.0.1", "--port", str(port)]
    folder = tmp_path_factory.mktemp("s3")
    keys = {"NANIO_ACCESS_KEY": KEY_ID, "NANIO_SECRET_KEY": SECRET}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--data-dir", str(folder / "data")],
            env={**os.environ, **keys},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: _listens(port), 30, "the S3 server")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def s3_store(s3_endpoint: str, settings) -> S3BlobStore:
    settings.S3_ENDPOINT_URL = s3_endpoint
    settings.S3_BUCKET = BUCKET
    settings.S3_ACCESS_KEY_ID = KEY_ID
    settings.S3_SECRET_ACCESS_KEY = SECRET
    store = S3BlobStore.from_settings()
    if BUCKET not in [each["Name"] for each in store.client.list_buckets()["Buckets"]]:
        store.client.create_bucket(Bucket=BUCKET)
    return store


@pytest.fixture(params=["local", "s3"])
def store(request, tmp_path: Path) -> BlobStore:
    if request.param == "s3":
        return request.getfixturevalue("s3_store")
    return LocalBlobStore(tmp_path / "blobs")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

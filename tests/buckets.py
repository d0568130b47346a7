"""A bucket on either of two real S3 servers, which check signatures."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from portal.storage.s3 import S3BlobStore
from tests.waiting import wait_until

KEY_ID, SECRET, BUCKET = "an-access-key", "a-secret-access-key", "weights"


@pytest.fixture(scope="session")
def s3_servers(tmp_path_factory) -> Iterator[Callable[[str], str]]:
    """Yield a function that starts an S3 server of a given make once, and returns its address."""
    with ExitStack() as running:

        @cache
        def address(make: str) -> str:
            return running.enter_context(_serving(make, tmp_path_factory.mktemp(make)))

        yield address


@contextmanager
def _serving(make: str, folder: Path) -> Iterator[str]:
    port = _free_port()
    (folder / "data").mkdir()
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            COMMANDS[make](port, folder / "data"),
            env={**os.environ, "NANIO_ACCESS_KEY": KEY_ID, "NANIO_SECRET_KEY": SECRET},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: _listens(port), 30, "the S3 server")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def _nanio(port: int, data: Path) -> list[str]:
    serve = [sys.executable, "-m", "nanio", "serve", "--host", "127.0.0.1", "--port", str(port)]
    return [*serve, "--data-dir", str(data)]


def _rclone(port: int, data: Path) -> list[str]:
    program = Path(sys.executable).with_name("rclone")
    serve = [str(program), "serve", "s3", str(data), "--addr", f"127.0.0.1:{port}"]
    return [
        *serve,
        "--auth-key",
        f"{KEY_ID},{SECRET}",
        "--config",
        str(data.parent / "rclone.conf"),
    ]


COMMANDS: dict[str, Callable[[int, Path], list[str]]] = {"nanio": _nanio, "rclone": _rclone}


def make_s3_store(endpoint: str, settings) -> S3BlobStore:
    settings.S3_ENDPOINT_URL = endpoint
    settings.S3_BUCKET = BUCKET
    settings.S3_ACCESS_KEY_ID = KEY_ID
    settings.S3_SECRET_ACCESS_KEY = SECRET
    store = S3BlobStore.from_settings()
    if BUCKET not in [bucket["Name"] for bucket in store.client.list_buckets()["Buckets"]]:
        store.client.create_bucket(Bucket=BUCKET)
    return store


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

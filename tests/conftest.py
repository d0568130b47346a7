"""What every test has: a fixed clock, a blob folder of its own, cheap password hashing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test.testcases import LiveServerThread
from pytest_django.live_server_helper import LiveServer

from portal.storage import blob_store

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def _own_surroundings(settings, tmp_path: Path) -> Iterator[None]:
    settings.BLOB_DIR = tmp_path / "blobs"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    blob_store.cache_clear()
    yield
    blob_store.cache_clear()


class WaitingServer(ThreadedWSGIServer):
    """Closing it ends the connections that idle and waits for the requests under way."""

    daemon_threads = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections: set[socket.socket] = set()

    def serve_forever(self, poll_interval: float = 0.05) -> None:
        super().serve_forever(poll_interval)

    def process_request_thread(self, request: socket.socket, client_address: Any) -> None:
        self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.discard(request)

    def server_close(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError):  # it ended by itself meanwhile
                connection.shutdown(socket.SHUT_RD)
        super().server_close()


@pytest.fixture
def live_server(transactional_db, monkeypatch) -> Iterator[LiveServer]:
    """The portal on a port, for one test.

    pytest-django's own lives for the session: a request whose client has left goes on there while
    the next test's tables are emptied, and the two wait for each other's locks.
    """
    monkeypatch.setattr(LiveServerThread, "server_class", WaitingServer)
    server = LiveServer("localhost")
    yield server
    server.stop()

"""Give every test a fixed clock, a blob folder of its own, and cheap password hashing."""

from __future__ import annotations

import gzip
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.core.servers.basehttp import ThreadedWSGIServer
from django.db import connections
from django.test import Client, TransactionTestCase
from django.test.testcases import LiveServerThread
from django.urls import resolve
from pytest_django.live_server_helper import LiveServer

from portal.accounts.first_operator import first_operator
from portal.api.base.views import ApiView
from portal.observability.request_ids import bind_http_request_id
from portal.storage import blob_store
from portal.surfaces.surface import Surface, surface_of
from tests.emptying import empty_tables
from tests.logged import Logged, logging_to
from tests.named_fields import strange_fields

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


@pytest.fixture(autouse=True, scope="session")
def _emptied_by_deleting() -> Iterator[None]:
    """Have pytest-django empty the database in our way after a test that commits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture(autouse=True)
def _is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare tests the operator without whom every address says how to begin."""
    monkeypatch.setattr(first_operator, "exists", True)


@pytest.fixture(autouse=True)
def _no_thread_keeps_a_connection() -> Iterator[None]:
    """Close the connections of the thread that does the blocking work of asynchronous tests.

    The thread lives as long as the process: what it left open would be ended by the database in
    tests of restores, and the next asynchronous test would find it so.
    """
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(autouse=True)
def _no_request_at_hand() -> None:
    """Clear the request's id: a thread keeps it until the next request, of another test here."""
    bind_http_request_id("")


@pytest.fixture
def logged() -> Iterator[Logged]:
    """Yield what is logged from here on, in the form for programs."""
    with logging_to("json") as lines:
        yield lines


# These answer a form with a page or fragment: they change nothing, or swap a line of the page.
ANSWER_IN_PLACE = {
    "access:autosave",
    "access:bulk",  # tried before it is confirmed
    "access:hold_place",
    "access:letter_words",
    "access:question",  # previewed before it is saved
    "access:screening_import",
    "site:checks",  # what was found; nothing is changed
    "site:lab_licence_new",  # previewed before it is published
    "site:lab_licence_version",
}
PAGES = ("access", "accounts", "site", "jobs")


@pytest.fixture(autouse=True)
def _a_form_that_was_taken_redirects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold each page, in every test that sends it a form: a reload may do nothing twice."""
    send = Client.request

    def request(client: Client, **environ: Any) -> Any:
        response = send(client, **environ)
        if response.status_code == 200 and response.request["REQUEST_METHOD"] == "POST":
            match = resolve(response.request["PATH_INFO"])
            is_page = surface_of(response.wsgi_request) is Surface.PAGE
            is_held = (
                is_page
                and match.namespace in PAGES
                and "attachment" not in response.get("Content-Disposition", "")
            )
            assert not is_held or match.view_name in ANSWER_IN_PLACE, (
                f"{match.view_name} answers a form with a page; redirect to it"
            )
        return response

    monkeypatch.setattr(Client, "request", request)


ID = re.compile(r'\sid="([^"]+)"')


def _plain(response: Any) -> bytes:
    packed = response.headers.get("Content-Encoding") == "gzip"
    content: bytes = gzip.decompress(response.content) if packed else response.content
    return content


@pytest.fixture(autouse=True)
def _ids_are_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold each page that any test reads: labels, errors and links lead to one element each."""
    send = Client.request

    def request(client: Client, **environ: Any) -> Any:
        response = send(client, **environ)
        if not response.streaming and "text/html" in response.get("Content-Type", ""):
            ids = Counter(ID.findall(_plain(response).decode()))
            twice = [name for name, count in ids.items() if count > 1]
            assert not twice, f"{response.request['PATH_INFO']} has ids twice: {twice}"
        return response

    monkeypatch.setattr(Client, "request", request)


@pytest.fixture(autouse=True)
def _a_refusal_names_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold each operation of the API, in every test that is refused: its fields are its input's."""
    strange: list[str] = []
    finish = ApiView.finalize_response

    def finalize(view: ApiView, request: Any, response: Any, *args: Any, **names: Any) -> Any:
        strange.extend(strange_fields(view, response))
        return finish(view, request, response, *args, **names)

    monkeypatch.setattr(ApiView, "finalize_response", finalize)
    yield
    assert not strange


class WaitingServer(ThreadedWSGIServer):
    """Closing it ends the connections that idle and waits for the requests under way."""

    daemon_threads = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._connections: set[socket.socket] = set()  # it is closed too where it can't listen
        super().__init__(*args, **kwargs)

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
    """Serve the portal on a port, for one test.

    pytest-django's own lives for the session: a request whose client has left goes on there while
    the next test's tables are emptied, and the two wait for each other's locks.
    """
    monkeypatch.setattr(LiveServerThread, "server_class", WaitingServer)
    server = LiveServer("localhost")
    yield server
    server.stop()

"""The id that an answer shows stands in each line that was logged on its way."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from uuid import uuid4

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.test import Client

from portal.jobs.streaming.feeds import feed_of
from portal.observability.request_ids import BoundRequests, bound_to, http_request_id
from tests.logged import Logged

SECONDS = 20
log = logging.getLogger(__name__)


@pytest.fixture(autouse=True)
def _logging_views(settings) -> None:
    settings.ROOT_URLCONF = "tests.portal.request_id_views"
    settings.MIDDLEWARE = ["portal.observability.request_ids.RequestIdMiddleware"]


@pytest.fixture
def failing() -> Client:
    return Client(raise_request_exception=False)


def messages(logged: Logged, request_id: str) -> list[str]:
    return [entry["message"] for entry in logged.of(request_id)]


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("/plain", ["plain"]),
        ("/broken", ["Internal Server Error: /broken"]),
        ("/v1/none", ["Not Found: /v1/none"]),
    ],
)
def test_a_search_for_the_id_finds_what_was_logged(failing, logged, place, told):
    response = failing.get(place)
    assert messages(logged, response["X-Request-Id"]) == told
    assert len(logged.entries()) == len(told)


def test_the_page_of_a_failure_shows_the_id_to_quote(failing, logged):
    response = failing.get("/broken")
    assert f"<code>{response['X-Request-Id']}</code>" in response.text
    [entry] = logged.of(response["X-Request-Id"])
    assert entry["exception"].endswith("ZeroDivisionError")


@pytest.mark.parametrize("name", ["a", "b"])
def test_what_a_stream_logs_is_the_requests(client, logged, name):
    response = client.get("/streamed", {"name": name})
    assert not logged.entries()  # it is read by the server, when all middleware has ended
    assert response.getvalue() == b"."
    assert messages(logged, response["X-Request-Id"]) == [f"streaming {name}"]


def test_a_clients_own_id_is_passed_over(client, logged):
    response = client.get("/plain", headers={"X-Request-Id": "chosen"})
    assert response["X-Request-Id"] != "chosen"
    assert not logged.of("chosen")


# --- on the event loop


def connected(query: str) -> ApplicationCommunicator:
    """Connect as a server does, which logs in its own task the error that ended a stream."""
    application = BoundRequests(ASGIHandler())

    async def server(scope: Any, receive: Any, send: Any) -> None:
        try:
            await application(scope, receive, send)
        except ZeroDivisionError:
            log.exception("the stream broke")

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/followed",
        "raw_path": b"/followed",
        "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1")],
    }
    return ApplicationCommunicator(server, scope)


async def shown_id(query: str) -> str:
    """Ask, read the stream to its end, and return the id that the answer showed."""
    server = connected(query)
    await server.send_input({"type": "http.request"})
    started = await server.receive_output(SECONDS)
    while (await server.receive_output(SECONDS)).get("more_body"):
        pass
    return str(dict(started["headers"])[b"X-Request-Id"].decode())


async def test_streams_at_once_log_each_its_own(logged):
    names = list("abcd")
    ids = await asyncio.gather(*(shown_id(f"name={name}") for name in names))
    assert len(set(ids)) == len(names)
    for name, request_id in zip(names, ids, strict=True):
        news = [f"decoded {name}", f"streaming {name}"] * 3
        assert messages(logged, request_id) == [f"looked up {name}", *news]
    assert http_request_id() == ""


async def test_what_the_server_says_of_a_broken_stream_is_the_requests(logged):
    server = connected("name=a&broken")
    await server.send_input({"type": "http.request"})
    started = await server.receive_output(SECONDS)
    await server.wait(SECONDS)
    request_id = dict(started["headers"])[b"X-Request-Id"].decode()
    assert messages(logged, request_id)[-1] == "the stream broke"


@pytest.mark.django_db(transaction=True)
async def test_what_is_logged_of_a_feed_is_no_one_readers(logged, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with bound_to("0" * 16):  # the first of its readers, who may leave before the others
        async with feed_of(uuid4()) as feed:
            assert (await feed.next("0")).over
    entries = logged.of("-")
    assert entries
    assert all("Redis is away" in entry["message"] for entry in entries)
    assert not logged.of("0" * 16)

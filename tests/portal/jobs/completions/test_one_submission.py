"""A submission asks the database few things, and its request changes threads seldom."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from asgiref.testing import ApplicationCommunicator
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.asgi import application
from portal.jobs.models import Job
from portal.jobs.services import submit
from portal.jobs.serving import hints
from portal.jobs.streaming import feeds
from portal.jobs.views import openai
from tests.factories.accounts import make_token
from tests.factories.jobs import make_guest, make_hosted
from tests.waiting import wait_until

MOST_QUERIES = 17  # with the begin and the end of the transaction


def test_a_submission_asks_few_queries(hosted, client):
    secret = make_token(make_guest(hosted))[1]
    body = {"model": hosted.full_name, "prompt": "The water", "stream": True}

    def post():
        headers = {"authorization": f"Bearer {secret}"}
        return client.post("/v1/completions", body, "application/json", headers=headers)

    assert post().status_code == 200  # which reads what later ones need not read
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert post().status_code == 200
    assert len(queries) <= MOST_QUERIES, [query["sql"][:80] for query in queries]


@pytest.fixture
def posted(model, transactional_db):
    """Return how to post a prompt to the application of the server's process."""
    repo = make_hosted(model)
    secret = make_token(make_guest(repo))[1]

    async def post(**fields):
        headers = {"host": "testserver", "authorization": f"Bearer {secret}"}
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/completions",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        client = ApplicationCommunicator(application, scope)
        body = {"model": repo.full_name, "prompt": "The water", **fields}
        await client.send_input({"type": "http.request", "body": json.dumps(body).encode()})
        return client

    return post


def is_cancelled():
    return Job.objects.filter(state=Job.State.CANCELLED).exists()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_the_server_stops_its_job(posted, stream):
    client = await posted(stream=stream)
    if stream:
        assert (await client.receive_output(20))["status"] == 200
    await asyncio.to_thread(wait_until, lambda: feeds._feeds, 20, "a view that waits for its job")
    await client.send_input({"type": "http.disconnect"})
    await client.wait(20)
    await asyncio.to_thread(wait_until, is_cancelled, 20, "a cancelled job")


HELD_SECONDS = 1


@pytest.fixture
def held(monkeypatch):
    """Hold up the submission before or after its commit, until it is let go."""
    reached, may_go = threading.Event(), threading.Event()

    def hold(when):
        def held_submit(**names):
            submitted = submit(**names) if when == "after" else None
            reached.set()
            may_go.wait(HELD_SECONDS)  # a request ends no sooner than its thread
            return submitted or submit(**names)

        monkeypatch.setattr(openai, "submit", held_submit)
        return reached, may_go

    yield hold
    may_go.set()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_client_that_leaves_as_its_job_is_made_stops_it(posted, held, when, stream):
    reached, may_go = held(when)
    client = await posted(stream=stream)
    assert await asyncio.to_thread(reached.wait, 20)
    await client.send_input({"type": "http.disconnect"})
    await client.wait(20)
    may_go.set()
    await asyncio.to_thread(wait_until, is_cancelled, 20, "a cancelled job")


def test_a_stream_that_nobody_began_to_read_stops_its_job(transactional_db, model, client):
    hosted = make_hosted(model)
    secret = make_token(make_guest(hosted))[1]
    body = {"model": hosted.full_name, "prompt": "The water", "stream": True}
    headers = {"authorization": f"Bearer {secret}"}
    response = client.post("/v1/completions", body, "application/json", headers=headers)
    assert Job.objects.get().state == Job.State.QUEUED
    response.close()
    assert Job.objects.get().state == Job.State.CANCELLED


async def test_a_refusal_by_the_server_has_its_headers(posted):
    client = await posted(max_tokens=-1)
    start = await client.receive_output(20)
    headers = {name.lower(): value for name, value in start["headers"]}
    assert start["status"] == 400
    assert headers[b"cache-control"] == b"private, no-store"
    assert b"content-security-policy" in headers
    assert len(headers[b"x-request-id"]) == 16


def test_a_hint_wakes_a_listener_and_one_unheard_goes_by_celery(monkeypatch):
    woken, sent = [], []
    monkeypatch.setattr(hints, "enqueue", lambda task, **ids: sent.append(ids))
    hints.hint_at_work("lab/model")
    assert sent == [{"repo": "lab/model"}]
    with hints.HintListener("lab/model", lambda: woken.append(1)):
        wait_until(lambda: woken, 10, "the subscription")
        hints.hint_at_work("lab/model")
        wait_until(lambda: len(woken) == 2, 10, "a hint")
    assert len(sent) == 1

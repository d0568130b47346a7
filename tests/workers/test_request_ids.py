"""One search by the id that a completion's answer shows finds web, worker and engine."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from inference.engine.request import LiveSample
from tests.factories.accounts import make_token
from tests.factories.jobs import make_guest

LOGGERS = [
    "portal.jobs.services.submission",
    "workers.generate",
    "portal.jobs.services.running",
]


@pytest.fixture
def complete(hosted):
    """Ask for a completion over HTTP, as a person of one's own."""

    def ask(**fields):
        _, secret = make_token(make_guest(hosted), now=timezone.now())
        body = {"model": hosted.full_name, "prompt": "The water", "max_tokens": 3, **fields}
        client = Client(headers={"Authorization": f"Bearer {secret}"})
        return client.post("/v1/completions", body, "application/json")

    return ask


def test_a_completion_is_followed_from_the_queue_to_its_end(worker, complete, logged):
    responses = [complete() for _ in range(2)]
    ids = [response["X-Request-Id"] for response in responses]
    assert len(set(ids)) == 2
    for response, request_id in zip(responses, ids, strict=True):
        entries = logged.of(request_id)
        assert [entry["logger"] for entry in entries] == LOGGERS
        job_id = UUID(response.json()["id"].removeprefix("cmpl-"))
        assert all(str(job_id) in entry["message"] for entry in entries)


def test_what_the_engine_fails_by_is_found_and_its_neighbours_is_not(
    worker, complete, logged, monkeypatch
):
    take = LiveSample._take

    def failing(sample, *args):
        if sample.sequence.sampling.max_tokens == 7:
            raise ZeroDivisionError("wg_SECRET123456")
        return take(sample, *args)

    monkeypatch.setattr(LiveSample, "_take", failing)
    good, bad = complete(), complete(max_tokens=7)
    assert (good.status_code, bad.status_code) == (200, 500)
    [engine] = [line for line in logged.of(bad["X-Request-Id"]) if "inference" in line["logger"]]
    assert "ZeroDivisionError: ***" in engine["exception"]
    assert f"request {bad['X-Request-Id']}/" in engine["message"]  # as other ranks' plain lines say
    assert not [line for line in logged.of(good["X-Request-Id"]) if line["level"] == "ERROR"]

"""One trace leads from a client's request over the queue to the engine, and holds no secret."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories.accounts import make_token
from tests.factories.jobs import make_guest
from tests.otlp import collecting
from tests.waiting import wait_until

TRACE, CLIENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PHASES = ["claim", "prefill", "decode", "finish"]


@pytest.fixture
def collector(monkeypatch):
    with collecting(monkeypatch) as made:
        yield made


def test_a_completion_is_one_trace(collector, worker, hosted):
    _, secret = make_token(make_guest(hosted), now=timezone.now())
    headers = {"Authorization": f"Bearer {secret}", "traceparent": f"00-{TRACE}-{CLIENT}-01"}
    body = {"model": hosted.full_name, "prompt": "The water of Lethe", "max_tokens": 3}
    response = Client(headers=headers).post("/v1/completions", body, "application/json")
    assert response.status_code == 200

    def of_the_trace():
        spans = [span for span in collector.received() if span.trace == TRACE]
        return spans if len(spans) == 2 + len(PHASES) else []

    spans = {span.name: span for span in wait_until(of_the_trace, 20, "the whole trace")}
    server, job = spans.pop("POST jobs:completions"), spans.pop("job")
    assert (server.parent, job.parent) == (CLIENT, server.id)
    assert {span.parent for span in spans.values()} == {job.id}
    assert set(spans) == set(PHASES)
    # Each moment is noted by a clock of its own, some milliseconds apart on a busy machine.
    most = job.nanoseconds + 10_000_000
    assert sum(spans[name].nanoseconds for name in PHASES) <= most
    assert server.service == "weightgate"
    assert server.attributes["http.response.status_code"] == "200"
    request_id = response["X-Request-Id"]
    assert server.attributes["weightgate.request_id"] == request_id
    assert job.attributes["weightgate.request_id"] == request_id
    assert job.attributes["weightgate.completion_tokens"] == "3"
    for secret_text in (secret, "Lethe", "127.0.0.1"):
        assert secret_text.encode() not in collector.raw

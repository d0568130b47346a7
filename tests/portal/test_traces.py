"""Spans of requests, letters and tasks, which tell nothing that opens something."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from celery.app.trace import build_tracer
from django.test import AsyncClient, Client
from django.utils import timezone

from portal.observability.traces import continued, trace_parent
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from portal.queue import app
from tests.otlp import collecting

ROOT = Path(__file__).parents[2]
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def collector(monkeypatch):
    with collecting(monkeypatch) as made:
        yield made


@pytest.mark.django_db
def test_a_span_names_the_view_and_neither_path_nor_query(collector):
    Client().get("/-/d/the-signature/model.bin?word=the-query")
    Client().get("/healthz", headers={"User-Agent": "the-agent"})
    Client().get("/the-path/nowhere/at/all")
    names = {span.name for span in collector.received()}
    assert "GET healthz" in names
    assert "GET none" in names
    assert len(names) == 3
    for text in (b"the-", b"127.0.0.1", b"testserver"):
        assert text not in collector.raw


@pytest.mark.django_db
def test_a_parent_that_cannot_be_read_begins_a_trace_of_our_own(collector):
    Client().get("/healthz", headers={"traceparent": "00-' or 1=1-x-01"})
    assert collector.named("GET healthz").parent == ""


@pytest.mark.django_db
async def test_on_the_event_loop_too(collector):
    await AsyncClient().get("/healthz", headers={"traceparent": PARENT})
    assert collector.named("GET healthz").parent == PARENT.split("-")[2]


def test_an_error_is_told_by_its_kind_alone(collector):
    with pytest.raises(ValueError, match="wg_"), continued("work", PARENT):
        raise ValueError("wg_SECRET")
    span = collector.named("work")
    assert span.failed
    assert span.attributes == {"error.type": "ValueError"}
    assert b"SECRET" not in collector.raw


@pytest.mark.django_db
def test_a_letter_goes_on_with_the_trace_of_the_request_that_caused_it(collector):
    now = timezone.now()
    with continued("request", PARENT):
        OutboxMessage.objects.create(
            key="k", kind="welcome", address="a@b.example", subject="s", created_at=now, due_at=now
        )
    assert deliver_due(now=now) == 1
    assert collector.named("letter welcome").trace == PARENT.split("-")[1]
    assert b"b.example" not in collector.raw


def test_a_task_goes_on_with_it_and_the_clocks_tasks_make_none(collector):
    parents = []

    @app.task(name="tests.traced")
    def traced() -> None:
        parents.append(trace_parent())

    for header in (PARENT, ""):
        headers = {"traceparent": header}
        build_tracer("tests.traced", traced, app=app)("id", (), {}, {"id": "id", **headers})
    app.tasks.pop("tests.traced")
    assert parents[0].split("-")[1] == PARENT.split("-")[1]
    assert parents[1] == ""
    assert [span.name for span in collector.received()] == ["task tests.traced"]


def test_where_no_traces_are_wanted_nothing_that_makes_or_sends_them_is_loaded():
    code = (
        "import sys, django; django.setup(); import portal.wsgi; "
        "from django.urls import resolve; resolve('/'); "
        "parts = 'opentelemetry.exporter', 'opentelemetry.sdk.trace', 'portal.observability.spans';"
        "print([name for name in sys.modules if name.startswith(parts)])"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "portal.settings", "WEIGHTGATE_SECRET_KEY": "k" * 60}
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "[]\n"
    assert trace_parent() == ""

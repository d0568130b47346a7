"""A prompt and what was written for it are in no log, trace, message or name of a key."""

from __future__ import annotations

import json

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils import timezone

from inference.engine.request import LiveSample
from portal.catalog.services.repos import configure_repo
from portal.jobs.models import Job
from portal.jobs.services import cancel_job
from portal.jobs.streaming.event_log import log_key
from portal.redis_client import redis_client
from tests.factories.accounts import make_token, the_operator
from tests.factories.jobs import make_guest
from tests.otlp import collecting
from tests.portal.jobs.privacy.canary import CANARY, FIELDS, all_logged, require_unseen
from tests.waiting import wait_until
from workers import generate


@pytest.fixture
def written():
    with all_logged() as log:
        yield log


@pytest.fixture
def ask(hosted):
    """Ask for a completion over HTTP; return the answer and its job."""
    _, secret = make_token(make_guest(hosted), now=timezone.now())
    client = Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)

    def send(**more):
        body = {"model": hosted.full_name, **FIELDS, **more}
        answer = client.post("/v1/completions", json.dumps(body), "application/json")
        return answer, Job.objects.first()

    return send


def test_one_that_succeeds(written, ask, worker, monkeypatch):
    with collecting(monkeypatch) as collector:
        answer, job = ask(logprobs=2)
        wait_until(lambda: "job" in {span.name for span in collector.received()}, 20, "its trace")
    assert CANARY in answer.json()["choices"][0]["text"]
    require_unseen(collector.raw.decode(errors="replace"), job)
    assert str(job.pk) in str(written)
    require_unseen(str(written), job)


def test_streams_leave_it_in_the_jobs_own_log_in_redis_alone(written, submit, guest, worker, ended):
    job, stopped = submit(**FIELDS, stream=True), submit(**FIELDS, stream=True)
    cancel_job(person=guest, job_id=stopped.pk, now=timezone.now())
    jobs = [ended(job), ended(stopped)]
    names = [key.decode() for key in redis_client().scan_iter()]
    assert log_key(job.pk) in names
    require_unseen(" ".join(names), *jobs)
    own = {log_key(one.pk) for one in jobs}
    others = [redis_client().dump(name) for name in names if name not in own]
    require_unseen(b" ".join(filter(None, others)).decode(errors="replace"), *jobs)
    require_unseen(str(written), *jobs)


def test_one_that_the_engine_fails_on(written, ask, worker, monkeypatch):
    def failing(sample, *args):
        raise ValueError(f"can't read {CANARY}")

    monkeypatch.setattr(LiveSample, "_take", failing)
    answer, job = ask()
    assert (answer.status_code, job.state) == (500, Job.State.FAILED)
    require_unseen(answer.content.decode() + job.error, job)
    assert "ValueError: ***" in str(written)
    require_unseen(str(written), job)


def test_one_whose_result_the_database_refuses(written, submit, worker, ended, monkeypatch):
    monkeypatch.setattr(generate, "TROUBLE_SECONDS", 0.05)
    with monkeypatch.context() as patch:
        patch.setattr(Job, "keep_result", lambda job, events: None)  # a success without a result
        job = submit(**FIELDS)
        wait_until(lambda: "An update of jobs failed" in str(written), 20, "the refusal")
    assert "IntegrityError: ***" in str(written)
    require_unseen(str(written), ended(job))


async def consumed(answer) -> str:
    return b"".join([part async for part in answer.streaming_content]).decode()


def test_without_a_day_an_answer_is_forgotten_once_it_is_delivered(ask, worker, hosted):
    configure_repo(actor=the_operator(), repo_id=hosted.pk, now=timezone.now(), prompt_days=0)
    for stream in (False, True):
        answer, job = ask(stream=stream)
        text = async_to_sync(consumed)(answer) if stream else answer.content.decode()
        assert CANARY in text
        job.refresh_from_db()
        assert job.state == Job.State.SUCCEEDED
        assert (job.prompts, job.events, "stop" in job.params) == ([], [], False)
        assert job.completion_tokens > 0

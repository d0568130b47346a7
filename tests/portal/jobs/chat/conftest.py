"""A hosted Llama with a chat template, and chats with it as the API makes them."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.accounts.tokens.authentication import Caller
from portal.jobs.chat.schemas import parse_chat
from portal.jobs.services import finish_job, submit
from portal.jobs.services.running import JobResult
from portal.redis_client import redis_client
from tests.factories.jobs import claim, make_guest, make_hosted
from tests.factories.llamas import tiny_llama

SAYS = [{"role": "user", "content": "The water?"}]


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    return tiny_llama(tmp_path_factory.mktemp("llama") / "model")


@pytest.fixture
def hosted(db, llama):
    redis_client().flushdb()
    return make_hosted(llama)


@pytest.fixture
def caller(hosted):
    return Caller(make_guest(hosted))


@pytest.fixture
def ask(hosted, caller):
    """Submit a chat as the API does, and return its job."""

    def send(messages=SAYS, **fields):
        now = timezone.now()
        chat, completion = parse_chat({"model": hosted.full_name, "messages": messages, **fields})
        return submit(caller=caller, completion_request=completion, now=now, chat=chat).job

    return send


def answered(job, hosted, *events):
    """End a job with these events, and return its row as it is then."""
    claimed = claim(hosted, now=timezone.now())
    tokens = sum(len(event.tokens) for event in events)
    result = JobResult(events=list(events), completion_tokens=tokens)
    finish_job(job_id=job.pk, attempt=claimed.attempt, result=result, now=timezone.now())
    job.refresh_from_db()
    return job

"""A stream that ends without an answer says what the whole answer would say."""

from __future__ import annotations

import json

import pytest

from portal.jobs.hosting import hosted_model
from portal.jobs.models import Job
from portal.jobs.openai.completions import Reply
from portal.jobs.streaming.event_log import BEGINNING, JobEnd, LogItem
from portal.jobs.views.openai import Chunks, failure_of
from portal.surfaces.openai import openai_body
from tests.factories.jobs import make_guest, make_job


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (Job.State.CANCELLED, "job_cancelled"),
        (Job.State.FAILED, "job_failed"),
        (Job.State.EXPIRED, "job_failed"),
    ],
)
def test_the_last_chunk_is_the_error_of_the_whole_answer(hosted, now, state, code):
    job = make_job(hosted, make_guest(hosted), now=now, stream=True)
    chunks = Chunks(job, Reply(job, hosted_model(job.revision)), include_usage=True)
    line = chunks.render(LogItem(BEGINNING, ended=JobEnd(state, "It ended so.")))
    error = json.loads(line.removeprefix("data: "))["error"]
    assert (error["code"], error["message"]) == (code, "It ended so.")
    _, whole = openai_body(failure_of(state, "It ended so."))
    assert {"error": error} == whole

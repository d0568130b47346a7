"""A job is run again as it was asked for, by whoever may still ask."""

from __future__ import annotations

import pytest
from django.utils import timezone

from portal.access.errors import Refused
from portal.access.models import Grant
from portal.accounts.tokens.authentication import Caller
from portal.audit.models import AuditEvent
from portal.jobs.errors import JobNotFound, PromptForgotten, QuotaExceeded
from portal.jobs.models import Job
from portal.jobs.own.again import run_again
from tests.factories.jobs import make_guest, make_job

SET = {
    "max_tokens": 4,
    "min_tokens": 1,
    "n": 2,
    "best_of": 3,
    "temperature": 0.7,
    "seed": 7,
    "stop": ["sluice"],
    "stop_token_ids": [5],
    "logit_bias": {"5": -1.5},
    "logprobs": 2,
    "echo": True,
}


def again(job, person):
    return run_again(
        caller=Caller(person), job_id=job.pk, now=timezone.now(), source=Job.Source.PLAYGROUND
    )


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


@pytest.mark.parametrize(
    "fields", [{}, SET, {"max_tokens": 0, "echo": True}, {"stream": True}], ids=str
)
def test_all_but_the_seed_is_as_it_was(hosted, guest, fields):
    job = make_job(hosted, guest, now=timezone.now(), prompt=["The water", "A weir"], **fields)
    new = again(job, guest)
    assert (new.prompts, new.n, new.samples, new.echo) == (
        *(job.prompts, job.n, job.samples, job.echo),
    )
    assert new.params.pop("seed") != job.params.pop("seed")
    assert new.params == job.params
    assert new.seed_drawn
    assert (new.state, new.source) == ("queued", "playground")
    assert AuditEvent.objects.filter(type="job.submitted").count() == 2


def test_what_was_forgotten_is_not_run(hosted, guest):
    job = make_job(hosted, guest, now=timezone.now())
    Job.objects.update(prompts=[])
    with pytest.raises(PromptForgotten, match="isn’t kept any more"):
        again(job, guest)
    assert Job.objects.count() == 1


def test_the_checks_are_those_of_a_first_request(hosted, guest, settings):
    job = make_job(hosted, guest, now=timezone.now())
    with pytest.raises(JobNotFound):
        again(job, make_guest(hosted))
    settings.MAX_OPEN_JOBS = 1
    with pytest.raises(QuotaExceeded):
        again(job, guest)
    Grant.objects.update(closed_at=timezone.now(), closeout="Deleted.")
    with pytest.raises(Refused):
        again(job, guest)
    assert Job.objects.count() == 1

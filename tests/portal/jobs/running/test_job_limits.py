"""Requests that can never pass are a 400 that names the field; 429 is for those that may later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.jobs.errors import BadParameter, QuotaExceeded
from portal.jobs.models import Job
from tests.factories.accounts import make_token
from tests.factories.jobs import CONTEXT_LENGTH, make_guest, make_job, make_waiting


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


def refused(hosted, person, now, **fields):
    with pytest.raises(BadParameter) as error:
        make_job(hosted, person, now=now, **fields)
    assert not Job.objects.of(person).exists()
    return error.value


NEVER = [
    ({"prompt": [5], "n": 64, "max_tokens": 90}, "max_tokens"),
    ({"prompt": [5], "best_of": 64, "max_tokens": 90}, "max_tokens"),
    ({"prompt": [5], "n": 128, "max_tokens": 1}, "n"),
    ({"prompt": [5], "best_of": 128, "max_tokens": 1}, "best_of"),
    ({"prompt": [[5]] * 60, "max_tokens": 1}, "prompt"),
    ({"prompt": [[5] * 90, [6] * 90], "max_tokens": 0, "echo": True}, "prompt"),
    ({"prompt": [5] * 90, "max_tokens": 6, "n": 3}, "max_tokens"),
]


@pytest.mark.parametrize(("fields", "field"), NEVER)
def test_more_than_a_whole_day_gives_is_refused_for_good(
    hosted, guest, now, settings, fields, field
):
    settings.DAILY_TOKENS = 100
    error = refused(hosted, guest, now, **fields)
    assert (error.status, error.field) == (400, field)
    assert "100 are all of a day’s." in error.message


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({}, "Lower max_tokens."),
        ({"n": 40}, "Lower max_tokens or n."),
        ({"n": 2, "best_of": 40}, "Lower max_tokens or best_of."),
    ],
)
def test_each_field_that_could_be_lowered_is_named(hosted, guest, now, settings, fields, advice):
    settings.DAILY_TOKENS = 50
    error = refused(hosted, guest, now, prompt=[5], max_tokens=90, **fields)
    assert error.message.endswith(advice)


def test_it_is_refused_for_good_while_other_jobs_are_open_too(hosted, guest, now, settings):
    settings.DAILY_TOKENS, settings.MAX_OPEN_JOBS = 100, 1
    make_job(hosted, guest, now=now, prompt=[5], max_tokens=90)
    with pytest.raises(BadParameter):
        make_job(hosted, guest, now=now, prompt=[5], n=2, max_tokens=90)


def test_a_whole_day_may_be_asked_for_at_once(hosted, guest, now, settings):
    settings.DAILY_TOKENS = 91
    assert make_job(hosted, guest, now=now, prompt=[5], max_tokens=90)
    with pytest.raises(QuotaExceeded) as later:
        make_job(hosted, guest, now=now, prompt=[5], max_tokens=90)
    wait = timedelta(seconds=later.value.retry_after_seconds)
    assert make_job(hosted, guest, now=now + wait, prompt=[5], max_tokens=90)


def test_whoever_waits_has_a_smaller_day(hosted, now):
    person = make_waiting(hosted, tokens_per_day=40, now=now)
    error = refused(hosted, person, now, prompt=[5], max_tokens=60)
    assert error.field == "max_tokens"
    assert "40 are all of a day’s while your request is in review" in error.message


def test_a_completion_longer_than_the_context_is_refused_as_such(hosted, guest, now):
    error = refused(hosted, guest, now, prompt="x", max_tokens=CONTEXT_LENGTH)
    assert (error.code, error.field) == ("context_length_exceeded", "max_tokens")


def test_all_samples_count_not_only_the_answered(hosted, guest, now, settings):
    settings.DAILY_TOKENS = 100
    job = make_job(hosted, guest, now=now, prompt=[5, 6], n=2, best_of=5, max_tokens=10)
    assert (job.reserved_tokens, job.samples, job.n, job.best_of) == (52, 5, 2, 5)
    with pytest.raises(QuotaExceeded, match="48 are left today"):
        make_job(hosted, guest, now=now, prompt=[5], best_of=5, max_tokens=10)


def test_a_program_reads_400_and_not_429(client, hosted, guest, settings):
    settings.DAILY_TOKENS = 100
    _, secret = make_token(guest, now=timezone.now())
    response = client.post(
        "/v1/completions",
        {"model": hosted.full_name, "prompt": "x", "n": 64, "max_tokens": 90},
        "application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert (response.status_code, response.json()["error"]["param"]) == (400, "max_tokens")
    assert "Retry-After" not in response

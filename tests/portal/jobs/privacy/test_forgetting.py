"""Texts go when the model's days are over, and rows stay for accounting."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo
from portal.catalog.services.repos import configure_repo
from portal.errors import FieldErrors
from portal.jobs.models import Job
from portal.jobs.services import JobResult, finish_job
from portal.jobs.services.forgetting import forget_fetched, forget_old
from portal.jobs.streaming.event_log import ChoiceEvent, append, log_key
from portal.redis_client import redis_client
from tests.factories.accounts import make_token, the_operator
from tests.factories.jobs import claim, make_guest, make_job
from tests.portal.jobs.privacy.canary import CANARY, FIELDS
from workers.maintenance import sweep_jobs

DAY = timedelta(days=1)


@pytest.fixture
def keep(hosted):
    def set_days(days):
        return configure_repo(
            actor=the_operator(), repo_id=hosted.pk, now=timezone.now(), prompt_days=days
        )

    return set_days


def ended(hosted, *, at, person=None) -> Job:
    job = make_job(ModelRepo.objects.get(pk=hosted.pk), person, now=at, **FIELDS)
    claimed = claim(hosted, now=at)
    event = ChoiceEvent(0, tokens=[1], text=CANARY, finish_reason="stop")
    append([(job.pk, event)])
    finish_job(job_id=job.pk, attempt=claimed.attempt, result=JobResult([event], 1), now=at)
    return Job.objects.get(pk=job.pk)


def has_text(job: Job) -> bool:
    job.refresh_from_db()
    texts = [job.prompts, job.events, set(job.params) & {"stop", "logit_bias", "stop_token_ids"}]
    assert all(texts) or not any(texts)
    assert (job.prompt_tokens, job.completion_tokens) == (23, 1)
    return bool(job.prompts)


@pytest.mark.parametrize(
    ("days", "later", "kept"),
    [
        (None, 30 * DAY - timedelta(minutes=1), True),
        (None, 30 * DAY, False),
        (3, 3 * DAY - timedelta(minutes=1), True),
        (3, 3 * DAY, False),
    ],
    ids=["the site's, before", "the site's, after", "three, before", "three, after"],
)
def test_a_models_days_hold(hosted, keep, now, days, later, kept):
    keep(days)
    job = ended(hosted, at=now)
    forget_old(now + later)
    assert has_text(job) is kept


def test_more_days_hold_for_what_is_sent_from_then_on(hosted, keep, now):
    keep(2)
    before = ended(hosted, at=now)
    keep(20)
    after = ended(hosted, at=now)
    forget_old(now + 2 * DAY)
    assert (has_text(before), has_text(after)) == (False, True)


def test_fewer_days_hold_for_all(hosted, keep, now):
    job = ended(hosted, at=now)
    keep(2)
    forget_old(now + 2 * DAY)
    assert not has_text(job)


def test_the_sites_days_hold_whatever_a_model_says(hosted, keep, now, settings):
    keep(20)
    job = ended(hosted, at=now)
    settings.PROMPT_DAYS = 1
    forget_old(now + DAY)
    assert not has_text(job)


def test_without_a_day_the_page_has_it_for_ten_minutes(hosted, keep):
    keep(0)
    lately, now = timezone.now() - timedelta(minutes=9), timezone.now()
    guest = make_guest(hosted)
    job = ended(hosted, at=lately, person=guest)
    client = Client()
    client.force_login(guest)
    sweep_jobs()
    assert CANARY in client.get(f"/playground/{job.pk}").content.decode()
    assert has_text(job)
    forget_fetched(now + timedelta(minutes=1))
    assert not has_text(job)
    assert not redis_client().exists(log_key(job.pk))
    page = client.get(f"/playground/{job.pk}").content.decode()
    assert "are forgotten" in page
    assert CANARY not in page


def test_the_clock_forgets_it(hosted, keep):
    keep(0)
    job = ended(hosted, at=timezone.now() - timedelta(minutes=11))
    sweep_jobs()
    assert not has_text(job)


def test_it_is_said_before_anything_is_sent(hosted, keep):
    guest = make_guest(hosted)
    client = Client()
    client.force_login(guest)
    for days, words in ((None, "30 days"), (1, "1 day"), (0, "10 minutes")):
        keep(days)
        page = client.get("/playground").content.decode()
        assert f"Prompts and outputs are kept for {words} after a job’s end" in page
    _, secret = make_token(guest, now=timezone.now())
    answer = client.get("/v1/models", headers={"Authorization": f"Bearer {secret}"})
    assert answer.json()["data"][0]["x_weightgate"]["prompt_days"] == 0


def test_a_lab_may_not_keep_them_for_longer_than_the_site(keep):
    for days in (31, -1):
        with pytest.raises(FieldErrors) as refused:
            keep(days)
        assert "0 to 30" in refused.value.errors["prompt_days"]


def test_each_change_is_on_record(hosted):
    def set_days(days):
        options = ("--prompt-days", days, "--as", the_operator().username)
        call_command("model", "set", hosted.full_name, *options)
        return ModelRepo.objects.get(pk=hosted.pk).prompt_days

    assert set_days("0") == 0
    assert set_days("none") is None
    changes = AuditEvent.objects.filter(type="repo.configured").order_by("-sequence")[:2]
    assert [event.data["changed"]["prompt_days"] for event in changes] == ["None", "0"]
    with pytest.raises(CommandError, match="--prompt-days: Give a whole number"):
        set_days("31")

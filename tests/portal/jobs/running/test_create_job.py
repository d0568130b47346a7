from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import Refused
from portal.access.policy.policy import Reason
from portal.accounts.tokens.authentication import Caller
from portal.audit.models import AuditEvent
from portal.jobs.errors import BadParameter, ModelLoading, ModelNotFound, QuotaExceeded
from portal.jobs.models import Job
from portal.jobs.openai.schemas import parse_completion
from portal.jobs.services import create_job
from tests.factories.accounts import make_token, make_user
from tests.factories.jobs import CONTEXT_LENGTH, make_guest, make_hosted, make_job


def test_the_row_holds_ids_and_everything_that_was_asked(hosted, now):
    job = make_job(hosted, now=now, prompt="The water", max_tokens=4, temperature=0, stop="weir")

    assert job.state == Job.State.QUEUED
    assert job.prompts[0][0] == 2, "a text begins with </s>"
    assert job.prompt_tokens == len(job.prompts[0])
    assert job.params["stop"] == ["weir"]
    assert job.revision == hosted.revisions.get()


def test_ids_are_taken_as_given(hosted, now):
    assert make_job(hosted, now=now, prompt=[7, 8, 9]).prompts == [[7, 8, 9]]


def test_a_seed_is_drawn_so_that_a_second_attempt_repeats(hosted, now):
    assert isinstance(make_job(hosted, now=now).params["seed"], int)
    assert make_job(hosted, now=now, seed=11).params["seed"] == 11


def test_it_is_recorded_with_its_person_and_no_text(hosted, now):
    job = make_job(hosted, now=now, prompt="A secret thought")
    event = AuditEvent.objects.get(type="job.submitted")
    assert (event.target_id, event.actor_id) == (str(job.pk), job.person_id)
    assert "secret" not in str(event.data)


def test_a_worker_is_hinted_at_after_commit(hosted, now, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        make_job(hosted, now=now)
    assert len(callbacks) >= 1


@pytest.mark.parametrize("name", ["nobody/nothing", "nothing", "a\0b/c", "a/b/c"])
def test_an_unknown_model_is_not_found(hosted, now, name):
    completion = parse_completion({"model": name, "prompt": "x"})
    with pytest.raises(ModelNotFound):
        create_job(caller=Caller(make_guest(hosted)), completion_request=completion, now=now)


def test_a_repo_that_is_not_hosted_is_no_model(hosted, now):
    hosted.hosted = False
    hosted.save()
    with pytest.raises(ModelNotFound):
        make_job(hosted, make_user(), now=now)


def test_a_private_repo_is_not_found_by_strangers(db, model, now):
    with pytest.raises(ModelNotFound):
        make_job(make_hosted(model, private=True), make_user(), now=now)


def test_access_is_asked_for_at_the_gate(hosted, now):
    with pytest.raises(Refused) as refused:
        make_job(hosted, make_user(), now=now)
    assert refused.value.refusal.reason == Reason.NO_REQUEST
    assert not Job.objects.exists()


def test_a_token_without_the_scope_is_refused(hosted, now):
    token, _ = make_token(make_guest(hosted), "download")
    completion = parse_completion({"model": hosted.full_name, "prompt": "x"})
    with pytest.raises(Refused) as refused:
        create_job(caller=Caller(token.user, token), completion_request=completion, now=now)
    assert refused.value.refusal.reason == Reason.SCOPE


def test_without_a_live_worker_the_model_is_loading(db, model, now):
    with pytest.raises(ModelLoading):
        make_job(make_hosted(model, live=False), now=now)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": [99_999]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": [5] * (CONTEXT_LENGTH + 1)}, "prompt"),
        ({"prompt": [5] * 90, "max_tokens": 7}, "max_tokens"),
        ({"stop_token_ids": [5, 99_999]}, "stop_token_ids"),
        ({"stop_token_ids": [-1]}, "stop_token_ids"),
        ({"logit_bias": {"99999": 1}}, "logit_bias"),
    ],
)
def test_what_the_model_cannot_take_is_refused(hosted, now, fields, field):
    with pytest.raises(BadParameter) as refused:
        make_job(hosted, now=now, **fields)
    assert refused.value.field == field


def test_the_whole_context_may_be_used(hosted, now):
    assert make_job(hosted, now=now, prompt=[5] * 90, max_tokens=CONTEXT_LENGTH - 90)


def test_open_jobs_are_limited(hosted, now, settings):
    settings.MAX_OPEN_JOBS = 2
    person = make_guest(hosted)
    for _ in range(2):
        make_job(hosted, person, now=now)
    with pytest.raises(QuotaExceeded) as refused:
        make_job(hosted, person, now=now)
    assert refused.value.retry_after_seconds > 0


def test_the_daily_quota_counts_what_open_jobs_may_take(hosted, now, settings):
    settings.DAILY_TOKENS = 40
    person = make_guest(hosted)
    make_job(hosted, person, now=now, prompt=[5] * 10, max_tokens=20)
    with pytest.raises(QuotaExceeded, match="10 are left today"):
        make_job(hosted, person, now=now, prompt=[5], max_tokens=10)
    assert make_job(hosted, person, now=now, prompt=[5], max_tokens=9)


def test_the_quota_begins_anew_at_midnight_utc(hosted, now, settings):
    settings.DAILY_TOKENS = 10
    person = make_guest(hosted)
    make_job(hosted, person, now=now, prompt=[5], max_tokens=9)
    with pytest.raises(QuotaExceeded, match=r"used today’s 10 tokens\. More from 00:00") as said:
        make_job(hosted, person, now=now, prompt=[5], max_tokens=1)
    assert said.value.retry_after_seconds == 14 * 3600 + 1
    assert make_job(hosted, person, now=now + timedelta(hours=14), prompt=[5], max_tokens=9)


def test_one_persons_quota_is_nobody_elses(hosted, now, settings):
    settings.DAILY_TOKENS = 10
    make_job(hosted, now=now, prompt=[5], max_tokens=9)
    assert make_job(hosted, now=now, prompt=[5], max_tokens=9)

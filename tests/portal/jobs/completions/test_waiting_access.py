"""A little hosted use while a request waits; conditions and holds that bind jobs."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from portal.access.errors import Refused
from portal.access.holds.impact import affected_by
from portal.access.models import AccessRequest, Hold
from portal.access.policy.policy import Reason
from portal.access.review.asking import ask_question
from portal.access.review.decisions.deciding import decline_request
from portal.jobs.errors import QuotaExceeded
from portal.jobs.models import Job
from portal.jobs.services import LeaseStatus, renew_lease
from portal.site.model_page.gates import look_at_gate
from tests.factories.accounts import make_token
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_accepted, make_hold
from tests.factories.jobs import claim, make_guest, make_job, make_waiting

pytestmark = pytest.mark.django_db


def reason_of(act):
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.refusal.reason


class TestWhileWaiting:
    @pytest.fixture
    def person(self, hosted, now):
        return make_waiting(hosted, tokens_per_day=40, now=now)

    def test_it_runs_within_the_smaller_allowance(self, hosted, person, now):
        assert make_job(hosted, person, now=now, prompt=[5] * 10, max_tokens=20)
        with pytest.raises(QuotaExceeded, match="30 of 40 tokens a day while your request is in"):
            make_job(hosted, person, now=now, prompt=[5], max_tokens=10)
        assert make_job(hosted, person, now=now, prompt=[5], max_tokens=9)

    def test_it_begins_anew_at_midnight(self, hosted, person, now):
        make_job(hosted, person, now=now, prompt=[5] * 10, max_tokens=30)
        assert make_job(hosted, person, now=now + timedelta(hours=14), prompt=[5], max_tokens=9)

    def test_the_inside_of_the_model_waits(self, hosted, person, now):
        for inside in ({"logprobs": 1}, {"prompt_logprobs": 0}):
            act = partial(make_job, hosted, person, now=now, **inside)
            assert reason_of(act) == Reason.CONDITION

    def test_the_models_page_offers_it(self, hosted, person, now):
        notice = look_at_gate(person, hosted, now).notice
        assert notice.other.label == "Try it while you wait: 40 tokens a day"

    def test_a_question_stops_nothing(self, hosted, person, now):
        request = _request(person)
        ask_question(reviewer=make_reviewer(hosted), request_id=request.pk, text="Why?", now=now)
        assert make_job(hosted, person, now=now, max_tokens=4)

    def test_a_decline_stops_it_and_what_runs(self, hosted, person, now):
        job = self.running(hosted, person, now)
        decline_request(
            reviewer=make_reviewer(hosted),
            request_id=_request(person).pk,
            reason_code="commercial",
            reason_text="It sells.",
            now=now,
        )
        assert self.stands(job, now) == LeaseStatus.ACCESS_ENDED
        assert reason_of(lambda: make_job(hosted, person, now=now)) == Reason.DECLINED

    def test_a_hold_stops_it_and_what_runs(self, hosted, person, now):
        job = self.running(hosted, person, now)
        assert self.stands(job, now) == LeaseStatus.RENEWED
        make_hold(person, hosted, now=now)
        assert self.stands(job, now) == LeaseStatus.ACCESS_ENDED
        assert reason_of(lambda: make_job(hosted, person, now=now)) == Reason.SUSPENDED

    def running(self, hosted, person, now):
        make_job(hosted, person, now=now, max_tokens=4)
        return claim(hosted, now=now)

    def stands(self, job, now):
        return renew_lease(job_id=job.pk, attempt=job.attempt, now=now)


def _request(person):
    return AccessRequest.objects.get(applicant=person)


class TestConditions:
    def test_without_logits_text_alone_is_given(self, hosted, now):
        grant = make_accepted(hosted, modes=("inference",), conditions={"no_logits": True}, now=now)
        assert make_job(hosted, grant.person, now=now)
        assert make_job(hosted, grant.person, now=now, n=1, best_of=3, logit_bias={"5": 1})
        for fields in (
            {"logprobs": 0},
            {"logprobs": 2},
            {"logprobs": 1, "echo": True},
            {"prompt_logprobs": 0},
            {"prompt_logprobs": 2, "echo": True},
        ):
            act = partial(make_job, hosted, grant.person, now=now, **fields)
            assert reason_of(act) == Reason.CONDITION

    def test_a_condition_that_comes_later_ends_what_looks_inside(self, hosted, now):
        person = make_guest(hosted)
        make_job(hosted, person, now=now, prompt_logprobs=1)
        job = claim(hosted, now=now)
        assert renew_lease(job_id=job.pk, attempt=1, now=now) == LeaseStatus.RENEWED
        person.grants.update(conditions={"no_logits": True})
        assert renew_lease(job_id=job.pk, attempt=1, now=now) == LeaseStatus.ACCESS_ENDED

    def test_with_them_logprobs_are(self, hosted, now):
        assert make_job(hosted, make_guest(hosted), now=now, logprobs=2)

    def test_a_revision_that_is_held_stops_its_jobs(self, hosted, now):
        person = make_guest(hosted)
        make_job(hosted, person, now=now)
        job = claim(hosted, now=now)
        would = Hold(scope="revision", repo=hosted, revision=job.revision)
        assert affected_by(would, now).jobs == 1
        make_hold(job.revision, hosted, now=now)
        status = renew_lease(job_id=job.pk, attempt=job.attempt, now=now)
        assert status == LeaseStatus.ACCESS_ENDED
        assert reason_of(lambda: make_job(hosted, person, now=now)) == Reason.SUSPENDED
        assert Job.objects.count() == 1


def test_the_openai_client_reads_why_logprobs_are_refused(hosted, client):
    now = timezone.now()
    grant = make_accepted(hosted, modes=("inference",), conditions={"no_logits": True}, now=now)
    _, secret = make_token(grant.person, now=now)
    response = client.post(
        "/v1/completions",
        {"model": hosted.full_name, "prompt": "x", "logprobs": 1},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert response.status_code == 403
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("permission_error", "no_access")
    assert error["param"] == "logprobs"
    assert "generated text only: no logprobs" in error["message"]

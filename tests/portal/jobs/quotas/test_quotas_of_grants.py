"""A number that a grant names holds for its model; else the gate’s, else the installation’s."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.policy.quotas import Quotas
from portal.jobs.errors import BadParameter, QuotaExceeded
from portal.jobs.models import Job
from portal.jobs.services import (
    MAX_ATTEMPTS,
    cancel_job,
    fail_job,
    finish_job,
    sweep,
)
from portal.jobs.services.running import JobResult
from tests.factories.accounts import make_user
from tests.factories.grants import make_accepted, make_entity_grant, make_gate, make_member
from tests.factories.jobs import claim, make_guest, make_hosted, make_job, make_waiting

TEN = {"prompt": [5], "max_tokens": 9}


@pytest.fixture
def give(hosted, now):
    def with_quotas(repo=None, person=None, **numbers):
        grant = make_accepted(repo or hosted, person, modes=("inference",), now=now)
        grant.quotas = Quotas(**numbers).stored()
        grant.save(update_fields=["quotas"])
        return grant.person

    return with_quotas


def refused(act, match):
    with pytest.raises(QuotaExceeded, match=match) as error:
        act()
    return error.value


class TestTokens:
    def test_the_grants_number_holds_before_the_gates_and_that_before_all(
        self, hosted, give, now, settings
    ):
        settings.DAILY_TOKENS = 10
        by_default, by_grant = give(), give(tokens_per_day=30)
        assert make_job(hosted, by_default, now=now, **TEN)
        refused(lambda: make_job(hosted, by_default, now=now, **TEN), "used today’s 10 tokens")
        make_gate(hosted, tokens_per_day=20)
        assert make_job(hosted, by_default, now=now, **TEN)
        message = f"used today’s 20 tokens of {hosted.full_name}"
        refused(lambda: make_job(hosted, by_default, now=now, **TEN), message)
        for _ in range(3):
            assert make_job(hosted, by_grant, now=now, **TEN)
        refused(lambda: make_job(hosted, by_grant, now=now, **TEN), "used today’s 30 tokens of")

    def test_a_models_own_quota_and_that_of_all_others_leave_each_other_alone(
        self, hosted, model, give, now, settings
    ):
        settings.DAILY_TOKENS = 10
        person = give(tokens_per_day=10)
        other = make_hosted(model)
        give(other, person)
        assert make_job(hosted, person, now=now, **TEN)
        assert make_job(other, person, now=now, **TEN)
        refused(lambda: make_job(other, person, now=now, **TEN), "used today’s 10 tokens.")
        refused(lambda: make_job(hosted, person, now=now, **TEN), f"of {hosted.full_name}")

    def test_of_two_grants_the_larger_number_holds(self, hosted, give, now):
        person = give(tokens_per_day=10)
        give(person=person, tokens_per_day=20)
        assert make_job(hosted, person, now=now, prompt=[5], max_tokens=19)

    def test_more_than_the_whole_day_is_refused_for_good(self, hosted, give, now):
        person = give(tokens_per_day=9)
        with pytest.raises(BadParameter, match="9 are all of a day’s") as error:
            make_job(hosted, person, now=now, **TEN)
        assert error.value.field == "max_tokens"

    def test_each_member_has_the_quota(self, hosted, now):
        grant = make_entity_grant(hosted, modes=("inference",), now=now)
        grant.quotas = {"tokens_per_day": 10}
        grant.save()
        member = make_member(grant, now=now).person
        for person in (grant.person, member):
            assert make_job(hosted, person, now=now, **TEN)
            refused(lambda who=person: make_job(hosted, who, now=now, **TEN), "used today’s 10")

    def test_an_open_model_has_its_gates_quota(self, db, model, now):
        repo = make_hosted(model, gate="open")
        make_gate(repo, tokens_per_day=10, concurrent_jobs=1)
        person = make_user()
        assert make_job(repo, person, now=now, **TEN)
        refused(lambda: make_job(repo, person, now=now, prompt=[5], max_tokens=1), "1 job of")

    def test_who_waits_has_what_the_gate_gives_to_who_waits(self, hosted, now, settings):
        settings.DAILY_TOKENS = 30
        person = make_waiting(hosted, tokens_per_day=20, now=now)
        make_gate(hosted, tokens_per_day=5)
        assert make_job(hosted, person, now=now, **TEN)
        refused(lambda: make_job(hosted, person, now=now, prompt=[5], max_tokens=11), "in review")


class TestJobsAtATime:
    def test_a_grants_number_counts_that_model_alone(self, hosted, model, give, now, settings):
        settings.MAX_OPEN_JOBS = 1
        person = give(concurrent_jobs=2)
        other = make_hosted(model)
        give(other, person)
        assert make_job(other, person, now=now, **TEN)
        assert make_job(hosted, person, now=now, **TEN)
        assert make_job(hosted, person, now=now, **TEN)
        refused(lambda: make_job(hosted, person, now=now, **TEN), "2 jobs of .* open")
        refused(lambda: make_job(other, person, now=now, **TEN), "1 job open")


class TestContext:
    def test_prompt_and_completion_fit_the_quota_together(self, hosted, give, now):
        person = give(context_tokens=20)
        assert make_job(hosted, person, now=now, prompt=[5] * 10, max_tokens=10)
        for prompt, most, field in (([5] * 10, 11, "max_tokens"), ([5] * 21, 1, "prompt")):
            with pytest.raises(BadParameter, match="quota is 20 tokens in a prompt") as error:
                make_job(hosted, person, now=now, prompt=prompt, max_tokens=most)
            assert (error.value.code, error.value.field) == ("context_length_exceeded", field)

    def test_a_gates_number_binds_who_has_none(self, hosted, now):
        make_gate(hosted, context_tokens=20)
        with pytest.raises(BadParameter, match="quota is 20"):
            make_job(hosted, now=now, prompt=[5] * 10, max_tokens=11)

    def test_more_than_the_model_has_changes_nothing(self, hosted, give, now):
        person = give(context_tokens=4096)
        with pytest.raises(BadParameter, match="maximum context length is 96"):
            make_job(hosted, person, now=now, prompt=[5] * 90, max_tokens=7)


class TestNothingLeaks:
    """A job that ends counts what it used, and nothing of what it had reserved."""

    @pytest.fixture
    def person(self, hosted, settings):
        settings.DAILY_TOKENS = 20
        return make_guest(hosted)

    def test_what_never_ran_used_nothing(self, hosted, person, now, settings):
        settings.JOB_QUEUE_LIMIT = timedelta(minutes=10)
        job = make_job(hosted, person, now=now, prompt=[5] * 10, max_tokens=10)
        cancel_job(person=person, job_id=job.pk, now=now)
        make_job(hosted, person, now=now, prompt=[5] * 10, max_tokens=10)
        now += timedelta(minutes=11)
        assert sweep(now=now).expired == 1
        assert make_job(hosted, person, now=now, prompt=[5] * 10, max_tokens=10)

    def test_what_failed_or_was_stopped_counts_what_was_computed(self, hosted, person, now):
        for state, used in ((Job.State.FAILED, 3), (Job.State.CANCELLED, 2)):
            make_job(hosted, person, now=now, prompt=[5] * 2, max_tokens=4)
            job = claim(hosted, now=now)
            done = JobResult(completion_tokens=used)
            fail_job(job_id=job.pk, attempt=1, error="-", now=now, result=done, state=state)
        assert make_job(hosted, person, now=now, prompt=[5], max_tokens=10)
        refused(lambda: make_job(hosted, person, now=now, prompt=[5], max_tokens=1), "used today")

    def test_a_killed_worker_counts_once(self, hosted, person, now):
        make_job(hosted, person, now=now, prompt=[5] * 10, max_tokens=5)
        for attempt in range(1, MAX_ATTEMPTS):
            job = claim(hosted, now=now)
            assert job.attempt == attempt
            now += timedelta(seconds=16)
            sweep(now=now)
        job = claim(hosted, now=now)
        done = JobResult(completion_tokens=5)
        finish_job(job_id=job.pk, attempt=MAX_ATTEMPTS, result=done, now=now)
        assert make_job(hosted, person, now=now, prompt=[5], max_tokens=4)
        refused(lambda: make_job(hosted, person, now=now, prompt=[5], max_tokens=1), "used today")

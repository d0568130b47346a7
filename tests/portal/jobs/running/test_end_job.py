from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.grants.ending.revocation import revoke_grant
from portal.accounts.services import revoke_token
from portal.accounts.tokens.authentication import Caller
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from portal.jobs.errors import JobHasEnded, JobNotFound, LeaseLost
from portal.jobs.models import Job
from portal.jobs.openai.schemas import parse_completion
from portal.jobs.quota import quota_today
from portal.jobs.services import (
    MAX_ATTEMPTS,
    LeaseStatus,
    cancel_job,
    cancelled_among,
    create_job,
    fail_job,
    finish_job,
    release_job,
    renew_lease,
    sweep,
)
from portal.jobs.services.running import JobResult
from portal.jobs.streaming.event_log import ChoiceEvent
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_reviewer
from tests.factories.jobs import claim, make_guest, make_job

RESULT = JobResult(
    events=[ChoiceEvent(0, tokens=[7, 8], text="ab\0", finish_reason="length")],
    completion_tokens=2,
    engine_seconds=36.0,
)


@pytest.fixture
def running(hosted, now):
    make_job(hosted, now=now)
    return claim(hosted, now=now)


def test_a_result_is_committed_and_measured(running, now, settings):
    settings.ENGINE_WATTS, settings.ENGINE_PUE = 100.0, 1.5
    settings.ENGINE_KG_PER_KWH, settings.ENGINE_PRICE_PER_HOUR = 0.4, 2.0
    finish_job(job_id=running.pk, attempt=1, result=RESULT, now=now)
    job = Job.objects.get()
    assert job.state == Job.State.SUCCEEDED
    assert job.events[0]["text"] == "ab\0"
    assert job.energy_wh == pytest.approx(1.5)
    assert job.co2_g == pytest.approx(0.6)
    assert float(job.cost) == pytest.approx(0.02)


def test_an_end_is_recorded(running, now):
    finish_job(job_id=running.pk, attempt=1, result=RESULT, now=now)
    event = AuditEvent.objects.get(type="job.ended")
    assert event.data["state"] == "succeeded"
    assert event.data["completion_tokens"] == 2


def test_what_was_used_counts_and_what_was_reserved_no_longer(running, now):
    finish_job(job_id=running.pk, attempt=1, result=RESULT, now=now)
    assert quota_today(running.person, now).used == running.prompt_tokens + 2


def test_the_second_commit_changes_nothing(running, now):
    finish_job(job_id=running.pk, attempt=1, result=RESULT, now=now)
    with pytest.raises(LeaseLost):
        fail_job(job_id=running.pk, attempt=1, error="late", now=now)
    assert Job.objects.get().state == Job.State.SUCCEEDED


def test_an_earlier_attempt_cannot_commit(hosted, running, now):
    after = now + timedelta(minutes=1)
    sweep(now=after)
    assert claim(hosted, now=after).attempt == 2
    with pytest.raises(LeaseLost):
        finish_job(job_id=running.pk, attempt=1, result=RESULT, now=after)
    assert finish_job(job_id=running.pk, attempt=2, result=RESULT, now=after)


def test_a_failure_says_why(running, now):
    fail_job(job_id=running.pk, attempt=1, error="the engine failed", now=now)
    job = Job.objects.get()
    assert (job.state, job.error) == (Job.State.FAILED, "the engine failed")


def test_a_released_job_is_claimed_again_under_the_next_attempt(hosted, running, now):
    assert release_job(job_id=running.pk, attempt=1)
    assert not release_job(job_id=running.pk, attempt=1)
    assert claim(hosted, now=now).attempt == 2


# --- leases


def test_renewing_holds_the_job_longer(running, now, settings):
    later = now + timedelta(seconds=10)
    assert renew_lease(job_id=running.pk, attempt=1, now=later) is LeaseStatus.RENEWED
    assert Job.objects.get().lease_until == later + settings.JOB_LEASE


def test_a_lapsed_lease_brings_the_job_back(hosted, running, now):
    assert sweep(now=now + timedelta(seconds=14)).requeued == 0
    assert sweep(now=now + timedelta(seconds=16)).requeued == 1
    assert renew_lease(job_id=running.pk, attempt=1, now=now) is LeaseStatus.LOST


def test_after_five_lost_attempts_the_job_is_given_up(hosted, now):
    make_job(hosted, now=now)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert claim(hosted, now=now).attempt == attempt
        now += timedelta(seconds=16)
        sweep(now=now)
    job = Job.objects.get()
    assert job.state == Job.State.FAILED
    assert "lost" in job.error


def test_the_worker_learns_that_access_ended(hosted, running, now):
    grant = running.person.grants.get()
    revoke_grant(
        actor=make_reviewer(hosted, role=TeamMember.Role.ADMINISTRATOR),
        grant_id=grant.pk,
        reason="The work has ended.",
        now=now,
    )
    assert renew_lease(job_id=running.pk, attempt=1, now=now) is LeaseStatus.ACCESS_ENDED


def test_the_worker_learns_that_the_token_was_revoked(hosted, now):
    token, _ = make_token(make_guest(hosted))
    completion = parse_completion({"model": hosted.full_name, "prompt": "x"})
    create_job(caller=Caller(token.user, token), completion_request=completion, now=now)
    running = claim(hosted, now=now)
    revoke_token(owner=token.user, token_id=token.pk, now=now)
    assert renew_lease(job_id=running.pk, attempt=1, now=now) is LeaseStatus.ACCESS_ENDED


# --- cancelling


def test_a_queued_job_is_cancelled_at_once(hosted, now):
    job = make_job(hosted, now=now)
    cancel_job(person=job.person, job_id=job.pk, now=now)
    assert Job.objects.get().state == Job.State.CANCELLED
    assert claim(hosted, now=now) is None
    assert AuditEvent.objects.get(type="job.ended").data["state"] == "cancelled"


def test_a_running_job_is_cancelled_by_its_worker(running, now):
    assert cancelled_among([running.pk]) == set()
    cancel_job(person=running.person, job_id=running.pk, now=now)
    cancel_job(person=running.person, job_id=running.pk, now=now)
    assert Job.objects.get().state == Job.State.RUNNING
    assert cancelled_among([running.pk]) == {running.pk}
    assert renew_lease(job_id=running.pk, attempt=1, now=now) is LeaseStatus.CANCELLED


def test_a_cancelled_job_that_its_worker_lost_is_not_run_again(running, now):
    cancel_job(person=running.person, job_id=running.pk, now=now)
    sweep(now=now + timedelta(minutes=1))
    assert Job.objects.get().state == Job.State.CANCELLED


def test_what_has_ended_cannot_be_cancelled(running, now):
    finish_job(job_id=running.pk, attempt=1, result=RESULT, now=now)
    with pytest.raises(JobHasEnded):
        cancel_job(person=running.person, job_id=running.pk, now=now)


def test_others_jobs_do_not_exist(running, now):
    with pytest.raises(JobNotFound):
        cancel_job(person=make_user(), job_id=running.pk, now=now)


# --- the clock


def test_jobs_past_their_time_expire(hosted, running, now, settings):
    over = now + settings.JOB_TIME_LIMIT + timedelta(seconds=1)
    assert sweep(now=over).expired == 1
    assert set(Job.objects.values_list("state", flat=True)) == {Job.State.EXPIRED}
    assert sweep(now=over).expired == 0
    with pytest.raises(LeaseLost):
        finish_job(job_id=running.pk, attempt=1, result=RESULT, now=over)


def test_what_waits_is_hinted_at_again(hosted, now):
    make_job(hosted, now=now)
    assert sweep(now=now).woken == 1

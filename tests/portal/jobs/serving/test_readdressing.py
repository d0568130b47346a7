"""No queued job is left to a revision that workers hold no more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.grants.ending.revocation import revoke_grant
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from portal.catalog.services.repos import configure_repo
from portal.jobs.models import Job
from portal.jobs.services import claim_next_job, release_job, sweep
from portal.jobs.serving.presence import HELD, note_served
from tests.factories.accounts import the_operator
from tests.factories.catalog import make_reviewer
from tests.factories.jobs import CONTEXT_LENGTH, make_guest, make_job


@pytest.fixture
def waiting(hosted, now):
    return make_job(hosted, now=now, max_tokens=4)


@pytest.fixture
def replace(hosted, publish, now):
    """Have the worker of the first revision end, and one come that holds the next."""

    def come_back(**changes):
        newest = publish(hosted, **changes)
        note_served(newest, now)
        return newest

    return come_back


def claim_of(job, revision, now):
    return claim_next_job(worker="w", repo_id=job.repo_id, revision_id=revision.pk, now=now)


def test_a_job_that_never_began_goes_to_the_revision_that_is_served(waiting, replace, now):
    newest = replace()
    assert claim_of(waiting, newest, now) is None
    assert sweep(now=now).readdressed == 1
    assert sweep(now=now).readdressed == 0
    assert claim_of(waiting, newest, now) == waiting
    event = AuditEvent.objects.get(type="job.readdressed")
    assert event.data["before"] == waiting.revision.commit
    assert event.data["revision"] == newest.commit


def test_a_worker_that_ends_the_earlier_revisions_jobs_keeps_them(waiting, replace, now):
    newest = replace()
    note_served(waiting.revision, now)
    later = now + HELD
    note_served(newest, later)
    assert sweep(now=later).readdressed == 0
    assert claim_of(waiting, waiting.revision, later) == waiting
    assert sweep(now=later + timedelta(seconds=1)).readdressed == 0


def test_while_no_worker_is_back_the_job_waits(waiting, publish, hosted, now):
    publish(hosted)
    swept = sweep(now=now)
    assert (swept.readdressed, swept.failed, swept.expired) == (0, 0, 0)


def test_a_job_begun_for_a_reader_ends_since_it_cannot_be_continued(hosted, replace, now):
    job = make_job(hosted, now=now, stream=True)
    claim_of(job, job.revision, now)
    release_job(job_id=job.pk, attempt=1)
    replace()
    assert sweep(now=now).failed == 1
    assert "can’t go on with a text of this one" in Job.objects.get().error


def test_a_job_begun_whose_text_nobody_has_seen_is_begun_again(hosted, replace, now):
    job = make_job(hosted, now=now)
    claim_of(job, job.revision, now)
    release_job(job_id=job.pk, attempt=1)
    newest = replace()
    assert sweep(now=now).readdressed == 1
    assert claim_of(job, newest, now).attempt == 2


def test_who_may_not_prompt_any_more_is_told(hosted, replace, now):
    guest = make_guest(hosted)
    make_job(hosted, guest, now=now)
    administrator = make_reviewer(hosted, role=TeamMember.Role.ADMINISTRATOR)
    grant = guest.grants.get()
    revoke_grant(actor=administrator, grant_id=grant.pk, reason="It ended.", now=now)
    replace()
    assert sweep(now=now).failed == 1
    assert "may not prompt" in Job.objects.get().error


def test_other_words_for_the_same_tokens_end_the_job(waiting, replace, now):
    replace(tokenizer={"post_processor": None})
    assert sweep(now=now).failed == 1
    assert "reads text in another way" in Job.objects.get().error


def test_a_shorter_context_ends_the_job_that_needs_the_longer(hosted, replace, now):
    make_job(hosted, now=now, prompt=[5] * 80, max_tokens=CONTEXT_LENGTH - 80)
    fits = make_job(hosted, now=now, prompt=[5] * 8, max_tokens=8)
    replace(max_position_embeddings=CONTEXT_LENGTH - 8)
    swept = sweep(now=now)
    assert (swept.readdressed, swept.failed) == (1, 1)
    fits.refresh_from_db()
    assert fits.state == Job.State.QUEUED
    assert f"context length is {CONTEXT_LENGTH - 8}" in Job.objects.get(state="failed").error


def test_a_model_that_is_hosted_no_more_ends_its_jobs(hosted, waiting, now):
    configure_repo(actor=the_operator(), repo_id=hosted.pk, now=now, hosted=False)
    assert sweep(now=now).failed == 1
    assert Job.objects.get().error == "The model is not hosted here any more."


# --- limits of time


def test_waiting_ends_a_job_only_after_its_own_limit(waiting, now, settings):
    assert sweep(now=now + settings.JOB_TIME_LIMIT * 3).expired == 0
    over = now + settings.JOB_QUEUE_LIMIT + timedelta(seconds=1)
    assert sweep(now=over).expired == 1
    assert "waited for a worker" in Job.objects.get().error


def test_what_a_job_waited_is_not_taken_from_its_time_to_run(waiting, now, settings):
    begins = now + settings.JOB_TIME_LIMIT * 2
    claim_of(waiting, waiting.revision, begins)
    Job.objects.update(lease_until=begins + timedelta(days=1))
    assert sweep(now=begins + settings.JOB_TIME_LIMIT).expired == 0
    assert sweep(now=begins + settings.JOB_TIME_LIMIT + timedelta(seconds=1)).expired == 1


def test_the_time_of_an_attempt_that_was_lost_does_not_count(waiting, now, settings):
    claim_of(waiting, waiting.revision, now)
    lost = now + settings.JOB_LEASE + timedelta(seconds=1)
    assert sweep(now=lost).requeued == 1
    again = now + settings.JOB_TIME_LIMIT
    assert claim_of(waiting, waiting.revision, again).started_at == again
    Job.objects.update(lease_until=again + timedelta(days=1))
    assert sweep(now=again + settings.JOB_TIME_LIMIT).expired == 0

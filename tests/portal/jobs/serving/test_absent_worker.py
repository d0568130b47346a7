"""While a worker is away for a short time, jobs are taken and wait; after longer, they are not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.errors import Refused
from portal.doctor.workers import _hosted as doctor_of_models
from portal.jobs import hosting
from portal.jobs.errors import ModelLoading
from portal.jobs.models import Job, ServedRevision
from portal.jobs.serving.presence import last_served, note_served
from portal.redis_client import redis_client
from tests.factories.accounts import make_user
from tests.factories.jobs import make_guest, make_hosted, make_job


@pytest.fixture
def left(db, model, now):
    """Make a hosted repo whose worker has just been killed, as far as the database knows."""
    repo = make_hosted(model, live=False)
    note_served(repo.revisions.get(), now)
    return repo


def test_a_job_waits_for_a_worker_that_was_here_lately(left, now, settings):
    job = make_job(left, now=now + settings.WORKER_ABSENCE)
    assert (job.state, job.revision) == (Job.State.QUEUED, left.revisions.get())


def test_a_worker_that_is_away_for_longer_is_not_waited_for(left, now, settings):
    guest = make_guest(left)
    with pytest.raises(ModelLoading) as refused:
        make_job(left, guest, now=now + settings.WORKER_ABSENCE + timedelta(seconds=1))
    assert refused.value.retry_after_seconds > 0
    assert not Job.objects.exists()


def test_the_time_is_a_setting(left, now, settings):
    settings.WORKER_ABSENCE = timedelta(hours=2)
    assert make_job(left, now=now + timedelta(hours=2))


def test_a_model_that_is_loaded_for_the_first_time_is_waited_for(db, model, now):
    repo = make_hosted(model, live=False)
    hosting.beat(repo.full_name, state=hosting.LOADING, commit=repo.revisions.get().commit)
    assert make_job(repo, now=now).state == Job.State.QUEUED


def test_a_model_that_no_worker_ever_held_is_refused(db, model, now):
    with pytest.raises(ModelLoading):
        make_job(make_hosted(model, live=False), now=now)


def test_a_refusal_of_access_comes_first(left, now, settings):
    for later in (timedelta(0), settings.WORKER_ABSENCE * 2):
        with pytest.raises(Refused):
            make_job(left, make_user(), now=now + later)


def test_jobs_that_wait_are_for_the_newest_revision(left, publish, now):
    newest = publish(left)
    assert make_job(left, now=now).revision == newest


def test_a_newest_revision_that_cannot_be_prompted_is_not_waited_for(left, now):
    left.revisions.get().files.filter(path="config.json").delete()
    with pytest.raises(ModelLoading):
        make_job(left, now=now)


def test_a_worker_is_remembered_without_redis(left, now):
    redis_client().flushall()
    assert last_served([left.pk]) == {left.pk: now}
    note_served(left.revisions.get(), now + timedelta(seconds=5))
    assert ServedRevision.objects.get().last_seen_at == now + timedelta(seconds=5)


# --- what operators hear of it


@pytest.mark.parametrize(("hours", "status"), [(0, 200), (1, 503)])
def test_readiness_is_degraded_while_a_worker_is_expected(client, left, hours, status):
    ServedRevision.objects.update(last_seen_at=timezone.now() - timedelta(hours=hours))
    answer = client.get("/readyz")
    body = answer.json()
    assert (answer.status_code, body["ready"]) == (status, status == 200)
    assert body["degraded"] == (status == 200)
    assert f"no live worker for {left.full_name}" in body["parts"]["workers"]


def test_a_live_worker_is_no_cause_for_a_word(client, hosted):
    body = client.get("/readyz").json()
    assert (body["ready"], body["degraded"], body["parts"]["workers"]) == (True, False, "ok")


@pytest.mark.parametrize(("hours", "state"), [(0, "warning"), (1, "fault")])
def test_the_doctor_tells_an_absence_from_a_lack(left, hours, state):
    ServedRevision.objects.update(last_seen_at=timezone.now() - timedelta(hours=hours))
    [finding] = doctor_of_models()
    assert (finding.state, left.full_name in finding.message) == (state, True)

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from portal.jobs.models import Job
from portal.jobs.services import Lane, finish_job
from portal.jobs.services.running import JobResult
from tests.factories.jobs import claim, make_guest, make_hosted, make_job


def test_a_claim_leases_the_row_and_counts_the_attempt(hosted, now, settings):
    job = make_job(hosted, now=now)
    claimed = claim(hosted, now=now, worker="w")
    assert claimed == job
    assert (claimed.state, claimed.attempt, claimed.worker) == (Job.State.RUNNING, 1, "w")
    assert claimed.lease_until == now + settings.JOB_LEASE
    assert claimed.started_at == now


def test_nothing_is_claimed_twice(hosted, now):
    make_job(hosted, now=now)
    assert claim(hosted, now=now)
    assert claim(hosted, now=now) is None


def test_other_models_jobs_are_left_alone(hosted, model, now):
    make_job(make_hosted(model), now=now)
    assert claim(hosted, now=now) is None


def test_the_oldest_goes_first(hosted, now):
    later = make_job(hosted, now=now + timedelta(seconds=1))
    earlier = make_job(hosted, now=now)
    assert [claim(hosted, now=now), claim(hosted, now=now)] == [earlier, later]


def test_priority_goes_before_age(hosted, now):
    make_job(hosted, now=now)
    urgent = make_job(hosted, now=now + timedelta(seconds=1))
    Job.objects.filter(pk=urgent.pk).update(priority=-1)
    assert claim(hosted, now=now) == urgent


def test_who_has_fewer_running_goes_before_who_came_first(hosted, now):
    busy = make_guest(hosted)
    first = make_job(hosted, busy, now=now)
    second = make_job(hosted, busy, now=now)
    assert claim(hosted, now=now) in (first, second)
    newcomer = make_job(hosted, now=now + timedelta(seconds=5))
    assert claim(hosted, now=now) == newcomer


def test_samples_count_not_jobs(hosted, now):
    many, few = make_guest(hosted), make_guest(hosted)
    for person, samples in ((many, 16), (few, 1), (few, 1)):
        make_job(hosted, person, now=now, n=samples)
        claim(hosted, now=now)
    make_job(hosted, many, now=now)
    of_few = make_job(hosted, few, now=now + timedelta(seconds=5))
    assert claim(hosted, now=now) == of_few


def test_people_of_whom_there_are_jobs_enough_are_passed_over(hosted, now):
    present, newcomer = make_guest(hosted), make_guest(hosted)
    lanes = {Lane.of(make_job(hosted, present, now=now))}
    assert claim(hosted, now=now, passing_over=lanes) is None
    job = make_job(hosted, newcomer, now=now)
    assert claim(hosted, now=now, passing_over=lanes) == job


def test_who_was_served_a_moment_ago_waits_for_who_was_not(hosted, now):
    served = make_guest(hosted)
    job = make_job(hosted, served, now=now)
    claim(hosted, now=now)
    finish_job(job_id=job.pk, attempt=1, result=JobResult(), now=now)
    make_job(hosted, served, now=now)
    newcomer = make_job(hosted, now=now + timedelta(seconds=5))
    assert claim(hosted, now=now) == newcomer


@pytest.mark.django_db(transaction=True)
def test_many_workers_share_the_queue_without_overlap(model, now):
    hosted = make_hosted(model)
    jobs = {make_job(hosted, now=now).pk for _ in range(24)}

    def work(number: int) -> list[object]:
        claimed_here = []
        while job := claim(hosted, now=now, worker=f"worker-{number}"):
            claimed_here.append(job.pk)
        connection.close()
        return claimed_here

    with ThreadPoolExecutor(6) as pool:
        claimed = [pk for claimed_here in pool.map(work, range(6)) for pk in claimed_here]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == jobs

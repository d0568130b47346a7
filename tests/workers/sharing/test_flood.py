"""One person's thousands of queued jobs keep nobody waiting: real rows, claims and loop."""

from __future__ import annotations

from collections import Counter
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from portal.accounts.models import Organization
from portal.catalog.services.lookup import head_revision
from portal.jobs.models import Job
from portal.jobs.services.claiming import CLAIM, claim_values
from tests.factories.accounts import make_user
from tests.factories.jobs import claim, make_hosted, make_job
from tests.workers.sharing.counting_engine import counting_loop, jain
from workers.generate import Hosted, JobClaims

pytestmark = pytest.mark.django_db
PLACES = 8
FLOOD = 5000


@pytest.fixture
def hosted(model, settings):
    settings.MAX_OPEN_JOBS = 10 * FLOOD
    return make_hosted(model)


@pytest.fixture
def claims(hosted):
    """Return the dispatcher's claims with a loop that is turned by hand."""
    revision = head_revision(hosted)
    return JobClaims(Hosted(hosted, revision), counting_loop(PLACES), "worker-1")


def flood(job, times, **owner):
    """Queue copies of a job, as its person's or another's."""
    fields = {field.attname: getattr(job, field.attname) for field in Job._meta.concrete_fields}
    fields |= owner
    Job.objects.bulk_create(Job(**fields | {"id": uuid4()}) for _ in range(times))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_job")


def turn(claims):
    """Do what the dispatcher and the engine's thread do, but for leases."""
    claims._commit()
    claims._claim()
    claims.loop._turn()


def test_a_newcomer_starts_within_two_steps_of_five_thousand_queued_jobs(hosted, claims):
    flood(make_job(hosted, now=timezone.now(), max_tokens=40), FLOOD)
    for _ in range(5):
        turn(claims)
    engine = claims.loop.engine
    assert len(engine.scheduled) == PLACES
    newcomer = make_job(hosted, now=timezone.now(), max_tokens=5)
    turns = 0
    while not engine.computed[newcomer.pk]:
        turn(claims)
        turns += 1
    assert turns <= 2


@pytest.mark.parametrize("flooders", [1, 8])
def test_a_claim_among_them_reads_little(hosted, flooders):
    for _ in range(flooders):
        flood(make_job(hosted, now=timezone.now()), FLOOD // flooders)
    newcomer = make_job(hosted, now=timezone.now())
    assert blocks_read_by_a_claim(hosted) < 200
    claimed = [claim(hosted, now=timezone.now()) for _ in range(flooders)]
    assert newcomer in claimed


def test_organizations_and_their_people_have_equal_tokens_through_real_claims(hosted, claims):
    job = make_job(hosted, now=timezone.now(), max_tokens=5)
    for name, people in (("Large", 10), ("Small", 1), ("Tiny", 1)):
        organization = Organization.objects.create(name=name, created_at=timezone.now())
        for _ in range(people):
            flood(job, 50, person_id=make_user().pk, organization_id=organization.pk)
    Job.objects.filter(pk=job.pk).delete()
    for _ in range(80):
        turn(claims)
    computed = claims.loop.engine.computed
    by_organization, by_person = Counter(), Counter()
    for started in Job.objects.filter(pk__in=computed):
        by_organization[started.organization_id] += computed[started.pk]
        by_person[started.person_id] += computed[started.pk]
    assert len(by_organization) == 3
    assert jain(by_organization.values()) >= 0.95
    of_the_large_one = sorted(by_person.values())[:10]
    assert jain(of_the_large_one) >= 0.95


def blocks_read_by_a_claim(hosted):
    revision = head_revision(hosted)
    values = claim_values(
        worker="w", repo_id=hosted.pk, revision_id=revision.pk, now=timezone.now()
    )
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {CLAIM}", values)
        [[[plan]]] = cursor.fetchall()
    print(f"{plan['Execution Time']:.1f} ms, {plan['Planning Time']:.1f} ms to plan")
    return plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]

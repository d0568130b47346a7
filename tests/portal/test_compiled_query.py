"""A compiled query answers as Django's own would, for any values, in any thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Q

from portal.access.models import Grant
from portal.access.policy import active_grants
from portal.catalog.models import Mode, Revision
from portal.database.compiled_query import CompiledQuery
from tests.factories.catalog import make_repo
from tests.factories.grants import make_accepted, make_hold

STAND_INS = {"person": -1, "then": datetime.min.replace(tzinfo=UTC)}
HOUR = timedelta(hours=1)


def grants_of(*, person: int, then: datetime):
    begun = Grant.objects.filter(Q(person=person), starts_at__lte=then)
    return begun.values_list("pk", "conditions", "starts_at")


@pytest.mark.django_db
def test_it_answers_as_the_queryset_does_for_each_value(now):
    grants = [make_accepted(now=now), make_accepted(now=now)]
    compiled = CompiledQuery(grants_of, STAND_INS)
    for grant in grants:
        for then in (now - HOUR, now + HOUR):
            values = {"person": grant.person_id, "then": then}
            assert compiled.rows(**values) == list(grants_of(**values))
    assert compiled.rows(person=grants[0].person_id, then=now + HOUR)


def test_a_stand_in_that_the_query_leaves_out_is_named():
    careless = CompiledQuery(
        lambda person, then: Grant.objects.filter(person=person).values_list("pk"), STAND_INS
    )
    with pytest.raises(ValueError, match="doesn't compare by then"):
        careless.rows(person=1, then=datetime.now(UTC))


@pytest.mark.django_db(transaction=True)
def test_each_thread_asks_by_a_connection_of_its_own(now):
    grant = make_accepted(now=now)
    compiled = CompiledQuery(grants_of, STAND_INS)
    values = {"person": grant.person_id, "then": now + HOUR}

    def rows():
        try:
            return compiled.rows(**values)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        answers = [future.result(30) for future in [threads.submit(rows) for _ in range(4)]]
    assert answers == [list(grants_of(**values))] * 4


@pytest.mark.django_db
@pytest.mark.parametrize("of_revision", [True, False])
def test_what_opens_a_model_is_asked_as_the_querysets_say(now, of_revision):
    """The compiled question and the querysets that it is made of agree, with and without a hold."""
    grant, other = make_accepted(now=now), make_accepted(make_repo(), now=now)
    revision = Revision(pk=1) if of_revision else None
    for mode in Mode:
        for repo in (grant.repo, other.repo):
            asked = (grant.person, repo, revision, mode, now)
            rows = list(active_grants._grants(*asked))
            conditions, may_be_stopped = active_grants.active_grants(*asked)
            assert list(conditions) == [row[0] for row in rows]
            assert may_be_stopped == (not rows or rows[0][4])
    make_hold(grant.person, grant.repo, now=now)
    _, may_be_stopped = active_grants.active_grants(
        grant.person, grant.repo, revision, Mode.DOWNLOAD, now
    )
    assert may_be_stopped

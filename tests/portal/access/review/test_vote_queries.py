"""The votes that count are looked up at once, and as the lists of readers say it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.access.models import AccessRequest
from portal.access.people.invitations import invite_guest
from portal.access.policy.contacts import readers_among
from portal.access.policy.votes import votes_by_verdict
from portal.accounts.models import User
from portal.catalog.models import NamespaceSeat
from tests.factories.accounts import make_user
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_administrator, make_gate
from tests.factories.reviews import approve, decline, escalate, owner_of

pytestmark = pytest.mark.django_db


def test_more_votes_cost_no_more_queries(case, repo, now):
    make_gate(repo, quorum=9)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            votes_by_verdict(case, now)
        return len(captured)

    approve(case, make_reviewer(repo), now)
    few = queries()
    for _ in range(4):
        approve(case, make_reviewer(repo), now)
    assert queries() == few
    assert len(votes_by_verdict(case, now)["approved"]) == 5


def everybody(case: AccessRequest, now) -> list[User]:
    """Return somebody in each role towards a request, and strangers to it."""
    closed, wide, guest = make_reviewer(case.repo), make_user(), make_user()
    closed.is_active = False
    closed.save(update_fields=["is_active"])
    NamespaceSeat.objects.create(namespace=case.repo.namespace, user=wide, role="reviewer")
    head = make_administrator(case.repo)
    invite_guest(actor=head, request_id=case.pk, person=guest.username, now=now)
    own = case.repo.team.create(user=case.applicant, role="reviewer").user
    operator = make_user(superuser=True)
    return [closed, wide, guest, head, own, operator, owner_of(case), make_user()]


@pytest.mark.parametrize("is_escalated", [False, True])
@pytest.mark.parametrize("state", ["in_review", "declined"])
def test_the_readers_of_a_request_are_those_that_the_lists_show_it_to(
    case, now, is_escalated, state
):
    people = everybody(case, now)
    if is_escalated:
        escalate(case, now)
    if state == "declined":
        decline(case, people[3], now)
    case.refresh_from_db()
    readable = AccessRequest.objects.readable_by
    readers = {person.pk for person in people if readable(person).filter(pk=case.pk).exists()}
    assert readers_among(people, case) == readers
    assert len(readers) > 1

"""Conflicts of interest bar people from deciding a request, whatever their role."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import ConflictOfInterest
from portal.access.models import Appeal, ConflictDeclaration, Membership
from portal.access.policy.conflicts import ConflictKind, conflicts_of
from portal.access.policy.request_actions import RequestAction, require_action
from portal.access.review.decisions.deciding import decline_request
from portal.accounts.models import Organization, Reference
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.affiliations import affiliate
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_():
    return make_request(make_repo())


@pytest.fixture
def reviewer(request_):
    return make_reviewer(request_.repo)


def found(reviewer, request, now):
    return conflicts_of([reviewer], request, now)[reviewer.pk]


def join(grant, person, *, ended_at=None):
    Membership.objects.create(
        grant=grant,
        email=person.email,
        person=person,
        acceptance=grant.acceptance,
        invited_by=grant.person,
        invited_at=LONG_AGO,
        joined_at=LONG_AGO,
        ended_at=ended_at,
    )


def refer(request, email):
    Reference.objects.create(
        person=request.applicant,
        organization_name="Example University",
        name="The head of the group",
        email=email,
        relation="Supervisor",
        secret_hash="0" * 64,
        asked_at=LONG_AGO,
        sent_at=LONG_AGO,
        expires_at=LONG_AGO + timedelta(days=21),
    )


def test_none_as_a_rule(request_, reviewer, now):
    assert found(reviewer, request_, now) == set()
    require_action(reviewer, request_, RequestAction.VOTE, now)


def test_ones_own_request(request_, now):
    assert found(request_.applicant, request_, now) == {ConflictKind.SELF}


def test_a_member_of_the_applicants_grant(request_, reviewer, now):
    join(make_grant(make_repo(), request_.applicant), reviewer)
    assert found(reviewer, request_, now) == {ConflictKind.MEMBER}


def test_the_holder_of_the_applicants_membership(request_, reviewer, now):
    join(make_grant(make_repo(), reviewer), request_.applicant)
    assert found(reviewer, request_, now) == {ConflictKind.MEMBER}


def test_another_member_of_the_same_grant(request_, reviewer, now):
    grant = make_grant(make_repo())
    join(grant, request_.applicant)
    join(grant, reviewer)
    assert found(reviewer, request_, now) == {ConflictKind.MEMBER}


def test_a_former_member_is_free(request_, reviewer, now):
    join(make_grant(make_repo(), request_.applicant), reviewer, ended_at=LONG_AGO)
    assert found(reviewer, request_, now) == set()


def test_a_person_named_as_reference(request_, reviewer, now):
    refer(request_, reviewer.email)
    assert found(reviewer, request_, now) == {ConflictKind.REFERENCE}


def test_somebody_else_named_as_reference(request_, reviewer, now):
    refer(request_, "head@institute.example")
    assert found(reviewer, request_, now) == set()


def test_an_address_that_was_not_proved_makes_no_reference(request_, now):
    reviewer = make_reviewer(request_.repo)
    reviewer.emailaddress_set.update(verified=False)
    refer(request_, reviewer.email)
    assert found(reviewer, request_, now) == set()


@pytest.mark.parametrize(
    ("theirs", "mine", "conflict"), [(1, 1, True), (0, 1, False), (1, 0, False)]
)
def test_the_same_organization_while_both_are_of_it(
    request_, reviewer, theirs, mine, conflict, now
):
    organization = Organization.objects.create(name="Example University", created_at=LONG_AGO)
    affiliate(request_.applicant, organization, expires_at=now + timedelta(days=theirs))
    affiliate(reviewer, organization, expires_at=now + timedelta(days=mine))
    assert (found(reviewer, request_, now) == {ConflictKind.ORGANIZATION}) is conflict


def test_another_organization(request_, reviewer, now):
    for person in (request_.applicant, reviewer):
        organization = Organization.objects.create(name="Of its own", created_at=LONG_AGO)
        affiliate(person, organization, expires_at=now + timedelta(days=1))
    assert found(reviewer, request_, now) == set()


@pytest.mark.parametrize("has_conflict", [True, False])
def test_what_was_declared(request_, reviewer, has_conflict, now):
    ConflictDeclaration.objects.create(
        request=request_, reviewer=reviewer, has_conflict=has_conflict, declared_at=now
    )
    assert (found(reviewer, request_, now) == {ConflictKind.DECLARED}) is has_conflict
    assert found(make_reviewer(request_.repo), request_, now) == set()


def test_an_appeal_goes_to_others_than_who_decided(request_, reviewer, now):
    decision = decline_request(
        reviewer=reviewer,
        request_id=request_.pk,
        reason_code="commercial",
        reason_text="It is commercial.",
        now=now,
    )
    assert found(reviewer, request_, now) == set()
    Appeal.objects.create(request=request_, decision=decision, text="It isn’t.", filed_at=now)
    assert found(reviewer, request_, now) == {ConflictKind.DECIDED_BEFORE}
    assert found(make_reviewer(request_.repo), request_, now) == set()


def test_the_refusal_says_why(request_, now):
    with pytest.raises(ConflictOfInterest, match="your own request"):
        require_action(request_.applicant, request_, RequestAction.VOTE, now)


def test_a_team_costs_no_more_queries_than_one(request_, now, django_assert_max_num_queries):
    team = [make_reviewer(request_.repo) for _ in range(5)]
    with django_assert_max_num_queries(6):
        assert set(conflicts_of(team, request_, now)) == {person.pk for person in team}


def test_a_conflict_is_with_one_request_alone(reviewer, now):
    another_request = make_request(make_repo())
    refer(another_request, reviewer.email)
    unrelated = make_request(make_repo(), make_user())
    assert found(reviewer, unrelated, now) == set()

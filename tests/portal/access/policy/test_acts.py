"""How a person stands towards a request, and what each is told who may not act on it."""

from __future__ import annotations

import pytest

from portal.access.errors import ConflictOfInterest, RequestHasMovedOn, RequestNotFound
from portal.access.models import AccessRequest
from portal.access.policy.request_actions import (
    RULES,
    Act,
    Role,
    acts_for,
    acts_of,
    require_act,
    roles_of,
)
from portal.access.requests.submission import withdraw_request
from portal.catalog.models import TeamMember
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.reviews import escalate, owner_of

pytestmark = pytest.mark.django_db
State = AccessRequest.State


@pytest.fixture
def request_():
    return make_request(make_repo())


def test_the_applicant_is_nothing_else(request_):
    TeamMember.objects.create(
        repo=request_.repo, user=request_.applicant, role=TeamMember.Role.ADMINISTRATOR
    )
    assert roles_of(request_.applicant, request_) == {Role.APPLICANT}


def test_a_reviewer_is_no_administrator(request_):
    assert roles_of(make_reviewer(request_.repo), request_) == {Role.REVIEWER}


def test_an_administrator_reviews_too(request_):
    administrator = make_reviewer(request_.repo, role="administrator")
    assert roles_of(administrator, request_) == {Role.REVIEWER, Role.ADMINISTRATOR}


def test_the_owner_stands_aside_until_it_is_escalated(request_, now):
    owner = owner_of(request_)
    assert roles_of(owner, request_) == set()
    escalate(request_, now)
    assert roles_of(owner, request_) == {Role.OWNER, Role.ADMINISTRATOR}


def test_another_team_is_a_stranger(request_, now):
    stranger = make_reviewer(make_repo(), role="administrator")
    escalate(request_, now)
    assert roles_of(stranger, request_) == set()


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("state", State)
def test_an_act_takes_a_fitting_role_and_a_fitting_state(act, state):
    for role in Role:
        fits = role in RULES[act].roles and state in RULES[act].states
        assert (act in acts_for({role}, state)) == fits


class TestRequireAct:
    def test_who_may_passes(self, request_):
        require_act(make_reviewer(request_.repo), request_, Act.VOTE)
        require_act(request_.applicant, request_, Act.WITHDRAW)

    def test_a_stranger_learns_of_nothing(self, request_):
        with pytest.raises(RequestNotFound):
            require_act(make_user(), request_, Act.READ)

    def test_an_applicant_has_a_conflict_in_the_teams_acts(self, request_):
        with pytest.raises(ConflictOfInterest):
            require_act(request_.applicant, request_, Act.VOTE)

    def test_a_team_finds_nothing_at_the_applicants_acts(self, request_):
        with pytest.raises(RequestNotFound):
            require_act(make_reviewer(request_.repo), request_, Act.WITHDRAW)

    def test_a_reviewer_finds_nothing_at_an_administrators(self, request_):
        with pytest.raises(RequestNotFound):
            require_act(make_reviewer(request_.repo), request_, Act.ASSIGN)

    def test_a_state_that_is_past_says_so(self, request_, now):
        withdraw_request(applicant=request_.applicant, request_id=request_.pk, now=now)
        request_.refresh_from_db()
        with pytest.raises(RequestHasMovedOn):
            require_act(make_reviewer(request_.repo), request_, Act.VOTE)

    def test_it_asks_the_same_table(self, request_):
        reviewer = make_reviewer(request_.repo)
        assert acts_of(reviewer, request_) == acts_for({Role.REVIEWER}, State.IN_REVIEW)

"""Each action on a request is allowed by role, state and conflict, or refused in fit words."""

from __future__ import annotations

from itertools import product

import pytest

from portal.access.errors import ConflictOfInterest, RequestHasMovedOn, RequestNotFound
from portal.access.models import AccessRequest
from portal.access.policy.conflicts import ConflictKind
from portal.access.policy.request_actions import (
    RULES,
    Relation,
    RequestAction,
    Role,
    allowed_actions,
    require_action,
    roles_of,
)
from portal.access.requests.routing import withdraw_request
from portal.catalog.models import TeamMember
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.reviews import escalate, owner_of

pytestmark = pytest.mark.django_db
State = AccessRequest.State


def actions_of(role, state, *conflicts):
    is_split = role == Role.CHAIR
    return Relation(frozenset({role}), state, frozenset(conflicts), votes_differ=is_split).actions


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


UNDECIDED = {State.HELD, State.IN_REVIEW, State.NEEDS_INFO}


@pytest.mark.parametrize("act", RequestAction)
@pytest.mark.parametrize("state", State)
def test_an_act_takes_a_fitting_role_and_a_fitting_state(act, state):
    for role in Role:
        fits = role in RULES[act].roles and state in RULES[act].states
        if RULES[act].is_own and role == Role.REVIEWER:
            fits = False
        if role == Role.GUEST and state not in UNDECIDED:
            fits = False  # a guest's seat ends with the decision
        assert (act in actions_of(role, state)) == fits


@pytest.mark.parametrize("act", RequestAction)
@pytest.mark.parametrize("conflict", ConflictKind)
def test_a_conflict_takes_away_what_it_bars_and_nothing_else(act, conflict):
    for role, state in product(Role, State):
        free, barred = actions_of(role, state), actions_of(role, state, conflict)
        assert (act in barred) == (act in free and conflict not in RULES[act].barred_by)


def test_any_conflict_keeps_a_reviewer_from_deciding_and_none_from_declaring_it():
    deciding = {
        RequestAction.CLAIM,
        RequestAction.ASK,
        RequestAction.VOTE,
        RequestAction.SETTLE,
        RequestAction.OVERRIDE,
        RequestAction.DISPOSE,
        RequestAction.VOUCH,
    }
    assert all(RULES[act].barred_by == set(ConflictKind) for act in deciding)
    free = {act for act in RequestAction if not RULES[act].barred_by}
    assert {
        RequestAction.READ,
        RequestAction.NOTE,
        RequestAction.DECLARE,
        RequestAction.RELEASE,
        RequestAction.ASSIGN,
    } <= free


class TestRequireAct:
    def test_who_may_passes(self, request_, now):
        require_action(make_reviewer(request_.repo), request_, RequestAction.VOTE, now)
        require_action(request_.applicant, request_, RequestAction.WITHDRAW, now)

    def test_a_stranger_learns_of_nothing(self, request_, now):
        with pytest.raises(RequestNotFound):
            require_action(make_user(), request_, RequestAction.READ, now)

    def test_an_applicant_has_a_conflict_in_the_teams_acts(self, request_, now):
        with pytest.raises(ConflictOfInterest):
            require_action(request_.applicant, request_, RequestAction.VOTE, now)

    def test_a_team_finds_nothing_at_the_applicants_acts(self, request_, now):
        with pytest.raises(RequestNotFound):
            require_action(make_reviewer(request_.repo), request_, RequestAction.WITHDRAW, now)

    def test_a_reviewer_finds_nothing_at_an_administrators(self, request_, now):
        with pytest.raises(RequestNotFound):
            require_action(make_reviewer(request_.repo), request_, RequestAction.ASSIGN, now)

    def test_a_state_that_is_past_says_so(self, request_, now):
        withdraw_request(applicant=request_.applicant, request_id=request_.pk, now=now)
        request_.refresh_from_db()
        with pytest.raises(RequestHasMovedOn):
            require_action(make_reviewer(request_.repo), request_, RequestAction.VOTE, now)

    @pytest.mark.parametrize(
        "act", [act for act in RequestAction if Role.REVIEWER in RULES[act].roles]
    )
    def test_it_refuses_what_isnt_allowed_in_a_conflict(self, request_, act, now):
        reviewer = make_reviewer(request_.repo)
        request_.conflict_declarations.create(reviewer=reviewer, has_conflict=True, declared_at=now)
        if act in allowed_actions(reviewer, request_, now):
            require_action(reviewer, request_, act, now)
            return
        with pytest.raises((ConflictOfInterest, RequestHasMovedOn)):
            require_action(reviewer, request_, act, now)

    def test_it_asks_the_same_table(self, request_, now):
        reviewer = make_reviewer(request_.repo)
        assert allowed_actions(reviewer, request_, now) == actions_of(
            Role.REVIEWER, State.IN_REVIEW
        )


def test_a_state_that_forbids_it_is_named_in_its_readers_words(request_, now):
    request_.state = State.NEEDS_INFO
    with pytest.raises(RequestHasMovedOn, match="Question asked"):
        require_action(make_reviewer(request_.repo), request_, RequestAction.VOTE, now)
    with pytest.raises(RequestHasMovedOn, match="Question for you"):
        require_action(request_.applicant, request_, RequestAction.SUBMIT, now)

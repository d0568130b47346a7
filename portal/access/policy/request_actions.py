"""Who may do what to a request, in which state: one table, asked by page, API, list and service.

What a row says is necessary; some acts have a guard besides (a conflict of interest, an undo that
has run out), which their service asks. ``docs/permissions.md`` is this table, written out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.access.errors import ConflictOfInterest, RequestHasMovedOn, RequestNotFound
from portal.access.models import AccessRequest
from portal.accounts.models import User
from portal.catalog.models import ModelRepo

State = AccessRequest.State


class Role(StrEnum):
    """How a person stands towards one request."""

    APPLICANT = "applicant"
    REVIEWER = "reviewer"  # on the repo's team
    ADMINISTRATOR = "administrator"  # of the team, or owner of the repo
    OWNER = "owner"  # may publish in the namespace, and the request was escalated


class Act(StrEnum):
    READ = "read"
    SAVE = "save"
    DISCARD = "discard"
    SUBMIT = "submit"
    ANSWER = "answer"
    CORRECT = "correct"
    WITHDRAW = "withdraw"
    APPEAL = "appeal"
    RESUME = "resume"
    CLAIM = "claim"
    ASSIGN = "assign"
    DECLARE = "declare"
    NOTE = "note"
    ASK = "ask"
    VOTE = "vote"
    OVERRIDE = "override"
    DISPOSE = "dispose"
    UNDO = "undo"
    REOPEN = "reopen"
    VOUCH = "vouch"


@dataclass(frozen=True)
class Rule:
    roles: frozenset[Role]
    states: frozenset[State]


def _rule(roles: set[Role], states: set[State]) -> Rule:
    return Rule(frozenset(roles), frozenset(states))


_MINE = {Role.APPLICANT}
_TEAM = {Role.REVIEWER, Role.ADMINISTRATOR, Role.OWNER}
_HEADS = {Role.ADMINISTRATOR, Role.OWNER}
_UNDECIDED = {State.HELD, State.IN_REVIEW, State.NEEDS_INFO}
_SUBMITTED: set[State] = {state for state in State if state != State.DRAFT}

RULES: dict[Act, Rule] = {
    Act.READ: _rule(_TEAM, _SUBMITTED),
    Act.SAVE: _rule(_MINE, {State.DRAFT}),
    Act.DISCARD: _rule(_MINE, {State.DRAFT}),
    Act.SUBMIT: _rule(_MINE, {State.DRAFT}),
    Act.ANSWER: _rule(_MINE, {State.NEEDS_INFO}),
    Act.CORRECT: _rule(_MINE, {State.HELD, State.IN_REVIEW}),
    Act.WITHDRAW: _rule(_MINE, _UNDECIDED),
    Act.APPEAL: _rule(_MINE, {State.DECLINED}),
    Act.RESUME: _rule(_MINE, {State.LAPSED}),
    Act.CLAIM: _rule(_TEAM, _UNDECIDED),
    Act.ASSIGN: _rule(_HEADS, _UNDECIDED),
    Act.DECLARE: _rule(_TEAM, _UNDECIDED),
    Act.NOTE: _rule(_TEAM, _SUBMITTED),
    Act.ASK: _rule(_TEAM, {State.IN_REVIEW}),
    Act.VOTE: _rule(_TEAM, {State.IN_REVIEW}),
    Act.OVERRIDE: _rule({Role.OWNER}, {State.IN_REVIEW}),
    Act.DISPOSE: _rule(_HEADS, {State.HELD}),
    Act.UNDO: _rule(_TEAM, {State.NEEDS_INFO, State.APPROVED, State.DECLINED}),
    Act.REOPEN: _rule(_HEADS, {State.APPROVED, State.DECLINED, State.LAPSED}),
    Act.VOUCH: _rule(_TEAM, _UNDECIDED),
}


def roles_of(person: User, access_request: AccessRequest) -> set[Role]:
    """How this person stands towards this request. The applicant stands on no other side."""
    if access_request.applicant_id == person.pk:
        return {Role.APPLICANT}
    here = ModelRepo.objects.filter(pk=access_request.repo_id)
    found = set()
    if here.intersection(ModelRepo.objects.reviewable_by(person)).exists():
        found.add(Role.REVIEWER)
    if access_request.escalation_level and here.owned_by(person).exists():
        found.add(Role.OWNER)
    if found and here.administered_by(person).exists():
        found.add(Role.ADMINISTRATOR)
    return found


def acts_for(roles: set[Role], state: State) -> set[Act]:
    return {act for act, rule in RULES.items() if rule.roles & roles and state in rule.states}


def acts_of(person: User, access_request: AccessRequest) -> set[Act]:
    """What this person may do to this request as it stands."""
    return acts_for(roles_of(person, access_request), State(access_request.state))


def require_act(person: User, access_request: AccessRequest, act: Act) -> None:
    """Raises RequestNotFound to strangers, and ConflictOfInterest to an applicant at the team's
    acts, before anything; RequestHasMovedOn where it is the state that forbids."""
    roles = roles_of(person, access_request)
    if not roles:
        raise RequestNotFound
    if not RULES[act].roles & roles:
        raise ConflictOfInterest if Role.APPLICANT in roles else RequestNotFound
    if access_request.state not in RULES[act].states:
        raise RequestHasMovedOn(access_request.reference, access_request.get_state_display())

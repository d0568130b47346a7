"""Permissions on one request: role, state and conflict of interest in one table, ``RULES``.

Pages, the API and the services ask it, so that nothing is offered which is then refused. Some
actions take more than it says (a quorum, an undo that hasn't run out): their service asks for that.
``docs/permissions.md`` is this table, written out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portal.access.errors import (
    BeingDecided,
    ConflictOfInterest,
    RequestHasMovedOn,
    RequestNotFound,
    VotesDontDiffer,
)
from portal.access.models import AccessRequest, CaseGuest
from portal.access.policy.conflicts import ConflictKind, conflicts_of, require_none
from portal.access.policy.votes import is_chair, votes_differ
from portal.accounts.models import User
from portal.catalog.labs.seats import reviewable_keys
from portal.catalog.models import ModelRepo
from portal.errors import Forbidden

State = AccessRequest.State


class Role(StrEnum):
    """A role that a person has towards one request."""

    APPLICANT = "applicant"
    REVIEWER = "reviewer"  # on the repo's team
    ADMINISTRATOR = "administrator"  # of the team, or owner of the repo
    CHAIR = "chair"  # on the repo's team, and named by its gate
    OWNER = "owner"  # may publish in the namespace, and the request was escalated
    GUEST = "guest"  # outside the team, invited to this one request until it is decided


class RequestAction(StrEnum):
    """An action on a request, by the name that the API gives it."""

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
    RELEASE = "release"
    ASSIGN = "assign"
    DECLARE = "declare"
    NOTE = "note"
    ASK = "ask"
    VOTE = "vote"
    SETTLE = "settle"
    OVERRIDE = "override"
    DISPOSE = "dispose"
    UNDO = "undo"
    REOPEN = "reopen"
    VOUCH = "vouch"
    INVITE = "invite"


@dataclass(frozen=True)
class Rule:
    """A permission's rule: the roles that have it, the states, and the conflicts that forbid it.

    ``is_own``: a reviewer may undo only what they did themselves; those who head the team, all.
    ``needs_split``: the votes have to differ, or there is nothing to settle.
    """

    roles: frozenset[Role]
    states: frozenset[State]
    barred_by: frozenset[ConflictKind]
    is_own: bool
    needs_split: bool


def _rule(
    roles: set[Role],
    states: set[State],
    barred_by: Collection[ConflictKind] = (),
    *,
    is_own: bool = False,
    needs_split: bool = False,
) -> Rule:
    return Rule(frozenset(roles), frozenset(states), frozenset(barred_by), is_own, needs_split)


_MINE = {Role.APPLICANT}
_TEAM = {Role.REVIEWER, Role.ADMINISTRATOR, Role.OWNER}
_READERS = _TEAM | {Role.GUEST}
_HEADS = {Role.ADMINISTRATOR, Role.OWNER}
_UNDECIDED = {State.HELD, State.IN_REVIEW, State.NEEDS_INFO}
_SUBMITTED: set[State] = {state for state in State if state != State.DRAFT}
_ANY = set(ConflictKind)
# Who took a decision may look at it again themselves; but an appeal against it is for others.
_PERSONAL = _ANY - {ConflictKind.DECIDED_BEFORE}

RULES: dict[RequestAction, Rule] = {
    RequestAction.READ: _rule(_READERS, _SUBMITTED),
    RequestAction.SAVE: _rule(_MINE, {State.DRAFT}),
    RequestAction.DISCARD: _rule(_MINE, {State.DRAFT}),
    RequestAction.SUBMIT: _rule(_MINE, {State.DRAFT}),
    RequestAction.ANSWER: _rule(_MINE, {State.NEEDS_INFO}),
    RequestAction.CORRECT: _rule(_MINE, {State.HELD, State.IN_REVIEW}),
    RequestAction.WITHDRAW: _rule(_MINE, _UNDECIDED),
    RequestAction.APPEAL: _rule(_MINE, {State.DECLINED}),
    RequestAction.RESUME: _rule(_MINE, {State.LAPSED}),
    RequestAction.CLAIM: _rule(_TEAM, _UNDECIDED, _ANY),
    RequestAction.RELEASE: _rule(_TEAM, _UNDECIDED),
    RequestAction.ASSIGN: _rule(_HEADS, _UNDECIDED),
    RequestAction.DECLARE: _rule(_READERS, _UNDECIDED),
    RequestAction.NOTE: _rule(_READERS, _SUBMITTED),
    RequestAction.ASK: _rule(_TEAM, {State.IN_REVIEW}, _ANY),
    RequestAction.VOTE: _rule(_READERS, {State.IN_REVIEW}, _ANY),
    RequestAction.SETTLE: _rule({Role.CHAIR}, {State.IN_REVIEW}, _ANY, needs_split=True),
    RequestAction.OVERRIDE: _rule({Role.OWNER}, {State.IN_REVIEW}, _ANY),
    RequestAction.DISPOSE: _rule(_HEADS, {State.HELD}, _ANY),
    RequestAction.UNDO: _rule(
        _TEAM, {State.NEEDS_INFO, State.APPROVED, State.DECLINED}, _PERSONAL, is_own=True
    ),
    RequestAction.REOPEN: _rule(_HEADS, {State.APPROVED, State.DECLINED, State.LAPSED}, _PERSONAL),
    RequestAction.VOUCH: _rule(_TEAM, _UNDECIDED, _ANY),
    RequestAction.INVITE: _rule(_HEADS, _UNDECIDED, _ANY),
}


def roles_of(person: User, access_request: AccessRequest) -> set[Role]:
    """Return the person's roles towards the request. An applicant has no other role."""
    if access_request.applicant_id == person.pk:
        return {Role.APPLICANT}
    here = ModelRepo.objects.filter(pk=access_request.repo_id)
    roles = set()
    if access_request.repo_id in reviewable_keys(person):
        roles.add(Role.REVIEWER)
        if is_chair(person, access_request):
            roles.add(Role.CHAIR)
    if access_request.escalation_level and here.owned_by(person).exists():
        roles.add(Role.OWNER)
    if roles and here.administered_by(person).exists():
        roles.add(Role.ADMINISTRATOR)
    if not roles and _is_guest(person, access_request):
        roles.add(Role.GUEST)
    return roles


def _is_guest(person: User, access_request: AccessRequest) -> bool:
    """Tell whether this person was invited to the request and it isn't decided yet."""
    current = CaseGuest.objects.current().filter(request=access_request, user=person)
    return access_request.state in _UNDECIDED and person.is_active and current.exists()


def _is_author(person: User, access_request: AccessRequest) -> bool:
    """Tell whether this person asked the open question, or took the last decision."""
    if access_request.state == State.NEEDS_INFO:
        return access_request.questions.open().filter(asked_by=person).exists()
    if access_request.state not in (State.APPROVED, State.DECLINED):
        return False
    decisions = access_request.decisions.filter(undone_at=None)
    last = decisions.order_by("decided_at", "pk").last()
    return last is not None and last.decided_by_id == person.pk


@dataclass(frozen=True)
class Relation:
    """A person's relation to one request: their roles and conflicts of interest.

    ``is_author``: they took the decision on it, or asked the question that is open. An applicant
    has no conflicts, since conflicts bar nothing of what applicants may do. ``shown``: the state
    that they know of, while the team may still undo what it did; their acts go by it alone, or
    what isn't offered would tell them (``review.decisions.applicant_acts`` undoes it first).
    """

    roles: frozenset[Role]
    state: State
    conflicts: frozenset[ConflictKind] = frozenset()
    is_author: bool = False
    votes_differ: bool = False
    shown: State | None = None

    @property
    def is_head(self) -> bool:
        """Tell whether the person administers the team, or owns a case escalated to them."""
        return bool(self.roles & _HEADS)

    @property
    def actions(self) -> set[RequestAction]:
        """Return the actions that the person has permission for."""
        return {
            action
            for action, rule in RULES.items()
            if rule.roles & self.roles
            and (self.shown or self.state) in rule.states
            and (self.roles != {Role.GUEST} or self.state in _UNDECIDED)
            and not rule.barred_by & self.conflicts
            and (self.is_author or self.is_head or not rule.is_own)
            and (self.votes_differ or not rule.needs_split)
        }


def relation_of(person: User, access_request: AccessRequest, now: datetime) -> Relation:
    """Look up a person's relation to a request; only who reads it for the lab has conflicts."""
    roles, state = frozenset(roles_of(person, access_request)), State(access_request.state)
    if not roles & _READERS:
        return Relation(roles, state, shown=access_request.state_shown(now))
    conflicts = conflicts_of([person], access_request, now)[person.pk]
    is_split = (
        Role.CHAIR in roles and state == State.IN_REVIEW and votes_differ(access_request, now)
    )
    is_author = _is_author(person, access_request)
    return Relation(roles, state, frozenset(conflicts), is_author, is_split)


def allowed_actions(
    person: User, access_request: AccessRequest, now: datetime
) -> set[RequestAction]:
    """Return what this person may do to this request in its present state."""
    return relation_of(person, access_request, now).actions


def require_action(
    person: User, access_request: AccessRequest, action: RequestAction, now: datetime
) -> None:
    """Refuse an action that the table gives this person no permission for.

    Raise RequestNotFound to strangers, and ConflictOfInterest to an applicant who tries what is
    the team's; then RequestHasMovedOn where the state forbids it, or BeingDecided where one does
    that the applicant isn't told of yet; then Forbidden to a reviewer who would undo what a
    colleague did; then ConflictOfInterest by the first conflict that bars it; then VotesDontDiffer
    to a chair who has nothing to settle.
    """
    # Roles come before the state, so that strangers don't learn how a request stands. Conflicts
    # come last: a case that has moved on is decided, whoever might have decided it.
    rule, roles = RULES[action], roles_of(person, access_request)
    if not roles:
        raise RequestNotFound
    if not rule.roles & roles:
        raise ConflictOfInterest if Role.APPLICANT in roles else RequestNotFound
    if Role.APPLICANT in roles:
        _require_shown_in(access_request, rule, now)
    elif access_request.state not in rule.states:
        raise RequestHasMovedOn(access_request.reference, access_request.state_for_team)
    if rule.is_own and not roles & _HEADS and not _is_author(person, access_request):
        raise Forbidden(
            f"Only who decided or asked, or who administers the model, may {action} it."
        )
    if rule.barred_by:
        require_none(conflicts_of([person], access_request, now)[person.pk] & rule.barred_by)
    if rule.needs_split and not votes_differ(access_request, now):
        raise VotesDontDiffer


def _require_shown_in(access_request: AccessRequest, rule: Rule, now: datetime) -> None:
    """Refuse in words that tell an applicant no more than they know of the request."""
    shown = access_request.state_shown(now)
    if shown not in rule.states:
        raise RequestHasMovedOn(access_request.reference, str(shown.label))
    if access_request.state not in rule.states:
        raise BeingDecided(access_request.reference)

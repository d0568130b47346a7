"""Conflicts of interest: they bar a person from deciding a request, whatever their role."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django.db.models import Q, QuerySet, Value

from portal.access.errors import ConflictOfInterest
from portal.access.models import AccessRequest, ConflictDeclaration, Decision, Grant, Membership
from portal.accounts.models import Affiliation, Reference, User
from portal.database.compiled_query import CompiledQuery


class ConflictKind(StrEnum):
    """A reason for which a reviewer may not decide a request."""

    SELF = "self"
    MEMBER = "member"
    REFERENCE = "reference"
    ORGANIZATION = "organization"
    DECLARED = "declared"
    DECIDED_BEFORE = "decided_before"


WORDS = {
    ConflictKind.SELF: "It is your own request.",
    ConflictKind.MEMBER: "You and the applicant work under one grant.",
    ConflictKind.REFERENCE: "The applicant named you as a reference.",
    ConflictKind.ORGANIZATION: "You and the applicant are of one organization.",
    ConflictKind.DECLARED: "You declared a conflict of interest.",
    ConflictKind.DECIDED_BEFORE: "You took the decision that is appealed against.",
}


def conflicts_of(
    people: Iterable[User], access_request: AccessRequest, now: datetime
) -> dict[int, set[ConflictKind]]:
    """Return, for each person's key, their conflicts of interest in deciding this request.

    The number of queries doesn't grow with the number of people.
    """
    conflicts = conflicts_with(people, access_request.applicant, now)
    sources = {
        ConflictKind.DECLARED: _declared(access_request),
        ConflictKind.DECIDED_BEFORE: _decided_before(access_request),
    }
    return _added(conflicts, sources)


def conflicts_with(
    people: Iterable[User], person: User, now: datetime
) -> dict[int, set[ConflictKind]]:
    """Return, for each key of ``people``, their conflicts of interest in giving a person access."""
    ties = _TIES.rows(person=person.pk, now=now)
    sources = {
        kind: {key for tie, key in ties if tie == kind} - {person.pk} for kind in ConflictKind
    }
    sources[ConflictKind.SELF] = {person.pk}
    return _added({colleague.pk: set() for colleague in people}, sources)


def _added(
    conflicts: dict[int, set[ConflictKind]], sources: dict[ConflictKind, set[int]]
) -> dict[int, set[ConflictKind]]:
    for kind, conflicted in sources.items():
        for key in conflicts.keys() & conflicted:
            conflicts[key].add(kind)
    return conflicts


def require_no_conflict_with(actor: User, person: User, now: datetime) -> None:
    """Raise ConflictOfInterest where the actor may not offer this person access."""
    require_none(conflicts_with([actor], person, now)[actor.pk])


def require_no_conflict_over(actor: User, grant: Grant, now: datetime) -> None:
    """Raise ConflictOfInterest where the actor may not decide how much a grant gives.

    Who took the decision that gave it may; that is no conflict here.
    """
    conflicts = conflicts_with([actor], grant.person, now)[actor.pk]
    if grant.memberships.filter(person=actor, ended_at=None).exists():
        conflicts.add(ConflictKind.MEMBER)
    if grant.decision is not None and actor.pk in _declared(grant.decision.request):
        conflicts.add(ConflictKind.DECLARED)
    require_none(conflicts)


def require_none(conflicts: Collection[ConflictKind]) -> None:
    """Raise ConflictOfInterest in the words of the first of these conflicts, if there is one."""
    if conflicts:
        first = next(kind for kind in ConflictKind if kind in conflicts)
        raise ConflictOfInterest(WORDS[first])


def _under_one_grant(person: int) -> QuerySet[Membership]:
    """Select the memberships of the person's grants, and of those that they are a member of."""
    joined = Membership.objects.joined()
    grants = joined.filter(Q(person=person) | Q(grant__person=person)).values("grant")
    return Membership.objects.joined().filter(grant__in=grants)


def _references(person: int) -> QuerySet[User]:
    """Select the accounts that hold an address which the person named as a reference."""
    addresses = Reference.objects.filter(person=person).values("email")
    return User.objects.filter(emailaddress__email__in=addresses, emailaddress__verified=True)


def _of_one_organization(person: int, now: datetime) -> QuerySet[Affiliation]:
    """Select the proofs of people who are of an organization that this person is of."""
    own = Affiliation.objects.filter(person=person).standing_at(now)
    return Affiliation.objects.standing_at(now).filter(organization__in=own.values("organization"))


def _ties(person: int, now: datetime) -> QuerySet[Any, tuple[str, int]]:
    """Select the kinds of ties that people have to a person, and their keys; with repetitions."""
    member, reference, organization = (
        Value(str(kind))
        for kind in (ConflictKind.MEMBER, ConflictKind.REFERENCE, ConflictKind.ORGANIZATION)
    )
    together = _under_one_grant(person)
    return together.values_list(member, "person").union(
        together.values_list(member, "grant__person"),
        _references(person).values_list(reference, "pk"),
        _of_one_organization(person, now).values_list(organization, "person"),
        all=True,
    )


# Each decision asks for it, and each page of a case.
_TIES = CompiledQuery(_ties, {"person": -101, "now": datetime.min.replace(tzinfo=UTC)})


def _declared(access_request: AccessRequest) -> set[int]:
    """Select the reviewers who declared a conflict themselves."""
    declared = ConflictDeclaration.objects.filter(request=access_request, has_conflict=True)
    return set(declared.values_list("reviewer", flat=True))


def _decided_before(access_request: AccessRequest) -> set[int]:
    """Select who decided what is appealed against, or voted: an appeal goes to other people."""
    decision = Decision.objects.filter(appeal__request=access_request).first()
    if decision is None:
        return set()
    voters = access_request.reviews.filter(cast_at__lte=decision.decided_at)
    return {decision.decided_by_id, *voters.values_list("reviewer", flat=True)}

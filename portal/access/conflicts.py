"""Conflicts of interest: who may not decide a request, whatever their role."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from django.db.models import Q

from portal.access.errors import ConflictOfInterest
from portal.access.models import AccessRequest, ConflictDeclaration, Decision, Membership
from portal.accounts.models import Affiliation, Reference, User


class Conflict(StrEnum):
    SELF = "self"
    MEMBER = "member"
    REFERENCE = "reference"
    ORGANIZATION = "organization"
    DECLARED = "declared"
    DECIDED_BEFORE = "decided_before"


WORDS = {
    Conflict.SELF: "It is your own request.",
    Conflict.MEMBER: "You and the applicant work under one grant.",
    Conflict.REFERENCE: "The applicant named you as a reference.",
    Conflict.ORGANIZATION: "You and the applicant are of one organization.",
    Conflict.DECLARED: "You declared a conflict of interest.",
    Conflict.DECIDED_BEFORE: "You took the decision that is appealed against.",
}


def conflicts_of(
    people: Iterable[User], access_request: AccessRequest, now: datetime
) -> dict[int, set[Conflict]]:
    """For each person's key their conflicts with this request, in a bounded number of queries."""
    keys = {person.pk for person in people}
    found: dict[int, set[Conflict]] = {key: set() for key in keys}
    sources = {
        Conflict.SELF: {access_request.applicant_id},
        Conflict.MEMBER: _under_one_grant(access_request),
        Conflict.REFERENCE: _references(access_request),
        Conflict.ORGANIZATION: _of_one_organization(access_request, now),
        Conflict.DECLARED: _declared(access_request),
        Conflict.DECIDED_BEFORE: _decided_before(access_request),
    }
    for conflict, conflicted in sources.items():
        for key in keys & conflicted:
            found[key].add(conflict)
    return found


def require_no_conflict(person: User, access_request: AccessRequest, now: datetime) -> None:
    """Raises ConflictOfInterest, in the words of the first conflict."""
    found = conflicts_of([person], access_request, now)[person.pk]
    if found:
        first = next(conflict for conflict in Conflict if conflict in found)
        raise ConflictOfInterest(WORDS[first])


def _under_one_grant(access_request: AccessRequest) -> set[int]:
    """Members of the applicant's grants, and holders and members of those they are a member of."""
    applicant = access_request.applicant_id
    joined = Membership.objects.joined()
    grants = joined.filter(Q(person=applicant) | Q(grant__person=applicant)).values("grant")
    together = Membership.objects.joined().filter(grant__in=grants)
    pairs = together.values_list("person", "grant__person")
    return {key for pair in pairs for key in pair} - {applicant}


def _references(access_request: AccessRequest) -> set[int]:
    """Accounts that hold an address which the applicant named as a reference."""
    asked = Reference.objects.filter(person=access_request.applicant_id).values("email")
    holders = User.objects.filter(emailaddress__email__in=asked, emailaddress__verified=True)
    return set(holders.values_list("pk", flat=True))


def _of_one_organization(access_request: AccessRequest, now: datetime) -> set[int]:
    theirs = Affiliation.objects.of(access_request.applicant).standing_at(now)
    colleagues = Affiliation.objects.standing_at(now).filter(
        organization__in=theirs.values("organization")
    )
    return set(colleagues.values_list("person", flat=True)) - {access_request.applicant_id}


def _declared(access_request: AccessRequest) -> set[int]:
    declared = ConflictDeclaration.objects.filter(request=access_request, has_conflict=True)
    return set(declared.values_list("reviewer", flat=True))


def _decided_before(access_request: AccessRequest) -> set[int]:
    """An appeal goes to people who didn't decide: neither the decider nor who voted for it."""
    decision = Decision.objects.filter(appeal__request=access_request).first()
    if decision is None:
        return set()
    voters = access_request.reviews.filter(cast_at__lte=decision.decided_at)
    return {decision.decided_by_id, *voters.values_list("reviewer", flat=True)}

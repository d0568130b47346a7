"""The people behind a gate: its team, its administrators and its owners, for letters to them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from portal.access.models import AccessRequest
from portal.accounts.models import User
from portal.catalog.labs.seats import seat_holders
from portal.catalog.models import ModelRepo, TeamMember


def team_members(repo: ModelRepo) -> QuerySet[User]:
    """Select the people who review a repo's requests."""
    return seat_holders(repo).filter(is_active=True).order_by("pk")


def readers_among(people: Iterable[User], access_request: AccessRequest) -> set[int]:
    """Return the keys of those of these people who may read a request, as ``readable_by`` says.

    One query answers for all of them.
    """
    state, repo = AccessRequest.State(access_request.state), access_request.repo
    if state == AccessRequest.State.DRAFT:
        return set()
    readers = Q(pk__in=seat_holders(repo).values("pk"))
    if access_request.escalation_level:
        readers |= Q(pk__in=publishers(repo).values("pk")) | Q(is_superuser=True)
    if state in AccessRequest.UNDECIDED_STATES:
        readers |= Q(pk__in=guests_of(access_request).values("pk"))
    active = User.objects.active().filter(pk__in=[person.pk for person in people])
    others = active.exclude(pk=access_request.applicant_id)
    return set(others.filter(readers).values_list("pk", flat=True))


def guests_of(access_request: AccessRequest) -> QuerySet[User]:
    """Select the people outside the team who were invited to one request."""
    guests = access_request.guests.current().values("user")
    return User.objects.active().filter(pk__in=guests)


def owners(repo: ModelRepo) -> list[User]:
    """List those who may publish in a repo's namespace, or the operators where nobody does."""
    return list(publishers(repo)) or list(User.objects.operators())


def publishers(repo: ModelRepo) -> QuerySet[User]:
    """Select the people who may publish in a repo's namespace by a role there."""
    return User.objects.active().filter(namespace_roles__namespace=repo.namespace_id)


def administrators(repo: ModelRepo) -> list[User]:
    """List the administrators of a repo's team, or its owners where the team has none."""
    return list(seated_administrators(repo)) or owners(repo)


def seated_administrators(repo: ModelRepo) -> QuerySet[User]:
    """Select the people who administer a repo by a seat, in it or in its whole namespace."""
    holders = seat_holders(repo, role=TeamMember.Role.ADMINISTRATOR)
    return holders.filter(is_active=True).order_by("pk")

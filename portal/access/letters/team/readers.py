"""Decide who of a gate is told: never whoever has a conflict of interest, never the applicant."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from portal.access.models import AccessRequest, Renewal, Screening
from portal.access.policy.conflicts import conflicts_of, conflicts_with
from portal.access.policy.contacts import administrators, guests_of, owners, team_members
from portal.accounts.models import NamespaceRole, User
from portal.catalog.models import ModelRepo, NamespaceSeat, TeamMember
from portal.catalog.querysets import seated


def readers_of_request(access_request: AccessRequest, now: datetime) -> list[User]:
    """List the people who may decide a request, or the owners where nobody is on the team.

    The guests of the request are among them.
    """
    team = list(team_members(access_request.repo)) or owners(access_request.repo)
    people = dict.fromkeys([*team, *guests_of(access_request)])
    return without_conflict(list(people), access_request, now)


def clearers_of_request(access_request: AccessRequest, now: datetime) -> list[User]:
    """List the people who may clear a request that a screening list holds."""
    return without_conflict(administrators(access_request.repo), access_request, now)


def readers_of_renewal(renewal: Renewal, now: datetime) -> list[User]:
    """List the people who may decide a renewal; nobody who uses the grant is among them."""
    grant = renewal.grant
    team = list(team_members(grant.repo)) or owners(grant.repo)
    members = [membership.person for membership in grant.memberships.select_related("person")]
    return others(without_conflict_with(team, grant.person, now), *members)


def readers_of_check(screening: Screening, now: datetime) -> list[User]:
    """List the people who may clear the check of somebody who has access."""
    people = administrators(screening.under.repo)
    return without_conflict_with(people, screening.person, now)


def repos_told_to(reader: User, **role: str) -> QuerySet[ModelRepo]:
    """Select the repos of whose news a person may be told.

    That is by a seat there, with this role if one is named; or as an owner where nobody has such a
    seat. ``owners`` says who is one.
    """
    active = {"user__is_active": True}
    seats = TeamMember.objects.filter(repo=OuterRef("pk"), **active, **role)
    wide_seats = NamespaceSeat.objects.filter(namespace=OuterRef("namespace"), **active, **role)
    publishing = NamespaceRole.objects.filter(namespace=OuterRef("namespace"), **active)
    owned = Q(Exists(publishing.filter(user=reader)))
    if reader.is_operator:
        owned |= ~Q(Exists(publishing))
    unseated = ~Q(Exists(seats)) & ~Q(Exists(wide_seats))
    return ModelRepo.objects.filter(seated(reader, **role) | (unseated & owned))


def without_conflict(
    people: Collection[User], access_request: AccessRequest, now: datetime
) -> list[User]:
    """Leave out who has a conflict of interest in a request, the applicant among them."""
    conflicts = conflicts_of(people, access_request, now)
    return [person for person in people if not conflicts[person.pk]]


def without_conflict_with(people: Collection[User], person: User, now: datetime) -> list[User]:
    """Leave out who has a conflict of interest in a person's access, that person among them."""
    conflicts = conflicts_with(people, person, now)
    return [colleague for colleague in people if not conflicts[colleague.pk]]


def others(people: Iterable[User], *acting: User | None) -> list[User]:
    """Leave out whoever did what the letter tells of."""
    keys = {person.pk for person in acting if person is not None}
    return [person for person in people if person.pk not in keys]

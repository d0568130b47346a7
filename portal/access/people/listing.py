"""List the people of a lab with their roles."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Prefetch, Q, QuerySet

from portal.access.people.roles import LabRole
from portal.accounts.models import Namespace, User
from portal.catalog.models import NamespaceSeat, TeamMember


@dataclass(frozen=True)
class LabPerson:
    """A person with their roles in a lab, and their seats on single models."""

    user: User
    roles: list[LabRole]
    seats: list[TeamMember]


def people_of(lab: Namespace) -> QuerySet[User]:
    """Select everybody with a role in a lab or a seat on one of its models, by username."""
    seats = NamespaceSeat.objects.filter(namespace=lab)
    single_seats = TeamMember.objects.filter(repo__namespace=lab, repo__deleted_at=None)
    people = User.objects.filter(
        Q(pk__in=lab.roles.values("user"))
        | Q(pk__in=seats.values("user"))
        | Q(pk__in=single_seats.values("user"))
    )
    return people.order_by("username").prefetch_related(
        Prefetch("namespace_roles", lab.roles.all(), to_attr="roles_here"),
        Prefetch("namespace_seats", seats, to_attr="seats_here"),
        Prefetch(
            "team_memberships",
            single_seats.select_related("repo__namespace").order_by("repo__name"),
            to_attr="single_seats_here",
        ),
    )


def lab_person(user: User) -> LabPerson:
    """Return a person that ``people_of`` selected, with their roles."""
    publishes = [LabRole.PUBLISHER] if user.roles_here else []  # type: ignore[attr-defined]
    seats = [LabRole(seat.role) for seat in user.seats_here]  # type: ignore[attr-defined]
    return LabPerson(user, publishes + seats, user.single_seats_here)  # type: ignore[attr-defined]

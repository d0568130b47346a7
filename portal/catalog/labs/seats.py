"""Seat people in a whole namespace: on the team of each of its repos, future ones included."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Case, OuterRef, Q, QuerySet, Subquery, Value, When

from portal.accounts.models import Namespace, User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo, NamespaceSeat, TeamMember
from portal.database.once import once


def seat_holders(repo: ModelRepo, **role: str) -> QuerySet[User]:
    """Select the people with a seat on a repo's team, in the repo or in its whole namespace."""
    return seat_holders_of(ModelRepo.objects.filter(pk=repo.pk), **role)


def seat_holders_of(repos: QuerySet[ModelRepo], **role: str) -> QuerySet[User]:
    """Select the people with a seat on the team of at least one of these repos."""
    seats = TeamMember.objects.filter(repo__in=repos.values("pk"), **role)
    wide_seats = NamespaceSeat.objects.filter(namespace__in=repos.values("namespace"), **role)
    return User.objects.filter(Q(pk__in=seats.values("user")) | Q(pk__in=wide_seats.values("user")))


@once(lambda person: person.pk)
def reviewable_keys(person: User) -> frozenset[int]:
    """Return the keys of the repos on whose review team a person sits."""
    return frozenset(ModelRepo.objects.reviewable_by(person).values_list("pk", flat=True))


def with_seats(people: QuerySet[User], repo: ModelRepo) -> QuerySet[User]:
    """Annotate ``model_role`` and ``lab_role``: a person's seat on a repo, and in its namespace.

    None where there is no such seat. ``seat_role`` is the stronger of both.
    """
    own = TeamMember.objects.filter(repo=repo, user=OuterRef("pk"))
    wide = NamespaceSeat.objects.filter(namespace=repo.namespace_id, user=OuterRef("pk"))
    head = TeamMember.Role.ADMINISTRATOR
    is_head = Q(model_role=head) | Q(lab_role=head)
    return people.annotate(
        model_role=Subquery(own.values("role")),
        lab_role=Subquery(wide.values("role")),
    ).annotate(
        seat_role=Case(When(is_head, then=Value(head)), default=Value(TeamMember.Role.REVIEWER))
    )


@transaction.atomic
def give_namespace_seat(
    *, actor: User, namespace: Namespace, user: User, role: str, now: datetime
) -> NamespaceSeat:
    """Seat a person in a namespace, or change their role there. The caller checks the actor."""
    seat = NamespaceSeat.objects.filter(namespace=namespace, user=user).first()
    if seat is not None and seat.role == role:
        return seat
    seat, _ = NamespaceSeat.objects.update_or_create(
        namespace=namespace, user=user, defaults={"role": role}
    )
    record(
        EventType.NAMESPACE_SEAT_GIVEN,
        actor=actor,
        target=namespace,
        at=now,
        user=user.username,
        role=role,
    )
    return seat


@transaction.atomic
def take_namespace_seat(*, actor: User, namespace: Namespace, user: User, now: datetime) -> None:
    """Take a person's seat in a namespace. The caller checks that each team stays able."""
    taken, _ = NamespaceSeat.objects.filter(namespace=namespace, user=user).delete()
    if taken:
        record(
            EventType.NAMESPACE_SEAT_TAKEN,
            actor=actor,
            target=namespace,
            at=now,
            user=user.username,
        )

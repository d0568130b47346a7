"""Find the labs that a person runs."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from portal.accounts.models import Namespace, User
from portal.accounts.querysets import NamespaceQuerySet
from portal.catalog.models import ModelRepo


def labs_run_by(person: User | Any) -> NamespaceQuerySet[Namespace]:
    """Select the namespaces whose settings a person sees: those where they publish or administer.

    Operators see all of them.
    """
    if not person.is_authenticated or not person.is_active:
        return Namespace.objects.none()
    if person.is_superuser:
        return Namespace.objects.all()
    administered = ModelRepo.objects.administered_by(person).filter(deleted_at=None)
    published = Q(pk__in=Namespace.objects.publishable_by(person).values("pk"))
    return Namespace.objects.filter(published | Q(pk__in=administered.values("namespace")))


def labs_listed_to(person: User) -> NamespaceQuerySet[Namespace]:
    """Select the labs that a person runs, by name; of people's own namespaces, only theirs."""
    run = labs_run_by(person)
    return run.labs() if person.is_operator else run.order_by("name")


def lab_named(person: User | Any, name: str) -> Namespace | None:
    """Return the namespace of this name, if the person runs it."""
    lab: Namespace | None = labs_run_by(person).filter(name__iexact=name).first()
    return lab

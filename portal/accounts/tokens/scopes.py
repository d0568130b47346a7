"""Choose the scopes to offer to a person. Each use of a token still asks for permission."""

from __future__ import annotations

from django.db import models

from portal.accounts.models import Namespace, Scope, User


def scopes_of(person: User) -> list[Scope]:
    """List the scopes that a token of this person could use today."""
    seats = person.team_memberships.values_list("role", flat=True)
    wide_seats = person.namespace_seats.values_list("role", flat=True)
    guest = person.guest_cases.filter(ended_at=None).values_list(models.Value("guest"))
    roles = set(seats.union(wide_seats, guest))
    publishes = Namespace.objects.publishable_by(person).exists()
    usable = {
        Scope.DOWNLOAD: True,
        Scope.INFER: True,
        Scope.PUBLISH: publishes,
        Scope.REVIEW: bool(roles) or publishes,  # an owner, for what was escalated to them
        Scope.ADMIN: publishes or "administrator" in roles,
    }
    return [scope for scope, can_use in usable.items() if can_use]

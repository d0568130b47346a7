"""Which scopes are worth offering to whom. Each use of a token still asks the policy."""

from __future__ import annotations

from portal.accounts.models import Namespace, Scope, User


def scopes_of(person: User) -> list[Scope]:
    """What a token of this person could do at all, today."""
    seats = set(person.team_memberships.values_list("role", flat=True))
    publishes = Namespace.objects.publishable_by(person).exists()
    rights = {
        Scope.DOWNLOAD: True,
        Scope.INFER: True,
        Scope.PUBLISH: publishes,
        Scope.REVIEW: bool(seats) or publishes,  # an owner, for what was escalated to them
        Scope.ADMIN: publishes or "administrator" in seats,
    }
    return [scope for scope, held in rights.items() if held]

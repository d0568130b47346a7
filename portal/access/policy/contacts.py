"""Who stands behind a gate: its team, who administers it, and who answers for it."""

from __future__ import annotations

from django.db.models import QuerySet

from portal.accounts.models import User
from portal.catalog.models import ModelRepo, TeamMember


def team_members(repo: ModelRepo) -> QuerySet[User]:
    return _active().filter(team_memberships__repo=repo).distinct()


def owners(repo: ModelRepo) -> list[User]:
    """Who may publish it. A lab without anybody leaves it to the operators."""
    found = _active().filter(namespace_roles__namespace=repo.namespace_id).distinct()
    return list(found) or list(_active().filter(is_superuser=True))


def administrators(repo: ModelRepo) -> list[User]:
    """The team's; the owners where it has none."""
    role = TeamMember.Role.ADMINISTRATOR
    found = _active().filter(team_memberships__repo=repo, team_memberships__role=role)
    return list(found.distinct()) or owners(repo)


def _active() -> QuerySet[User]:
    return User.objects.filter(is_active=True).order_by("pk")

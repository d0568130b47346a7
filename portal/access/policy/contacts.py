"""The people behind a gate: its team, its administrators and its owners, for letters to them."""

from __future__ import annotations

from django.db.models import QuerySet

from portal.accounts.models import User
from portal.catalog.models import ModelRepo, TeamMember


def team_members(repo: ModelRepo) -> QuerySet[User]:
    """Select the people who review a repo's requests."""
    return _active().filter(team_memberships__repo=repo).distinct()


def owners(repo: ModelRepo) -> list[User]:
    """List those who may publish in a repo's namespace, or the operators where nobody does."""
    publishers = _active().filter(namespace_roles__namespace=repo.namespace_id).distinct()
    return list(publishers) or list(_active().filter(is_superuser=True))


def administrators(repo: ModelRepo) -> list[User]:
    """List the administrators of a repo's team, or its owners where the team has none."""
    role = TeamMember.Role.ADMINISTRATOR
    team = _active().filter(team_memberships__repo=repo, team_memberships__role=role)
    return list(team.distinct()) or owners(repo)


def _active() -> QuerySet[User]:
    return User.objects.filter(is_active=True).order_by("pk")

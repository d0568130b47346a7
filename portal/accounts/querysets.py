"""Managers of namespaces, tokens, affiliations and references."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

if TYPE_CHECKING:
    from portal.accounts.models import User


M = TypeVar("M", bound=models.Model)


class NamespaceQuerySet(models.QuerySet[M]):
    def publishable_by(self, user: User | Any) -> NamespaceQuerySet[M]:
        """Select the namespaces in which a person may publish; superusers may in all."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self if user.is_superuser else self.filter(roles__user=user)


class AccessTokenQuerySet(models.QuerySet[M]):
    def usable_at(self, now: datetime) -> AccessTokenQuerySet[M]:
        """Select tokens neither revoked nor expired, of active accounts with a proved address."""
        return self.filter(
            revoked_at=None,
            expires_at__gt=now,
            user__is_active=True,
            user__proved_at__isnull=False,
        )


class AffiliationQuerySet(models.QuerySet[M]):
    def of(self, person: User | Any) -> AffiliationQuerySet[M]:
        return self.filter(person=person)

    def standing_at(self, now: datetime) -> AffiliationQuerySet[M]:
        """Select affiliations that are proved, not ended and not expired."""
        return self.filter(ended_at=None, proved_at__lte=now, expires_at__gt=now)

    def standing_since(
        self, since: datetime | models.OuterRef, now: datetime
    ) -> AffiliationQuerySet[M]:
        """Select affiliations that were in force at some time from ``since`` to now."""
        not_ended = models.Q(ended_at=None) | models.Q(ended_at__gt=since)
        return self.filter(not_ended, proved_at__lte=now, expires_at__gt=since)


class ReferenceQuerySet(models.QuerySet[M]):
    def of(self, person: User | Any) -> ReferenceQuerySet[M]:
        return self.filter(person=person)

    def unanswered(self) -> ReferenceQuerySet[M]:
        return self.filter(answered_at=None, cancelled_at=None)

    def open_at(self, now: datetime) -> ReferenceQuerySet[M]:
        """Select references that can still answer, by a link that hasn't expired."""
        return self.unanswered().filter(expires_at__gt=now)

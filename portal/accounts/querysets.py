"""Managers of namespaces, tokens, affiliations and references."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models
from django.db.models import CharField, OuterRef, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat, Left

from portal.outbox.models import OutboxMessage

if TYPE_CHECKING:
    from portal.accounts.models import User


M = TypeVar("M", bound=models.Model)


class NamespaceQuerySet(models.QuerySet[M]):
    def labs(self) -> NamespaceQuerySet[M]:
        """Select the namespaces that belong to no single person, by name."""
        return self.filter(person=None).order_by("name")

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

    def with_delivery(self) -> ReferenceQuerySet[M]:
        """Add what became of the newest letter: ``delivery``, its state, and ``delivery_error``."""
        letters = OutboxMessage.objects.filter(
            key=question_key(OuterRef("pk"), OuterRef("secret_hash"))
        )
        annotated: ReferenceQuerySet[Any] = self.annotate(
            delivery=Coalesce(Subquery(letters.values("state")[:1]), Value("")),
            delivery_error=Coalesce(
                Subquery(letters.values("last_error")[:1]), Value(""), output_field=TextField()
            ),
        )
        return annotated

    def returned(self) -> ReferenceQuerySet[M]:
        """Select unanswered references that the newest letter didn't reach."""
        lost = (OutboxMessage.State.BOUNCED, OutboxMessage.State.FAILED)
        return self.unanswered().with_delivery().filter(delivery__in=lost)

    def open_at(self, now: datetime) -> ReferenceQuerySet[M]:
        """Select references that can still answer, by a link that hasn't expired."""
        return self.unanswered().filter(expires_at__gt=now)


KEY_DIGITS = 16  # of the secret's hash, which tell one letter to a reference from the next


def question_key(pk: Any, secret_hash: Any) -> Concat:
    """Return the key of a reference's newest letter, as ``letters.mail_question`` queues it."""
    digits = Left(secret_hash, KEY_DIGITS)
    return Concat(Value("reference-"), Cast(pk, CharField()), Value("-"), digits)

"""Invitations and guests by their state at a moment."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from allauth.account.models import EmailAddress
from django.db import models
from django.db.models.functions import Lower

from portal.accounts.models import User
from portal.outbox.models import BouncedAddress

M = TypeVar("M", bound=models.Model)


class InvitationQuerySet(models.QuerySet[M]):
    def waiting(self) -> InvitationQuerySet[M]:
        """Select invitations neither accepted nor withdrawn; some may be too old to accept."""
        return self.filter(accepted_at=None, withdrawn_at=None)

    def open_at(self, now: datetime) -> InvitationQuerySet[M]:
        """Select invitations that can still be accepted."""
        return self.waiting().filter(expires_at__gt=now)

    def to_addresses_of(self, person: User) -> InvitationQuerySet[M]:
        """Select invitations to addresses that a person has proved to be theirs."""
        proved = EmailAddress.objects.filter(user=person, verified=True)
        return self.filter(email__in=proved.values_list(Lower("email")))

    def to_operate(self) -> InvitationQuerySet[M]:
        """Select invitations to operate the whole site."""
        return self.filter(role="operator")

    def with_bounces(self) -> InvitationQuerySet[M]:
        """Annotate ``bounced``: why the address refuses mail; None where letters arrive."""
        bounces = BouncedAddress.objects.filter(
            address=Lower(models.OuterRef("email")), cleared_at=None
        )
        reason = models.Subquery(bounces.values("reason")[:1])
        return self.annotate(bounced=reason)  # type: ignore[return-value]


class CaseGuestQuerySet(models.QuerySet[M]):
    def current(self) -> CaseGuestQuerySet[M]:
        """Select guests whose seat hasn't ended."""
        return self.filter(ended_at=None)

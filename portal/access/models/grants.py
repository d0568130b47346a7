"""Grants, their members, and their renewals."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from portal.access import lifecycle
from portal.access.models.fields import modes_field, person_field
from portal.access.models.reviews import Decision
from portal.access.models.signatures import Acceptance
from portal.access.querysets import GrantQuerySet, MembershipQuerySet
from portal.accounts.models import Organization
from portal.catalog.models import Collection, ModelRepo
from portal.text.lines import LineField

if TYPE_CHECKING:
    from portal.access.models.screenings import Screening


class Grant(models.Model):
    """The right of one person to use a repo, in these modes and for one term.

    Through a ``collection``, ``repo`` is its lead, whose team answers for the grant, and the rows
    of its coverage say which models it opens, all under one licence; a decision on models under
    several makes a grant for each.

    An offer has no start yet: signing its terms gives it one. ``parent``: the grant that this one
    renews. ``held_at``: screening has a hit on its holder, and it opens nothing until the hit is
    cleared; a grant that is held before it began has no start either. ``conditions`` are those of
    ``policy.conditions``, ``quotas`` those of ``policy.quotas``. ``ends_by_notice_at``: the day for
    which the lab gave notice.
    """

    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="grants")
    collection = models.ForeignKey(
        Collection, null=True, on_delete=models.PROTECT, related_name="grants"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="grants"
    )
    acceptance = models.ForeignKey(
        Acceptance, null=True, on_delete=models.PROTECT, related_name="grants"
    )
    decision = models.ForeignKey(
        Decision, null=True, on_delete=models.PROTECT, related_name="grants"
    )
    parent = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="renewed_as"
    )
    modes = modes_field()
    conditions = models.JSONField(default=dict)
    quotas = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    offered_at = models.DateTimeField(null=True)
    offer_expires_at = models.DateTimeField(null=True)
    held_at = models.DateTimeField(null=True)
    # The newest line of the screening lists that its holder was screened against.
    screened_through = models.PositiveBigIntegerField(default=0)
    starts_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    ends_by_notice_at = models.DateTimeField(null=True)
    notice_reason = models.TextField(blank=True)
    revocation_proposed_by = person_field(null=True)
    revocation_proposed_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = person_field(null=True)
    revocation_reason = models.TextField(blank=True)
    closed_at = models.DateTimeField(null=True)
    closeout = models.TextField(blank=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["-expires_at", "-pk"]
        indexes = [
            models.Index(fields=["person", "repo"]),
            models.Index(fields=["expires_at"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="grant_interval",
                condition=models.Q(starts_at=None) | models.Q(expires_at__gt=models.F("starts_at")),
            ),
            models.CheckConstraint(
                name="active_is_signed",
                condition=models.Q(starts_at=None) | models.Q(acceptance__isnull=False),
            ),
            models.CheckConstraint(
                name="an_offer_has_an_end",
                condition=models.Q(offered_at=None) | models.Q(offer_expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="offered_held_or_started",
                condition=models.Q(offered_at__isnull=False)
                | models.Q(held_at__isnull=False)
                | models.Q(starts_at__isnull=False),
            ),
            models.CheckConstraint(
                name="a_held_grant_is_signed",
                condition=models.Q(held_at=None) | models.Q(acceptance__isnull=False),
            ),
            models.CheckConstraint(
                name="revoked_by_someone",
                condition=models.Q(revoked_at=None, revoked_by=None)
                | models.Q(revoked_at__isnull=False, revoked_by__isnull=False),
            ),
            models.CheckConstraint(
                name="closed_with_a_statement",
                condition=models.Q(closed_at=None) | ~models.Q(closeout=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.about} to {self.person}"

    @property
    def reference(self) -> str:
        return f"G{self.pk:04d}"

    @property
    def about(self) -> str:
        """Return what the grant is about, as pages and letters name it: a repo, or a collection."""
        return self.collection.title if self.collection else self.repo.full_name

    @property
    def about_url(self) -> str:
        """Return the page of what ``about`` names; of a deleted collection, its lead's."""
        if self.collection and self.collection.is_standing:
            return self.collection.path
        return f"/{self.repo.full_name}"

    @property
    def is_offer(self) -> bool:
        """Tell whether the grant is unsigned. A lapsed or revoked offer is still an offer."""
        return lifecycle.is_offer(self)

    @property
    def is_held(self) -> bool:
        """Tell whether it is signed, and held until a screening hit is cleared."""
        return lifecycle.is_held(self)

    @property
    def ends_at(self) -> datetime:
        """Return when it ends by itself: at the end of its term, or earlier by notice."""
        return lifecycle.ends_at(self)


class Membership(models.Model):
    """A person's place under an organization's grant: invited, then joined by a signature.

    ``held_at``: screening has a hit on them, and the grant opens nothing to them until the hit is
    cleared. ``organization``: the one that both they and the holder are proved to be of; the
    membership ends with that proof.
    """

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="memberships")
    email = models.EmailField()
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="memberships"
    )
    acceptance = models.ForeignKey(
        Acceptance, null=True, on_delete=models.PROTECT, related_name="memberships"
    )
    invited_by = person_field()
    invited_at = models.DateTimeField()
    organization = models.ForeignKey(
        Organization, null=True, on_delete=models.PROTECT, related_name="+"
    )
    held_at = models.DateTimeField(null=True)
    screened_through = models.PositiveBigIntegerField(default=0)
    joined_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = person_field(null=True)
    end_reason = LineField(max_length=200, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["invited_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["grant", "email"],
                condition=models.Q(ended_at=None),
                name="invited_once",
            ),
            models.UniqueConstraint(
                fields=["grant", "person"],
                condition=models.Q(ended_at=None),
                name="a_member_once",
            ),
            models.CheckConstraint(
                name="joined_by_signing",
                condition=models.Q(joined_at=None)
                | models.Q(person__isnull=False, acceptance__isnull=False),
            ),
            models.CheckConstraint(
                name="held_once_signed",
                condition=models.Q(held_at=None)
                | models.Q(person__isnull=False, acceptance__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} under {self.grant}"

    @property
    def is_held(self) -> bool:
        """Tell whether it is signed, and held until a screening hit is cleared."""
        return self.held_at is not None and self.ended_at is None

    @property
    def screening(self) -> Screening | None:
        """Return the newest screening of the holder or the member."""
        return self.screenings.order_by("pk").last()


class Renewal(models.Model):
    """A holder's application to renew a grant, with a report on the use so far."""

    class Outcome(models.TextChoices):
        GRANTED = "granted", "Renewed"
        DECLINED = "declined", "Not renewed"
        ENDED = "ended", "Ended with the access"

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="renewals")
    acceptance = models.ForeignKey(Acceptance, on_delete=models.PROTECT, related_name="+")
    report = models.TextField()
    publications = models.TextField(blank=True)
    filed_at = models.DateTimeField()
    due_at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    reason = models.TextField(blank=True)
    decided_by = person_field(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["filed_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["grant"], condition=models.Q(decided_at=None), name="one_open_renewal"
            )
        ]

    def __str__(self) -> str:
        return f"Renewal of {self.grant}"

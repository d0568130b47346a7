"""Organizations, and the evidence that somebody belongs to one."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from portal.accounts.querysets import AffiliationQuerySet, ReferenceQuerySet
from portal.text.lines import LineField


class Sector(models.TextChoices):
    ACADEMIA = "academia", _("Academia")
    GOVERNMENT = "government", _("Government")
    CIVIL_SOCIETY = "civil_society", _("Civil society")
    INDUSTRY_LAB = "industry_lab", _("Industry research lab")


class Organization(models.Model):
    """A place of work. ``ror_id``: its nine characters in the Research Organization Registry.

    Without one, a person named it, and a reference or a reviewer vouched for that person.
    ``weight``: how many times the share of another its people have of hosted inference.
    """

    name = LineField(max_length=300)
    ror_id = models.CharField("ROR id", max_length=9, null=True, blank=True, unique=True)
    country = CountryField(blank=True)
    sector = models.CharField(max_length=13, choices=Sector, blank=True)
    weight = models.PositiveSmallIntegerField(default=1, db_default=1)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "pk"]
        indexes = [models.Index(Lower("name"), name="organization_by_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def ror_url(self) -> str:
        return f"https://ror.org/{self.ror_id}" if self.ror_id else ""


class OrganizationDomain(models.Model):
    """A mail domain that only this organization's people have. It is never a public suffix."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=253, unique=True)

    class Meta:
        ordering = ["domain"]
        constraints = [
            models.CheckConstraint(name="domain_in_lower_case", condition=Q(domain=Lower("domain")))
        ]

    def __str__(self) -> str:
        return self.domain


class Affiliation(models.Model):
    """A proof that a person belongs to an organization, by one method, until it expires.

    ``evidence``: the mail domain, or who vouched. ``proved_by``: the reviewer, where one did.
    """

    class Method(models.TextChoices):
        EMAIL = "email", _("Address at the organization")
        REFERENCE = "reference", _("Reference")
        REVIEWER = "reviewer", _("Reviewer’s word")

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="affiliations"
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="affiliations"
    )
    method = models.CharField(max_length=9, choices=Method)
    evidence = models.TextField()
    proved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    proved_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = AffiliationQuerySet.as_manager()

    class Meta:
        ordering = ["-proved_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_affiliation_by_each_method",
                fields=["person", "organization", "method"],
                condition=Q(ended_at=None),
            ),
            models.CheckConstraint(
                name="reviewers_word_has_a_reviewer",
                condition=Q(method="reviewer", proved_by__isnull=False)
                | (~Q(method="reviewer") & Q(proved_by=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} at {self.organization} by {self.method}"

    def is_standing(self, now: datetime) -> bool:
        return self.ended_at is None and self.proved_at <= now < self.expires_at

    def was_standing_since(self, since: datetime, now: datetime) -> bool:
        """Tell whether it was in force at some time from ``since`` to now."""
        is_before = self.ended_at is not None and self.ended_at <= since
        return not is_before and self.proved_at <= now and self.expires_at > since


class Reference(models.Model):
    """A question by mail to somebody who knows where a person works.

    Only a keyed hash of the link's secret is kept; sending again makes a new one. ``organization``
    is null where the applicant named one that isn't listed.
    """

    class Verdict(models.TextChoices):
        CONFIRMED = "confirmed", _("Confirmed")
        DENIED = "denied", _("Denied")

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="references"
    )
    organization = models.ForeignKey(
        Organization, null=True, on_delete=models.PROTECT, related_name="references"
    )
    organization_name = LineField(max_length=300)
    name = LineField(max_length=200)
    email = models.EmailField()
    relation = LineField(max_length=200)
    secret_hash = models.CharField(max_length=64, unique=True)
    asked_at = models.DateTimeField()
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=9, choices=Verdict, blank=True)
    comment = models.TextField(blank=True)

    objects = ReferenceQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                "person",
                Lower("email"),
                name="one_open_reference_each_address",
                condition=Q(answered_at=None, cancelled_at=None),
            ),
            models.CheckConstraint(
                name="answer_has_verdict_and_time",
                condition=Q(answered_at=None, verdict="")
                | Q(
                    answered_at__isnull=False,
                    cancelled_at=None,
                    verdict__in=["confirmed", "denied"],
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.person}"

    def is_open(self, now: datetime) -> bool:
        return self.answered_at is None and self.cancelled_at is None and now < self.expires_at

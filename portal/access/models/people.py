"""Invitations of people to a role, and the guests of one request."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.models.fields import person_field
from portal.access.models.requests import AccessRequest
from portal.access.querysets.people import CaseGuestQuerySet, InvitationQuerySet
from portal.accounts.models import Namespace
from portal.catalog.models import ModelRepo

ROLES_IN_WORDS = {
    "publisher": _("publisher of %(place)s"),
    "reviewer": _("reviewer of %(place)s"),
    "administrator": _("administrator of %(place)s"),
    "guest": _("guest of %(place)s"),
    "operator": _("operator of %(place)s"),
}


class Invitation(models.Model):
    """A letter that offers somebody a role: in a namespace, a repo, a request, or the whole site.

    Only a keyed hash of the secret in its link is kept; sending again makes a new one.
    """

    class Role(models.TextChoices):
        PUBLISHER = "publisher", "Publisher"
        REVIEWER = "reviewer", "Reviewer"
        ADMINISTRATOR = "administrator", "Administrator"
        GUEST = "guest", "Guest of one request"
        OPERATOR = "operator", "Operator"

    email = models.EmailField()
    role = models.CharField(max_length=13, choices=Role)
    namespace = models.ForeignKey(Namespace, null=True, on_delete=models.CASCADE, related_name="+")
    repo = models.ForeignKey(ModelRepo, null=True, on_delete=models.CASCADE, related_name="+")
    request = models.ForeignKey(
        AccessRequest, null=True, on_delete=models.CASCADE, related_name="invitations"
    )
    invited_by = person_field()
    invited_at = models.DateTimeField()
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    secret_hash = models.CharField(max_length=64, unique=True)
    accepted_by = person_field(null=True)
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-invited_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="invitation_fits_its_role",
                condition=models.Q(
                    role="publisher", namespace__isnull=False, repo=None, request=None
                )
                | models.Q(
                    models.Q(namespace__isnull=False, repo=None)
                    | models.Q(namespace=None, repo__isnull=False),
                    role__in=["reviewer", "administrator"],
                    request=None,
                )
                | models.Q(role="guest", namespace=None, repo=None, request__isnull=False)
                | models.Q(role="operator", namespace=None, repo=None, request=None),
            ),
            models.CheckConstraint(
                name="invitation_accepted_has_person_and_time",
                condition=models.Q(accepted_at=None, accepted_by=None)
                | models.Q(accepted_at__isnull=False, accepted_by__isnull=False, withdrawn_at=None),
            ),
            models.UniqueConstraint(
                Lower("email"),
                "role",
                "namespace",
                "repo",
                "request",
                name="one_waiting_invitation_each",
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return self.in_words

    @property
    def in_words(self) -> str:
        """Name the role with its place, as within a sentence."""
        return str(ROLES_IN_WORDS[self.role] % {"place": self.place})

    @property
    def place(self) -> str:
        """Name what the role is in: a lab, a model, a request, or the site."""
        if self.namespace is not None:
            return self.namespace.display_name
        if self.repo is not None:
            return self.repo.full_name
        if self.request is not None:
            return gettext("request %(reference)s") % {"reference": self.request.reference}
        return str(settings.SITE_NAME)

    def is_open(self, now: datetime) -> bool:
        return self.accepted_at is None and self.withdrawn_at is None and now < self.expires_at


class CaseGuest(models.Model):
    """An outside reviewer of one request, until it is decided: who reads it and votes on it."""

    request = models.ForeignKey(AccessRequest, on_delete=models.CASCADE, related_name="guests")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="guest_cases"
    )
    added_by = person_field()
    added_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = CaseGuestQuerySet.as_manager()

    class Meta:
        ordering = ["added_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "user"],
                condition=models.Q(ended_at=None),
                name="one_seat_each_at_a_request",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}, guest of {self.request}"

"""Letters on the quotas of a grant, to all who work under it."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.access.letters.mailer import holder_of, send
from portal.access.letters.members import member_of
from portal.access.models import Grant, Membership
from portal.access.policy.covered import quotas_in_words


def send_quotas_changed(grant: Grant, *, reason: str, now: datetime) -> None:
    """Tell the holder and each member the numbers that hold from now on."""
    joined = Membership.objects.joined().filter(grant=grant).select_related("person", "grant")
    page = reverse("access:grant", args=[grant.pk])
    members = [
        member_of(membership, membership.person, _("See the grant"), page)
        for membership in joined
        if membership.person
    ]
    for address in (holder_of(grant), *members):
        send(
            address,
            kind="quotas_changed",
            key=f"quotas-{now:%Y%m%d%H%M%S%f}",
            facts=lambda: {"quotas": quotas_in_words(grant), "reason": reason},
            now=now,
        )

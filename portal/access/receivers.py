"""Refresh the evidence on waiting requests when a proof of affiliation comes or ends."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from portal.access.models import AccessRequest
from portal.access.requests.snapshots import refresh_evidence
from portal.accounts.models import Affiliation


@receiver(post_save, sender=Affiliation)
def affiliation_changed(instance: Affiliation, **kwargs: Any) -> None:
    """Refresh a person's undecided requests, in the transaction of the proof itself."""
    waiting = AccessRequest.objects.of(instance.person).undecided().select_for_update(of=("self",))
    for access_request in waiting.select_related("applicant"):
        refresh_evidence(access_request, timezone.now())

"""Assess waiting requests again when something that their evidence rests on changes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from allauth.account.models import EmailAddress
from django.db.models import Q
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from portal.access.evidence.refreshing import refresh_undecided
from portal.access.lifecycle import is_revoked
from portal.access.models import AccessRequest, Grant, Hold
from portal.accounts.models import Affiliation, Reference
from portal.outbox.models import BouncedAddress


def _held(hold: Hold) -> Collection[int]:
    """Return who is under a hold: a person, or the waiting applicants of an organization."""
    if hold.person_id is not None:
        return [hold.person_id]
    if hold.organization_id is None:
        return []
    proved = Affiliation.objects.filter(organization=hold.organization_id).values("person")
    named = Q(organization=hold.organization_id) | Q(applicant__in=proved)
    waiting = AccessRequest.objects.undecided().filter(named)
    return set(waiting.values_list("applicant", flat=True))


def _bounced(bounced: BouncedAddress) -> Collection[int]:
    owners = EmailAddress.objects.filter(email__iexact=bounced.address, verified=True)
    return set(owners.values_list("user", flat=True))


# Whose requests a saved row bears on. What time alone changes, the clock assesses.
CONCERNED: dict[type[Any], Callable[[Any], Collection[int]]] = {
    Affiliation: lambda affiliation: [affiliation.person_id],
    Reference: lambda reference: [reference.person_id] if reference.answered_at else [],
    EmailAddress: lambda address: [address.user_id] if address.verified else [],
    BouncedAddress: _bounced,
    Hold: _held,
    Grant: lambda grant: [grant.person_id] if is_revoked(grant) else [],
}


def evidence_changed(sender: type[Any], instance: Any, **kwargs: Any) -> None:
    """Assess the undecided requests of the people concerned, in the transaction of the change."""
    if people := CONCERNED[sender](instance):
        refresh_undecided(people, timezone.now())


for source in CONCERNED:
    post_save.connect(evidence_changed, sender=source, dispatch_uid=f"evidence_{source.__name__}")
post_delete.connect(evidence_changed, sender=EmailAddress, dispatch_uid="evidence_address_gone")


@receiver(post_save, sender=AccessRequest)
def request_moved(
    instance: AccessRequest, update_fields: frozenset[str] | None, **kwargs: Any
) -> None:
    """Assess an applicant's other requests again, as one was declined, or a decline undone."""
    may_matter = instance.state in (AccessRequest.State.DECLINED, AccessRequest.State.IN_REVIEW)
    if may_matter and update_fields and "state" in update_fields:
        refresh_undecided([instance.applicant_id], timezone.now(), besides=instance)

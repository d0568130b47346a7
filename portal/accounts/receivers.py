"""An address that goes takes with it what it proved.

allauth deletes and saves addresses in several places of its own, so the rule hangs on the row.
"""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from portal.accounts.services.affiliations import end_unproved


@receiver(post_delete, sender=EmailAddress)
def address_removed(instance: EmailAddress, **kwargs: Any) -> None:
    """Inside the transaction of the deletion."""
    end_unproved(person=instance.user, now=timezone.now())


@receiver(post_save, sender=EmailAddress)
def address_unverified(instance: EmailAddress, created: bool, **kwargs: Any) -> None:
    """A new address has proved nothing yet, and a verified one ends nothing."""
    if not created and not instance.verified:
        end_unproved(person=instance.user, now=timezone.now())

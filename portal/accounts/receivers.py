"""Begin and end what an address proves with its row.

allauth deletes and saves addresses in several places of its own, so the rule hangs on the row.
"""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_added
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from portal.accounts.letters import mail_new_address
from portal.accounts.services.affiliations import end_unproved
from portal.accounts.services.holding import settle_proof


@receiver(post_delete, sender=EmailAddress)
def address_removed(instance: EmailAddress, **kwargs: Any) -> None:
    """Inside the transaction of the deletion."""
    end_unproved(person=instance.user, now=timezone.now())


@receiver(post_save, sender=EmailAddress)
def address_saved(instance: EmailAddress, created: bool, **kwargs: Any) -> None:
    """Settle the proof by a verified address; end it by one that is verified no more.

    A verified address may be the account's first; a new unverified one has proved nothing.
    """
    if instance.verified:
        settle_proof(address=instance, now=timezone.now())
    elif not created:
        end_unproved(person=instance.user, now=timezone.now())


@receiver(email_added)
def address_added(email_address: EmailAddress, **kwargs: Any) -> None:
    """Tell whoever holds the account by now; a first address has nobody to tell."""
    address = email_address
    mail_new_address(address.user, address.pk, address.email, timezone.now())

"""Begin and end the proofs of an e-mail address whenever its row is saved or deleted.

These are signals of the row, since allauth saves and deletes addresses in several places.
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
    """End the proofs that the address gave, in the transaction of its deletion."""
    end_unproved(person=instance.user, now=timezone.now())


@receiver(post_save, sender=EmailAddress)
def address_saved(instance: EmailAddress, created: bool, **kwargs: Any) -> None:
    """Take in the proof of a verified address, or end the proofs of one that is no longer verified.

    A new address that isn't verified has proved nothing yet.
    """
    if instance.verified:
        settle_proof(address=instance, now=timezone.now())
    elif not created:
        end_unproved(person=instance.user, now=timezone.now())


@receiver(email_added)
def address_added(email_address: EmailAddress, **kwargs: Any) -> None:
    """Tell the account's proved address of the new one; at a first address there is nobody yet."""
    address = email_address
    mail_new_address(address.user, address.pk, address.email, timezone.now())

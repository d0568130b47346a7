"""Settle who holds an account, by the first proof of an address or by a password reset.

Credentials made before that may be a stranger's, who signed up with somebody else's address. So
they end.
"""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.errors import AddressNeeded
from portal.accounts.models import User
from portal.accounts.services.affiliations import prove_by_email
from portal.accounts.services.references import end_own_words
from portal.accounts.services.tokens import revoke_all_tokens
from portal.audit.events import EventType
from portal.audit.services import record
from portal.outbox.services import clear_bounce


def account_of(email: str) -> User | None:
    """Return the one account that an address leads to, closed ones included.

    It is the account that has proved the address, or else the one that was made with it and has
    proved no address. One that was merely added to a proved account leads to no account.
    """
    email = email.strip()
    proved = User.objects.filter(emailaddress__verified=True, emailaddress__email__iexact=email)
    return proved.first() or User.objects.filter(email__iexact=email, proved_at=None).first()


def require_may_add_address(person: User) -> None:
    """Raise AddressNeeded while the account's only address is unproved."""
    waiting = EmailAddress.objects.filter(user=person).order_by("-primary", "pk").first()
    if waiting is not None and not person.has_verified_email:
        raise AddressNeeded(
            _("Confirm %(email)s first. If it is mistyped, remove it, then add the right one.")
            % {"email": waiting.email}
        )


@transaction.atomic
def settle_proof(*, address: EmailAddress, now: datetime) -> None:
    """Take a proved address from all other accounts; an account's first voids older credentials.

    Repeating it changes nothing.
    """
    # Whoever typed somebody else's address has no claim to it once its owner has proved it.
    claims = EmailAddress.objects.filter(email__iexact=address.email, verified=False)
    for claim in claims.exclude(user=address.user_id).select_related("user"):
        claim.remove()
    person = User.objects.select_for_update(no_key=True).get(pk=address.user_id)
    if person.proved_at is None:
        void_older_credentials(person=person, now=now)
        _make_primary(address)
        address.user.proved_at = now  # the caller may save its own copy of the account


@transaction.atomic
def void_older_credentials(*, person: User, now: datetime) -> None:
    """End the account's tokens, sessions and unproved addresses, whoever made them.

    The caller holds the account's row. Sessions end because ``proved_at`` is in their hash.
    """
    revoke_all_tokens(owner=person, now=now)
    for claim in EmailAddress.objects.filter(user=person, verified=False):
        claim.delete()
    person.proved_at = now
    person.save(update_fields=["proved_at"])


@transaction.atomic
def reset_password(*, person: User, password: str, now: datetime) -> User:
    """Set the password of a person who opened the letter that was sent for it.

    An account without a proved address got that letter at its only address, so this proves it.
    """
    person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    person.set_password(password)
    person.save(update_fields=["password"])
    if not person.has_verified_email:
        _prove_by_letter(person, now)
    void_older_credentials(person=person, now=now)
    record(EventType.PASSWORD_RESET, actor=person, target=person, at=now)
    return person


@transaction.atomic
def change_password(*, person: User, password: str, now: datetime) -> User:
    """Set the password of a person who is signed in; the one of before opens nothing."""
    person.set_password(password)
    person.save(update_fields=["password"])
    record(EventType.PASSWORD_CHANGED, actor=person, target=person, at=now)
    return person


@transaction.atomic
def address_confirmed(*, person: User, email: str, now: datetime) -> None:
    """Record that the holder of an account has read a letter to this address."""
    clear_bounce(address=email, now=now)
    record(EventType.EMAIL_CONFIRMED, actor=person, target=person, at=now)
    prove_by_email(person=person, now=now, confirmed=email)
    end_own_words(person=person, now=now)


def _prove_by_letter(person: User, now: datetime) -> None:
    address = EmailAddress.objects.filter(user=person, email__iexact=person.email).first()
    if address is not None and address.can_set_verified():
        address.verified = True
        address.save(update_fields=["verified"])
        address_confirmed(person=person, email=address.email, now=now)


def _make_primary(address: EmailAddress) -> None:
    """Make the address left primary; by an update, since allauth is about to save the row."""
    if not address.primary:
        address.primary = True
        EmailAddress.objects.filter(pk=address.pk).update(primary=True)
    User.objects.filter(pk=address.user_id).update(email=address.email)
    address.user.email = address.email

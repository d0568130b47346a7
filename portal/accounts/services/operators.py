"""Make operators, whose address counts as proved: whoever runs commands here has the machine."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction

from portal.accounts.models import Namespace, User
from portal.accounts.services.holding import address_confirmed
from portal.accounts.services.people import claim_username, create_user
from portal.audit.events import EventType
from portal.audit.services import record


@transaction.atomic
def create_operator(
    *, username: str, email: str, name: str, password: str | None, now: datetime
) -> User:
    """Create an operator's account. Without a password they set one by a letter."""
    operator = create_user(
        username=username,
        email=email,
        name=name,
        password=password,
        now=now,
        email_verified=True,
        is_superuser=True,
    )
    record(EventType.OPERATOR_ROLE_GIVEN, actor=operator, target=operator, at=now)
    return operator


@transaction.atomic
def complete_operator(*, operator: User, now: datetime) -> list[str]:
    """Give an operator what an account of an earlier version lacks; return the words for that.

    Such an account has neither a namespace nor a proved address, so it can use no token.
    """
    operator = User.objects.select_for_update(no_key=True).get(pk=operator.pk)
    completed = []
    if not Namespace.objects.filter(person=operator).exists():
        claim_username(user=operator, now=now)
        completed.append(f"the namespace {operator.username}")
    if operator.email and not operator.has_verified_email:
        _prove(operator, now)
        completed.append(f"the proof of {operator.email}")
    return completed


def _prove(operator: User, now: datetime) -> None:
    address, _ = EmailAddress.objects.get_or_create(
        user=operator, email=operator.email.lower(), defaults={"primary": True}
    )
    address.verified = True
    address.save(update_fields=["verified"])
    address_confirmed(person=operator, email=address.email, now=now)

"""Create accounts and namespaces, change names, and let people publish."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction

from portal.accounts.models import Namespace, NamespaceRole, User
from portal.accounts.services.affiliations import prove_by_email
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors
from portal.text.lines import as_line


@transaction.atomic
def claim_username(*, user: User, now: datetime) -> Namespace:
    """Give a new person the namespace of their username."""
    namespace = Namespace(name=user.username, person=user)
    namespace.full_clean()
    namespace.save()
    record(EventType.ACCOUNT_CREATED, actor=user, target=user, at=now)
    return namespace


@transaction.atomic
def create_user(
    *,
    username: str,
    email: str,
    name: str,
    password: str,
    now: datetime,
    email_verified: bool = False,
    is_superuser: bool = False,
) -> User:
    """Create an account for an operator; people themselves sign up."""
    email = email.strip().lower()
    user = User(
        username=username,
        email=email,
        name=name,
        date_joined=now,
        proved_at=now if email_verified else None,
        is_superuser=is_superuser,
        is_staff=is_superuser,
    )
    user.set_password(password)
    user.full_clean(exclude=["password"])
    user.save()
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=email_verified)
    claim_username(user=user, now=now)
    if email_verified:
        prove_by_email(person=user, now=now, confirmed=email)
    return user


@transaction.atomic
def create_lab(*, actor: User, name: str, title: str, now: datetime) -> Namespace:
    """Create a namespace that belongs to no single person."""
    namespace = Namespace(name=name, title=title)
    namespace.full_clean()
    namespace.save()
    let_publish(actor=actor, namespace=namespace, user=actor, now=now)
    return namespace


@transaction.atomic
def let_publish(*, actor: User, namespace: Namespace, user: User, now: datetime) -> NamespaceRole:
    """Give a person the right to publish in a namespace. Repeating it changes nothing."""
    role, created = NamespaceRole.objects.get_or_create(namespace=namespace, user=user)
    if created:
        record(
            EventType.NAMESPACE_ROLE_GIVEN,
            actor=actor,
            target=namespace,
            at=now,
            user=user.username,
        )
    return role


@transaction.atomic
def change_name(*, person: User, name: str, now: datetime) -> User:
    """Change the name that a person signs with. Old signatures keep the name typed then."""
    name = as_line(name)
    if not name:
        raise FieldErrors({"name": "Give the name you sign with."})
    person = User.objects.select_for_update().get(pk=person.pk)
    if person.name != name:
        # The event holds no name, since nothing can be erased from the record.
        record(EventType.NAME_CHANGED, actor=person, target=person, at=now)
        person.name = name
        person.save(update_fields=["name"])
    return person

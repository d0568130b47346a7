"""Create accounts and namespaces, change names, and let people publish."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import Namespace, NamespaceRole, User
from portal.accounts.names import validate_lab_name
from portal.accounts.operating import MAKE_A_LAB, NAME_OPERATORS, require_operator
from portal.accounts.services.affiliations import prove_by_email
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors
from portal.text.languages import ENGLISH, is_offered
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
    password: str | None,
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
    """Create a namespace that belongs to no single person; whoever makes it publishes there.

    Raise Forbidden to anybody but an operator, and FieldErrors for a name that is unfit or taken.
    """
    require_operator(actor, MAKE_A_LAB)
    namespace = Namespace(name=name.strip(), title=as_line(title))
    _require_valid(namespace)
    namespace.save()
    record(EventType.LAB_CREATED, actor=actor, target=namespace, at=now, title=namespace.title)
    let_publish(actor=actor, namespace=namespace, user=actor, now=now)
    return namespace


def _require_valid(namespace: Namespace) -> None:
    """Raise FieldErrors for a name or a title that is unfit, or a name that is taken."""
    if Namespace.objects.filter(name__iexact=namespace.name).exists():
        raise FieldErrors({"name": f"The name {namespace.name} is taken. Choose another."})
    errors: dict[str, str] = {}
    try:
        namespace.full_clean()
        validate_lab_name(namespace.name)
    except ValidationError as error:
        texts = error.message_dict if hasattr(error, "error_dict") else {"name": error.messages}
        errors = {field: " ".join(messages) for field, messages in texts.items()}
    if not namespace.title:
        errors["title"] = "Give the lab’s name in full, as people read it."
    if errors:
        raise FieldErrors(errors)


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
def stop_publishing(*, actor: User, namespace: Namespace, user: User, now: datetime) -> None:
    """Take the right to publish in a namespace. Repeating it changes nothing.

    The caller checks the actor, and that each team of the namespace stays able to do its work.
    """
    taken, _ = NamespaceRole.objects.filter(namespace=namespace, user=user).delete()
    if taken:
        record(
            EventType.NAMESPACE_ROLE_TAKEN,
            actor=actor,
            target=namespace,
            at=now,
            user=user.username,
        )


@transaction.atomic
def make_operator(*, actor: User, user: User, now: datetime) -> None:
    """Let a person operate the whole site. Repeating it changes nothing. Raise Forbidden."""
    require_may_make_operators(actor)
    if not user.is_superuser:
        _set_operator(user, True)
        record(EventType.OPERATOR_ROLE_GIVEN, actor=actor, target=user, at=now)


@transaction.atomic
def stop_operating(*, actor: User, user: User, now: datetime) -> None:
    """Take an operator's role. Raise FieldErrors for the last one: nobody could give it again."""
    require_may_make_operators(actor)
    operators = User.objects.operators().select_for_update(no_key=True)
    keys = set(operators.values_list("pk", flat=True))  # locked: two can't take the last two
    if not user.is_superuser:
        return
    if not keys - {user.pk}:
        words = "is the last operator. Make somebody else an operator first."
        raise FieldErrors({"username": f"{user.username} {words}"})
    _set_operator(user, False)
    record(EventType.OPERATOR_ROLE_TAKEN, actor=actor, target=user, at=now)


def require_may_make_operators(actor: User) -> None:
    """Raise Forbidden to anybody but an operator."""
    require_operator(actor, NAME_OPERATORS)


def _set_operator(user: User, is_operator: bool) -> None:
    user.is_superuser = user.is_staff = is_operator
    user.save(update_fields=["is_superuser", "is_staff"])


@transaction.atomic
def change_name(*, person: User, name: str, now: datetime) -> User:
    """Change the name that a person signs with. Old signatures keep the name typed then."""
    name = as_line(name)
    if not name:
        raise FieldErrors({"name": _("Give the name you sign with.")})
    person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if person.name != name:
        # The event holds no name, since nothing can be erased from the record.
        record(EventType.NAME_CHANGED, actor=person, target=person, at=now)
        person.name = name
        person.save(update_fields=["name"])
    return person


def choose_language(*, person: User, language: str) -> None:
    """Set the language in which a person sees pages and gets letters. It leaves no event."""
    if not is_offered(language):
        raise FieldErrors(
            {"language": _("There is no such language here. Choose one of the list.")}
        )
    person.language = language
    person.save(update_fields=["language"])


def keep_language(*, person: User, language: str) -> None:
    """Write to a person in the language in which they read pages, unless they have chosen one.

    English is what they read anyway, and leaves it to a later browser to say another.
    """
    if not person.language and language != ENGLISH:
        choose_language(person=person, language=language)

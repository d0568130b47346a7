"""The questions whose answers are rows: the operator, and the lab's namespace with a publisher."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Q

from portal.accounts.models import Namespace, User
from portal.accounts.names import validate_lab_name, validate_namespace
from portal.errors import Invalid
from portal.setup import checks
from portal.setup.checks import Answers
from portal.setup.installation import rows_of
from portal.setup.questions import SetupQuestion


def _username(value: str, answers: Answers) -> str:
    _name(value, validate_lab_name)
    if _is_taken(value):
        raise Invalid(f"The name {value} is taken here. Choose another.")
    return value


def _email(value: str, answers: Answers) -> str:
    address = checks.mailbox(value.strip().lower(), answers)
    has_address = Q(email__iexact=address) | Q(emailaddress__email__iexact=address)
    if rows_of(lambda: User.objects.filter(has_address).exists(), False):
        raise Invalid(f"{address} belongs to an account here. Give another address.")
    return address


def _password(value: str, answers: Answers) -> str:
    user = User(
        username=answers.get("operator", ""),
        email=answers.get("email", ""),
        name=answers.get("name", ""),
    )
    try:
        validate_password(value, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None
    return value


def _namespace(value: str, answers: Answers) -> str:
    _name(value)
    if _is_taken(value) or value.lower() == answers.get("operator", "").lower():
        raise Invalid(f"The name {value} is taken: people’s names and labs’ are one list.")
    return value


def _publisher(value: str, answers: Answers) -> str:
    is_account = rows_of(
        lambda: User.objects.filter(username=value, is_active=True).exists(), False
    )
    if value != answers.get("operator") and not is_account:
        raise Invalid(
            f"There is no account {value}. Leave it out, and the operator publishes; people sign "
            "up or are invited later."
        )
    return value


def _name(value: str, validate: Callable[[str], None] = validate_namespace) -> None:
    try:
        validate(value)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None


def _is_taken(name: str) -> bool:
    accounts = User.objects.filter(username__iexact=name)
    namespaces = Namespace.objects.filter(name__iexact=name)
    return rows_of(lambda: accounts.exists() or namespaces.exists(), False)


OPERATOR: Sequence[SetupQuestion] = (
    SetupQuestion(
        "operator",
        "WEIGHTGATE_SETUP_OPERATOR",
        "User name of the operator",
        _username,
    ),
    SetupQuestion("email", "WEIGHTGATE_SETUP_EMAIL", "The operator’s e-mail address", _email),
    SetupQuestion(
        "name",
        "WEIGHTGATE_SETUP_NAME",
        "The operator’s full name",
        checks.line,
    ),
    SetupQuestion(
        "password",
        "WEIGHTGATE_SETUP_PASSWORD",
        "The operator’s password",
        _password,
        is_secret=True,
    ),
)
NAMESPACE = SetupQuestion(
    "namespace",
    "WEIGHTGATE_SETUP_NAMESPACE",
    "The lab’s namespace, before the slash of its models’ names",
    _namespace,
)
PUBLISHER = SetupQuestion(
    "publisher",
    "WEIGHTGATE_SETUP_PUBLISHER",
    "Who publishes there",
    _publisher,
    default=lambda answers: answers.get("operator", ""),
)
TITLE = SetupQuestion(
    "title",
    "WEIGHTGATE_SETUP_TITLE",
    "The lab’s name in full",
    checks.line,
    default=lambda answers: answers.get("namespace", ""),
)
LAB: Sequence[SetupQuestion] = (NAMESPACE, TITLE, PUBLISHER)

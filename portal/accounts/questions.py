"""Check a question to a reference: whom it asks, how often, and in which words."""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.utils.translation import gettext as _

from portal.accounts.mailboxes import mailbox_of
from portal.accounts.models import Reference, User
from portal.errors import FieldErrors
from portal.text.lines import line_errors

ASKS_A_DAY = 3
LONGEST_ADDRESS = 254
DAY = timedelta(days=1)


def check_question(person: User, words: dict[str, str], email: str, now: datetime) -> None:
    """Raise FieldErrors that say, in full sentences, what is wrong with what a person typed."""
    errors = line_errors(words)
    missing = {
        "name": _("Say whom to ask."),
        "relation": _("Say how they know that you work there."),
        "organization_name": _("Name the organization."),
    }
    errors |= {field: text for field, text in missing.items() if not words[field]}
    limits = {"name": 200, "relation": 200, "organization_name": 300}
    errors |= {
        field: (_("Use %(limit)s characters at most.") % {"limit": limit})
        for field, limit in limits.items()
        if len(words[field]) > limit
    }
    if refusal := _refused_address(person, email, now) or _too_many(person, now):
        errors["email"] = refusal
    if errors:
        raise FieldErrors(errors)


def check_address(person: User, email: str, now: datetime) -> None:
    """Raise FieldErrors if an open question can't go to this address instead."""
    if refusal := _refused_address(person, email, now):
        raise FieldErrors({"email": refusal})


def _too_many(person: User, now: datetime) -> str:
    if Reference.objects.of(person).filter(asked_at__gt=now - DAY).count() >= ASKS_A_DAY:
        return _("You have asked three people within a day. Try again tomorrow.")
    return ""


def _refused_address(person: User, email: str, now: datetime) -> str:
    try:
        validate_email(email)
        MaxLengthValidator(LONGEST_ADDRESS)(email)
    except ValidationError:
        return _("Give an address such as name@university.example.")
    own = {*EmailAddress.objects.filter(user=person).values_list("email", flat=True), person.email}
    if mailbox_of(email) in {mailbox_of(address) for address in own}:
        return _("This is your own address. Name somebody else.")
    questions = Reference.objects.of(person)
    if questions.filter(email__iexact=email, verdict=Reference.Verdict.DENIED).exists():
        return _("This address has answered no. Name somebody else.")
    if questions.open_at(now).filter(email__iexact=email).exists():
        return _("You have asked this address already. It can be sent again from the list.")
    return ""

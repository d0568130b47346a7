"""Check the addresses that invitations are sent to."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from portal.access.people.roles import NOBODY
from portal.errors import FieldErrors


def invitable_address(person: str) -> str:
    """Return an address to invite, in lower case. Raise FieldErrors with what is wrong with it."""
    email = person.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise FieldErrors({"person": _fault(email)}) from None
    return email


def _fault(email: str) -> str:
    local, at, domain = email.rpartition("@")
    if not at:
        return f"{NOBODY} To invite somebody new, give a whole e-mail address."
    if not local.isascii():
        return f"“{local}” has letters that mail can’t be sent to. Give an address in a-z before @."
    if "." not in domain:
        return f"“{domain}” is no whole domain. Give one with a dot, such as institute.example."
    return f"“{email}” is no e-mail address. Give one such as name@institute.example."

"""Remember, until the letter is opened, which browser signed up and where it wanted to go."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.http import HttpRequest

SESSION_KEY = "signing_up"


def expect_confirmation(
    request: HttpRequest, address: EmailAddress | None, *, then: str | None
) -> None:
    """Remember who signed up here. Without an account the session looks alike from outside."""
    request.session[SESSION_KEY] = {"person": address.user_id if address else None, "then": then}


def signed_up_here(request: HttpRequest, address: EmailAddress) -> bool:
    """Tell whether this browser made the account that the address belongs to."""
    kept = request.session.get(SESSION_KEY) or {}
    return bool(kept.get("person") == address.user_id)


def where_to_go(request: HttpRequest) -> str | None:
    """Return the page that led to signing up, once."""
    kept = request.session.pop(SESSION_KEY, None) or {}
    page: str | None = kept.get("then")
    return page

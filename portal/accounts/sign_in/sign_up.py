"""Remember, until its letter is opened, which browser signed up and the page it came from."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.http import HttpRequest

SESSION_KEY = "signing_up"


def expect_confirmation(
    request: HttpRequest, address: EmailAddress | None, *, then: str | None
) -> None:
    """Remember who signed up in this browser. Without an account, the session looks the same."""
    request.session[SESSION_KEY] = {"person": address.user_id if address else None, "then": then}


def signed_up_here(request: HttpRequest, address: EmailAddress) -> bool:
    """Tell whether this browser made the account that the address belongs to."""
    stored = request.session.get(SESSION_KEY) or {}
    return bool(stored.get("person") == address.user_id)


def where_to_go(request: HttpRequest) -> str | None:
    """Return the page that led to signing up, and forget it."""
    stored = request.session.pop(SESSION_KEY, None) or {}
    page: str | None = stored.get("then")
    return page

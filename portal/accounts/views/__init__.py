"""Pages of an account."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest

from portal.accounts.models import User


def signed_in(request: HttpRequest) -> User:
    """Return the user of a page that requires one (``login_required``)."""
    return cast(User, request.user)

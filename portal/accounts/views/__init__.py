"""The pages of an account."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest

from portal.accounts.models import User


def signed_in(request: HttpRequest) -> User:
    """The person behind a page that asks for one (``login_required``)."""
    return cast(User, request.user)

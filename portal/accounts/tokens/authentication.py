"""Authenticate by an access token on the Hub, /v1 and /api/v1: ``Authorization: Bearer wg_…``.

Tools that know only users and passwords send the same token by Basic authentication.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from portal.accounts.models import AccessToken, User
from portal.accounts.services import token_from_secret


def bearer_secret(request: HttpRequest) -> str | None:
    """Return the unchecked token of the Authorization header, or None."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip()
    if scheme.lower() == "basic" and secret:
        return _secret_of_basic(secret)
    return secret if scheme.lower() == "bearer" and secret else None


NO_PASSWORD = ("", "x-oauth-basic")
"""Tools send one of these as the password where the token is the user's name."""


def _secret_of_basic(encoded: str) -> str:
    """Return the password, whatever the user is called. A password of an account is no token."""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return encoded  # which is no token either, and is refused as one
    return user if password in NO_PASSWORD else password


def is_browser(request: HttpRequest) -> bool:
    """Tell browsers from tools: a browser asks its user for a password where Basic is named."""
    headers = request.headers
    is_named = "Sec-Fetch-Mode" in headers or headers.get("User-Agent", "").startswith("Mozilla/")
    return is_named or "text/html" in headers.get("Accept", "")


def bearer_token(request: HttpRequest) -> AccessToken | None:
    """Return the token presented, or None. Raise UnknownToken for an invalid one."""
    secret = bearer_secret(request)
    return token_from_secret(secret, now=timezone.now()) if secret else None


@dataclass(frozen=True)
class Caller:
    """The person who calls, if any, and the token by which they do, if any."""

    person: User | None = None
    token: AccessToken | None = None

    @property
    def named(self) -> User:
        """Return the person, where the policy or the view has refused nobody."""
        if self.person is None:
            raise ValueError("nobody is named")
        return self.person


def token_caller(request: HttpRequest) -> Caller:
    """Return the caller of an API that takes tokens alone; cookies don't count there."""
    token = bearer_token(request)
    return Caller(token.user, token) if token else Caller()


def session_caller(request: HttpRequest) -> Caller:
    """Return the caller of a page: the person who is signed in."""
    return Caller(request.user if isinstance(request.user, User) else None)


def reading_caller(request: HttpRequest) -> Caller:
    """Return the caller of an address from which programs and our own pages read files.

    With a token it is the token's owner; else the person signed in, if one of our pages leads here.
    """
    if "Authorization" in request.headers or not comes_from_our_pages(request):
        return token_caller(request)
    return session_caller(request)


SAFE_METHODS = ("GET", "HEAD")
FROM_OURS = ("same-origin", "none")  # "none": typed, or a bookmark


def comes_from_our_pages(request: HttpRequest) -> bool:
    """Tell a person's own click from a fetch by a page of another site.

    Browsers leave out Sec-Fetch-Site over plain HTTP, and older ones always: there the page's
    address counts, which no other page can forge.
    """
    if request.method not in SAFE_METHODS:
        return False
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in FROM_OURS
    return request.headers.get("Referer", "").startswith(f"{settings.BASE_URL}/")


def is_opened_by_a_person(request: HttpRequest) -> bool:
    """Tell a browser that opens an address from a program that reads it."""
    opens = "text/html" in request.headers.get("Accept", "")
    return opens and request.method in SAFE_METHODS and "Authorization" not in request.headers


class TokenAuthentication(BaseAuthentication):
    """DRF's view of ``bearer_token``: ``request.auth`` is the AccessToken."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        token = bearer_token(request._request)
        return (token.user, token) if token else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

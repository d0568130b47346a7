from __future__ import annotations

from http import HTTPStatus

from django.conf import settings

from portal.errors import DomainError


class TokenNeeded(DomainError):
    code = "token_needed"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(f"Send a token to say who you are. Make one at {settings.BASE_URL}")


class NotOffered(DomainError):
    """Part of the Hub's protocol that this portal does not speak."""

    code = "not_offered"
    status = HTTPStatus.NOT_IMPLEMENTED

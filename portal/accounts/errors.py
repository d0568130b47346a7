from __future__ import annotations

from http import HTTPStatus

from portal.errors import DomainError, NotFound


class UnknownToken(DomainError):
    """Mistyped, expired or revoked: one answer, so that it tells a stranger nothing."""

    code = "unknown_token"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("This token isn’t valid here: mistyped, expired or revoked.")


class NoSuchToken(NotFound):
    pass

from __future__ import annotations

from http import HTTPStatus

from portal.errors import Conflict, DomainError, NotFound


class UnknownToken(DomainError):
    """Mistyped, expired or revoked: one answer, so that it tells a stranger nothing."""

    code = "unknown_token"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("This token isn’t valid here: mistyped, expired or revoked.")


class NoSuchToken(NotFound):
    pass


class NameTaken(Conflict):
    code = "name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The name {name} was taken while you signed up. Go back and choose another; nothing "
            "was made.",
            field="username",
        )

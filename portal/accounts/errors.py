from __future__ import annotations

from http import HTTPStatus

from django.urls import reverse

from portal.errors import Conflict, DomainError, Forbidden, InvalidTransition, NotFound


class UnknownToken(DomainError):
    """Mistyped, expired or revoked: one answer, so that it tells a stranger nothing."""

    code = "unknown_token"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("This token isn’t valid here: mistyped, expired or revoked.")


class NoSuchToken(NotFound):
    pass


class TooManyTokens(Conflict):
    code = "too_many_tokens"

    def __init__(self, at_most: int) -> None:
        super().__init__(
            f"You have {at_most} live tokens, as many as one account may have. Revoke those that "
            "you no longer use, then make this one.",
            help_url=reverse("accounts:tokens"),
        )


class NameTaken(Conflict):
    code = "name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The name {name} was taken while you signed up. Go back and choose another; nothing "
            "was made.",
            field="username",
        )


class AddressTaken(Conflict):
    """An error that another account took the address in the same instant; nobody is told it."""

    code = "address_taken"

    def __init__(self) -> None:
        super().__init__("This address has an account. Reset its password.", field="email")


class NoSuchOrganization(NotFound):
    pass


class NotOneself(Forbidden):
    """A word for oneself is worth nothing."""

    code = "not_oneself"


class AddressNeeded(Forbidden):
    """A refusal to act for who has proved no address: no token, second address or mail."""

    code = "address_needed"
    act_label = "See your addresses"

    def __init__(self, message: str) -> None:
        super().__init__(message, help_url=reverse("account_email"))


class NoSuchReference(NotFound):
    pass


class ReferenceClosed(InvalidTransition):
    """Answered, cancelled, or too old."""


class NoSuchAffiliation(NotFound):
    pass


class ProofLinkUseless(NotFound):
    """Mistyped, too old, or another account's: one answer to all."""

    def __init__(self) -> None:
        super().__init__(
            "This link is too old, or belongs to another account. Ask for a new letter on your "
            "affiliations page."
        )

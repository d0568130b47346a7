"""Refusals of the account pages and of tokens."""

from __future__ import annotations

from http import HTTPStatus

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.errors import Conflict, DomainError, Forbidden, InvalidTransition, NotFound


class UnknownToken(DomainError):
    """A token is mistyped, expired or revoked: one answer, so that strangers learn nothing."""

    code = "unknown_token"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(gettext("This token isn’t valid here: mistyped, expired or revoked."))


class NoSuchToken(NotFound):
    pass


class TooManyTokens(Conflict):
    code = "too_many_tokens"

    def __init__(self, at_most: int) -> None:
        super().__init__(
            gettext(
                "You have %(at_most)s live tokens, as many as one account may have. Revoke those "
                "that you no longer use, then make this one."
            )
            % {"at_most": at_most},
            help_url=reverse("accounts:tokens"),
        )


class NameTaken(Conflict):
    code = "name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(
            gettext(
                "The name %(name)s was taken while you signed up. Go back and choose another; "
                "nothing was made."
            )
            % {"name": name},
            field="username",
        )


class AddressTaken(Conflict):
    """Another account took the address in the same instant. The page never shows this error."""

    code = "address_taken"

    def __init__(self) -> None:
        super().__init__(gettext("This address has an account. Reset its password."), field="email")


class NoSuchOrganization(NotFound):
    pass


class NotOneself(Forbidden):
    """People can't vouch for themselves."""

    code = "not_oneself"


class AddressNeeded(Forbidden):
    """The account has no proved address, so it can have no token, second address or mail."""

    code = "address_needed"
    act_label = _("See your addresses")

    def __init__(self, message: str) -> None:
        super().__init__(message, help_url=reverse("account_email"))


class NoSuchReference(NotFound):
    pass


class ReferenceClosed(InvalidTransition):
    """A reference's question was answered, was cancelled, or is too old."""


class NoSuchAffiliation(NotFound):
    pass


class ProofLinkUseless(NotFound):
    """A link is mistyped, too old, or for another account. One answer to all."""

    def __init__(self) -> None:
        super().__init__(
            gettext(
                "This link is too old, or belongs to another account. Ask for a new letter on your "
                "affiliations page."
            )
        )

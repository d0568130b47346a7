"""Refusals of invitations."""

from __future__ import annotations

from django.urls import reverse

from portal.errors import Forbidden, InvalidTransition, NotFound


class NoSuchInvitation(NotFound):
    """An invitation is unknown, or for whoever may not know of it."""

    def __init__(self) -> None:
        super().__init__(
            "There’s no such invitation. If it was sent again, use the link of the newest letter."
        )


class InvitationClosed(InvalidTransition):
    """An invitation was accepted or withdrawn, or is too old."""

    def __init__(self, *, is_accepted: bool) -> None:
        super().__init__(
            "This invitation was accepted already. There is nothing more to do."
            if is_accepted
            else "This invitation is no longer open. Ask whoever invited you for a new one."
        )


class InvitationForAnother(Forbidden):
    """An account has not proved the address that an invitation was sent to."""

    code = "invitation_for_another"
    act_label = "See your addresses"

    def __init__(self, email: str) -> None:
        super().__init__(
            f"This invitation is for {email}, which your account hasn’t proved. Add that address "
            "to your account and confirm it, or sign in with the account that has it.",
            help_url=reverse("account_email"),
        )

"""allauth's forms with the portal's rules. allauth imports ``accounts.forms``, so they are here."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from portal.accounts.errors import AddressNeeded, AddressTaken
from portal.accounts.models import User
from portal.accounts.services.holding import account_of, require_may_add_address, reset_password
from portal.accounts.sign_in.sign_up import expect_confirmation
from portal.forms.fields import limit_address


class LimitedAddress:
    """A mixin for a form of allauth's that asks for an address, which may be too long there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit_address(self.fields["email"])  # type: ignore[attr-defined]


class SignupForm(LimitedAddress, allauth_forms.SignupForm):  # type: ignore[misc]  # allauth has no types
    """A form to sign up, which answers alike whether or not the address has an account."""

    def validate_unique_email(self, value: str) -> str:
        self.account_already_exists = account_of(value) is not None
        return value

    def try_save(self, request: HttpRequest) -> tuple[None, HttpResponse]:
        """Send a letter to the address, and answer with the page that says so.

        Nobody is signed in yet, since that would show that the address had no account.
        """
        email = self.cleaned_data["email"]
        address = None if self.account_already_exists else self._made(request)
        if address is None:
            # Hash a password in any case, so that the time of the answer tells nothing either.
            User().set_password(self.cleaned_data["password1"])
        expect_confirmation(request, address, then=get_next_redirect_url(request))
        send_verification_email_to_address(
            request, address or EmailAddress(email=email), signup=True
        )
        person = address.user if address else None
        return None, get_adapter().respond_email_verification_sent(request, person)

    def _made(self, request: HttpRequest) -> EmailAddress | None:
        """Create the account with its address; None if another took the address meanwhile."""
        try:
            with transaction.atomic():
                person = self.save(request)
                address, _ = EmailAddress.objects.get_or_create(
                    user=person, email=person.email, defaults={"primary": True}
                )
        except AddressTaken:
            return None
        return address


class AddEmailForm(LimitedAddress, allauth_forms.AddEmailForm):  # type: ignore[misc]
    def clean_email(self) -> str:
        try:
            require_may_add_address(self.user)
        except AddressNeeded as error:
            raise ValidationError(error.message) from error
        return str(super().clean_email())

    def save(self, request: HttpRequest) -> EmailAddress:
        """Add an address and send its letter, or neither where too many letters were sent."""
        with transaction.atomic():
            return super().save(request)


class ResetPasswordForm(LimitedAddress, allauth_forms.ResetPasswordForm):  # type: ignore[misc]
    """A form to ask for a new password; only an address of the account gets the letter."""

    def clean_email(self) -> str:
        email: str = get_adapter().clean_email(self.cleaned_data["email"].lower())
        person = account_of(email)
        self.users = [person] if person is not None and person.is_active else []
        return email


class ResetPasswordKeyForm(allauth_forms.ResetPasswordKeyForm):  # type: ignore[misc]
    def save(self, **kwargs: Any) -> None:
        reset_password(
            person=self.user, password=self.cleaned_data["password1"], now=timezone.now()
        )

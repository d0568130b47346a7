"""Forms of the account pages."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.models import Scope, User
from portal.accounts.services import claim_username


class SignupForm(forms.Form):
    """What signing up asks beyond allauth's own fields."""

    name = forms.CharField(
        label="Full name",
        max_length=200,
        help_text="As you would sign an agreement.",
        error_messages={"required": "Give the name you sign with."},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    field_order = ["name", "email", "username", "password1"]

    def signup(self, request: HttpRequest, user: User) -> None:
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
        claim_username(user=user, now=timezone.now())


class TokenForm(forms.Form):
    """A token's name, scopes and life."""

    name = forms.CharField(
        label="Name",
        max_length=80,
        help_text="Where it will live, so that you know later which to revoke.",
        error_messages={"required": "Say where the token will live."},
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing that the token may do."},
    )
    days = forms.TypedChoiceField(
        label="Expires",
        coerce=int,
        choices=[(30, "in 30 days"), (90, "in 90 days"), (365, "in 365 days")],
        initial=90,
    )

"""Forms of the account pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest

from portal.accounts.models import Scope, User


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
        """allauth asks for it; the adapter saves the name with all else."""


class ProfileForm(forms.Form):
    """What a person may correct about themselves; addresses and password have their own pages."""

    name = forms.CharField(
        label="Full name",
        max_length=200,
        help_text="You sign with it, so it stands as in your papers. What you have signed keeps "
        "the name you typed then.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class TokenForm(forms.Form):
    """A token's name, scopes and life. Scopes are offered by what the person may do."""

    use_required_attribute = False

    name = forms.CharField(
        label="Name",
        max_length=80,
        help_text="Where it will live, so that you know later which to revoke.",
        error_messages={"required": "Say where the token will live."},
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing that the token may do."},
    )
    days = forms.TypedChoiceField(
        label="Expires",
        coerce=int,
        choices=[(30, "in 30 days"), (90, "in 90 days"), (365, "in 365 days")],
        initial=90,
    )
    hints: ClassVar = {
        "download": "Files of models that you have access to",
        "infer": "Prompt hosted models, within your quota",
        "publish": "New revisions, where you may publish",
        "review": "Requests, where you sit on the team",
        "admin": "Settings, teams and grants, where you administer",
    }

    def __init__(self, *args: Any, scopes: Iterable[Scope], **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "%s", **kwargs})
        field = self.fields["scopes"]
        field.choices = [(str(scope), scope.label) for scope in scopes]  # type: ignore[attr-defined]
        field.choice_hints = self.hints  # type: ignore[attr-defined]
        self.initial.setdefault("scopes", [str(Scope.DOWNLOAD)])

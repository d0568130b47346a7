"""Forms of the account pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Reference, Scope, User
from portal.forms.fields import AddressField, LongText
from portal.text.lines import LineInput


class SignupFields(forms.Form):
    """The fields of signing up beyond allauth's own."""

    name = LineInput(
        label=_("Full name"),
        max_length=200,
        help_text=_("As you would sign an agreement."),
        error_messages={"required": _("Give the name you sign with.")},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    field_order = ["name", "email", "username", "password1"]

    def signup(self, request: HttpRequest, user: User) -> None:
        """Do nothing: allauth calls this, and the adapter saves the name with everything else."""


class ProfileForm(forms.Form):
    """The name of an account. Addresses and the password have their own pages."""

    name = LineInput(
        label=_("Full name"),
        max_length=200,
        help_text=_(
            "You sign agreements with it, so write it as in your papers. What you have "
            "signed keeps the name you typed then."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class KeysForm(forms.Form):
    keys = forms.BooleanField(
        label=_("Keyboard shortcuts of a single key"),
        required=False,
        help_text=_(
            "Such as “a” to approve and “j” for the next row. Switch it off if you speak to "
            "your machine, or press keys by accident. This browser remembers the choice."
        ),
    )


class TimeZoneForm(forms.Form):
    """The time zone in which pages show times."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        help_text=_(
            "For times of day. Dates by which something is due, or ends, are of UTC for "
            "everybody. This browser remembers the choice."
        ),
    )

    def __init__(self, *args: Any, zones: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        choice: Any = self.fields["time_zone"]
        choice.choices = [("", gettext("That of this browser")), *((zone, zone) for zone in zones)]


class LanguageForm(forms.Form):
    """The language of pages and letters."""

    language = forms.ChoiceField(
        label=_("Language"),
        help_text=_(
            "Of pages and of letters to you. Texts that people wrote stay as they are; pages of "
            "those who work at a lab or run this site are in English."
        ),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choice: Any = self.fields["language"]
        choice.choices = settings.LANGUAGES


class ReferenceForm(forms.Form):
    """The person to ask as a reference, and the organization. The service checks the rest."""

    named: ClassVar = {"organization_name": "organization"}
    use_required_attribute = False

    organization = forms.CharField(
        label=_("Organization"),
        max_length=300,
        help_text=_("Its whole name, or its ROR id."),
        error_messages={"required": _("Name the organization.")},
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    name = forms.CharField(
        label=_("Who knows that you work there"),
        max_length=200,
        help_text=_("Such as a head of department, or a colleague."),
        error_messages={"required": _("Say whom to ask.")},
    )
    email = AddressField(
        label=_("Their e-mail address"),
        help_text=_("One at the organization: an answer from free mail proves nothing."),
        error_messages={
            "required": _("Give their address."),
            "invalid": _("Give an address such as name@university.example."),
        },
    )
    relation = forms.CharField(
        label=_("How they know you"),
        max_length=200,
        error_messages={"required": _("Say how they know that you work there.")},
    )


class ReferenceAddressForm(forms.Form):
    """Another address of a reference, whose letter came back."""

    use_required_attribute = False

    email = AddressField(
        label=_("Their e-mail address"),
        error_messages={
            "required": _("Give their address."),
            "invalid": _("Give an address such as name@university.example."),
        },
    )


class ReferenceAnswerForm(forms.Form):
    """The answer of a reference."""

    use_required_attribute = False

    verdict = forms.ChoiceField(
        label=_("Can you confirm it?"),
        choices=[
            (Reference.Verdict.CONFIRMED, _("Yes, they work there")),
            (Reference.Verdict.DENIED, _("No, or I don’t know them")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose whether you can confirm it.")},
    )
    comment = LongText(
        label=_("Anything that the reviewers should know"),
        required=False,
        max_length=2000,
        help_text=_("Reviewers of the request read it; the person who named you does not."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class TokenForm(forms.Form):
    """A token's name, scopes and lifetime. It offers the scopes that its owner can use."""

    use_required_attribute = False

    name = LineInput(
        label=_("Name"),
        max_length=80,
        help_text=_("Where you will use it, so that you know later which to revoke."),
        error_messages={"required": _("Say where you will use the token.")},
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one thing that the token may do.")},
    )
    days = forms.TypedChoiceField(
        label=_("Expires"),
        coerce=int,
        choices=[(30, _("in 30 days")), (90, _("in 90 days")), (365, _("in 365 days"))],
        initial=90,
    )
    hints: ClassVar = {
        "download": _("Files of models that you have access to"),
        "infer": _("Prompt hosted models, within your quota"),
        "publish": _("New revisions, where you may publish"),
        "review": _("Requests, where you sit on the team"),
        "admin": _("Settings, teams and grants, where you administer"),
    }

    def __init__(self, *args: Any, scopes: Iterable[Scope], **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "%s", **kwargs})
        field = self.fields["scopes"]
        field.choices = [(str(scope), scope.words) for scope in scopes]  # type: ignore[attr-defined]
        field.choice_hints = self.hints  # type: ignore[attr-defined]
        self.initial.setdefault("scopes", [str(Scope.DOWNLOAD)])

"""Forms of the pages of grants and members."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.grants.governing_licence import versions_of_grants
from portal.access.models import Acceptance
from portal.access.requests.form.forms import PageForm, SignatureForm, words_field
from portal.catalog.models import LicenceVersion, ModelRepo
from portal.forms.fields import AddressField, end_of_day, told_as
from portal.text.lines import LineInput


class RenewForm(SignatureForm):
    """The report on the use so far, above the signature."""

    report = words_field(
        _("What did you use it for, and what came of it?"),
        _("Two to six sentences. The team reads it; nothing of it is published."),
        _("Say what you used the model for, and what came of it."),
    )
    publications = words_field(
        _("Publications and releases"),
        _("One a line: papers, code, data, models. Links are best."),
        "",
        required=False,
    )


class MemberSignatureForm(SignatureForm):
    """A member signs for themselves; the organization has signed already."""

    def __init__(self, *args: Any, version: LicenceVersion, **kwargs: Any) -> None:
        super().__init__(*args, version=version, **kwargs)
        person = Acceptance.Capacity.PERSON
        capacity = self.fields["capacity"]
        capacity.choices = [(str(person), person.label)]  # type: ignore[attr-defined]
        capacity.choice_hints = {"person": gettext("Each member is bound in person")}  # type: ignore[attr-defined]
        self.initial["capacity"] = str(person)
        self.fields["entity"].required = False


class InviteForm(PageForm):
    email = AddressField(
        label=_("E-mail address"),
        help_text=_("The one at their organization. They sign in with an account that has it."),
        error_messages={
            "required": _("Give the address of the person you invite."),
            "invalid": _("Give one e-mail address, such as name@example.org."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class EndMembershipForm(PageForm):
    reason = LineInput(
        label=_("Reason"),
        max_length=200,
        help_text=_("Both of you get it in a letter."),
        error_messages={"required": _("Say why; both of you get it in a letter.")},
    )


class CloseForm(PageForm):
    statement = words_field(
        _("What became of it?"),
        _("Of the copies, and of what you made with the model. The team keeps this statement."),
        _("Say what became of the model’s copies and of what you made with it."),
    )
    deleted_copies = forms.BooleanField(
        label=_("Every copy of the weights that I or my members had is deleted"),
        required=False,
    )


class EndGrantForm(PageForm):
    reason = words_field(
        "Reason",
        "The notice quotes it. Tokens and links stop opening the model at once.",
        "Say why; the notice quotes it.",
    )


class DecideRenewalForm(PageForm):
    granted = forms.ChoiceField(
        label="Decision",
        choices=[("yes", "Renew it"), ("no", "Don’t renew it")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whether it is renewed."},
    )
    reason = words_field(
        "In your words, to the holder",
        "Needed where you don’t renew: say what would have to change.",
        "",
        required=False,
    )


class NoticeForm(PageForm):
    named: ClassVar = {"ends_at": "ends_on", "licence_version_id": "version"}

    version = forms.ModelChoiceField(
        label="Grants under",
        queryset=LicenceVersion.objects.none(),
        empty_label="Choose a version",
        error_messages={"required": "Choose the licence version whose grants end."},
    )
    ends_on = forms.DateField(
        label="Last day",
        help_text="At least 30 days ahead.",
        error_messages={
            "required": "Choose the last day.",
            **told_as("Last day: give a day, such as 2027-03-31."),
        },
        widget=forms.DateInput(attrs={"type": "date", "class": "short"}, format="%Y-%m-%d"),
    )
    reason = words_field("Reason", "The notice quotes it.", "Say why; the notice quotes it.")

    def __init__(self, *args: Any, repo: ModelRepo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = versions_of_grants(repo).select_related("licence")
        self.fields["version"].queryset = versions  # type: ignore[attr-defined]

    def ends_at(self) -> datetime:
        """Return the end of the day that was chosen."""
        return end_of_day(self.cleaned_data["ends_on"])

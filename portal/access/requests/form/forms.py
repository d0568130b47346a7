"""The forms of a request: its steps, its signature, an answer, an appeal.

Forms check the shape of what is typed; the services hold the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from django import forms
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from portal.access.models import Acceptance
from portal.access.requests.asked_models import (
    CHOOSE_MODELS,
    choice_errors,
    gates_in_words,
    modes_of,
)
from portal.access.requests.form.builder import PageForm as PageForm
from portal.access.requests.form.builder import StepForm
from portal.access.requests.form.questions import LONGEST_LINE, REQUIRED_ANSWERS
from portal.access.requests.form.questions import LONGEST_TEXT as LONGEST_TEXT
from portal.access.requests.signing import Signature
from portal.accounts.models import Sector
from portal.catalog.models import LicenceVersion
from portal.forms.fields import LongText
from portal.text.languages import Words
from portal.text.lines import LineInput

MODE_HINTS = {
    "download": _("The files of the model, to run on machines of your own"),
    "inference": _("Prompts to the model as we host it; nothing to install"),
}


def _required(name: str) -> dict[str, Words]:
    return {"required": REQUIRED_ANSWERS[name]}


def words_field(
    label: Words,
    hint: Words,
    missing: Words = "",
    *,
    required: bool = True,
    attrs: Mapping[str, Any] | None = None,
) -> forms.CharField:
    """Return a field for a text of several lines, which says ``missing`` where it is empty."""
    return LongText(
        label=label,
        max_length=LONGEST_TEXT,
        help_text=hint,
        required=required,
        error_messages={"required": missing},
        widget=forms.Textarea(attrs={"rows": 4, **(attrs or {})}),
    )


class YouForm(StepForm):
    slug = "you"

    name = LineInput(
        label=_("Full name"),
        max_length=LONGEST_LINE,
        help_text=_("The name that you sign with. It should be the name in your profile."),
        error_messages=_required("name"),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    position = LineInput(
        label=_("Position"),
        max_length=LONGEST_LINE,
        required=False,
        help_text=_("For example: doctoral student, lecturer, policy analyst."),
        widget=forms.TextInput(attrs={"autocomplete": "organization-title"}),
    )


@cache
def _countries_in(language: str | None) -> list[tuple[str, Any]]:
    """Return the countries by their names in the active language, in its order."""
    return [("", _("Choose a country")), *countries]


class OrganizationForm(StepForm):
    slug = "organization"

    organization = LineInput(
        label=_("Organization"),
        max_length=LONGEST_LINE,
        help_text=_("Its full name. If you work alone, say so."),
        error_messages=_required("organization"),
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    country = forms.ChoiceField(
        label=_("Country you work in"),
        choices=lambda: _countries_in(get_language()),
        help_text=_("The licence asks that your use be lawful there."),
        error_messages=_required("country"),
        widget=forms.Select(attrs={"autocomplete": "country"}),
    )
    sector = forms.ChoiceField(
        label=_("Sector"),
        choices=Sector.choices,
        error_messages=_required("sector"),
        widget=forms.RadioSelect,
    )


class ResearchForm(StepForm):
    slug = "research"

    purpose = words_field(
        _("What question do you want to answer?"),
        _("And why it needs this model. Two to six sentences."),
        REQUIRED_ANSWERS["purpose"],
    )
    outputs = words_field(
        _("What will you publish or release?"),
        _(
            "For example: a paper, code, probes, generated text. The licence covers generated text "
            "too."
        ),
        REQUIRED_ANSWERS["outputs"],
    )


class AccessForm(StepForm):
    slug = "access"

    models = forms.MultipleChoiceField(
        label=_("Which models?"),
        help_text=_("One request and one signature are for all that you choose."),
        error_messages={"required": CHOOSE_MODELS},
        widget=forms.CheckboxSelectMultiple,
    )
    modes = forms.MultipleChoiceField(
        label=_("What do you need?"),
        help_text=_("Each is decided on its own."),
        error_messages=_required("modes"),
        widget=forms.CheckboxSelectMultiple,
    )
    compute = words_field(
        _("What compute do you have?"),
        _(
            "For example: 8 × A100-80GB on a university cluster; or none. Reviewers tell you if "
            "the model won’t fit."
        ),
        REQUIRED_ANSWERS["compute"],
        attrs={"class": "low"},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer_models()
        offered = [(str(mode), mode.label) for mode in modes_of(self.askable or [self.repo])]
        modes = self.fields["modes"]
        modes.choices = offered  # type: ignore[attr-defined]
        modes.choice_hints = MODE_HINTS  # type: ignore[attr-defined]
        if not self.is_bound and len(offered) == 1:
            self.initial.setdefault("modes", [offered[0][0]])

    def _offer_models(self) -> None:
        if not self.askable:
            del self.fields["models"]
            return
        names = [repo.full_name for repo in self.askable]
        field = self.fields["models"]
        field.choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        hints = {repo.full_name: gates_in_words(repo) for repo in self.askable}
        field.choice_hints = hints  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Check that each model chosen can be had in a mode that is asked for."""
        if self.askable and "models" not in self.errors:
            for field, remedy in choice_errors(self.cleaned_data, self.askable).items():
                self.add_error(field, remedy)
        return super().clean()


class SignatureForm(PageForm):
    """A signature under ``version``, the text that the page shows."""

    text_sha256 = forms.CharField(widget=forms.HiddenInput)
    capacity = forms.ChoiceField(
        label=_("You sign"),
        choices=Acceptance.Capacity.choices,
        error_messages={"required": _("Say whether you sign for yourself or for an organization.")},
        widget=forms.RadioSelect,
    )
    entity = LineInput(
        label=_("Organization, and your office in it"),
        max_length=LONGEST_LINE,
        error_messages={"required": _("Name the organization, and your office in it.")},
    )
    typed_name = LineInput(
        label=_("Type your full name"),
        max_length=LONGEST_LINE,
        help_text=_(
            "As it stands in your profile. It is your signature; we keep it with the time, "
            "your address and the fingerprint above."
        ),
        error_messages={"required": _("Type your full name; it is your signature.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    hints: ClassVar = {
        "person": _("The grant is yours alone"),
        "entity": _("You are bound with it; the grant still names you"),
    }

    def __init__(self, *args: Any, version: LicenceVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.version = version
        self.initial["text_sha256"] = version.sha256
        self.fields["capacity"].choice_hints = self.hints  # type: ignore[attr-defined]
        for attestation in version.attestations:
            box = self.fields[f"attest_{attestation['code']}"] = forms.BooleanField(
                label=attestation["text"],
                help_text=attestation.get("help", ""),
                error_messages={
                    "required": gettext("Confirm: %(attestation)s")
                    % {"attestation": attestation["text"]}
                },
            )
            box.language = version.language  # type: ignore[attr-defined]
        self.named = {
            f"signature.attestations.{attestation['code']}": f"attest_{attestation['code']}"
            for attestation in version.attestations
        }
        self.fields["entity"].required = not self.is_bound or self._for_entity()
        self.order_fields(self._as_on_the_page())

    def _as_on_the_page(self) -> list[str]:
        """Order the fields: the page's own first, then confirmations, then the signature."""
        own_fields = [name for name in self.base_fields if name not in SignatureForm.base_fields]
        confirmations = [name for name in self.fields if name not in self.base_fields]
        return [*own_fields, *confirmations, *SignatureForm.base_fields]

    def _for_entity(self) -> bool:
        return bool(self["capacity"].data == str(Acceptance.Capacity.ENTITY))

    @property
    def attestations(self) -> list[forms.BoundField]:
        return [self[f"attest_{attestation['code']}"] for attestation in self.version.attestations]

    def signature(self, ip: str | None) -> Signature:
        """Return the signature, for the service to check. Call it after ``is_valid``.

        An invalid form gives one too, in which the wrong fields are empty: the service then says
        everything that is missing at once.
        """
        cleaned = self.cleaned_data
        return Signature(
            text_sha256=self["text_sha256"].data or "",
            typed_name=cleaned.get("typed_name", ""),
            capacity=cleaned.get("capacity", ""),
            entity=cleaned.get("entity", "") if self._for_entity() else "",
            attestations=frozenset(
                attestation["code"]
                for attestation in self.version.attestations
                if cleaned.get(f"attest_{attestation['code']}")
            ),
            ip=ip,
        )


class AnswerForm(PageForm):
    answer = words_field(_("Your answer"), "", _("Write an answer; a sentence may do."))


class AppealForm(PageForm):
    text = words_field(
        _("What did the decision overlook?"),
        _("People who didn’t take it read this beside your answers."),
        _("Say what the decision overlooked."),
    )

"""The forms with which a reviewer acts on a case, and the dialogs of its page that hold them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.forms.boundfield import BoundField

from portal.access.grants.quotas.fields import (
    NAMED,
    WithQuotas,
    floor_field,
    offer_quotas,
    quota_field,
    quotas_in,
)
from portal.access.models import Decision
from portal.access.policy.conditions import Conditions
from portal.access.policy.contacts import team_members
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import Quotas
from portal.access.policy.request_actions import RequestAction
from portal.access.requests.asked_models import modes_of
from portal.access.requests.form.forms import LONGEST_TEXT, PageForm, words_field
from portal.access.requests.narrowing import Narrowing
from portal.access.review.narrowing_fields import narrowing_fields, patterns_in
from portal.accounts.models import User
from portal.catalog.models import Mode, ModelRepo
from portal.forms.fields import LongText, OptionalNumber, is_filled, told_as
from portal.text.bidi import isolated

NO_DAY = "Until: give a day, such as 2027-03-31."
FOCUSED = {"autofocus": True}


class CaseForm(PageForm):
    """A form about a request for access to ``repo``, or to ``models`` of a collection."""

    def __init__(
        self, *args: Any, repo: ModelRepo, models: Sequence[ModelRepo] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.repo, self.asked_for = repo, models


class DecisionForm(CaseForm):
    """A vote on a request, which an owner may make the decision."""

    needed_if = ("chair_reason",)
    is_override = forms.BooleanField(
        label="Decide alone, as the owner",
        required=False,
        help_text="No further vote is needed. It is recorded and counted.",
    )
    is_chair = forms.BooleanField(
        label="Decide alone, as the chair",
        required=False,
        help_text="The votes differ. Otherwise yours counts as one. It is recorded and counted.",
    )
    chair_reason = LongText(
        label="Why you decide so: needed if you decide as the chair",
        required=False,
        max_length=LONGEST_TEXT,
        help_text="The team reads it, the applicant doesn’t. Without the tick it isn’t kept.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean(self) -> dict[str, Any]:
        """Keep the reason for a chair who decides alone; None stands for nobody who does."""
        cleaned = super().clean() or {}
        if not cleaned.pop("is_chair", False):
            cleaned["chair_reason"] = None
        return cleaned


class ApproveForm(WithQuotas, DecisionForm):
    """The terms on which a reviewer would give access."""

    models = forms.MultipleChoiceField(
        label="Models",
        help_text="Of those that were asked for. One grant opens all that you give.",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one of the models that were asked for."},
    )
    modes = forms.MultipleChoiceField(
        label="Modes",
        widget=forms.CheckboxSelectMultiple(attrs=FOCUSED),
        error_messages={"required": "Choose at least one kind of access to give."},
    )
    until = forms.DateField(
        label="Until",
        help_text="The last day of the grant.",
        error_messages={"required": "Choose the day on which the grant ends.", **told_as(NO_DAY)},
        widget=forms.DateInput(attrs={"type": "date", "class": "short"}, format="%Y-%m-%d"),
    )
    no_logits = forms.BooleanField(
        label="Generated text only",
        required=False,
        help_text="No logprobs, hidden states or attention.",
    )
    no_captures = forms.BooleanField(
        label="No captures",
        required=False,
        help_text="Log-probabilities, but no hidden states, attention or interventions.",
    )
    only_files = LongText(
        label="Only these files",
        required=False,
        max_length=LONGEST_TEXT,
        help_text="Paths or patterns such as *.json, one a line. Empty: all files.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    max_members = forms.IntegerField(
        label="Maximum number of members",
        required=False,
        help_text="People under the grant beside its holder. Empty: as the model allows.",
        error_messages=told_as("Members: give a whole number of 0 or more."),
        widget=OptionalNumber({"class": "short"}),
    )

    tokens_per_day = quota_field("tokens_per_day")
    concurrent_jobs = quota_field("concurrent_jobs")
    context_tokens = quota_field("context_tokens")
    egress_bytes_per_day = quota_field("egress_bytes_per_day")
    egress_bytes_total = quota_field("egress_bytes_total")
    has_floor = floor_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = modes_of(self.asked_for or [self.repo])
        offer_quotas(self, settings_of(self.repo), are_hosted=Mode.INFERENCE in offered)
        modes = [(str(mode), mode.label) for mode in offered]
        self.fields["modes"].choices = modes  # type: ignore[attr-defined]
        self.named = {
            "expires_at": "until",
            "conditions.files": "only_files",
            **NAMED,
        }
        self._offer_models()

    def _offer_models(self) -> None:
        """Ask which models are given, and what limits each, where a collection was asked for."""
        if not self.asked_for:
            del self.fields["models"]
            return
        names = [(str(repo.pk), repo.full_name) for repo in self.asked_for]
        self.fields["models"].choices = names  # type: ignore[attr-defined]
        self.initial.setdefault("models", [key for key, _ in names])
        for repo in self.asked_for:
            for name, field in narrowing_fields(repo).items():
                self.fields[f"{name}_{repo.pk}"] = field
            self.named[f"models.{repo.pk}.conditions.files"] = f"only_files_{repo.pk}"

    def narrowing_rows(self) -> list[tuple[ModelRepo, list[BoundField]]]:
        """Return, for each model of a collection, the fields that narrow it."""
        return [
            (repo, [self[f"{name}_{repo.pk}"] for name in narrowing_fields(repo)])
            for repo in self.asked_for
        ]

    def narrowed(self) -> dict[int, Narrowing] | None:
        """Return the models that are given with what limits each; None without a collection."""
        if not self.asked_for:
            return None
        return {int(key): self._narrowing(int(key)) for key in self.cleaned_data["models"]}

    def _narrowing(self, key: int) -> Narrowing:
        answers = self.cleaned_data
        return Narrowing(
            tuple(answers[f"only_modes_{key}"]),
            Conditions(
                no_logits=answers[f"no_logits_{key}"],
                no_captures=answers[f"no_captures_{key}"],
                files=patterns_in(answers[f"only_files_{key}"]),
            ),
        )

    def conditions(self) -> Conditions:
        """Return the conditions that valid answers set."""
        return Conditions(
            no_logits=self.cleaned_data["no_logits"],
            no_captures=self.cleaned_data["no_captures"],
            files=patterns_in(self.cleaned_data["only_files"]),
            max_members=self.cleaned_data["max_members"],
        )

    def quotas(self) -> Quotas:
        """Return the quotas that valid answers name; what is left at the default is not named."""
        return quotas_in(self.cleaned_data, settings_of(self.repo))

    def has_conditions(self) -> bool:
        names = ("no_logits", "no_captures", "only_files", "max_members")
        return is_filled(self[name] for name in names)

    def has_narrowing(self) -> bool:
        return is_filled(field for _, fields in self.narrowing_rows() for field in fields)


class DeclineForm(DecisionForm):
    """The reason for which a reviewer would decline."""

    reason_code = forms.ChoiceField(
        label="Reason",
        choices=[("", "Choose a reason"), *Decision.Reason.choices],
        help_text="Published; the applicant sees it by name.",
        error_messages={"required": "Choose the reason that the applicant will see."},
        widget=forms.Select(attrs=FOCUSED),
    )
    reason_text = words_field(
        "In your words, to the applicant",
        "Say what would have to change. They may correct it and ask again at once.",
        "Say why in your own words; the applicant reads this.",
    )


class AskForm(CaseForm):
    text = words_field(
        "Your question",
        "One thing at a time. The clock is paused until they answer.",
        "Write the question that the applicant is to answer.",
        attrs=FOCUSED,
    )


class NoteForm(CaseForm):
    named: ClassVar = {"text": "note"}
    note = words_field(
        "Private note",
        "For the team alone. The applicant never reads it.",
        "Write the note.",
        attrs=FOCUSED,
    )


class DeclareForm(CaseForm):
    statement = words_field(
        "What the conflict is",
        "It releases the case and voids your vote, and it can’t be undone.",
        "Say in a few words what the conflict is.",
        attrs={"rows": 3, **FOCUSED},
    )


class VouchForm(CaseForm):
    evidence = words_field(
        "How you know",
        "Your statement is stored with your name, and counts as proof.",
        "Say how you know that this person works there.",
        attrs={"rows": 3, **FOCUSED},
    )


class ReopenForm(CaseForm):
    reason = words_field(
        "Reason",
        "The letter quotes it. Access given on this request ends at once.",
        "Say why; the letter quotes it.",
        attrs=FOCUSED,
    )


class RevokeForm(CaseForm):
    reason = words_field(
        "Reason",
        "The notice quotes it. Tokens and links stop opening the model at once.",
        "Say why; the notice quotes it.",
        attrs=FOCUSED,
    )


class AssignForm(CaseForm):
    assignee = forms.ModelChoiceField(
        label="To",
        queryset=User.objects.none(),
        empty_label="Choose a reviewer",
        error_messages={"required": "Choose somebody on this model’s team."},
        widget=forms.Select(attrs=FOCUSED),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["assignee"]
        team = team_members(self.repo)
        field.queryset = team.order_by("name", "pk")  # type: ignore[attr-defined]
        field.label_from_instance = lambda user: isolated(user.display_name)  # type: ignore[attr-defined]


class GuestForm(CaseForm):
    person = forms.CharField(
        label="Username or e-mail address",
        max_length=254,
        help_text="Somebody without an account gets a letter with a link.",
        error_messages={"required": "Say whom to invite."},
        widget=forms.TextInput(attrs=FOCUSED),
    )


@dataclass(frozen=True)
class Dialog:
    """A form that opens over the case's page, to whoever may do one of ``actions``."""

    form: type[CaseForm]
    actions: Set[RequestAction]


DIALOGS = {
    "approve": Dialog(ApproveForm, {RequestAction.VOTE}),
    "ask": Dialog(AskForm, {RequestAction.ASK}),
    "decline": Dialog(DeclineForm, {RequestAction.VOTE, RequestAction.DISPOSE}),
    "invite": Dialog(GuestForm, {RequestAction.INVITE}),
    "note": Dialog(NoteForm, {RequestAction.NOTE}),
    "declare": Dialog(DeclareForm, {RequestAction.DECLARE}),
    "vouch": Dialog(VouchForm, {RequestAction.VOUCH}),
    "assign": Dialog(AssignForm, {RequestAction.ASSIGN}),
    "reopen": Dialog(ReopenForm, {RequestAction.REOPEN}),
    # Revoking asks for the right to administer the model, which is no action on a request.
    "revoke": Dialog(RevokeForm, set()),
}

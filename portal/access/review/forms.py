"""What a reviewer fills in to decide."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from portal.access.models import Decision
from portal.access.policy.conditions import Conditions
from portal.access.requests.form.forms import WORDS, PageForm
from portal.access.requests.form.questions import requestable_modes
from portal.accounts.models import User
from portal.bidi import isolated
from portal.catalog.models import ModelRepo
from portal.fields import LongText, told_as

NO_DAY = "Until: give a day, such as 2027-03-31."


class ApproveForm(PageForm):
    named: ClassVar = {"expires_at": "until", "conditions.files": "only_files"}

    modes = forms.MultipleChoiceField(
        label="Modes",
        widget=forms.CheckboxSelectMultiple(attrs={"autofocus": True}),
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
    only_files = LongText(
        label="Only these files",
        required=False,
        max_length=WORDS,
        help_text="Paths or patterns such as *.json, one a line. Empty: all files.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    max_members = forms.IntegerField(
        label="At most so many members",
        required=False,
        help_text="Who may work under the grant beside its holder. Empty: as the model allows.",
        error_messages=told_as("Members: give a whole number of 0 or more."),
        widget=forms.NumberInput(attrs={"class": "short", "min": 0}),
    )
    is_override = forms.BooleanField(
        label="Decide alone, as the owner",
        required=False,
        help_text="No further vote is asked for. It is recorded and counted.",
        widget=forms.CheckboxInput(attrs={"id": "approve_alone"}),
    )

    def conditions(self) -> Conditions:
        """Of valid answers."""
        lines = self.cleaned_data["only_files"].splitlines()
        files = tuple(line.strip() for line in lines if line.strip())
        return Conditions(
            no_logits=self.cleaned_data["no_logits"],
            files=files or None,
            max_members=self.cleaned_data["max_members"],
        )

    def has_conditions(self) -> bool:
        """Whether one was given, so that the page shows where."""
        return any(self[name].data for name in ("no_logits", "only_files", "max_members"))

    def __init__(self, *args: Any, repo: ModelRepo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(mode), mode.label) for mode in requestable_modes(repo)]
        self.fields["modes"].choices = choices  # type: ignore[attr-defined]


class AskForm(PageForm):
    text = LongText(
        label="Your question",
        max_length=WORDS,
        help_text="One thing at a time. The clock stands until they answer.",
        error_messages={"required": "Write the question that the applicant is to answer."},
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}),
    )


class DeclineForm(PageForm):
    reason_code = forms.ChoiceField(
        label="Reason",
        choices=[("", "Choose a reason"), *Decision.Reason.choices],
        help_text="Published; the applicant sees it by name.",
        error_messages={"required": "Choose the reason that the applicant will see."},
        widget=forms.Select(attrs={"autofocus": True}),
    )
    reason_text = LongText(
        label="In your words, to the applicant",
        max_length=WORDS,
        help_text="Say what would have to change. They may correct it and ask again at once.",
        error_messages={"required": "Say why in your own words; the applicant reads this."},
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    is_override = forms.BooleanField(
        label="Decide alone, as the owner",
        required=False,
        help_text="No further vote is asked for. It is recorded and counted.",
        widget=forms.CheckboxInput(attrs={"id": "decline_alone"}),
    )


class NoteForm(PageForm):
    named: ClassVar = {"text": "note"}

    note = LongText(
        label="Private note",
        max_length=WORDS,
        help_text="For the team alone. The applicant never reads it.",
        error_messages={"required": "Write the note."},
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}),
    )


class DeclareForm(PageForm):
    statement = LongText(
        label="What the conflict is",
        max_length=WORDS,
        help_text="It hands the case back and voids your vote. It can’t be taken back.",
        error_messages={"required": "Say in a few words what the conflict is."},
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
    )


class VouchForm(PageForm):
    evidence = LongText(
        label="How you know",
        max_length=WORDS,
        help_text="Your word that they work there is kept with your name, and stands as proof.",
        error_messages={"required": "Say how you know that this person works there."},
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
    )


class ReopenForm(PageForm):
    reason = LongText(
        label="Reason",
        max_length=WORDS,
        help_text="The letter quotes it. What was given on this request ends at once.",
        error_messages={"required": "Say why; the letter quotes it."},
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True, "id": "reopen_reason"}),
    )


class AssignForm(PageForm):
    assignee = forms.ModelChoiceField(
        label="To",
        queryset=User.objects.none(),
        empty_label="Choose a reviewer",
        error_messages={"required": "Choose somebody of this model’s team."},
        widget=forms.Select(attrs={"autofocus": True}),
    )

    def __init__(self, *args: Any, repo: ModelRepo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["assignee"]
        team = User.objects.filter(team_memberships__repo=repo, is_active=True)
        field.queryset = team.order_by("name", "pk")  # type: ignore[attr-defined]
        field.label_from_instance = lambda person: isolated(person.display_name)  # type: ignore[attr-defined]


class RevokeForm(PageForm):
    reason = LongText(
        label="Reason",
        max_length=WORDS,
        help_text="The notice quotes it. Tokens and links stop opening the model at once.",
        error_messages={"required": "Say why; the notice quotes it."},
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}),
    )

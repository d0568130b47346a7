"""Forms of a gate's settings, its team and its questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django_countries import countries

from portal.access.gate.question_rules import STEPS, rulers_of
from portal.access.gate.settings import RANGES
from portal.access.policy.contacts import team_members
from portal.access.policy.quotas import NUMBERS
from portal.access.requests.form.answers import country_name, modes_label, sector_label
from portal.access.requests.form.builder import PageForm
from portal.access.requests.form.questions import CHOOSING, NO, YES, LabQuestion, QuestionKind
from portal.catalog.models import ModelRepo, TeamMember
from portal.forms.fields import MEGABYTE, LongText, MegabytesField, told_as
from portal.text.bidi import isolated

KINDS = {
    QuestionKind.TEXT: "A line of text",
    QuestionKind.LONG_TEXT: "A longer text",
    QuestionKind.CHOICE: "One of several answers",
    QuestionKind.CHOICES: "Any of several answers",
    QuestionKind.NUMBER: "A number",
    QuestionKind.YES_NO: "Yes or no",
    QuestionKind.DATE: "A date",
    QuestionKind.URL: "A web address",
}
STEP_LABELS = {
    "organization": "Your organization",
    "research": "Your research",
    "access": "Access and compute",
}


def _number(name: str, label: str, hint: str) -> forms.IntegerField:
    least, most = RANGES[name]
    return forms.IntegerField(
        label=label,
        help_text=hint,
        min_value=least,
        max_value=most,
        error_messages={
            "required": f"Choose {least} to {most}.",
            **told_as(f"{label}: give a whole number, {least} to {most}."),
        },
        widget=forms.NumberInput(attrs={"class": "short", "min": least, "max": most}),
    )


def _megabytes(name: str, label: str, hint: str) -> MegabytesField:
    least, most = (bound // MEGABYTE for bound in RANGES[name])
    words = f"{label}: give a number, {least} to {most}."
    return MegabytesField(
        label=label,
        help_text=hint,
        max_value=most,
        error_messages={"required": f"Choose {least} to {most}.", **told_as(words)},
        widget=forms.NumberInput(
            attrs={"class": "short", "min": least, "max": most, "step": "any"}
        ),
    )


def _switch(label: str, hint: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, help_text=hint, required=False)


# The numbers of hosted use.
HOSTED = {"waiting_tokens_per_day", *NUMBERS, *(f"most_{name}" for name in NUMBERS)}


class GateForm(PageForm):
    """The settings of one gate. Whether the team can live up to them, the service says.

    What a value alone can be wrong about, its field says, by the service's own RANGES: so one
    answer that can't be read hides no other that is out of bounds.
    """

    quorum = _number("quorum", "People for a decision", "So many people must vote alike to decide.")
    decision_days = _number(
        "decision_days",
        "Days until an answer is due",
        "Each receipt promises it from now on. Weekends and holidays count.",
    )
    undo_minutes = _number(
        "undo_minutes",
        "Minutes to undo a decision or question",
        "The applicant is told after that, and nothing opens before. 0: at once.",
    )
    question_days = _number(
        "question_days", "Days to answer a question", "Then the request lapses, after reminders."
    )
    offer_days = _number("offer_days", "Days to sign an offer", "Then the offer lapses.")
    appeal_days = _number(
        "appeal_days", "Days to appeal", "Counted from when the applicant is told."
    )
    lift_quorum = _number(
        "lift_quorum",
        "People to lift a hold",
        "One person places it; so many must agree to end it.",
    )
    member_cap = _number(
        "member_cap", "Members under one grant", "Beside its holder, where an organization signed."
    )
    waiting_tokens_per_day = _number(
        "waiting_tokens_per_day",
        "Tokens a day while somebody waits",
        "Hosted inference for applicants who are proved, screened and have signed; 0 for none.",
    )
    tokens_per_day = _number(
        "tokens_per_day",
        "Tokens a day of one person",
        "Hosted inference, where a grant names no other number. 0: as this installation sets it.",
    )
    most_tokens_per_day = _number(
        "most_tokens_per_day",
        "Tokens a day at most",
        "So many may reviewers give with a grant. 0: no more than the number above.",
    )
    concurrent_jobs = _number(
        "concurrent_jobs",
        "Jobs of one person at a time",
        "They run or wait. 0: as this installation sets it.",
    )
    most_concurrent_jobs = _number(
        "most_concurrent_jobs",
        "Jobs at a time at most",
        "So many may reviewers give. 0: no more than the number above.",
    )
    context_tokens = _number(
        "context_tokens",
        "Tokens of one request",
        "A prompt and its completion together. 0: all that the model can take.",
    )
    most_context_tokens = _number(
        "most_context_tokens",
        "Tokens of one request at most",
        "So many may reviewers give. 0: no more than the number above.",
    )
    egress_bytes_per_day = _megabytes(
        "egress_bytes_per_day",
        "Captures a day of one person, in MB",
        "What leaves the inside of the model. 0: as this installation sets it.",
    )
    most_egress_bytes_per_day = _megabytes(
        "most_egress_bytes_per_day",
        "Captures a day at most, in MB",
        "So much may reviewers give. 0: no more than the number above.",
    )
    egress_bytes_total = _megabytes(
        "egress_bytes_total",
        "Captures of one person in all, in MB",
        "What ever leaves, over all days. 0: no limit.",
    )
    most_egress_bytes_total = _megabytes(
        "most_egress_bytes_total",
        "Captures in all at most, in MB",
        "So much may reviewers give. 0: no more than the number above.",
    )
    hidden_votes = _switch(
        "Hide votes from those who haven’t voted", "So that the first vote doesn’t sway the others."
    )
    names_reviewers = _switch(
        "Name the reviewer in letters and pages", "Otherwise they name the team."
    )
    names_in_subjects = _switch(
        "Name the applicant in subjects of letters to the team",
        "Otherwise a subject says “An applicant”; the letter itself has the name.",
    )
    two_person_revocation = _switch("Revoking a grant needs two people", "One proposes it.")
    renewal_needs_review = _switch(
        "The team decides on renewals", "Otherwise a complete report renews access at once."
    )

    @property
    def terms(self) -> list[forms.BoundField]:
        """Return the numbers of a decision and what follows: how many people, how many days."""
        return [self[name] for name in self.fields if name in RANGES and name not in HOSTED]

    @property
    def hosted(self) -> list[forms.BoundField]:
        """Return the numbers of hosted use, each beside the most that reviewers may give."""
        return [self[name] for name in self.fields if name in HOSTED]

    @property
    def switches(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in RANGES]


class SeatForm(PageForm):
    named: ClassVar = {"user_id": "person"}

    person = forms.CharField(
        label="Username or confirmed e-mail address",
        max_length=254,
        error_messages={"required": "Say whom to seat on the team."},
    )
    role = forms.ChoiceField(
        label="Role",
        choices=[
            (TeamMember.Role.REVIEWER, "Reviewer"),
            (TeamMember.Role.ADMINISTRATOR, "Administrator"),
        ],
        initial=TeamMember.Role.REVIEWER,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose reviewer or administrator."},
    )


class ChairForm(PageForm):
    """The choice of who decides where the votes differ: one of the team, or nobody."""

    chair = forms.ChoiceField(
        label="Chair",
        required=False,
        help_text="Where the votes differ, they may decide alone, and say why. Their own vote "
        "counts as one otherwise. Votes can differ where it takes two people or more to decide.",
        error_messages={"invalid_choice": "Choose one of the team, or nobody."},
    )

    def __init__(self, *args: Any, repo: ModelRepo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = team_members(repo).order_by("username")
        self.fields["chair"].choices = [  # type: ignore[attr-defined]
            ("", "Nobody: the votes alone decide"),
            *((person.username, isolated(person.display_name)) for person in people),
        ]


class QuestionForm(PageForm):
    """One of the lab's own questions. ``earlier``: those whose answers it may depend on."""

    named: ClassVar = {"type": "kind"}

    label = forms.CharField(
        label="Question",
        max_length=200,
        error_messages={"required": "Write the question."},
    )
    help = LongText(label="Help below it", max_length=500, required=False)
    kind = forms.ChoiceField(label="Kind of answer", choices=list(KINDS.items()))
    choices = LongText(
        label="Answers to choose from",
        required=False,
        max_length=4000,
        help_text="One a line; only where the answer is chosen.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    step = forms.ChoiceField(
        label="Asked under", choices=list(STEP_LABELS.items()), widget=forms.RadioSelect
    )
    required = forms.BooleanField(label="An answer is required", required=False, initial=True)
    material = forms.BooleanField(
        label="Votes rest on it",
        help_text="A changed answer voids the votes cast before.",
        required=False,
    )
    shown_if = forms.ChoiceField(label="Asked", required=False)

    def __init__(
        self, *args: Any, repo: ModelRepo, earlier: Sequence[LabQuestion], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "Always"), *_conditions(repo, earlier)]
        self.fields["shown_if"].choices = choices  # type: ignore[attr-defined]

    def stored(self, name: str) -> dict[str, Any]:
        """Return the question as ``save_request_form`` takes it. Call this after ``is_valid``."""
        values = self.cleaned_data
        ruler, _, equals = values["shown_if"].partition("=")
        lines = (line.strip() for line in values["choices"].splitlines())
        return {
            "name": name,
            "type": values["kind"],
            "label": values["label"].strip(),
            "help": values["help"].strip(),
            "step": values["step"],
            "required": values["required"],
            "material": values["material"],
            "choices": [line for line in lines if line] if values["kind"] in CHOOSING else [],
            "shown_if": {"field": ruler, "equals": equals} if ruler else None,
        }

    @staticmethod
    def initial_of(question: LabQuestion) -> dict[str, Any]:
        condition = question.shown_if
        return {
            "label": question.label,
            "help": question.help,
            "kind": question.kind,
            "choices": "\n".join(question.choices),
            "step": question.step,
            "required": question.required,
            "material": question.material,
            "shown_if": f"{condition.field}={condition.equals}" if condition else "",
        }


def condition_words(question: LabQuestion, questions: Sequence[LabQuestion]) -> str:
    """Say when a question is asked, as in “Only if “Sector” is Academia”; "" where it always is."""
    condition = question.shown_if
    if condition is None:
        return ""
    label = _ruler_labels(questions).get(condition.field, condition.field)
    return f"Only if “{label}” is {_value_label(condition.field, condition.equals)}"


def _conditions(
    repo: ModelRepo, earlier: Sequence[LabQuestion]
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    labels = _ruler_labels(earlier)
    for ruler, values in rulers_of(earlier, STEPS[-1], repo).items():
        answers = values or tuple(code for code, _ in countries)
        options = [(f"{ruler}={answer}", f"If {_value_label(ruler, answer)}") for answer in answers]
        yield labels[ruler], options


def _ruler_labels(questions: Sequence[LabQuestion]) -> Mapping[str, str]:
    base = {"sector": "Sector", "country": "Country", "modes": "What do you need?"}
    return base | {question.name: question.label for question in questions}


def _value_label(ruler: str, value: str) -> str:
    match ruler:
        case "sector":
            return sector_label(value)
        case "country":
            return country_name(value)
        case "modes":
            return modes_label([value])
        case _:
            return value.title() if value in (YES, NO) else value

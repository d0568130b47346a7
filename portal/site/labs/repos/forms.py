"""Forms of a model's settings: what it is, who may use it, its name and its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings as site_settings

from portal.access.requests.form.builder import PageForm
from portal.accounts.models import Namespace
from portal.catalog.models import EngineName, Gate, Licence, ModelRepo, ToolParser
from portal.catalog.quarantine.questions import Questions
from portal.catalog.services.repos import MOST_CONTEXT, MOST_PARAMETERS
from portal.catalog.statements import (
    LONGEST,
    Consent,
    HostingStatement,
    consent_of,
    statement_of,
)
from portal.forms.fields import LongText, OptionalNumber, told_as
from portal.parsing.texts import LONGEST_TEXT
from portal.text.lines import LineInput

PRIVATE, PUBLIC = "private", "public"
DOWNLOAD_HINTS = {
    Gate.OPEN: "Anybody downloads, without an account",
    Gate.LICENCE: "Whoever signs the licence downloads at once; nobody decides",
    Gate.REVIEW: "People ask and sign; your team decides",
}
INFERENCE_HINTS = {
    Gate.OPEN: "Anybody who has signed in prompts the hosted model",
    Gate.LICENCE: "Whoever signs the licence prompts it at once",
    Gate.REVIEW: "People ask and sign; your team decides",
}
SEEN_HINTS = {
    PRIVATE: "Its team and its publishers alone know of it; no grant opens it to others",
    PUBLIC: "Everybody sees the page and the card; the gates decide on the files",
}


def _number(label: str, hint: str, most: int) -> forms.IntegerField:
    words = told_as(f"{label}: give a whole number, 1 to {most:,}.")
    return forms.IntegerField(
        label=label,
        help_text=hint,
        required=False,
        min_value=1,
        max_value=most,
        error_messages=words,
        widget=OptionalNumber(),
    )


def _licensor() -> forms.BooleanField:
    return forms.BooleanField(
        label="I state: I am the licensor of these weights",
        required=False,
        help_text="A licence that lets somebody hold weights seldom lets them host these.",
    )


def _consent() -> LongText:
    return LongText(
        label="Or: the licensor has consented in writing",
        max_length=LONGEST,
        required=False,
        help_text="Who gave the consent, when, and where it is kept.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def _gate(label: str, hints: dict[Gate, str]) -> forms.ChoiceField:
    field = forms.ChoiceField(
        label=label,
        choices=Gate.choices,
        initial=Gate.OPEN,
        error_messages={"required": "Choose what stands before it."},
        widget=forms.RadioSelect,
    )
    field.choice_hints = hints  # type: ignore[attr-defined]
    return field


class GatedForm(PageForm):
    """The fields of every model, new or standing: its summary, licence and gates."""

    summary = LineInput(
        label="Summary",
        max_length=300,
        required=False,
        help_text="One sentence, shown under the name and in lists.",
    )
    seen = forms.ChoiceField(
        label="Visibility",
        choices=[(PRIVATE, "Private"), (PUBLIC, "Public")],
        initial=PRIVATE,
        error_messages={"required": "Choose private or public."},
        widget=forms.RadioSelect,
    )
    licence = forms.ModelChoiceField(
        label="Licence",
        queryset=Licence.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label="None",
        help_text="Each gate needs one. Who signed another text stays under it.",
        error_messages={"invalid_choice": "Choose a licence of the list."},
    )
    download_gate = _gate("Download", DOWNLOAD_HINTS)
    inference_gate = _gate("Hosted use", INFERENCE_HINTS)
    named = {"private": "seen"}

    def __init__(self, *args: Any, licences: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["licence"].queryset = licences  # type: ignore[attr-defined]
        self.fields["seen"].choice_hints = SEEN_HINTS  # type: ignore[attr-defined]

    def configuration(self) -> dict[str, Any]:
        """Return the settings as ``configure_repo`` takes them. Call this after ``is_valid``."""
        chosen = dict(self.cleaned_data)
        seen = chosen.pop("seen")
        return {**chosen, "private": seen == PRIVATE}


class NewModelForm(GatedForm):
    name = LineInput(
        label="Name",
        max_length=96,
        help_text="The last part of its address, such as opt-30b. It can be changed later.",
        error_messages={"required": "Give the model a name."},
    )
    field_order = ("name",)


class ModelSettingsForm(GatedForm):
    why_gated = LongText(
        label="Why there is a gate",
        max_length=LONGEST_TEXT,
        required=False,
        help_text="Shown beside the gate, to those who ask.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    family = LineInput(
        label="Family",
        max_length=60,
        required=False,
        help_text="Such as OPT; models of a family are listed together.",
    )
    parameters = _number("Parameters", "The whole number, such as 125000000.", MOST_PARAMETERS)
    context_length = _number("Context length", "In tokens, such as 2048.", MOST_CONTEXT)
    hosted = forms.BooleanField(
        label="A worker serves it",
        required=False,
        help_text="The newest revision of main, by its name. The name stays while it is served. "
        "Where several are hosted, the operator’s setting says which one a worker loads.",
    )
    engine = forms.ChoiceField(
        label="Engine",
        choices=[("", "By its architecture"), *EngineName.choices],
        required=False,
        error_messages={"invalid_choice": "Choose an engine of the list."},
        help_text="What serves it. By its architecture, OPT is served by the native engine, which "
        "shows what goes on inside, and any other model by vLLM.",
    )
    tool_parser = forms.ChoiceField(
        label="Tool parser",
        choices=[("", "None: it calls no tools by itself"), *ToolParser.choices],
        required=False,
        error_messages={"invalid_choice": "Choose a tool parser of the list."},
        help_text="The format in which the model was trained to call the tools of a chat.",
    )
    prompt_days = forms.IntegerField(
        label="Days to keep prompts and outputs",
        required=False,
        min_value=0,
        error_messages=told_as(
            "Days to keep prompts and outputs: give a whole number from 0, or leave it empty."
        ),
        widget=OptionalNumber(),
    )
    pickles_allowed = forms.BooleanField(
        label="Take weights in pickles",
        required=False,
        help_text="A pickle may run code on the machine that loads it. Its files are then marked. "
        "Prefer safetensors.",
    )
    licensor, consent = _licensor(), _consent()
    field_order = ("summary", "family", "parameters", "context_length")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["prompt_days"].help_text = (
            f"After a job’s end; {site_settings.PROMPT_DAYS} at most, which holds where this is "
            "empty. 0 forgets them once they are delivered, ten minutes later at most."
        )

    def configuration(self) -> dict[str, Any]:
        stated = ("licensor", "consent")
        chosen = super().configuration()
        return {name: value for name, value in chosen.items() if name not in stated}

    def statement(self) -> HostingStatement | None:
        """Return the right that was stated; None where nothing was. Raise FieldErrors."""
        licensor, consent = self.cleaned_data["licensor"], self.cleaned_data["consent"]
        return statement_of(licensor=licensor, consent=consent or None)

    @staticmethod
    def initial_of(repo: ModelRepo) -> dict[str, Any]:
        names = ("summary", "why_gated", "family", "parameters", "context_length", "hosted")
        more = ("download_gate", "inference_gate", "pickles_allowed", "prompt_days")
        serving = ("engine", "tool_parser")
        values = {name: getattr(repo, name) for name in (*names, *more, *serving)}
        licence = repo.licence.slug if repo.licence else None
        return {**values, "licence": licence, "seen": PRIVATE if repo.private else PUBLIC}


class ConsentForm(PageForm):
    """A form of what is to be agreed to before a revision is everybody's, and of nothing else."""

    licensor, consent = _licensor(), _consent()
    changed_terms = forms.BooleanField(
        label="I agree: others read these terms from now on",
        error_messages={"required": "Tick it if you agree. Otherwise commit the former terms."},
    )

    def __init__(self, data: Any = None, *, questions: Questions) -> None:
        super().__init__(data)
        if not questions.hosting:
            del self.fields["licensor"], self.fields["consent"]
        if not questions.changes:
            del self.fields["changed_terms"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "licensor" in self.fields and not (cleaned["licensor"] or cleaned.get("consent")):
            self.add_error("consent", "State that you are the licensor, or who has consented.")
        return cleaned

    def consent_given(self) -> Consent:
        """Return what was agreed to. Raise FieldErrors."""
        sent = self.cleaned_data
        return consent_of(
            licensor=sent.get("licensor", False),
            consent=sent.get("consent") or None,
            changed_terms=sent.get("changed_terms", False),
        )


class RenameForm(PageForm):
    namespace = forms.ChoiceField(
        label="Lab", error_messages={"required": "Choose a lab in which you may publish."}
    )
    new_name = LineInput(
        label="New name",
        max_length=96,
        error_messages={"required": "Give the model a name."},
    )
    named = {"name": "new_name"}

    def __init__(self, *args: Any, places: Sequence[Namespace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(place.name, place.name) for place in places]
        self.fields["namespace"].choices = choices  # type: ignore[attr-defined]


class DeleteForm(PageForm):
    confirm = forms.CharField(
        label="Type the whole name to confirm",
        max_length=200,
        error_messages={"required": "Type the whole name of the model, to delete it."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

"""The form of a licence's version: its text, its terms in short, and what signers tick."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.conf.locale import LANG_INFO
from django.utils import timezone
from django.utils.text import slugify

from portal.access.requests.form.builder import PageForm
from portal.catalog.licensing.drafting import LONGEST_LICENCE, LONGEST_NOTICE
from portal.catalog.licensing.terms import CODE
from portal.catalog.models import LicenceVersion
from portal.catalog.models.fields import TAG
from portal.forms.fields import LongText, told_as
from portal.text.languages import ENGLISH
from portal.text.lines import LineInput

KINDS = [
    (LicenceVersion.Kind.MATERIAL, "Material"),
    (LicenceVersion.Kind.EDITORIAL, "Editorial"),
]
KIND_HINTS = {
    LicenceVersion.Kind.MATERIAL: "Rights or duties change; your team decides on renewals",
    LicenceVersion.Kind.EDITORIAL: "Only the wording changes; renewals need no new decision",
}
REPEATED = {
    "text": "Another statement has this text. Write it once, or change this one.",
    "code": "Another statement has this code, given or made of its text. Give this one its own.",
}
MOST_LINES = 20_000
ROWS = 3  # empty rows for attestations, beside those that are filled in


def _lines(label: str, hint: str) -> LongText:
    return LongText(
        label=label,
        max_length=MOST_LINES,
        required=False,
        help_text=hint,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


def written_languages() -> list[tuple[str, str]]:
    """Return the languages to choose from, by their names; any other by the command or the API."""
    named = {tag: info["name"] for tag, info in LANG_INFO.items() if "name" in info}
    return sorted(named.items(), key=lambda row: row[1])


class VersionForm(PageForm):
    """A version of a licence that stands."""

    version = LineInput(
        label="Version",
        max_length=20,
        help_text="Letters, digits and dots, such as 1.1.",
        error_messages={"required": "Name the version, such as 1.1."},
    )
    kind = forms.ChoiceField(
        label="What changes",
        choices=KINDS,
        initial=LicenceVersion.Kind.MATERIAL,
        error_messages={"required": "Say whether the change is material or editorial."},
        widget=forms.RadioSelect,
    )
    text = LongText(
        label="The text",
        max_length=LONGEST_LICENCE,
        strip=False,
        help_text="The whole of it, as it is signed. A line that begins with # is a heading; an "
        "empty line ends a paragraph.",
        error_messages={"required": "Give the whole text."},
        widget=forms.Textarea(attrs={"rows": 24}),
    )
    language = forms.ChoiceField(
        label="Its language",
        choices=written_languages,
        initial=ENGLISH,
        required=False,
        help_text="It is recorded with each signature, and read aloud by its rules.",
    )
    may = _lines("Signers may", "In short, for the summary beside the text. One sentence a line.")
    must = _lines("They must", "One duty a line, such as: Keep the licence with every copy.")
    must_not = _lines(
        "They must not", "One prohibition a line, such as: Pass the weights to anyone."
    )
    outputs = LineInput(
        label="What holds for the model’s output",
        max_length=500,
        required=False,
        help_text="One sentence, carried by every hosted answer.",
    )
    attribution = LineInput(
        label="Notice",
        max_length=LONGEST_NOTICE,
        help_text="One line that goes with every copy, such as: Licensed under the Research "
        "Licence, © Example Lab.",
        error_messages={"required": "Give the notice that goes with every copy, in one line."},
    )
    effective_on = forms.DateField(
        label="In force from",
        required=False,
        help_text="The day on which people begin to sign it; empty for at once.",
        error_messages=told_as("In force from: give a day, as 2030-01-31."),
        widget=forms.DateInput(attrs={"type": "date", "class": "short"}),
    )
    named = {"terms": "attestations", "effective_at": "effective_on"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            self.fields["kind"].choice_hints = KIND_HINTS  # type: ignore[attr-defined]
        self._offer_language_at_hand()

    def _offer_language_at_hand(self) -> None:
        """Let a version keep a language that isn't among those to choose from."""
        tag, field = str(self["language"].value() or ""), self.fields["language"]
        choices: Any = field
        if TAG.match(tag) and tag not in dict(choices.choices):
            choices.choices = [*choices.choices, (tag, tag)]

    def draft_fields(self, now: datetime) -> dict[str, Any]:
        """Return the version's fields of a ``LicenceDraft``, but for attestations."""
        values = self.cleaned_data
        terms: dict[str, Any] = {
            key: [line.strip() for line in values[key].splitlines() if line.strip()]
            for key in ("may", "must", "must_not")
        }
        terms = {key: lines for key, lines in terms.items() if lines}
        if values["outputs"]:
            terms["outputs"] = values["outputs"]
        return {
            "version": values["version"],
            "kind": values.get("kind", LicenceVersion.Kind.MATERIAL),
            "text": values["text"],
            "language": values["language"] or ENGLISH,
            "attribution": values["attribution"],
            "terms": terms,
            "effective_at": _start_of(values["effective_on"], now),
        }

    @staticmethod
    def initial_of(version: LicenceVersion) -> dict[str, Any]:
        """Return what a new version begins with: all of the one before but its name and day."""
        lists = {key: "\n".join(version.terms.get(key, [])) for key in ("may", "must", "must_not")}
        outputs = version.terms.get("outputs", "")
        own = {"text": version.text, "language": version.language}
        own |= {"attribution": version.attribution, "outputs": outputs}
        return {**lists, **own}


def _start_of(day: date | None, now: datetime) -> datetime | None:
    """Return the first moment of a day; None, which is at once, for today and for no day."""
    if day is None or day == timezone.localtime(now).date():
        return None
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())


class NewLicenceForm(VersionForm):
    """A licence that is new, with its first version."""

    name = LineInput(
        label="Name",
        max_length=200,
        help_text="Such as: Example Research Licence.",
        error_messages={"required": "Give the licence a name."},
    )
    slug = LineInput(
        label="Short name",
        max_length=50,
        help_text="For addresses and cards, such as example-research. It stays.",
        error_messages={"required": "Give the licence a short name for addresses."},
    )
    kind = None  # type: ignore[assignment]  # nothing stands before it that it could change
    field_order = ("name", "slug")

    def draft_fields(self, now: datetime) -> dict[str, Any]:
        values = self.cleaned_data
        own = {"name": values["name"], "slug": values["slug"]}
        return {**super().draft_fields(now), **own}


class AttestationForm(PageForm):
    """One statement that signers tick; an empty row is none."""

    text = LineInput(label="Statement", max_length=300, required=False)
    help = LineInput(label="Help below it", max_length=500, required=False)
    code = LineInput(
        label="Code",
        max_length=40,
        required=False,
        help_text="a-z, 0-9 and _; made of the statement where it is empty.",
    )
    prohibited = forms.BooleanField(label="It acknowledges a prohibited use", required=False)

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("help") and not values.get("text"):
            self.add_error("text", "Write the statement that this help belongs to.")
        return values

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if code and not CODE.fullmatch(code):
            raise forms.ValidationError("Write the code in a-z, 0-9 and _, or leave it empty.")
        return code

    def stored(self) -> dict[str, str] | None:
        """Return the attestation as terms hold it; None for an empty row."""
        values = self.cleaned_data
        if not values.get("text"):
            return None
        words = slugify(values["text"]).replace("-", "_")[:40].strip("_")
        code = values["code"] or words or "statement"
        return {"code": code, "text": values["text"], "help": values["help"]}


class Attestations:
    """The rows of statements below a version's text, with empty ones to fill in."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        version: LicenceVersion | None = None,
        more: int = 0,
    ) -> None:
        shown = version.attestations if version else []
        prohibited = set(version.terms.get("prohibited", [])) if version else set()
        initial = [{**row, "prohibited": row["code"] in prohibited} for row in shown]
        count = len(initial) + ROWS
        if data is not None:
            sent = str(data.get("rows", ""))
            count = min(int(sent) if sent.isdecimal() and len(sent) < 4 else ROWS, 100) + more
        self.forms = [
            AttestationForm(
                data,
                prefix=f"tick-{number}",
                initial=initial[number] if number < len(initial) else None,
            )
            for number in range(count)
        ]

    def is_valid(self) -> bool:
        wrong = [form for form in self.forms if not form.is_valid()]  # each, to show all errors
        if not wrong:
            self._mark_repeated()
        return not wrong and not any(form.errors for form in self.forms)

    def _mark_repeated(self) -> None:
        """Add an error to each statement whose text or code an earlier one has."""
        seen: dict[str, set[str]] = {"text": set(), "code": set()}
        for form in self.forms:
            stored = form.stored() or {}
            for name, values in seen.items():
                value = stored.get(name)
                if value in values:
                    form.add_error(name, REPEATED[name])
                    break
                if value is not None:
                    values.add(value)

    def terms(self) -> dict[str, Any]:
        """Return the statements as terms hold them. Call this after ``is_valid``."""
        rows = [(form, stored) for form in self.forms if (stored := form.stored())]
        codes = [row["code"] for form, row in rows if form.cleaned_data["prohibited"]]
        terms: dict[str, Any] = {"attestations": [row for _, row in rows]} if rows else {}
        return terms | ({"prohibited": codes} if codes else {})

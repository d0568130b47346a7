"""Build the form of a step: the base questions, then the lab's own questions for that step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _

from portal.access.requests.form.questions import (
    CHOOSING,
    LONGEST_LINE,
    LONGEST_TEXT,
    NO,
    YES,
    LabQuestion,
    QuestionKind,
    ShownIf,
    shown_questions,
)
from portal.access.requests.form.validation import answer_problem
from portal.catalog.models import ModelRepo
from portal.forms.fields import LongText

PICKED = (forms.RadioSelect, forms.CheckboxSelectMultiple)


class PageForm(forms.Form):
    """A form that leaves validation to the server, whose messages say more than a browser's."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "%s", **kwargs})


@dataclass(frozen=True)
class QuestionRow:
    """A field of the page; the browser shows ``reveals`` below it while ``on`` is chosen."""

    field: BoundField
    reveals: BoundField | None = None
    on: str = ""


class StepForm(PageForm):
    """One step of a request; the names of its fields are keys of the draft.

    ``answers`` are those of all steps so far. They and what is posted decide which of the lab's
    questions are asked, since a question may depend on an answer of any step before it.
    ``models``: those that a request through a collection may name.
    """

    slug = ""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        repo: ModelRepo,
        questions: Sequence[LabQuestion] = (),
        answers: Mapping[str, Any] | None = None,
        models: Sequence[ModelRepo] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **{"initial": dict(answers or {}), **kwargs})
        self.repo, self.askable = repo, models
        self.own_questions = [question for question in questions if question.step == self.slug]
        for question in self.own_questions:
            self.fields[question.name] = field_for(question)
            self._drop_unusable_answer(question)
        known = {**(answers or {}), **(self.raw_answers() if self.is_bound else {})}
        shown = {question.name for question in shown_questions(questions, known)}
        self.shown = [question for question in self.own_questions if question.name in shown]
        self.revealed = self._revealed(shown)
        for question in self.own_questions:
            if question.name not in shown | set(self.revealed):
                del self.fields[question.name]

    def _drop_unusable_answer(self, question: LabQuestion) -> None:
        """Drop an answer of another kind, given under an earlier version of the question."""
        if isinstance(self.initial.get(question.name), list) != (
            question.kind == QuestionKind.CHOICES
        ):
            self.initial.pop(question.name, None)

    def _revealed(self, shown: set[str]) -> dict[str, ShownIf]:
        """Return, by name, the questions that the browser reveals under a choice on this page.

        A field reveals one question at most. Whatever else a choice leads to is asked once the step
        was posted, so that the page needs no logic of its own.
        """
        revealed: dict[str, ShownIf] = {}
        for question in self.own_questions:
            condition = question.shown_if
            if condition and self._can_reveal(condition.field, shown, revealed):
                revealed[question.name] = condition
        return revealed

    def _can_reveal(self, ruler: str, shown: set[str], revealed: dict[str, ShownIf]) -> bool:
        """Tell if the field ``ruler`` is chosen from on this page, and reveals nothing else yet."""
        if ruler not in self.fields or ruler in revealed:
            return False
        own_names = {question.name for question in self.own_questions}
        is_picked = isinstance(self.fields[ruler].widget, PICKED)
        taken = {condition.field for condition in revealed.values()}
        return is_picked and ruler not in taken and (ruler in shown or ruler not in own_names)

    def rows(self) -> Iterator[QuestionRow]:
        """Yield the fields in their order, each revealed one with the field that reveals it."""
        revealed_by = {condition.field: name for name, condition in self.revealed.items()}
        for name in self.fields:
            if name in revealed_by:
                below = revealed_by[name]
                yield QuestionRow(self[name], self[below], self.revealed[below].equals)
            elif name not in self.revealed:
                yield QuestionRow(self[name])

    @property
    def on_page(self) -> list[str]:
        """Return the names of the lab's questions that the page shows or can reveal."""
        return [question.name for question in self.own_questions if question.name in self.fields]

    def leads_to_more(self, on_page: Collection[str]) -> bool:
        """Tell if the answers lead to a question that the posted page didn't show."""
        return not {question.name for question in self.shown} <= set(on_page)

    def clean(self) -> dict[str, Any]:
        """Validate the answers to the lab's questions that are asked; a hidden one is not."""
        cleaned = super().clean() or {}
        answers = self.raw_answers() | cleaned
        for question in self.shown:
            if remedy := answer_problem(question, answers.get(question.name)):
                self.add_error(question.name, remedy)
        return cleaned

    def raw_answers(self) -> dict[str, Any]:
        """Return what was typed, right or wrong, as a draft can store it."""
        return {name: _storable(self[name].data) for name in self.fields}

    def draft_answers(self) -> dict[str, Any]:
        """Return the cleaned answers, or what was typed if the step isn't valid."""
        return self.raw_answers() | (self.cleaned_data if self.is_valid() else {})


def _storable(value: Any) -> Any:
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value.replace("\x00", "")[:LONGEST_TEXT] if isinstance(value, str) else ""


def field_for(question: LabQuestion) -> forms.Field:
    """Return a form field for a lab's question.

    The field itself validates nothing: ``answer_problem`` does, for the pages, the API and the
    submission alike.
    """
    field = _field(question, {"label": question.label, "help_text": question.help})
    field.required = question.required  # for the word “optional” beside it
    field.language = ""  # type: ignore[attr-defined]  # nobody knows it
    if question.kind != QuestionKind.YES_NO:  # whose two words are ours
        field.choice_language = ""  # type: ignore[attr-defined]
    field.validate = lambda value: None  # type: ignore[method-assign]
    return field


def _field(question: LabQuestion, texts: dict[str, Any]) -> forms.Field:
    options: dict[str, Any] = {**texts, "required": False}
    choices: list[tuple[str, str]]
    match question.kind:
        case QuestionKind.CHOICES:
            choices = [(choice, choice) for choice in question.choices]
            widget = forms.CheckboxSelectMultiple
            return forms.MultipleChoiceField(choices=choices, widget=widget, **options)
        case QuestionKind.CHOICE | QuestionKind.YES_NO:
            if question.kind in CHOOSING:
                choices = [(choice, choice) for choice in question.choices]
            else:
                choices = [(YES, _("Yes")), (NO, _("No"))]
            return forms.ChoiceField(choices=choices, widget=forms.RadioSelect, **options)
        case _:
            kind_of_text = LongText if question.kind == QuestionKind.LONG_TEXT else forms.CharField
            return kind_of_text(widget=_text_widget(question.kind), **options)


def _text_widget(kind: QuestionKind) -> forms.Widget:
    if kind == QuestionKind.LONG_TEXT:
        return forms.Textarea(attrs={"rows": 4, "maxlength": LONGEST_TEXT})
    if kind == QuestionKind.DATE:
        return forms.DateInput(attrs={"type": "date", "class": "short"})
    if kind == QuestionKind.NUMBER:
        return forms.TextInput(attrs={"inputmode": "decimal", "class": "short"})
    if kind == QuestionKind.URL:
        return forms.TextInput(attrs={"maxlength": LONGEST_LINE, "inputmode": "url"})
    return forms.TextInput(attrs={"maxlength": LONGEST_LINE})

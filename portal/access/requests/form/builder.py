"""A step of a request as a form: the base questions, then the lab's own for that step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from portal.access.requests.form.questions import (
    CHOOSING,
    LONGEST_LINE,
    LONGEST_TEXT,
    NO,
    YES,
    LabQuestion,
    QuestionKind,
    ShownIf,
    answer_problem,
    shown_questions,
)
from portal.catalog.models import ModelRepo
from portal.forms.fields import LongText

PICKED = (forms.RadioSelect, forms.CheckboxSelectMultiple)


class PageForm(forms.Form):
    """A form whose browser doesn't hold back what the server would answer better."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "%s", **kwargs})


@dataclass(frozen=True)
class QuestionRow:
    """A question of the page; ``reveals`` is asked below its choice ``on``, in the browser."""

    field: BoundField
    reveals: BoundField | None = None
    on: str = ""


class StepForm(PageForm):
    """One step of a request; its fields are keys of the draft.

    ``answers``: what is answered in all steps so far. By them, and by what is posted, it is known
    which of the lab's questions are asked.
    """

    slug = ""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        repo: ModelRepo,
        questions: Sequence[LabQuestion] = (),
        answers: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **{"initial": dict(answers or {}), **kwargs})
        self.repo = repo
        self.own = [each for each in questions if each.step == self.slug]
        for question in self.own:
            self.fields[question.name] = field_for(question)
            self._drop_misfit(question)
        known = {**(answers or {}), **(self.typed() if self.is_bound else {})}
        asked = {each.name for each in shown_questions(questions, known)}
        self.shown = [each for each in self.own if each.name in asked]
        self.revealed = self._revealed(asked)
        for question in self.own:
            if question.name not in asked | set(self.revealed):
                del self.fields[question.name]

    def _drop_misfit(self, question: LabQuestion) -> None:
        """An earlier version may have asked for another sort of answer under this name."""
        if isinstance(self.initial.get(question.name), list) != (
            question.kind == QuestionKind.CHOICES
        ):
            self.initial.pop(question.name, None)

    def _revealed(self, asked: set[str]) -> dict[str, ShownIf]:
        """What the browser reveals under a choice on this page, by its name: one each.

        Whatever else a choice leads to is asked once the step is sent.
        """
        found: dict[str, ShownIf] = {}
        for each in self.own:
            condition = each.shown_if
            if condition and self._can_reveal(condition.field, asked, found):
                found[each.name] = condition
        return found

    def _can_reveal(self, ruler: str, asked: set[str], found: dict[str, ShownIf]) -> bool:
        if ruler not in self.fields or ruler in found:
            return False
        own = {each.name for each in self.own}
        picked = isinstance(self.fields[ruler].widget, PICKED)
        taken = {condition.field for condition in found.values()}
        return picked and ruler not in taken and (ruler in asked or ruler not in own)

    def rows(self) -> Iterator[QuestionRow]:
        """The questions in their order, a revealed one under the one that reveals it."""
        under = {condition.field: name for name, condition in self.revealed.items()}
        for name in self.fields:
            if name in under:
                other = under[name]
                yield QuestionRow(self[name], self[other], self.revealed[other].equals)
            elif name not in self.revealed:
                yield QuestionRow(self[name])

    @property
    def on_page(self) -> list[str]:
        """The lab's questions that the page shows, or can show at a choice."""
        return [each.name for each in self.own if each.name in self.fields]

    def leads_to_more(self, on_page: Collection[str]) -> bool:
        """Whether what is answered asks for something that the page before didn't show."""
        return not {each.name for each in self.shown} <= set(on_page)

    def clean(self) -> dict[str, Any]:
        """The lab's rules for the questions that are asked; a hidden one has none."""
        cleaned = super().clean() or {}
        given = self.typed() | cleaned
        for question in self.shown:
            if remedy := answer_problem(question, given.get(question.name)):
                self.add_error(question.name, remedy)
        return cleaned

    def typed(self) -> dict[str, Any]:
        """What stands in the fields, right or wrong, as a draft keeps it."""
        return {name: _storable(self[name].data) for name in self.fields}

    def kept(self) -> dict[str, Any]:
        """What a draft keeps: as understood where it was, as typed where not."""
        return self.typed() | (self.cleaned_data if self.is_valid() else {})


def _storable(value: Any) -> Any:
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return value.replace("\x00", "")[:LONGEST_TEXT] if isinstance(value, str) else ""


def field_for(question: LabQuestion) -> forms.Field:
    """How a lab's question is asked. ``questions.problem`` alone judges the answer."""
    asked: dict[str, Any] = {"label": question.label, "help_text": question.help}
    field = _field(question, {**asked, "required": False})
    field.required = question.required  # for the word “optional” beside it
    field.validate = lambda value: None  # type: ignore[method-assign]
    return field


def _field(question: LabQuestion, asked: dict[str, Any]) -> forms.Field:
    match question.kind:
        case QuestionKind.CHOICES:
            choices = [(each, each) for each in question.choices]
            widget = forms.CheckboxSelectMultiple
            return forms.MultipleChoiceField(choices=choices, widget=widget, **asked)
        case QuestionKind.CHOICE | QuestionKind.YES_NO:
            given = question.choices if question.kind in CHOOSING else (YES, NO)
            choices = [(each, each if each in question.choices else each.title()) for each in given]
            return forms.ChoiceField(choices=choices, widget=forms.RadioSelect, **asked)
        case _:
            kind_of_text = LongText if question.kind == QuestionKind.LONG_TEXT else forms.CharField
            return kind_of_text(widget=_line(question.kind), **asked)


def _line(kind: QuestionKind) -> forms.Widget:
    if kind == QuestionKind.LONG_TEXT:
        return forms.Textarea(attrs={"rows": 4, "maxlength": LONGEST_TEXT})
    if kind == QuestionKind.DATE:
        return forms.DateInput(attrs={"type": "date", "class": "short"})
    if kind == QuestionKind.NUMBER:
        return forms.TextInput(attrs={"inputmode": "decimal", "class": "short"})
    if kind == QuestionKind.URL:
        return forms.TextInput(attrs={"maxlength": LONGEST_LINE, "inputmode": "url"})
    return forms.TextInput(attrs={"maxlength": LONGEST_LINE})

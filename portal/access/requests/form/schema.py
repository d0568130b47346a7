"""Describe a model’s request form as plain data: each question of each step, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms

from portal.access.models import RequestForm
from portal.access.requests.form.builder import field_for
from portal.access.requests.form.questions import (
    LONGEST_LINE,
    LONGEST_TEXT,
    MATERIAL_NAMES,
    LabQuestion,
    QuestionKind,
    ShownIf,
    lab_questions,
)
from portal.access.requests.form.wizard import STEPS, WizardStep
from portal.catalog.models import ModelRepo

LONGEST = {
    QuestionKind.TEXT: LONGEST_LINE,
    QuestionKind.LONG_TEXT: LONGEST_TEXT,
    QuestionKind.NUMBER: LONGEST_LINE,
}


@dataclass(frozen=True)
class SchemaChoice:
    """An answer that can be chosen."""

    value: str
    label: str
    help: str = ""


@dataclass(frozen=True)
class SchemaQuestion:
    """A question of the form; ``longest`` is in characters, ``is_own`` marks the lab's own."""

    name: str
    step: str
    type: QuestionKind
    label: str
    help: str
    required: bool
    material: bool
    is_own: bool
    longest: int | None
    choices: tuple[SchemaChoice, ...]
    shown_if: ShownIf | None = None


def form_schema(repo: ModelRepo, form: RequestForm | None) -> list[SchemaQuestion]:
    """Return every question, those included that depend on an answer (``shown_if``)."""
    own = lab_questions(form)
    return [question for step in STEPS for question in (*_base(step, repo), *_own(step, own))]


def _base(step: WizardStep, repo: ModelRepo) -> Iterator[SchemaQuestion]:
    if step.form is None:
        return
    for name, field in step.form(repo=repo).fields.items():
        material = name in MATERIAL_NAMES
        yield _described(name, step, _kind_of(field), field, material=material)


def _own(step: WizardStep, questions: list[LabQuestion]) -> Iterator[SchemaQuestion]:
    for question in questions:
        if question.step == step.slug:
            field, material = field_for(question), question.material
            yield _described(
                question.name, step, question.kind, field, material=material, own=question
            )


def _described(
    name: str,
    step: WizardStep,
    kind: QuestionKind,
    field: forms.Field,
    *,
    material: bool,
    own: LabQuestion | None = None,
) -> SchemaQuestion:
    return SchemaQuestion(
        name=name,
        step=step.slug,
        type=kind,
        label=str(field.label),
        help=str(field.help_text),
        required=field.required,
        material=material,
        is_own=own is not None,
        longest=LONGEST.get(kind),
        choices=_choices(field),
        shown_if=own.shown_if if own else None,
    )


def _kind_of(field: forms.Field) -> QuestionKind:
    if isinstance(field, forms.MultipleChoiceField):
        return QuestionKind.CHOICES
    if isinstance(field, forms.ChoiceField):
        return QuestionKind.CHOICE
    return QuestionKind.LONG_TEXT if isinstance(field.widget, forms.Textarea) else QuestionKind.TEXT


def _choices(field: Any) -> tuple[SchemaChoice, ...]:
    hints: dict[str, str] = getattr(field, "choice_hints", {})
    return tuple(
        SchemaChoice(str(value), str(label), hints.get(str(value), ""))
        for value, label in getattr(field, "choices", ())
        if value
    )

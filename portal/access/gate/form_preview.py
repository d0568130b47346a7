"""Show a lab's whole form as applicants meet it, with each condition in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.forms.boundfield import BoundField

from portal.access.gate.forms import condition_words
from portal.access.requests.form.builder import field_for
from portal.access.requests.form.questions import LabQuestion
from portal.access.requests.form.wizard import STEPS
from portal.catalog.models import ModelRepo

NEW, CHANGED = "new", "changed"


@dataclass(frozen=True)
class PreviewRow:
    """A question of the form: when it is asked, and ``mark`` for one that a change touches."""

    field: BoundField
    condition: str
    mark: str


@dataclass(frozen=True)
class PreviewStep:
    """A page of the form, with all its questions."""

    label: str
    rows: list[PreviewRow]


def preview_steps(
    repo: ModelRepo,
    questions: Sequence[LabQuestion],
    *,
    before: Sequence[LabQuestion] | None = None,
) -> list[PreviewStep]:
    """Return the pages of the form with these questions.

    With ``before``, the questions as they are asked today, mark what is new or changed.
    """
    known = None if before is None else {question.name: question for question in before}
    return [
        PreviewStep(str(step.label), list(_rows(step.form, repo, questions, known)))
        for step in STEPS
        if step.form
    ]


def _rows(
    step_form: type,
    repo: ModelRepo,
    questions: Sequence[LabQuestion],
    known: dict[str, LabQuestion] | None,
) -> Iterator[PreviewRow]:
    """Yield the base questions of a step, then the lab's, those under a condition too."""
    form = step_form(None, repo=repo, auto_id="preview-%s")
    for name in list(form.fields):
        yield PreviewRow(form[name], "", "")
    for question in questions:
        if question.step == form.slug:
            form.fields[question.name] = field_for(question)
            condition = condition_words(question, questions)
            yield PreviewRow(form[question.name], condition, _mark(question, known))


def _mark(question: LabQuestion, known: dict[str, LabQuestion] | None) -> str:
    if known is None or known.get(question.name) == question:
        return ""
    return CHANGED if question.name in known else NEW

"""Show a request's answers again: under which label, as which text, from which step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy
from django_countries import countries

from portal.access.models import RequestForm
from portal.access.requests.form.questions import (
    NO,
    YES,
    LabQuestion,
    QuestionKind,
    lab_questions,
    shown_questions,
)
from portal.accounts.models import Sector
from portal.catalog.models import Mode
from portal.catalog.models.repos import modes_in_words
from portal.text.languages import Words


@dataclass(frozen=True)
class ReadableAnswer:
    """An answer as it is shown. ``said`` ones are in the applicant's own words, set as quotes."""

    name: str
    label: str
    text: str
    said: bool
    step: str
    required: bool = True
    is_labs: bool = False  # a question of the lab's own, in a language that nobody knows
    is_ours: bool = False  # an answer chosen from words of ours, in the reader's language


def _plain(value: object) -> str:
    return value if isinstance(value, str) else ""


def sector_label(value: object) -> str:
    return str(Sector(value).label) if value in Sector.values else _plain(value)


def country_name(value: object) -> str:
    return str(countries.name(_plain(value)) or _plain(value))


def modes_label(modes: object) -> str:
    """Join the labels of known modes, as in "Download and hosted inference"."""
    values = modes if isinstance(modes, list) else []
    return capfirst(modes_in_words(mode for mode in values if mode in Mode.values))


def models_label(models: object) -> str:
    """Join the names of the models that a request through a collection asks for."""
    return ", ".join(map(str, models)) if isinstance(models, list) else ""


# Name, label, step, whether it is in the applicant's own words, and how the value is shown.
_ANSWERS: tuple[tuple[str, Words, str, bool, Callable[[Any], str]], ...] = (
    ("name", gettext_lazy("Name"), "you", False, _plain),
    ("position", gettext_lazy("Position"), "you", False, _plain),
    ("organization", gettext_lazy("Organization"), "organization", False, _plain),
    ("country", gettext_lazy("Country"), "organization", False, country_name),
    ("sector", gettext_lazy("Sector"), "organization", False, sector_label),
    ("purpose", gettext_lazy("Question"), "research", True, _plain),
    ("outputs", gettext_lazy("What will be published"), "research", True, _plain),
    ("models", gettext_lazy("Models"), "access", False, models_label),
    ("modes", gettext_lazy("Asks for"), "access", False, modes_label),
    ("compute", gettext_lazy("Compute"), "access", True, _plain),
)
# What shows an answer in words of ours.
OURS = (country_name, sector_label, modes_label)
STEP_OF = {name: step for name, _, step, _, _ in _ANSWERS}
ANSWER_STEPS = tuple(dict.fromkeys(STEP_OF.values()))


def readable_answers(
    answers: Mapping[str, Any], *steps: str, form: RequestForm | None = None
) -> list[ReadableAnswer]:
    """Return the answers of these steps, or of all steps, in the order of the form.

    ``form`` is the version of the lab's own questions that was answered.
    """
    shown = [*_base(answers), *_own(answers, lab_questions(form))]
    order = {step: place for place, step in enumerate(ANSWER_STEPS)}
    chosen = [answer for answer in shown if answer.step in (steps or ANSWER_STEPS)]
    return sorted(chosen, key=lambda answer: order[answer.step])  # stable within a step


def _base(answers: Mapping[str, Any]) -> list[ReadableAnswer]:
    return [
        ReadableAnswer(
            name,
            str(label),
            show(answers.get(name)),
            said,
            step,
            name != "position",
            is_ours=show in OURS,
        )
        for name, label, step, said, show in _ANSWERS
        if name != "models" or answers.get(name)  # only a collection asks for it
    ]


def _own(answers: Mapping[str, Any], questions: list[LabQuestion]) -> list[ReadableAnswer]:
    return [
        ReadableAnswer(
            question.name,
            question.label,
            own_text(question, answers.get(question.name)),
            question.kind == QuestionKind.LONG_TEXT,
            question.step,
            question.required,
            is_labs=True,
            is_ours=question.kind == QuestionKind.YES_NO,
        )
        for question in shown_questions(questions, answers)
    ]


def own_text(question: LabQuestion, value: object) -> str:
    """Return the answer to a lab's question as text."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = _plain(value)
    if question.kind != QuestionKind.YES_NO:
        return text
    return {YES: gettext("Yes"), NO: gettext("No")}.get(text, text)

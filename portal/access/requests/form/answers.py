"""A request's answers: the steps that ask for them, and how they read when shown again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django_countries import countries

from portal.access.models import RequestForm
from portal.access.requests.form.questions import (
    LabQuestion,
    QuestionKind,
    lab_questions,
    shown_questions,
)
from portal.accounts.models import Sector
from portal.catalog.models import Mode


@dataclass(frozen=True)
class ReadableAnswer:
    """One answer as it reads. ``said``: words of the person's own, set in their voice."""

    name: str
    label: str
    text: str
    said: bool
    step: str
    required: bool = True


def _plain(value: object) -> str:
    return value if isinstance(value, str) else ""


def sector_label(value: object) -> str:
    return str(Sector(value).label) if value in Sector.values else _plain(value)


def country_name(value: object) -> str:
    return str(countries.name(_plain(value)) or _plain(value))


def modes_label(modes: object) -> str:
    """Download and hosted inference."""
    given = modes if isinstance(modes, list) else []
    known = [Mode(mode).label for mode in given if mode in Mode.values]
    joined = " and ".join(known).lower()
    return joined[:1].upper() + joined[1:]


# name, label, step, whether in the person's own voice, and how the value reads
_ANSWERS: tuple[tuple[str, str, str, bool, Callable[[Any], str]], ...] = (
    ("name", "Name", "you", False, _plain),
    ("position", "Position", "you", False, _plain),
    ("organization", "Organization", "organization", False, _plain),
    ("country", "Country", "organization", False, country_name),
    ("sector", "Sector", "organization", False, sector_label),
    ("purpose", "Question", "research", True, _plain),
    ("outputs", "What will be published", "research", True, _plain),
    ("modes", "Asks for", "access", False, modes_label),
    ("compute", "Compute", "access", True, _plain),
)
STEP_OF = {name: step for name, _, step, _, _ in _ANSWERS}
ANSWER_STEPS = tuple(dict.fromkeys(STEP_OF.values()))


def readable_answers(
    answers: Mapping[str, Any], *steps: str, form: RequestForm | None = None
) -> list[ReadableAnswer]:
    """The answers of these steps (of all, where none is named), in the order they were asked.

    ``form`` is the version of the lab's own questions that they answer.
    """
    found = [*_base(answers), *_own(answers, lab_questions(form))]
    asked = steps or ANSWER_STEPS
    return [each for step in ANSWER_STEPS if step in asked for each in found if each.step == step]


def _base(answers: Mapping[str, Any]) -> list[ReadableAnswer]:
    return [
        ReadableAnswer(name, label, show(answers.get(name)), said, step, name != "position")
        for name, label, step, said, show in _ANSWERS
    ]


def _own(answers: Mapping[str, Any], questions: list[LabQuestion]) -> list[ReadableAnswer]:
    return [
        ReadableAnswer(
            each.name,
            each.label,
            own_text(each, answers.get(each.name)),
            each.kind == QuestionKind.LONG_TEXT,
            each.step,
            each.required,
        )
        for each in shown_questions(questions, answers)
    ]


def own_text(question: LabQuestion, value: object) -> str:
    """An answer to a lab's question, as it reads."""
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    text = _plain(value)
    return text.capitalize() if question.kind == QuestionKind.YES_NO else text

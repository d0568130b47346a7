"""Check a lab's own questions before anybody is asked them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from portal.access.requests.form.questions import (
    BASE_NAMES,
    CHOOSING,
    NO,
    YES,
    LabQuestion,
    QuestionKind,
    requestable_modes,
)
from portal.accounts.models import Sector
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors

STEPS = ("organization", "research", "access")
RESERVED = BASE_NAMES | {
    "answer",
    "asked",
    "csrfmiddlewaretoken",
    "leave",
    "new",
    "signature",
    "step",
}
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST_QUESTIONS, MOST_CHOICES = 40, 30
LONGEST = {"label": 200, "help": 500}
LONGEST_CHOICE = 100
# Base questions whose answers may decide whether another is asked, and the step that asks them.
BASE_RULERS = {"sector": "organization", "country": "organization", "modes": "access"}

Errors = Iterator[tuple[str, str]]


def checked_questions(fields: Sequence[Mapping[str, Any]], repo: ModelRepo) -> list[LabQuestion]:
    """Read the questions of ``fields``.

    Raise FieldErrors named ``fields.<index>.<part>``, which say what to do about each question.
    """
    questions = [_parsed(field, at) for at, field in enumerate(fields)]
    errors: dict[str, str] = {}
    if len(questions) > MOST_QUESTIONS:
        errors["fields"] = f"Ask at most {MOST_QUESTIONS} questions; nobody answers more."
    for at, question in enumerate(questions):
        for part, remedy in _faults(question, questions[:at], repo):
            errors.setdefault(f"fields.{at}.{part}", f"{_called(question, at + 1)}: {remedy}")
    if errors:
        raise FieldErrors(errors)
    return questions


def _parsed(field: Mapping[str, Any], at: int) -> LabQuestion:
    try:
        question = LabQuestion.of(field)
    except (KeyError, TypeError, ValueError) as error:
        remedy = f"Question {at + 1}: choose one of the kinds of answer. ({error})"
        raise FieldErrors({f"fields.{at}.type": remedy}) from error
    return question


def _called(question: LabQuestion, at: int) -> str:
    return f"Question {at}, “{question.label}”" if question.label.strip() else f"Question {at}"


def _faults(question: LabQuestion, earlier: Sequence[LabQuestion], repo: ModelRepo) -> Errors:
    if not NAME.fullmatch(question.name):
        yield "name", "name it with a-z, 0-9 and _, a letter first."
    elif question.name in RESERVED:
        yield "name", f"choose another name; the portal itself asks for “{question.name}”."
    elif question.name in [before.name for before in earlier]:
        yield "name", f"choose another name; an earlier question is “{question.name}”."
    if not question.label.strip():
        yield "label", "write the question."
    for part, longest in LONGEST.items():
        if len(getattr(question, part)) > longest:
            yield part, f"use at most {longest} characters."
    if question.step not in STEPS:
        yield "step", "choose the step that asks it."
    yield from _choice_faults(question)
    yield from _condition_faults(question, earlier, repo)


def _choice_faults(question: LabQuestion) -> Errors:
    choices = question.choices
    if question.kind not in CHOOSING:
        if choices:
            yield "choices", "leave the answers out; this kind has none to choose from."
    elif not 2 <= len(choices) <= MOST_CHOICES:
        yield "choices", f"give 2 to {MOST_CHOICES} answers to choose from."
    elif len(set(choices)) < len(choices):
        yield "choices", "give each answer once."
    elif not all(text.strip() == text and 0 < len(text) <= LONGEST_CHOICE for text in choices):
        yield "choices", f"give each answer 1 to {LONGEST_CHOICE} characters."


def _condition_faults(
    question: LabQuestion, earlier: Sequence[LabQuestion], repo: ModelRepo
) -> Errors:
    condition = question.shown_if
    if condition is None:
        return
    rulers = rulers_of(earlier, question.step, repo)
    if condition.field not in rulers:
        yield "shown_if", "let it depend on an earlier question that is answered by choosing."
        return
    answers = rulers[condition.field]
    if condition.equals and answers and condition.equals not in answers:
        yield "shown_if", f"choose among {', '.join(answers)}."


def rulers_of(
    earlier: Sequence[LabQuestion], step: str, repo: ModelRepo
) -> dict[str, tuple[str, ...]]:
    """Return the questions that one of this step may depend on, each with its possible answers.

    An empty tuple stands for any answer: the countries.
    """
    before = STEPS[: STEPS.index(step) + 1] if step in STEPS else ()
    base = {
        "sector": tuple(Sector.values),
        "country": (),
        "modes": tuple(str(mode) for mode in requestable_modes(repo)),
    }
    rulers = {name: base[name] for name, asked_in in BASE_RULERS.items() if asked_in in before}
    for question in earlier:
        if question.step in before and question.kind in (*CHOOSING, QuestionKind.YES_NO):
            rulers[question.name] = question.choices or (YES, NO)
    return rulers

"""Validate the answers of a request, for its pages, the API and the submission alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_countries import countries

from portal.access.requests.asked_models import choice_errors, modes_of
from portal.access.requests.form.questions import (
    BASE_NAMES,
    CHOOSING,
    LONGEST_LINE,
    LONGEST_TEXT,
    NO,
    REQUIRED_ANSWERS,
    SHORT_ANSWERS,
    YES,
    LabQuestion,
    QuestionKind,
    shown_questions,
    whole_address,
)
from portal.accounts.models import Sector
from portal.catalog.models import ModelRepo
from portal.text.lines import line_errors


def answer_errors(
    answers: Mapping[str, Any],
    repo: ModelRepo,
    questions: Sequence[LabQuestion] = (),
    models: Sequence[ModelRepo] = (),
) -> dict[str, str]:
    """Return, by field, what to do about each answer that is missing or doesn't fit.

    ``models``: those that a request through a collection may name.
    """
    errors = _base_errors(answers, models or [repo])
    if models:
        errors |= choice_errors(answers, models)
    for question in shown_questions(questions, answers):
        if remedy := answer_problem(question, answers.get(question.name)):
            errors[question.name] = remedy
    return errors


def _base_errors(answers: Mapping[str, Any], repos: Sequence[ModelRepo]) -> dict[str, str]:
    modes, offered = answers.get("modes"), {str(mode) for mode in modes_of(repos)}
    known = {
        "country": str(answers.get("country")) in dict(countries),
        "sector": str(answers.get("sector")) in Sector.values,
        "modes": isinstance(modes, list) and bool(modes) and set(map(str, modes)) <= offered,
    }
    errors = {
        field: str(remedy)
        for field, remedy in REQUIRED_ANSWERS.items()
        if not known.get(field, is_filled(answers.get(field)))
    }
    for field in BASE_NAMES - {*known, "models"} - set(errors):
        longest = LONGEST_LINE if field in SHORT_ANSWERS else LONGEST_TEXT
        if len(str(answers.get(field) or "")) > longest:
            errors[field] = _("Shorten this answer to %(longest)s characters.") % {
                "longest": longest
            }
    # What is missing is said before what is wrong with a line's characters.
    short = {field: str(answers.get(field) or "") for field in SHORT_ANSWERS}
    return line_errors(short) | errors


def is_filled(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else False


def answer_problem(question: LabQuestion, value: object) -> str:
    """Return what to do about an answer to a lab's question, or "" if it is fine."""
    is_answered = bool(value) if isinstance(value, list) else is_filled(value)
    if not is_answered:
        return _ask_for(question) if question.required else ""
    if question.kind == QuestionKind.CHOICES:
        fits = isinstance(value, list) and set(value) <= set(question.choices)
    else:
        fits = isinstance(value, str) and _fits(question, value.strip())
    most = LONGEST_LINE if question.kind == QuestionKind.TEXT else LONGEST_TEXT
    shape = _SHAPES[question.kind] % {"question": question.label, "most": most}
    return "" if fits else str(shape)


def _ask_for(question: LabQuestion) -> str:
    chosen = question.kind in (*CHOOSING, QuestionKind.YES_NO)
    words = _("Choose an answer to “%(label)s”") if chosen else _("Fill in “%(label)s”")
    return words % {"label": question.label}


_SHAPES = {
    QuestionKind.TEXT: gettext_lazy("Use at most %(most)d characters for “%(question)s”"),
    QuestionKind.LONG_TEXT: gettext_lazy("Use at most %(most)d characters for “%(question)s”"),
    QuestionKind.CHOICE: gettext_lazy("Choose among the answers to “%(question)s”"),
    QuestionKind.CHOICES: gettext_lazy("Choose among the answers to “%(question)s”"),
    QuestionKind.NUMBER: gettext_lazy("Give a number, such as 12 or 0.5, for “%(question)s”"),
    QuestionKind.YES_NO: gettext_lazy("Say yes or no to “%(question)s”"),
    QuestionKind.DATE: gettext_lazy("Give a date, such as 2027-03-31, for “%(question)s”"),
    QuestionKind.URL: gettext_lazy(
        "Give a web address, such as https://example.org, for “%(question)s”"
    ),
}


def _fits(question: LabQuestion, text: str) -> bool:
    match question.kind:
        case QuestionKind.TEXT:
            return len(text) <= LONGEST_LINE
        case QuestionKind.LONG_TEXT:
            return len(text) <= LONGEST_TEXT
        case QuestionKind.CHOICE:
            return text in question.choices
        case QuestionKind.YES_NO:
            return text in (YES, NO)
        case QuestionKind.NUMBER:
            return _is_number(text)
        case QuestionKind.DATE:
            return _is_date(text)
        case _:
            return _is_url(text)


def _is_number(text: str) -> bool:
    try:  # Decimal takes NaN and Infinity too, and a text of any length
        return len(text) <= LONGEST_LINE and Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_url(text: str) -> bool:
    try:
        URLValidator(schemes=["http", "https"])(whole_address(text))
    except ValidationError:
        return False
    return True

"""The questions of a request: the base questions of every lab, and those that a lab adds.

A lab's question is a row of ``RequestForm.fields``. While its ``shown_if`` hides it, it is neither
required nor stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.access.models import RequestForm
from portal.catalog.models import Gate, Mode, ModelRepo

LONGEST_TEXT = 5000  # characters of a long answer
LONGEST_LINE = 200  # of a short one
YES, NO = "yes", "no"

REQUIRED_ANSWERS = {
    "name": _("Give the name you sign with."),
    "organization": _("Name the organization you work at, or say that you work alone."),
    "country": _("Choose the country you work in."),
    "sector": _("Choose the sector you work in."),
    "purpose": _("Say what question you want to answer."),
    "outputs": _("Say what you intend to publish or release."),
    "modes": _("Choose at least one kind of access that this model offers."),
    "compute": _("Say what compute you have, even if it is none."),
}
BASE_NAMES = frozenset({*REQUIRED_ANSWERS, "position", "models"})
SHORT_ANSWERS = ("name", "position", "organization")
# Votes rest on these: a changed answer voids the votes that were cast before it.
MATERIAL_NAMES = frozenset(
    {"organization", "country", "sector", "purpose", "models", "modes", "outputs"}
)


class QuestionKind(StrEnum):
    """A kind of answer that a lab's question takes."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    CHOICE = "choice"
    CHOICES = "choices"
    NUMBER = "number"
    YES_NO = "yes_no"
    DATE = "date"
    URL = "url"


CHOOSING = (QuestionKind.CHOICE, QuestionKind.CHOICES)
SCHEME = re.compile(r"[a-z][a-z\d+.-]*:(?!\d)", re.IGNORECASE)  # before digits it is a port


@dataclass(frozen=True)
class ShownIf:
    """A condition: the question is asked if the answer to ``field`` is, or contains, ``equals``."""

    field: str
    equals: str

    def holds(self, answers: Mapping[str, Any]) -> bool:
        answer = answers.get(self.field)
        return self.equals in answer if isinstance(answer, list) else self.equals == answer


@dataclass(frozen=True)
class LabQuestion:
    """A question of a lab's own. A changed answer to a ``material`` one voids earlier votes."""

    name: str
    kind: QuestionKind
    label: str
    step: str
    help: str = ""
    required: bool = True
    material: bool = False
    choices: tuple[str, ...] = ()
    shown_if: ShownIf | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> LabQuestion:
        row = dict(stored)
        shown_if = row.get("shown_if")
        return cls(
            **row
            | {
                "kind": QuestionKind(row.pop("type")),
                "choices": tuple(row.get("choices") or ()),
                "shown_if": ShownIf(**shown_if) if shown_if else None,
            }
        )

    def stored(self) -> dict[str, Any]:
        """Return the question as a row of ``RequestForm.fields``."""
        row = asdict(self)
        return {**row, "type": str(row.pop("kind")), "choices": list(self.choices)}


def lab_questions(form: RequestForm | None) -> list[LabQuestion]:
    return [LabQuestion.of(field) for field in form.fields] if form else []


def newest_form(repo: ModelRepo) -> RequestForm | None:
    """Return the newest version of the lab's own questions, or None if it never added any."""
    return RequestForm.objects.filter(repo=repo).last()


def requestable_modes(repo: ModelRepo) -> list[Mode]:
    """Return the modes that the model's gate leaves to reviewers."""
    return [mode for mode in Mode if repo.gate(mode) == Gate.REVIEW]


def mode_choices(repo: ModelRepo) -> list[tuple[str, str]]:
    """Return the modes that people decide on, as the choices of a form's field."""
    return [(str(mode), str(mode.label)) for mode in requestable_modes(repo)]


def shown_questions(
    questions: Sequence[LabQuestion], answers: Mapping[str, Any]
) -> list[LabQuestion]:
    """Return the questions that these answers lead to.

    A question that depends on a hidden question is hidden as well.
    """
    hidden: set[str] = set()
    shown = []
    for question in questions:
        condition = question.shown_if
        if condition and (condition.field in hidden or not condition.holds(answers)):
            hidden.add(question.name)
        else:
            shown.append(question)
    return shown


def snapshot_answers(
    answers: Mapping[str, Any], questions: Sequence[LabQuestion]
) -> dict[str, Any]:
    """Return what a snapshot stores of a draft: the answers to what is asked, nothing else."""
    shown = shown_questions(questions, answers)
    names = BASE_NAMES | {question.name for question in shown}
    addresses = {question.name for question in shown if question.kind == QuestionKind.URL}
    return {
        name: whole_address(value) if name in addresses else value
        for name, value in answers.items()
        if name in names
    }


def whole_address(value: Any) -> Any:
    """Put https:// before a web address that is written without; leave all else as it is."""
    if not isinstance(value, str) or not value.strip() or SCHEME.match(value.strip()):
        return value
    return f"https://{value.strip()}"

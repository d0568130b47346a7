"""Compare the snapshots of a request, as its applicant and its reviewers read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from portal.access.models import AccessRequest, Submission, snapshots_of
from portal.access.requests.form.answers import readable_answers
from portal.access.requests.form.questions import MATERIAL_NAMES, LabQuestion, lab_questions

WORD = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True)
class TextPart:
    """A run of words; ``kind`` is kept, del for deleted or ins for inserted."""

    kind: str
    text: str


@dataclass(frozen=True)
class AnswerDifference:
    """An answer that differs between two snapshots; ``parts`` merges both texts word by word."""

    name: str
    label: str
    before: str
    after: str
    material: bool

    @property
    def parts(self) -> list[TextPart]:
        return parts_between(self.before, self.after)


@dataclass(frozen=True)
class SnapshotChange:
    """A snapshot with the answers in which it differs from the one before."""

    submission: Submission
    rows: list[AnswerDifference]


def material_names(questions: Sequence[LabQuestion]) -> frozenset[str]:
    """Return the names of the answers that votes rest on: a changed one voids them."""
    return MATERIAL_NAMES | {question.name for question in questions if question.material}


def changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Return the names of answers that differ; an empty answer counts as no answer."""
    return {
        name
        for name in before.keys() | after.keys()
        if (before.get(name) or None) != (after.get(name) or None)
    }


def answer_differences(before: Submission, after: Submission) -> list[AnswerDifference]:
    """Return the answers that differ, in the order of the form, under the newer label."""
    changed = changed_names(before.answers, after.answers)
    old = {answer.name: answer for answer in readable_answers(before.answers, form=before.form)}
    new = {answer.name: answer for answer in readable_answers(after.answers, form=after.form)}
    # Material in either version of the lab's form: a vote may rest on a question since removed.
    material = material_names([*lab_questions(before.form), *lab_questions(after.form)])
    return [
        AnswerDifference(
            name,
            (new.get(name) or old[name]).label,
            old[name].text if name in old else "",
            new[name].text if name in new else "",
            name in material,
        )
        for name in {**new, **old}
        if name in changed
    ]


def changes_of(access_request: AccessRequest) -> list[SnapshotChange]:
    """Return each snapshot but the first with what it changed, newest first."""
    return [
        SnapshotChange(after, answer_differences(before, after))
        for before, after in pairwise(snapshots_of(access_request))
    ][::-1]


def parts_between(before: str, after: str) -> list[TextPart]:
    """Merge two texts: the result reads ``before`` without its ins, ``after`` without its del."""
    old, new = WORD.findall(before), WORD.findall(after)
    parts = []
    # autojunk would skip words that are frequent in long answers, and call them changed.
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            parts.append(TextPart("kept", "".join(old[a:b])))
            continue
        parts.append(TextPart("del", "".join(old[a:b])))
        parts.append(TextPart("ins", "".join(new[c:d])))
    return [part for part in parts if part.text]

"""What changed from one snapshot of a request to the next, as applicant and team read it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from portal.access.models import AccessRequest, Submission
from portal.access.requests.form.answers import readable_answers
from portal.access.requests.form.questions import MATERIAL_NAMES, LabQuestion, lab_questions

WORD = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True)
class TextPart:
    """Words that stayed, went or came: ``kept``, ``del`` or ``ins``."""

    kind: str
    text: str


@dataclass(frozen=True)
class AnswerDifference:
    """One answer that changed. ``parts`` tells both texts at once, word by word."""

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
    """A snapshot that came after another, and in what it differs."""

    submission: Submission
    rows: list[AnswerDifference]


def material_names(questions: Sequence[LabQuestion]) -> frozenset[str]:
    """The answers that a vote rests on."""
    return MATERIAL_NAMES | {question.name for question in questions if question.material}


def changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Those answered otherwise; an empty answer and none are one."""
    return {
        name
        for name in before.keys() | after.keys()
        if (before.get(name) or None) != (after.get(name) or None)
    }


def answer_differences(before: Submission, after: Submission) -> list[AnswerDifference]:
    """Each answer that differs, in the order asked, under the label it was asked by."""
    changed = changed_names(before.answers, after.answers)
    old = {each.name: each for each in readable_answers(before.answers, form=before.form)}
    new = {each.name: each for each in readable_answers(after.answers, form=after.form)}
    own = [*lab_questions(before.form), *lab_questions(after.form)]
    vital = material_names(own)
    return [
        AnswerDifference(
            name,
            (new.get(name) or old[name]).label,
            old[name].text if name in old else "",
            new[name].text if name in new else "",
            name in vital,
        )
        for name in {**new, **old}
        if name in changed
    ]


def changes_of(access_request: AccessRequest) -> list[SnapshotChange]:
    """Every snapshot after the first with what it changed, newest first."""
    snapshots = access_request.submissions.select_related("form").order_by("number")
    return [
        SnapshotChange(after, answer_differences(before, after))
        for before, after in pairwise(snapshots)
    ][::-1]


def parts_between(before: str, after: str) -> list[TextPart]:
    """Without the ``ins`` parts it reads ``before``, without the ``del`` parts ``after``."""
    old, new = WORD.findall(before), WORD.findall(after)
    found = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            found.append(TextPart("kept", "".join(old[a:b])))
            continue
        found.append(TextPart("del", "".join(old[a:b])))
        found.append(TextPart("ins", "".join(new[c:d])))
    return [part for part in found if part.text]

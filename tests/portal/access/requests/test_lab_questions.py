"""A lab's own questions: what is hidden is neither required nor kept, whatever is answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.access.requests.form.questions import (
    BASE_NAMES,
    LabQuestion,
    QuestionKind,
    ShownIf,
    shown_questions,
    snapshot_answers,
)
from portal.access.requests.form.validation import answer_problem

NAMES = ["q_a", "q_b", "q_c", "q_d", "q_e"]
VALUES = ["yes", "no"]


def lab_question(
    name: str = "q_a", kind: QuestionKind = QuestionKind.TEXT, **changed: Any
) -> LabQuestion:
    return LabQuestion(
        **{"name": name, "kind": kind, "label": "Which?", "step": "access"} | changed
    )


@st.composite
def forms(draw: st.DrawFn) -> list[LabQuestion]:
    """Yes-or-no questions, each always asked or hanging on an earlier one."""
    questions: list[LabQuestion] = []
    for at, name in enumerate(NAMES[: draw(st.integers(1, len(NAMES)))]):
        rulers = st.sampled_from([None, *NAMES[:at]])
        ruler = draw(rulers)
        condition = ShownIf(ruler, draw(st.sampled_from(VALUES))) if ruler else None
        required = draw(st.booleans())
        questions.append(
            lab_question(name, QuestionKind.YES_NO, required=required, shown_if=condition)
        )
    return questions


ANSWERS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([*VALUES, ""]))


@given(forms(), ANSWERS)
def test_a_question_is_asked_where_its_whole_chain_holds(questions, answers):
    by_name = {question.name: question for question in questions}

    def asked(question: LabQuestion) -> bool:
        condition = question.shown_if
        if condition is None:
            return True
        return answers.get(condition.field) == condition.equals and asked(by_name[condition.field])

    assert shown_questions(questions, answers) == [
        question for question in questions if asked(question)
    ]


@given(forms(), ANSWERS)
def test_what_is_hidden_is_not_kept_and_what_is_kept_changes_nothing(questions, answers):
    stored = snapshot_answers({**answers, "purpose": "x", "signature": {}}, questions)
    shown = {question.name for question in shown_questions(questions, answers)}
    assert stored.keys() <= BASE_NAMES | shown
    assert stored["purpose"] == "x"
    assert snapshot_answers(stored, questions) == stored
    assert shown_questions(questions, stored) == shown_questions(questions, answers)


@given(st.sampled_from(list(QuestionKind)), st.booleans())
def test_only_a_required_question_wants_an_answer(kind, required):
    question = lab_question(kind=kind, required=required, choices=("a", "b"))
    for nothing in (None, "", "  ", []):
        assert bool(answer_problem(question, nothing)) is required


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (QuestionKind.TEXT, "a line", "x" * 201),
        (QuestionKind.LONG_TEXT, "x" * 5000, "x" * 5001),
        (QuestionKind.CHOICE, "a", "c"),
        (QuestionKind.CHOICES, ["a", "b"], ["a", "c"]),
        (QuestionKind.NUMBER, "-12.5", "twelve"),
        (QuestionKind.NUMBER, "1e3", "NaN"),
        (QuestionKind.YES_NO, "yes", "maybe"),
        (QuestionKind.DATE, "2027-03-31", "2027-02-30"),
        (QuestionKind.URL, "https://example.org/a", "javascript:alert(1)"),
        (QuestionKind.TEXT, "a line", ["a"]),
        (QuestionKind.CHOICES, ["b"], "a"),
    ],
)
def test_each_kind_knows_its_answers(kind, good, bad):
    question = lab_question(kind=kind, choices=("a", "b"))
    assert answer_problem(question, good) == ""
    assert "“Which?”" in answer_problem(question, bad)


def test_one_answer_among_several_shows_what_hangs_on_it():
    hanging = lab_question("q_b", shown_if=ShownIf("modes", "download"))
    assert shown_questions([hanging], {"modes": ["download", "inference"]}) == [hanging]
    assert shown_questions([hanging], {"modes": ["inference"]}) == []


@given(forms())
def test_what_is_stored_is_read_back(questions):
    assert [LabQuestion.of(question.stored()) for question in questions] == questions


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("example.edu/x", "https://example.edu/x"),
        (" www.example.edu ", "https://www.example.edu"),
        ("http://example.edu", "http://example.edu"),
    ],
)
def test_a_web_address_may_be_written_without_its_scheme(typed, kept):
    question = lab_question("page", QuestionKind.URL)
    assert answer_problem(question, typed) == ""
    assert snapshot_answers({"page": typed}, [question])["page"].strip() == kept


@pytest.mark.parametrize(
    "typed", ["not an address", "ftp://example.edu", "javascript:alert(1)", "mailto:x@example.edu"]
)
def test_what_is_none_is_refused(typed):
    question = lab_question("page", QuestionKind.URL)
    assert answer_problem(question, typed).startswith("Give a web address")

"""The differences of two snapshots are every change, nothing else, and show both texts whole."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portal.access.models import RequestForm, Submission
from portal.access.requests.diffs import answer_differences, changed_names, parts_between
from portal.access.requests.form.questions import LabQuestion, QuestionKind
from tests.factories.access import ANSWERS

OWN = LabQuestion("q_fund", QuestionKind.YES_NO, "Is it funded?", "research", material=True)
TEXT = st.text(alphabet=" ab\nc", max_size=30)


def snapshot(**changed: Any) -> Submission:
    form = RequestForm(version=1, fields=[OWN.stored()])
    return Submission(answers={**ANSWERS, "modes": ["download"], **changed}, form=form)


@given(st.dictionaries(st.sampled_from(["purpose", "compute", "q_fund", "organization"]), TEXT))
def test_each_answer_that_changed_is_told_and_no_other(changed):
    before, after = snapshot(), snapshot(**changed)
    rows = answer_differences(before, after)
    assert {row.name for row in rows} == changed_names(before.answers, after.answers)
    assert all(row.before != row.after for row in rows if row.name != "q_fund")


@given(st.dictionaries(st.sampled_from(["purpose", "compute", "q_fund"]), TEXT))
def test_a_snapshot_differs_from_itself_in_nothing(changed):
    assert answer_differences(snapshot(**changed), snapshot(**changed)) == []


@given(TEXT, TEXT)
def test_the_parts_hold_both_texts(before, after):
    parts = parts_between(before, after)
    assert "".join(part.text for part in parts if part.kind != "ins") == before
    assert "".join(part.text for part in parts if part.kind != "del") == after


def test_it_says_what_a_vote_rests_on():
    rows = answer_differences(snapshot(), snapshot(purpose="Else", compute="None", q_fund="yes"))
    assert {row.label: row.material for row in rows} == {
        "Question": True,
        "Compute": False,
        "Is it funded?": True,
    }


def test_values_read_as_pages_show_them():
    (country,) = answer_differences(snapshot(), snapshot(country="KE"))
    assert (country.before, country.after) == ("Netherlands", "Kenya")


def test_a_question_of_an_older_form_keeps_its_label():
    before, after = snapshot(q_fund="no"), snapshot()
    after.form = None
    (row,) = answer_differences(before, after)
    assert (row.label, row.before, row.after) == ("Is it funded?", "No", "")

"""An answer puts the request back into review and moves its due date by the wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import (
    RequestHasMovedOn,
)
from portal.access.requests.answering import answer_question
from portal.access.review.asking import ask_question
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from tests.factories.access import make_draft, make_request
from tests.factories.catalog import make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(repo, applicant, now):
    access_request = make_request(repo, applicant, now=now)
    ask_question(
        reviewer=make_reviewer(repo), request_id=access_request.pk, text="Which data?", now=now
    )
    return access_request


def test_the_due_date_moves_by_the_wait(asked, applicant, now):
    later = now + timedelta(days=3)
    answer_question(applicant=applicant, request_id=asked.pk, answer="Public data.", now=later)
    asked.refresh_from_db()
    assert asked.state == "in_review"
    assert asked.due_at == now + timedelta(days=14 + 3)
    assert AuditEvent.objects.filter(type="request.question_answered").count() == 1


def test_an_empty_answer_is_no_answer(asked, applicant, now):
    with pytest.raises(FieldErrors):
        answer_question(applicant=applicant, request_id=asked.pk, answer=" ", now=now)
    asked.refresh_from_db()
    assert asked.state == "needs_info"


def test_a_second_answer_says_that_it_has_moved_on(asked, applicant, now):
    answer_question(applicant=applicant, request_id=asked.pk, answer="Public.", now=now)
    with pytest.raises(RequestHasMovedOn):
        answer_question(applicant=applicant, request_id=asked.pk, answer="More.", now=now)


def test_a_draft_has_no_question_to_answer(repo, applicant, now):
    draft = make_draft(repo, applicant)
    with pytest.raises(RequestHasMovedOn):
        answer_question(applicant=applicant, request_id=draft.pk, answer="Yes.", now=now)

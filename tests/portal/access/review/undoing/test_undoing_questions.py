"""A question can be taken back as long as a decision can; its letter then never leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import MailHasLeft, RequestHasMovedOn
from portal.access.grants.pending_actions import pending_actions_of
from portal.access.models import AccessRequest
from portal.access.requests.answering import answer_question
from portal.access.requests.routing import withdraw_request
from portal.access.review.asking import ask_question
from portal.access.review.decisions.undo import undo_decision, undo_last, undo_question
from portal.access.review.timeline import timeline_of
from portal.audit.models import AuditEvent
from portal.errors import Forbidden
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_gate
from tests.factories.reviews import approve

pytestmark = pytest.mark.django_db
NINE, TEN = timedelta(minutes=9), timedelta(minutes=10)
TEXT = "Which checkpoints?"


@pytest.fixture
def question(case, reviewer, now):
    return ask(case, reviewer, now)


def ask(case, reviewer, now, text=TEXT):
    return ask_question(reviewer=reviewer, request_id=case.pk, text=text, now=now)


def undo(case, actor, now):
    return undo_question(actor=actor, request_id=case.pk, now=now)


def letters_sent() -> int:
    return OutboxMessage.objects.filter(kind="question", state="sent").count()


def test_no_letter_leaves_and_the_case_is_as_it_was(case, reviewer, question, now):
    due_at = case.due_at
    deliver_due(now=now + NINE)
    undo(case, reviewer, now + NINE)
    deliver_due(now=now + timedelta(days=1))
    assert letters_sent() == 0
    case.refresh_from_db()
    assert (case.state, case.was_asked, case.due_at) == ("in_review", False, due_at)
    assert AuditEvent.objects.get(type="request.question_undone").actor == reviewer


def test_the_letter_leaves_when_it_can_no_longer_be_undone(case, reviewer, question, now):
    deliver_due(now=now + TEN)
    assert letters_sent() == 1
    with pytest.raises(MailHasLeft, match="letter of this question has left"):
        undo(case, reviewer, now + TEN)


def test_the_applicant_never_hears_of_it_and_the_team_does(case, reviewer, question, now):
    undo(case, reviewer, now + NINE)
    assert TEXT not in str(timeline_of(case, reader=case.applicant, now=now))
    team_timeline = str(timeline_of(case, reader=reviewer, now=now))
    assert TEXT in team_timeline
    assert "undid the question" in team_timeline


def test_another_may_be_asked_after_it(case, reviewer, question, now):
    undo(case, reviewer, now + NINE)
    ask(case, reviewer, now + NINE, "Which compute?")
    later = now + timedelta(days=1)
    deliver_due(now=later)
    assert letters_sent() == 1
    answer_question(applicant=case.applicant, request_id=case.pk, answer="One GPU.", now=later)
    assert case.questions.get(undone_at=None).answer == "One GPU."


def test_who_asked_undoes_and_no_colleague(case, reviewer, question, now):
    with pytest.raises(Forbidden):
        undo(case, make_reviewer(case.repo), now)
    undo(case, make_reviewer(case.repo, role="administrator"), now)


def test_nobody_reads_or_answers_it_before_its_letter_leaves(client, case, question, now):
    with pytest.raises(RequestHasMovedOn, match="In review"):
        answer_question(applicant=case.applicant, request_id=case.pk, answer="All.", now=now + NINE)
    assert TEXT not in str(timeline_of(case, reader=case.applicant, now=now + NINE))
    assert TEXT in str(timeline_of(case, reader=case.applicant, now=now + TEN))
    assert not pending_actions_of(case.applicant, now + NINE)
    assert pending_actions_of(case.applicant, now + TEN)


def test_once_answered_its_letter_is_not_sent(case, question, now):
    """It can be read, and answered, on the page of the request."""
    answer_question(applicant=case.applicant, request_id=case.pk, answer="All.", now=now + TEN)
    deliver_due(now=now + timedelta(days=1))
    assert letters_sent() == 0


def test_who_withdrew_is_asked_nothing(case, question, now):
    withdraw_request(applicant=case.applicant, request_id=case.pk, now=now + NINE)
    deliver_due(now=now + timedelta(days=1))
    assert letters_sent() == 0


def test_without_minutes_to_undo_it_leaves_at_once(case, reviewer, now):
    make_gate(case.repo, undo_minutes=0)
    ask(case, reviewer, now)
    deliver_due(now=now)
    assert letters_sent() == 1


def test_what_was_done_last_is_undone(case, reviewer, now):
    approve(case, reviewer, now)
    undo_last(actor=reviewer, request_id=case.pk, now=now + NINE)
    ask(case, reviewer, now + NINE)
    with pytest.raises(RequestHasMovedOn):
        undo_decision(actor=reviewer, request_id=case.pk, now=now + NINE)
    undo_last(actor=reviewer, request_id=case.pk, now=now + NINE)
    assert case.questions.get().undone_at == now + NINE


def test_the_page_offers_it_with_its_clock(client, case, reviewer):
    client.force_login(reviewer)
    text = client.post(f"/queue/{case.pk}/ask", {"text": TEXT}, follow=True).text
    assert f"{case.reference} asked." in text
    assert f'action="/queue/{case.pk}/undo"' in text
    client.post(f"/queue/{case.pk}/undo")
    assert AccessRequest.objects.get(pk=case.pk).state == "in_review"


def test_where_nothing_waits_the_notice_says_that_the_letter_has_gone(client, case, reviewer):
    make_gate(case.repo, undo_minutes=0)
    client.force_login(reviewer)
    text = client.post(f"/queue/{case.pk}/ask", {"text": TEXT}, follow=True).text
    assert "the letter is on its way" in text


def test_its_applicant_reads_one_time_of_it(case, question, now):
    told_at = now + TEN
    event, *_ = timeline_of(case, reader=case.applicant, now=told_at)
    assert (event.at, question.told_at) == (told_at, told_at)

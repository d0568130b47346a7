"""A question’s deadline: reminders; a lapse that counts from delivered mail; none on a bounce."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.models import AccessRequest, Escalation
from portal.access.reminders.tick import tick
from portal.access.requests.answering import answer_question
from portal.access.review.asking import ask_question
from portal.audit.events import EventType
from portal.catalog.models import TeamMember
from portal.outbox.models import BouncedAddress, OutboxMessage
from tests.factories.access import make_request
from tests.factories.accounts import LONG_AGO
from tests.factories.catalog import make_repo, make_reviewer
from tests.portal.access.reminders.helpers import (
    DAY,
    SECOND,
    deliver,
    events,
    fresh,
    letters,
    recipients,
)

pytestmark = pytest.mark.django_db
State = AccessRequest.State


@pytest.fixture
def asked():
    """Return a request and its question, which waits 30 days for an answer."""
    repo = make_repo()
    reviewer = make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
    case = make_request(repo)
    question = ask_question(
        reviewer=reviewer, request_id=case.pk, text="Which compute?", now=LONG_AGO + DAY
    )
    return fresh(case), question


def remind(question) -> None:
    """Send both reminders, and deliver each at once."""
    for before in (timedelta(days=7), timedelta(days=1)):
        tick(question.deadline_at - before)
        deliver(question.deadline_at - before)


def test_reminders_come_a_week_and_a_day_before(asked):
    case, question = asked
    week = question.deadline_at - timedelta(days=7)
    assert tick(week - SECOND) == {}
    assert tick(week) == {"question_reminder": 1}
    assert tick(week + DAY) == {}
    last = question.deadline_at - DAY
    assert tick(last - SECOND) == {}
    assert tick(last) == {"question_reminder": 1}
    assert recipients("question_reminder") == {case.applicant.username}
    assert "Which compute?" in letters("question_reminder")[0].text
    assert [event.data["days"] for event in events(EventType.REMINDED)] == [7, 1]


def test_a_clock_that_was_away_writes_the_last_one_alone(asked):
    _, question = asked
    assert tick(question.deadline_at + DAY) == {"question_reminder": 1}
    assert tick(question.deadline_at + DAY) == {}
    assert len(letters("question_reminder")) == 1


def test_it_lapses_at_the_deadline_when_the_reminder_arrived_a_day_ago(asked):
    case, question = asked
    remind(question)
    assert tick(question.deadline_at - SECOND) == {}
    assert tick(question.deadline_at) == {"lapse": 1}
    lapsed = fresh(case)
    assert (lapsed.state, lapsed.closed_at) == (State.LAPSED, question.deadline_at)
    assert recipients("lapse") == {case.applicant.username}
    assert len(events(EventType.REQUEST_LAPSED)) == 1
    assert tick(question.deadline_at + DAY) == {}


def test_a_reminder_that_left_late_gives_a_day_from_then(asked):
    _, question = asked
    tick(question.deadline_at - DAY)
    sent = question.deadline_at - timedelta(hours=1)
    deliver(sent)
    assert tick(sent + timedelta(hours=24) - SECOND) == {}
    assert tick(sent + timedelta(hours=24)) == {"lapse": 1}


def test_while_the_reminder_is_on_its_way_nothing_lapses(asked):
    case, question = asked
    tick(question.deadline_at - DAY)
    assert tick(question.deadline_at + timedelta(days=30)) == {}
    assert fresh(case).state == State.NEEDS_INFO


@pytest.mark.parametrize("how", ["bounced", "failed", "address"])
def test_a_letter_that_came_back_lapses_nothing_and_the_team_is_told(asked, how):
    case, question = asked
    remind(question)
    last = letters("question_reminder")[-1]
    if how == "address":
        BouncedAddress.objects.create(
            address=last.address.lower(), reason="550 no such user", at=question.deadline_at
        )
    else:
        OutboxMessage.objects.filter(pk=last.pk).update(state=how)
    assert tick(question.deadline_at) == {"unreachable": 1}
    assert fresh(case).state == State.NEEDS_INFO
    assert Escalation.objects.get(request=case).reason == Escalation.Reason.BOUNCED
    assert recipients("unreachable")
    assert tick(question.deadline_at + timedelta(days=90)) == {}
    assert fresh(case).state == State.NEEDS_INFO


def test_once_the_address_takes_mail_again_it_may_lapse(asked):
    case, question = asked
    remind(question)
    bounced = BouncedAddress.objects.create(
        address=letters("question_reminder")[-1].address, reason="550", at=question.deadline_at
    )
    tick(question.deadline_at)
    bounced.cleared_at = question.deadline_at + DAY
    bounced.save()
    assert tick(question.deadline_at + DAY) == {"lapse": 1}
    assert fresh(case).state == State.LAPSED


def test_an_answer_stops_it_and_moves_the_due_date_by_the_wait(asked):
    case, question = asked
    remind(question)
    answered = question.deadline_at - SECOND
    answer_question(
        applicant=case.applicant, request_id=case.pk, answer="Eight GPUs.", now=answered
    )
    assert fresh(case).due_at == case.due_at + (answered - question.asked_at)
    assert tick(question.deadline_at + DAY) == {}
    assert fresh(case).state == State.IN_REVIEW


def test_while_the_applicant_is_asked_the_due_date_passes_without_blame(asked):
    case, _ = asked
    assert tick(case.due_at + SECOND) == {}
    assert letters("overdue") == []

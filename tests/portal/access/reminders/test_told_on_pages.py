"""The history of a request shows both sides what the timers did."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.models import AccessRequest, Escalation
from portal.access.reminders.tick import tick
from portal.access.review.timeline import timeline_of
from tests.factories.access import make_request
from tests.factories.catalog import make_repo, make_reviewer
from tests.portal.access.reminders.helpers import fresh

pytestmark = pytest.mark.django_db
State = AccessRequest.State


def titles(case, reader):
    return [event.title for event in timeline_of(fresh(case), reader=reader, now=timezone.now())]


def test_a_late_answer_is_told_to_both():
    repo = make_repo()
    reviewer, case = make_reviewer(repo), make_request(repo)
    tick(case.due_at)
    tick(case.due_at + timedelta(days=7))
    for reader in (case.applicant, reviewer):
        assert titles(case, reader).count("The answer is late") == 2


def test_an_applicant_who_is_not_reached_reads_it_on_the_page():
    case = make_request(make_repo())
    case.escalations.create(level=1, reason=Escalation.Reason.BOUNCED, escalated_at=case.due_at)
    assert "Your address takes no mail" in titles(case, case.applicant)


def test_a_lapse_says_that_it_can_be_taken_up_again():
    case = make_request(make_repo())
    AccessRequest.objects.filter(pk=case.pk).update(state=State.LAPSED, closed_at=case.due_at)
    assert "The request lapsed" in titles(case, case.applicant)

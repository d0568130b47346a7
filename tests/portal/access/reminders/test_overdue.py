"""A late answer is never quiet: who sees to it, who is told, to the second."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connections, transaction

from portal.access.models import AccessRequest, Escalation
from portal.access.reminders import tick as timing
from portal.access.reminders.tick import tick
from portal.access.requests.routing import withdraw_request
from portal.audit.events import EventType
from portal.catalog.models import TeamMember
from tests.factories.access import make_request
from tests.factories.accounts import LONG_AGO, make_lab, make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.portal.access.reminders.helpers import DAY, SECOND, events, fresh, letters, recipients

pytestmark = pytest.mark.django_db


@pytest.fixture
def gate():
    """Return a repo that has two reviewers, with its owner and its administrator."""
    owner = make_user("the-owner")
    repo = make_repo(namespace=make_lab(publisher=owner))
    administrator = make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
    make_reviewer(repo)
    return repo, owner, administrator


def test_nothing_happens_a_second_before(gate):
    case = make_request(gate[0])
    assert tick(case.due_at - SECOND) == {}
    assert letters("overdue", "overdue_team") == []


def test_at_its_due_date_the_administrators_have_it_and_the_applicant_knows(gate):
    repo, _, administrator = gate
    case = make_request(repo)
    assert tick(case.due_at) == {"overdue": 1}
    escalation = Escalation.objects.get(request=case)
    assert (escalation.level, escalation.reason) == (1, Escalation.Reason.OVERDUE)
    assert fresh(case).escalation_level == 1
    assert recipients("overdue") == {case.applicant.username}
    assert recipients("overdue_team") == {administrator.username}
    assert "late" in letters("overdue")[0].subject
    assert events(EventType.REQUEST_OVERDUE)[0].data == {"level": 1}


def test_whoever_has_the_case_is_told_too(gate):
    repo, _, administrator = gate
    case, assignee = make_request(repo), make_reviewer(repo)
    case.assignments.create(reviewer=assignee, assigned_by=assignee, assigned_at=LONG_AGO)
    tick(case.due_at)
    assert recipients("overdue_team") == {administrator.username, assignee.username}


def test_a_team_without_administrators_leaves_it_to_the_owners():
    owner = make_user("the-owner")
    case = make_request(make_repo(namespace=make_lab(publisher=owner)))
    tick(case.due_at)
    assert "the-owner" in recipients("overdue_team")


def test_a_week_later_the_owners_have_it(gate):
    repo, owner, _ = gate
    case = make_request(repo)
    tick(case.due_at)
    week = case.due_at + timedelta(days=7)
    assert tick(week - SECOND) == {}
    assert tick(week) == {"still_overdue": 1}
    assert fresh(case).escalation_level == 2
    assert owner.username in recipients("overdue_owners")
    assert recipients("overdue_again") == {case.applicant.username}
    assert AccessRequest.objects.readable_by(owner).filter(pk=case.pk).exists()


def test_a_second_tick_changes_nothing(gate):
    case = make_request(gate[0])
    tick(case.due_at)
    count = len(letters("overdue", "overdue_team"))
    assert tick(case.due_at) == tick(case.due_at + SECOND) == {}
    assert len(letters("overdue", "overdue_team")) == count


def test_a_due_date_that_moved_is_counted_anew(gate):
    case = make_request(gate[0])
    tick(case.due_at)
    later = case.due_at + timedelta(days=20)
    AccessRequest.objects.filter(pk=case.pk).update(due_at=later)
    assert tick(later - SECOND) == {}
    assert tick(later) == {"overdue": 1}
    assert len(letters("overdue")) == 2


def test_an_extra_check_is_no_hiding_place(gate):
    case = make_request(gate[0])
    AccessRequest.objects.filter(pk=case.pk).update(state=AccessRequest.State.HELD)
    assert tick(case.due_at) == {"overdue": 1}


def test_what_is_closed_or_waits_for_the_applicant_isnt_late(gate):
    case = make_request(gate[0])
    withdraw_request(applicant=case.applicant, request_id=case.pk, now=LONG_AGO + DAY)
    assert tick(case.due_at + DAY) == {}


def test_after_a_long_absence_both_levels_still_come_one_after_the_other(gate):
    case = make_request(gate[0])
    late = case.due_at + timedelta(days=30)
    assert tick(late) == {"overdue": 1}
    assert tick(late + timedelta(days=7)) == {"still_overdue": 1}


def test_a_tick_takes_a_bounded_batch_and_leaves_the_rest(gate, monkeypatch):
    monkeypatch.setattr(timing, "BATCH", 2)
    cases = [make_request(gate[0]) for _ in range(3)]
    assert tick(cases[0].due_at) == {"overdue": 2}
    assert tick(cases[0].due_at) == {"overdue": 1}


def test_one_row_that_fails_holds_up_no_other(gate, monkeypatch):
    first, second = make_request(gate[0]), make_request(gate[0])
    overdue = timing.TIMERS["overdue"]

    def fails_once(case, now):
        if case.pk == first.pk:
            raise RuntimeError("a fault of ours")
        return overdue.act(case, now)

    monkeypatch.setitem(timing.TIMERS, "overdue", replace(overdue, act=fails_once))
    assert tick(first.due_at) == {"overdue": 1}
    assert fresh(second).escalation_level == 1


@pytest.mark.django_db(transaction=True)
def test_while_one_process_ticks_another_passes(gate):
    case = make_request(gate[0])
    another_process = connections["default"].copy()
    try:
        with transaction.atomic(), another_process.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [timing.TICK_LOCK])
            assert tick(case.due_at) == {}
            cursor.execute("SELECT pg_advisory_unlock(%s)", [timing.TICK_LOCK])
    finally:
        another_process.close()
    assert tick(case.due_at) == {"overdue": 1}


@pytest.mark.django_db(transaction=True)
def test_a_row_in_somebodys_hands_waits_for_the_next_minute(gate):
    case = make_request(gate[0])
    another_process = connections["default"].copy()
    another_process.set_autocommit(False)
    try:
        with another_process.cursor() as cursor:
            cursor.execute("SELECT 1 FROM access_accessrequest WHERE id = %s FOR UPDATE", [case.pk])
            assert tick(case.due_at) == {}
    finally:
        another_process.rollback()
        another_process.close()
    assert tick(case.due_at) == {"overdue": 1}

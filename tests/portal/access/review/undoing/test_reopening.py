"""A reopened request is reviewed anew, and what was granted on it ends with notice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import (
    AnswersRemoved,
    ConflictOfInterest,
    RequestHasMovedOn,
    RequestNotFound,
)
from portal.access.models import AccessRequest, Grant
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.access.reporting.retention import erase_answers
from portal.access.requests.answering import answer_question
from portal.access.review.asking import ask_question
from portal.access.review.decisions.undo import reopen_request
from portal.access.review.decisions.undoable import undoable_by
from portal.access.review.notes import declare_conflict
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from portal.errors import Conflict, FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_request
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_gate, make_renewal
from tests.factories.reviews import approve, decline

pytestmark = pytest.mark.django_db
TEN = timedelta(minutes=10)


def reopen(case, actor, now, reason="New facts."):
    return reopen_request(actor=actor, request_id=case.pk, reason=reason, now=now)


def test_the_access_ends_with_notice_and_the_case_is_new(case, reviewer, head, now):
    approve(case, reviewer, now)
    later = now + timedelta(days=5)
    reopen(case, head, later)
    case.refresh_from_db()
    assert (case.state, case.closed_at) == ("in_review", None)
    assert case.due_at == later + timedelta(days=case.repo.decision_days)
    assert Grant.objects.get().revoked_by == head
    letter = OutboxMessage.objects.get(kind="reopened").text
    assert "New facts." in letter
    assert "has ended" in letter
    assert head.name not in letter
    assert AuditEvent.objects.get(type="request.reopened").actor == head


def test_its_decision_is_offered_to_nobody_for_undoing(case, reviewer, head, now):
    decline(case, reviewer, now)
    assert undoable_by(reviewer, now).access_request == case
    reopen(case, head, now)
    assert undoable_by(reviewer, now) is None
    decline(case, head, now)
    assert undoable_by(reviewer, now) is None
    assert undoable_by(head, now).access_request == case


def test_it_needs_a_reason(case, reviewer, head, now):
    decline(case, reviewer, now)
    with pytest.raises(FieldErrors):
        reopen(case, head, now, reason=" ")


def test_not_by_a_reviewer_nor_twice_nor_past_a_conflict(case, reviewer, head, now):
    conflicted = make_reviewer(case.repo, role=TeamMember.Role.ADMINISTRATOR)
    declare_conflict(
        reviewer=conflicted, request_id=case.pk, has_conflict=True, statement="Kin.", now=now
    )
    decline(case, reviewer, now)
    with pytest.raises(RequestNotFound):
        reopen(case, reviewer, now)
    with pytest.raises(ConflictOfInterest):
        reopen(case, conflicted, now)
    reopen(case, head, now)
    with pytest.raises(RequestHasMovedOn):
        reopen(case, head, now)


def test_it_is_no_way_around_two_people(case, reviewer, head, now):
    make_gate(case.repo, two_person_revocation=True)
    approve(case, reviewer, now)
    with pytest.raises(Conflict, match="two people"):
        reopen(case, head, now + TEN)
    assert not Grant.objects.get().revoked_at


def test_what_renewed_the_grant_ends_with_it(case, reviewer, head, now):
    grant = approve(case, reviewer, now - timedelta(days=40), expires_at=now)
    make_renewal(grant, now=now - timedelta(days=1))
    assert may(case.applicant, Action.DOWNLOAD, case.repo, now).allowed
    reopen(case, head, now)
    assert not may(case.applicant, Action.DOWNLOAD, case.repo, now).allowed
    assert "has ended" in OutboxMessage.objects.get(kind="reopened").text


def test_nor_around_them_for_what_was_renewed(case, reviewer, head, now):
    make_gate(case.repo, two_person_revocation=True)
    grant = approve(case, reviewer, now - timedelta(days=40), expires_at=now)
    make_renewal(grant, now=now - timedelta(days=1))
    with pytest.raises(Conflict, match="two people"):
        reopen(case, head, now)
    assert may(case.applicant, Action.DOWNLOAD, case.repo, now).allowed


def test_a_lapsed_one_can_be_asked_about_again(case, reviewer, head, now):
    ask_question(reviewer=reviewer, request_id=case.pk, text="Where?", now=now)
    AccessRequest.objects.filter(pk=case.pk).update(state="lapsed", closed_at=now)
    reopen(case, head, now)
    ask_question(reviewer=reviewer, request_id=case.pk, text="And by whom?", now=now)
    later = now + TEN
    answer_question(applicant=case.applicant, request_id=case.pk, answer="By us alone.", now=later)
    assert case.questions.get(answer="By us alone.").text == "And by whom?"


def test_after_it_one_decides_anew(case, reviewer, head, now):
    decline(case, reviewer, now)
    reopen(case, head, now)
    assert approve(case, reviewer, now)


def test_without_its_answers_a_request_is_not_reopened_and_what_to_do_is_said(now):
    repo = make_repo()
    head = make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
    case = make_request(repo, now=now)
    decline(case, head, now)
    erase_answers(now + timedelta(days=365))

    with pytest.raises(AnswersRemoved, match="A new request") as refused:
        reopen_request(
            actor=head, request_id=case.pk, reason="Anew.", now=now + timedelta(days=366)
        )

    assert int(refused.value.status) == 409
    case.refresh_from_db()
    assert case.state == "declined"
    assert not AuditEvent.objects.filter(type="request.reopened").exists()

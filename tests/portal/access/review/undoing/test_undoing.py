"""An undone decision sends no letter and leaves nothing but its record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from portal.access.errors import (
    ConflictOfInterest,
    GrantNotFound,
    MailHasLeft,
    NewerRequest,
    RequestHasMovedOn,
    RequestNotFound,
)
from portal.access.models import Grant, Review
from portal.access.policy.conditions import Conditions
from portal.access.policy.permissions import Action, Reason
from portal.access.policy.policy import may
from portal.access.requests.drafts import start_draft
from portal.access.review.decisions.undo import undo_decision
from portal.access.review.timeline import timeline_of
from portal.audit.models import AuditEvent
from portal.errors import Forbidden
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from tests.factories.accounts import make_user
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_gate, make_renewal
from tests.factories.reviews import approve, decline

pytestmark = pytest.mark.django_db
NINE = timedelta(minutes=9)
TEN = timedelta(minutes=10)


def undo(case, actor, now):
    return undo_decision(actor=actor, request_id=case.pk, now=now)


def test_the_offer_of_an_undone_decision_was_never_there(client, case, reviewer, now):
    grant = approve(case, reviewer, now, conditions=Conditions(no_logits=True))
    undo(case, reviewer, now + NINE)
    client.force_login(case.applicant)
    assert client.get(f"/grants/{grant.pk}/offer").status_code == 404


def sent(kind: str) -> int:
    return OutboxMessage.objects.filter(kind=kind, state="sent").count()


@pytest.mark.parametrize("decide", [approve, decline])
class TestUndoing:
    def test_no_letter_leaves_and_nothing_stands(self, case, reviewer, now, decide, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        due_at = case.due_at
        decide(case, reviewer, now)
        deliver_due(now=now + NINE)
        undo(case, reviewer, now + NINE)
        deliver_due(now=now + timedelta(days=1))
        assert not sent("approval")
        assert not sent("decline")
        assert not [letter for letter in mail.outbox if "access is open" in letter.subject]
        case.refresh_from_db()
        assert (case.state, case.due_at, case.closed_at) == ("in_review", due_at, None)
        assert not Grant.objects.to(case.applicant, case.repo).active_at(now + NINE).exists()

    def test_it_is_recorded_and_the_vote_is_void(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        undo(case, reviewer, now + NINE)
        assert AuditEvent.objects.get(type="request.decision_undone").actor == reviewer
        assert not Review.objects.filter(voided_at=None).exists()

    def test_once_the_letter_has_left_it_is_too_late(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        with pytest.raises(MailHasLeft, match="letter of this decision has left"):
            undo(case, reviewer, now + TEN)
        assert deliver_due(now=now + TEN)

    def test_a_letter_that_left_early_counts(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        deliver_due(now=now + TEN)  # by a worker whose clock goes before ours
        with pytest.raises(MailHasLeft):
            undo(case, reviewer, now + NINE)
        case.refresh_from_db()
        assert case.state != "in_review"

    def test_once_only(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        undo(case, reviewer, now)
        with pytest.raises(RequestHasMovedOn):
            undo(case, reviewer, now)

    def test_by_who_decided_or_an_administrator(self, case, reviewer, head, now, decide):
        decide(case, reviewer, now)
        with pytest.raises(Forbidden, match="Only who decided"):
            undo(case, make_reviewer(case.repo), now)
        with pytest.raises(RequestNotFound):
            undo(case, make_user(), now)
        with pytest.raises(ConflictOfInterest):
            undo(case, case.applicant, now)
        undo(case, head, now)

    def test_it_can_be_decided_anew_and_that_letter_leaves(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        undo(case, reviewer, now)
        approve(case, reviewer, now)
        deliver_due(now=now + TEN)
        assert sent("approval") == 1

    def test_the_applicant_is_told_nothing_of_it(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        undo(case, reviewer, now)
        case.refresh_from_db()
        titles = [event.title for event in timeline_of(case, reader=case.applicant, now=now)]
        assert titles == ["You signed and submitted"]
        assert "You undid the decision" in [
            event.title for event in timeline_of(case, reader=reviewer, now=now)
        ]


def test_nobody_renews_a_grant_meanwhile(case, reviewer, now):
    grant = approve(case, reviewer, now, expires_at=now + timedelta(days=20))
    with pytest.raises(GrantNotFound):
        make_renewal(grant, now + NINE)
    undo(case, reviewer, now + NINE)
    later = now + timedelta(days=21)
    assert not may(case.applicant, Action.DOWNLOAD, case.repo, later).allowed


def test_without_a_waiting_time_mail_leaves_at_once(case, reviewer, now):
    make_gate(case.repo, undo_minutes=0)
    approve(case, reviewer, now)
    deliver_due(now=now)
    assert sent("approval") == 1
    with pytest.raises(MailHasLeft):
        undo(case, reviewer, now)


def test_a_decline_is_not_undone_under_a_new_request(case, reviewer, now):
    decline(case, reviewer, now)
    # In a process whose clock goes before ours, they know of it already.
    start_draft(applicant=case.applicant, repo_id=case.repo_id, now=now + TEN)
    with pytest.raises(NewerRequest):
        undo(case, reviewer, now)
    case.refresh_from_db()
    assert case.state == "declined"
    assert OutboxMessage.objects.filter(kind="decline", state="queued").exists()


def test_who_was_approved_by_mistake_and_declined_after_is_told_of_the_decline(case, reviewer, now):
    approve(case, reviewer, now)
    undo(case, reviewer, now)
    decline(case, reviewer, now)
    told_at = now + TEN
    assert may(case.applicant, Action.DOWNLOAD, case.repo, told_at).reason == Reason.DECLINED

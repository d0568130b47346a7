"""While the team may undo a decision, applicants act on the state that they see."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.errors import RequestHasMovedOn
from portal.access.models import AccessRequest, Grant, Review
from portal.access.review.asking import ask_question
from portal.access.review.decisions.applicant_acts import correct_as_shown, withdraw_as_shown
from portal.access.review.timeline import timeline_of
from portal.audit.models import AuditEvent
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from portal.site.archives.my_data import tables_of
from tests.factories.catalog import make_reviewer
from tests.factories.reviews import approve, decline

pytestmark = pytest.mark.django_db
NINE, TEN = timedelta(minutes=9), timedelta(minutes=10)
ANOTHER = {"purpose": "Another purpose, with another end, told at some length here."}


def ask(case, reviewer, now):
    return ask_question(reviewer=reviewer, request_id=case.pk, text="Which data?", now=now)


def mailed(case: AccessRequest) -> set[str]:
    letters = OutboxMessage.objects.filter(recipient=case.applicant, state="sent")
    return set(letters.values_list("kind", flat=True))


@pytest.mark.parametrize("decide", [approve, decline, ask])
class TestWhatIsUntoldIsUndone:
    def test_they_withdraw_and_hear_of_nothing_else(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        withdraw_as_shown(applicant=case.applicant, request_id=case.pk, now=now + NINE)
        case.refresh_from_db()
        assert case.state == "withdrawn"
        assert not Grant.objects.told(now + TEN).exists()
        deliver_due(now=now + timedelta(days=1))
        assert mailed(case) == {"receipt", "withdrawal"}
        undone = AuditEvent.objects.get(type__in=UNDONE)
        assert undone.data["undone_for"] == "withdraw"
        record = dict(tables_of(case.applicant, now + timedelta(days=1)))["record"]
        types = [event["type"] for event in record]
        assert "request.withdrawn" in types
        assert not {*UNDONE, "grant.revoked"} & set(types)
        events = timeline_of(case, reader=reviewer, now=now + TEN)
        assert any(event.title.startswith("The applicant’s own act undid") for event in events)

    def test_they_correct_it_and_it_is_reviewed_again(self, client, case, reviewer, decide):
        decide(case, reviewer, timezone.now())
        client.force_login(case.applicant)
        address = f"/api/v1/requests/{case.pk}/correct/"
        sent = client.post(address, {"changes": ANOTHER}, content_type="application/json")
        assert sent.status_code == 200, sent.text
        assert sent.json()["answers"]["purpose"] == ANOTHER["purpose"]
        case.refresh_from_db()
        assert case.state == "in_review"
        assert not Review.objects.filter(voided_at=None).exists()
        told = OutboxMessage.objects.filter(recipient=reviewer, kind="team_vote_voided")
        assert told.count() == (0 if decide is ask else 1)

    def test_a_correction_of_nothing_undoes_nothing(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        correct_as_shown(applicant=case.applicant, request_id=case.pk, changes={}, now=now + NINE)
        assert not AuditEvent.objects.filter(type__in=UNDONE).exists()

    def test_what_they_have_been_told_stands(self, case, reviewer, now, decide):
        decide(case, reviewer, now)
        them = {"applicant": case.applicant, "request_id": case.pk, "now": now + TEN}
        with pytest.raises(RequestHasMovedOn):
            correct_as_shown(changes=ANOTHER, **them)
        assert not AuditEvent.objects.filter(type__in=UNDONE).exists()


UNDONE = ("request.decision_undone", "request.question_undone")


@pytest.mark.parametrize("decide", [approve, decline])
def test_a_letter_that_left_early_is_not_taken_back(case, reviewer, now, decide):
    decide(case, reviewer, now)
    OutboxMessage.objects.filter(recipient=case.applicant).update(state="sent", sent_at=now)
    with pytest.raises(RequestHasMovedOn, match=r"pproved|eclined"):
        withdraw_as_shown(applicant=case.applicant, request_id=case.pk, now=now + NINE)
    case.refresh_from_db()
    assert case.state in ("approved", "declined")


def test_the_page_takes_a_correction_that_was_typed_meanwhile(client, case, reviewer):
    make_reviewer(case.repo)
    decline(case, reviewer, timezone.now())
    client.force_login(case.applicant)
    assert client.get(f"/requests/{case.pk}/correct").status_code == 200
    assert client.post(f"/requests/{case.pk}/withdraw").status_code == 302
    case.refresh_from_db()
    assert case.state == "withdrawn"

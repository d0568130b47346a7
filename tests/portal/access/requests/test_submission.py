"""A submission freezes the answers and a signature, names what is missing, and can be withdrawn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.applicant.submission import submit_request
from portal.access.errors import (
    EmailNotVerified,
    LicenceChanged,
    NotSigned,
    RequestHasMovedOn,
)
from portal.access.models import Acceptance, Submission
from portal.access.requests.routing import withdraw_request
from portal.access.review.asking import ask_question
from portal.audit.heads import Head
from portal.audit.models import AuditEvent, ChainHead
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_draft, make_grant, make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_licence, make_reviewer

pytestmark = pytest.mark.django_db


def submit(draft, now, **changed):
    person = draft.applicant
    signature = make_signature(person, draft.repo, now=now, **changed)
    return submit_request(applicant=person, request_id=draft.pk, signatures=[signature], now=now)


def test_it_freezes_the_answers_and_the_signature(repo, applicant, now):
    access_request = submit(make_draft(repo, applicant), now)
    snapshot = Submission.objects.get(request=access_request)
    assert snapshot.answers["purpose"].startswith("We study")
    assert snapshot.acceptance.text_sha256 == make_licence().sha256
    assert snapshot.acceptance.ip == "192.0.2.17"
    assert (access_request.submitted_at, access_request.due_at) == (now, now + timedelta(days=14))


def test_the_applicant_gets_a_receipt_with_reference_and_due_date(repo, applicant, now):
    access_request = submit(make_draft(repo, applicant), now)
    receipt = OutboxMessage.objects.get(kind="receipt")
    assert receipt.recipient == applicant
    assert access_request.reference in receipt.subject
    assert "Monday 7 December 2026" in " ".join(receipt.text.split())


def test_it_is_recorded_with_the_text_that_was_signed(repo, applicant, now):
    submit(make_draft(repo, applicant), now)
    event = AuditEvent.objects.get(type="request.submitted")
    assert event.data["licence_sha256"] == make_licence().sha256
    assert AuditEvent.objects.filter(type="licence.signed").count() == 1


@pytest.mark.parametrize(
    "field", ["organization", "country", "sector", "purpose", "outputs", "modes", "compute"]
)
def test_each_missing_answer_is_named(repo, applicant, now, field):
    draft = make_draft(repo, applicant, **{field: ""})
    with pytest.raises(FieldErrors) as refused:
        submit(draft, now)
    assert list(refused.value.errors) == [f"answers.{field}"]
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_the_receipt_bears_the_newest_published_head(repo, applicant, now):
    before = make_request(repo, now=now)
    head = Head(now.date() - timedelta(days=1), 7, "ab" * 32)
    ChainHead.objects.create(day=head.day, sequence=head.sequence, hash=head.hash, published_at=now)
    access_request = submit(make_draft(repo, applicant), now)
    letters = OutboxMessage.objects.filter(kind="receipt")
    assert head.words in letters.get(recipient=access_request.applicant).text
    assert "Record head" not in letters.get(recipient=before.applicant).text


def test_the_event_says_how_it_was_screened(repo, applicant, now):
    submit(make_draft(repo, applicant), now)
    data = AuditEvent.objects.get(type="request.submitted").data
    assert (data["snapshot"], data["screening"]) == (1, "clear")
    assert len(data["list_version"]) == 64


def test_an_answer_that_is_too_long_is_named(repo, applicant, now):
    with pytest.raises(FieldErrors) as refused:
        submit(make_draft(repo, applicant, organization="x" * 201), now)
    assert "200 characters" in refused.value.errors["answers.organization"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("country", "XX"),
        ("country", ["NL"]),
        ("sector", "pirates"),
        ("sector", ["academia"]),
        ("purpose", "  "),
    ],
)
def test_an_answer_that_means_nothing_is_named(repo, applicant, now, field, value):
    with pytest.raises(FieldErrors) as refused:
        submit(make_draft(repo, applicant, **{field: value}), now)
    assert list(refused.value.errors) == [f"answers.{field}"]


def test_the_snapshot_holds_the_answers_alone(repo, applicant, now):
    draft = make_draft(repo, applicant, signature={"typed_name": "A"})
    assert "signature" not in submit(draft, now).submissions.get().answers


def test_a_mode_that_is_not_offered_is_named(repo, applicant, now):
    with pytest.raises(FieldErrors) as refused:
        submit(make_draft(repo, applicant, modes=["download", "everything"]), now)
    assert "answers.modes" in refused.value.errors


def test_an_unproved_address_keeps_the_draft(repo, now):
    draft = make_draft(repo, make_user(verified=False))
    with pytest.raises(EmailNotVerified):
        submit(draft, now)
    draft.refresh_from_db()
    assert draft.state == "draft"
    assert not Acceptance.objects.exists()


def test_without_a_signature_it_does_not_go(repo, applicant, now):
    draft = make_draft(repo, applicant)
    with pytest.raises(NotSigned):
        submit_request(applicant=applicant, request_id=draft.pk, signatures=[], now=now)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"typed_name": "Somebody Else"}, "typed_name"),
        ({"typed_name": ""}, "typed_name"),
        ({"capacity": "ghost"}, "capacity"),
        ({"capacity": "entity"}, "entity"),
        ({"attestations": frozenset({"noncommercial"})}, "attestations.no_military"),
    ],
)
def test_what_the_signature_lacks_is_named(repo, applicant, now, changed, field):
    draft = make_draft(repo, applicant)
    with pytest.raises(FieldErrors) as refused:
        submit(draft, now, **changed)
    assert list(refused.value.errors) == [f"signatures.0.{field}"]
    assert not Acceptance.objects.exists()


def test_a_newer_licence_must_be_read_first(repo, applicant, now):
    draft = make_draft(repo, applicant)
    signature = make_signature(applicant, repo, now=now)
    make_licence(version="2.0", text="You may study it twice.", now=now)
    with pytest.raises(LicenceChanged):
        submit_request(applicant=applicant, request_id=draft.pk, signatures=[signature], now=now)


def test_the_name_may_be_typed_in_any_case(repo, applicant, now):
    typed = applicant.display_name.upper()
    assert submit(make_draft(repo, applicant), now, typed_name=typed).state == "in_review"


def test_the_second_time_says_that_it_has_moved_on(repo, applicant, now):
    access_request = submit(make_draft(repo, applicant), now)
    with pytest.raises(RequestHasMovedOn):
        submit(access_request, now)
    assert Submission.objects.count() == 1


def test_what_awaits_an_answer_is_not_submitted_again(repo, applicant, now):
    access_request = make_request(repo, applicant, now=now)
    ask_question(reviewer=make_reviewer(repo), request_id=access_request.pk, text="Why?", now=now)
    with pytest.raises(RequestHasMovedOn):
        submit(access_request, now)


def test_it_ends_the_request_with_a_letter_and_an_event(repo, applicant, now):
    access_request = make_request(repo, applicant)
    withdraw_request(applicant=applicant, request_id=access_request.pk, now=now)
    access_request.refresh_from_db()
    assert (access_request.state, access_request.closed_at) == ("withdrawn", now)
    assert OutboxMessage.objects.filter(kind="withdrawal").exists()
    assert AuditEvent.objects.filter(type="request.withdrawn").exists()


def test_a_decided_request_stays_decided(repo, applicant, now):
    access_request = make_grant(repo, applicant).decision.request
    with pytest.raises(RequestHasMovedOn):
        withdraw_request(applicant=applicant, request_id=access_request.pk, now=now)

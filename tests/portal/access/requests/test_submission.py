"""Asking for access: drafts are kept, what is missing is named, and a signature names a text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from portal.access.errors import (
    AlreadyGranted,
    EmailNotVerified,
    LicenceChanged,
    NotSigned,
    RequestHasMovedOn,
    RequestNotFound,
)
from portal.access.models import Acceptance, AccessRequest, Submission
from portal.access.requests.answering import answer_question
from portal.access.requests.drafts import discard_draft, save_draft, start_draft
from portal.access.requests.submission import submit_request, withdraw_request
from portal.access.review.asking import ask_question
from portal.audit.heads import Head
from portal.audit.models import AuditEvent, ChainHead
from portal.errors import Conflict, FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_draft, make_grant, make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_licence, make_repo, make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo():
    return make_repo()


@pytest.fixture
def applicant():
    return make_user()


class TestDraft:
    def test_there_is_one_per_person_and_repo(self, repo, applicant, now):
        first = start_draft(applicant=applicant, repo_id=repo.pk, now=now)
        assert start_draft(applicant=applicant, repo_id=repo.pk, now=now) == first
        assert start_draft(applicant=make_user(), repo_id=repo.pk, now=now) != first

    def test_what_was_typed_is_kept_right_or_wrong(self, repo, applicant, now):
        draft = start_draft(applicant=applicant, repo_id=repo.pk, now=now)
        save_draft(applicant=applicant, request_id=draft.pk, answers={"purpose": "x"}, now=now)
        save_draft(applicant=applicant, request_id=draft.pk, answers={"country": "??"}, now=now)
        draft.refresh_from_db()
        assert draft.draft["purpose"] == "x"
        assert draft.draft["country"] == "??"

    def test_it_starts_from_the_answers_of_the_request_before(self, repo, applicant, now):
        withdraw_request(applicant=applicant, request_id=make_request(repo, applicant).pk, now=now)
        again = start_draft(applicant=applicant, repo_id=repo.pk, now=now)
        assert again.draft["organization"] == "Example University"

    def test_who_has_access_needs_none(self, repo, applicant, now):
        make_grant(repo, applicant)
        with pytest.raises(AlreadyGranted):
            start_draft(applicant=applicant, repo_id=repo.pk, now=now)

    def test_an_open_model_takes_none(self, applicant, now):
        open_repo = make_repo(gate="open")
        with pytest.raises(Conflict, match="needs no request"):
            start_draft(applicant=applicant, repo_id=open_repo.pk, now=now)

    def test_another_persons_draft_is_not_there(self, repo, applicant, now):
        draft = make_draft(repo, applicant)
        with pytest.raises(RequestNotFound):
            save_draft(applicant=make_user(), request_id=draft.pk, answers={}, now=now)

    def test_it_can_be_thrown_away(self, repo, applicant, now):
        discard_draft(applicant=applicant, request_id=make_draft(repo, applicant).pk, now=now)
        assert not AccessRequest.objects.exists()

    def test_a_submitted_request_is_neither_changed_nor_thrown_away(self, repo, applicant, now):
        request = make_request(repo, applicant)
        with pytest.raises(Conflict):
            save_draft(applicant=applicant, request_id=request.pk, answers={}, now=now)
        with pytest.raises(Conflict):
            discard_draft(applicant=applicant, request_id=request.pk, now=now)


@pytest.mark.django_db(transaction=True)
def test_two_tabs_make_one_draft(now):
    repo, applicant = make_repo(), make_user()

    def start(_: int) -> int:
        try:
            return start_draft(applicant=applicant, repo_id=repo.pk, now=now).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(start, range(8)))) == 1


def submit(draft, now, **changed):
    person = draft.applicant
    signature = make_signature(person, draft.repo, now=now, **changed)
    return submit_request(applicant=person, request_id=draft.pk, signature=signature, now=now)


class TestSubmitting:
    def test_it_freezes_the_answers_and_the_signature(self, repo, applicant, now):
        request = submit(make_draft(repo, applicant), now)
        snapshot = Submission.objects.get(request=request)
        assert snapshot.answers["purpose"].startswith("We study")
        assert snapshot.acceptance.text_sha256 == make_licence().sha256
        assert snapshot.acceptance.ip == "192.0.2.17"
        assert (request.submitted_at, request.due_at) == (now, now + timedelta(days=14))

    def test_the_applicant_gets_a_receipt_with_reference_and_due_date(self, repo, applicant, now):
        request = submit(make_draft(repo, applicant), now)
        receipt = OutboxMessage.objects.get(kind="receipt")
        assert receipt.recipient == applicant
        assert request.reference in receipt.subject
        assert "Monday 7 December 2026" in " ".join(receipt.text.split())

    def test_it_is_recorded_with_the_text_that_was_signed(self, repo, applicant, now):
        submit(make_draft(repo, applicant), now)
        event = AuditEvent.objects.get(type="request.submitted")
        assert event.data["licence_sha256"] == make_licence().sha256
        assert AuditEvent.objects.filter(type="licence.signed").count() == 1

    @pytest.mark.parametrize(
        "field", ["organization", "country", "sector", "purpose", "outputs", "modes", "compute"]
    )
    def test_each_missing_answer_is_named(self, repo, applicant, now, field):
        draft = make_draft(repo, applicant, **{field: ""})
        with pytest.raises(FieldErrors) as refused:
            submit(draft, now)
        assert list(refused.value.errors) == [f"answers.{field}"]
        draft.refresh_from_db()
        assert draft.state == "draft"

    def test_the_receipt_bears_the_newest_published_head(self, repo, applicant, now):
        before = make_request(repo, now=now)
        head = Head(now.date() - timedelta(days=1), 7, "ab" * 32)
        ChainHead.objects.create(
            day=head.day, sequence=head.sequence, hash=head.hash, published_at=now
        )
        request = submit(make_draft(repo, applicant), now)
        letters = OutboxMessage.objects.filter(kind="receipt")
        assert head.words in letters.get(recipient=request.applicant).text
        assert "Record head" not in letters.get(recipient=before.applicant).text

    def test_the_event_says_how_it_was_screened(self, repo, applicant, now):
        submit(make_draft(repo, applicant), now)
        data = AuditEvent.objects.get(type="request.submitted").data
        assert (data["snapshot"], data["screening"]) == (1, "clear")
        assert len(data["list_version"]) == 64

    def test_an_answer_that_is_too_long_is_named(self, repo, applicant, now):
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
    def test_an_answer_that_means_nothing_is_named(self, repo, applicant, now, field, value):
        with pytest.raises(FieldErrors) as refused:
            submit(make_draft(repo, applicant, **{field: value}), now)
        assert list(refused.value.errors) == [f"answers.{field}"]

    def test_the_snapshot_holds_the_answers_alone(self, repo, applicant, now):
        draft = make_draft(repo, applicant, signature={"typed_name": "A"})
        assert "signature" not in submit(draft, now).submissions.get().answers

    def test_a_mode_that_is_not_offered_is_named(self, repo, applicant, now):
        with pytest.raises(FieldErrors) as refused:
            submit(make_draft(repo, applicant, modes=["download", "everything"]), now)
        assert "answers.modes" in refused.value.errors

    def test_an_unproved_address_keeps_the_draft(self, repo, now):
        draft = make_draft(repo, make_user(verified=False))
        with pytest.raises(EmailNotVerified):
            submit(draft, now)
        draft.refresh_from_db()
        assert draft.state == "draft"
        assert not Acceptance.objects.exists()

    def test_without_a_signature_it_does_not_go(self, repo, applicant, now):
        draft = make_draft(repo, applicant)
        with pytest.raises(NotSigned):
            submit_request(applicant=applicant, request_id=draft.pk, signature=None, now=now)

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
    def test_what_the_signature_lacks_is_named(self, repo, applicant, now, changed, field):
        draft = make_draft(repo, applicant)
        with pytest.raises(FieldErrors) as refused:
            submit(draft, now, **changed)
        assert list(refused.value.errors) == [f"signature.{field}"]
        assert not Acceptance.objects.exists()

    def test_a_newer_licence_must_be_read_first(self, repo, applicant, now):
        draft = make_draft(repo, applicant)
        signature = make_signature(applicant, repo, now=now)
        make_licence(version="2.0", text="You may study it twice.", now=now)
        with pytest.raises(LicenceChanged):
            submit_request(applicant=applicant, request_id=draft.pk, signature=signature, now=now)

    def test_the_name_may_be_typed_in_any_case(self, repo, applicant, now):
        typed = applicant.display_name.upper()
        assert submit(make_draft(repo, applicant), now, typed_name=typed).state == "in_review"

    def test_the_second_time_says_that_it_has_moved_on(self, repo, applicant, now):
        request = submit(make_draft(repo, applicant), now)
        with pytest.raises(RequestHasMovedOn):
            submit(request, now)
        assert Submission.objects.count() == 1

    def test_what_awaits_an_answer_is_not_submitted_again(self, repo, applicant, now):
        request = make_request(repo, applicant, now=now)
        ask_question(reviewer=make_reviewer(repo), request_id=request.pk, text="Why?", now=now)
        with pytest.raises(RequestHasMovedOn):
            submit(request, now)


class TestAnswering:
    @pytest.fixture
    def asked(self, repo, applicant, now):
        request = make_request(repo, applicant, now=now)
        ask_question(
            reviewer=make_reviewer(repo), request_id=request.pk, text="Which data?", now=now
        )
        return request

    def test_the_due_date_moves_by_the_wait(self, asked, applicant, now):
        later = now + timedelta(days=3)
        answer_question(applicant=applicant, request_id=asked.pk, answer="Public data.", now=later)
        asked.refresh_from_db()
        assert asked.state == "in_review"
        assert asked.due_at == now + timedelta(days=14 + 3)
        assert AuditEvent.objects.filter(type="request.question_answered").count() == 1

    def test_an_empty_answer_is_no_answer(self, asked, applicant, now):
        with pytest.raises(FieldErrors):
            answer_question(applicant=applicant, request_id=asked.pk, answer=" ", now=now)
        asked.refresh_from_db()
        assert asked.state == "needs_info"

    def test_a_second_answer_says_that_it_has_moved_on(self, asked, applicant, now):
        answer_question(applicant=applicant, request_id=asked.pk, answer="Public.", now=now)
        with pytest.raises(RequestHasMovedOn):
            answer_question(applicant=applicant, request_id=asked.pk, answer="More.", now=now)

    def test_a_draft_has_no_question_to_answer(self, repo, applicant, now):
        draft = make_draft(repo, applicant)
        with pytest.raises(RequestHasMovedOn):
            answer_question(applicant=applicant, request_id=draft.pk, answer="Yes.", now=now)


class TestWithdrawing:
    def test_it_ends_the_request_with_a_letter_and_an_event(self, repo, applicant, now):
        request = make_request(repo, applicant)
        withdraw_request(applicant=applicant, request_id=request.pk, now=now)
        request.refresh_from_db()
        assert (request.state, request.closed_at) == ("withdrawn", now)
        assert OutboxMessage.objects.filter(kind="withdrawal").exists()
        assert AuditEvent.objects.filter(type="request.withdrawn").exists()

    def test_a_decided_request_stays_decided(self, repo, applicant, now):
        request = make_grant(repo, applicant).decision.request
        with pytest.raises(RequestHasMovedOn):
            withdraw_request(applicant=applicant, request_id=request.pk, now=now)

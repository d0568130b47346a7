"""Answers and corrections: each a new snapshot; what votes rest on voids them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from portal.access.errors import RequestHasMovedOn, RequestNotFound
from portal.access.gate.question_versions import save_request_form
from portal.access.models import Review
from portal.access.requests.answering import answer_question, correct_request, resume_request
from portal.access.requests.drafts import start_draft
from portal.access.review.asking import ask_question
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from portal.errors import Conflict, FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_(repo, now):
    return make_request(repo, now=now)


@pytest.fixture
def vote(repo, request_, now):
    return Review.objects.create(
        request=request_,
        submission=request_.submissions.get(),
        reviewer=make_reviewer(repo),
        verdict="approved",
        modes=["download"],
        cast_at=now,
    )


def correct(access_request, now, **changes):
    return correct_request(
        applicant=access_request.applicant, request_id=access_request.pk, changes=changes, now=now
    )


def ask(repo, access_request, now):
    return ask_question(
        reviewer=make_reviewer(repo), request_id=access_request.pk, text="Which data?", now=now
    )


class TestCorrecting:
    def test_it_makes_a_snapshot_under_the_same_signature(self, request_, now):
        first = request_.submissions.get()
        second = correct(request_, now, compute="None.")
        assert (second.number, second.occasion, second.acceptance) == (
            2,
            "corrected",
            first.acceptance,
        )
        assert second.answers == {**first.answers, "compute": "None."}
        assert first.answers["compute"] != "None."

    def test_the_queue_and_the_next_draft_see_the_newest(self, request_, now):
        correct(request_, now, organization="Institute", country="KE", sector="government")
        request_.refresh_from_db()
        assert (request_.organization_name, request_.country, request_.sector) == (
            "Institute",
            "KE",
            "government",
        )
        assert request_.draft["organization"] == "Institute"

    @pytest.mark.parametrize("name", ["organization", "country", "purpose", "outputs"])
    def test_a_material_change_voids_the_votes(self, request_, vote, now, name):
        value = "KE" if name == "country" else "Something else"
        assert correct(request_, now, **{name: value}).is_material
        vote.refresh_from_db()
        assert (vote.voided_at, bool(vote.void_reason)) == (now, True)
        event = AuditEvent.objects.get(type="request.corrected")
        assert event.data["votes_voided"] == 1
        assert event.data["material"] is True

    def test_another_change_leaves_them(self, request_, vote, now):
        assert not correct(request_, now, compute="None.", position="Lecturer").is_material
        vote.refresh_from_db()
        assert vote.voided_at is None

    def test_a_question_of_the_labs_may_be_material(self, repo, now):
        field = {
            "name": "q_funder",
            "type": "text",
            "label": "Who pays?",
            "step": "research",
            "material": True,
        }
        head = make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)
        save_request_form(actor=head, repo_id=repo.pk, fields=[field], now=now)
        access_request = make_request(repo, now=now, q_funder="The state")
        assert correct(access_request, now, q_funder="A company").is_material

    def test_the_same_again_makes_none(self, request_, now):
        first = request_.submissions.get()
        assert correct(request_, now, purpose=first.answers["purpose"]) == first
        correct(request_, now, compute="None.")
        correct(request_, now, compute="None.")
        assert request_.submissions.count() == 2
        assert AuditEvent.objects.filter(type="request.corrected").count() == 1

    def test_what_would_not_do_changes_nothing(self, request_, now):
        with pytest.raises(FieldErrors) as refused:
            correct(request_, now, purpose=" ", country="??")
        assert set(refused.value.errors) == {"changes.purpose", "changes.country"}
        assert request_.submissions.count() == 1

    def test_only_the_applicant_and_only_while_undecided(self, repo, request_, now):
        with pytest.raises(RequestNotFound):
            correct_request(applicant=make_user(), request_id=request_.pk, changes={}, now=now)
        decided = make_grant(repo).decision.request
        with pytest.raises(RequestHasMovedOn):
            correct(decided, now, compute="None.")

    def test_unknown_answers_are_not_kept(self, request_, now):
        assert "spy" not in correct(request_, now, compute="None.", spy="x").answers


class TestAnswering:
    def test_an_answer_alone_is_a_snapshot_that_voids_nothing(self, repo, request_, vote, now):
        ask(repo, request_, now)
        answer_question(
            applicant=request_.applicant, request_id=request_.pk, answer="Public.", now=now
        )
        newest = request_.submissions.latest("number")
        assert (newest.number, newest.occasion, newest.is_material) == (2, "answered", False)
        vote.refresh_from_db()
        assert vote.voided_at is None

    def test_a_correction_along_with_it_does(self, repo, request_, vote, now):
        ask(repo, request_, now)
        answer_question(
            applicant=request_.applicant,
            request_id=request_.pk,
            answer="Public.",
            changes={"purpose": "Another question"},
            now=now,
        )
        vote.refresh_from_db()
        assert vote.voided_at == now
        assert request_.submissions.latest("number").answers["purpose"] == "Another question"

    def test_a_wrong_correction_leaves_the_question_open(self, repo, request_, now):
        question = ask(repo, request_, now)
        with pytest.raises(FieldErrors):
            answer_question(
                applicant=request_.applicant,
                request_id=request_.pk,
                answer="Public.",
                changes={"purpose": ""},
                now=now,
            )
        question.refresh_from_db()
        assert question.answered_at is None


class TestResuming:
    @pytest.fixture
    def lapsed(self, repo, request_, now):
        ask(repo, request_, now)
        request_.refresh_from_db()
        request_.state, request_.closed_at = "lapsed", now
        request_.save()
        return request_

    def resume(self, access_request, now, answer="Public."):
        return resume_request(
            applicant=access_request.applicant, request_id=access_request.pk, answer=answer, now=now
        )

    def test_it_goes_on_with_the_answer_and_a_new_date(self, lapsed, now):
        later = now + timedelta(days=90)
        access_request = self.resume(lapsed, later)
        assert (access_request.state, access_request.closed_at) == ("in_review", None)
        assert access_request.due_at == later + timedelta(days=14)
        assert access_request.questions.get().answer == "Public."
        assert access_request.submissions.latest("number").occasion == "resumed"
        assert OutboxMessage.objects.filter(kind="resumed").count() == 1
        assert AuditEvent.objects.filter(type="request.resumed").count() == 1
        with pytest.raises(RequestHasMovedOn):
            self.resume(lapsed, later)

    def test_the_question_wants_its_answer(self, lapsed, now):
        with pytest.raises(FieldErrors):
            self.resume(lapsed, now, answer=" ")

    def test_after_ninety_days_one_asks_anew(self, lapsed, now):
        with pytest.raises(Conflict, match="Make a new request"):
            self.resume(lapsed, now + timedelta(days=90, seconds=1))

    def test_beside_another_open_request_it_waits(self, repo, lapsed, now):
        start_draft(applicant=lapsed.applicant, repo_id=repo.pk, now=now)
        with pytest.raises(Conflict, match="Another request"):
            self.resume(lapsed, now)

    def test_the_page_offers_it(self, client, lapsed):
        client.force_login(lapsed.applicant)
        url = reverse("access:request", args=[lapsed.pk])
        # the clock of a page is the real one, so the window may be over here
        assert "lapsed while it waited" in client.get(url).text


class TestPages:
    def posted(self, access_request, **changed):
        return {**access_request.submissions.latest("number").answers, **changed}

    def test_a_correction_shows_what_changed(self, client, request_):
        client.force_login(request_.applicant)
        url = reverse("access:correct", args=[request_.pk])
        assert "Correct your answers" in client.get(url).text
        data = self.posted(request_, purpose="A wholly new question.")
        sent = client.post(url, data, follow=True)
        assert "<ins>" in sent.text
        assert "What changed since you submitted" in sent.text

    def test_an_error_stands_beside_its_field(self, client, request_):
        client.force_login(request_.applicant)
        url = reverse("access:correct", args=[request_.pk])
        sent = client.post(url, self.posted(request_, purpose=""))
        assert sent.status_code == 422
        assert "Say what question you want to answer." in sent.text

    def test_a_question_is_answered_beside_the_corrections(self, client, repo, request_, now):
        ask(repo, request_, now)
        client.force_login(request_.applicant)
        url = reverse("access:correct", args=[request_.pk])
        assert "Which data?" in client.get(url).text
        assert client.post(url, self.posted(request_, answer="")).status_code == 422
        client.post(url, self.posted(request_, answer="Ours.", compute="None."))
        request_.refresh_from_db()
        assert request_.state == "in_review"
        assert request_.draft["compute"] == "None."

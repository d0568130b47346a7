"""The one rule on access: from when to when, for whom, and what there is before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.models import AccessRequest, GateSettings, Grant, Membership, Screening
from portal.access.policy.policy import Action, Reason, may
from portal.access.policy.refusals import describe
from portal.access.review.asking import ask_question
from portal.accounts.models import Affiliation
from tests.factories.access import make_draft, make_grant, make_request
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.affiliations import affiliate
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_gate, make_hold

pytestmark = pytest.mark.django_db


A = Action


class TestTheInterval:
    @pytest.mark.parametrize(
        ("changed", "allowed"),
        [
            ({"starts_at": timedelta(0)}, True),
            ({"starts_at": timedelta(microseconds=1)}, False),
            ({"expires_at": timedelta(0)}, False),
            ({"expires_at": timedelta(microseconds=1)}, True),
            ({"ends_by_notice_at": timedelta(0)}, False),
            ({"ends_by_notice_at": timedelta(microseconds=1)}, True),
        ],
    )
    def test_to_the_microsecond(self, changed, allowed, now):
        grant = make_grant(make_repo(), now=now - timedelta(days=9))
        moved = {name: now + by for name, by in changed.items()}
        Grant.objects.filter(pk=grant.pk).update(**moved)
        assert may(grant.person, A.DOWNLOAD, grant.repo, now).allowed is allowed


class TestMembers:
    def joined(self, grant, **changed):
        person = make_user()
        Membership.objects.create(
            grant=grant,
            email=person.email,
            invited_by=grant.person,
            invited_at=LONG_AGO,
            **{
                "person": person,
                "acceptance": grant.acceptance,
                "joined_at": LONG_AGO,
                **changed,
            },
        )
        return person

    def test_who_signed_may_what_the_holder_may(self, now):
        grant = make_grant(make_repo())
        assert may(self.joined(grant), A.DOWNLOAD, grant.repo, now).allowed

    def test_who_did_not_sign_may_not(self, now):
        grant = make_grant(make_repo())
        person = self.joined(grant, acceptance=None, joined_at=None)
        assert may(person, A.DOWNLOAD, grant.repo, now).reason == Reason.INVITED

    def test_who_left_may_not(self, now):
        grant = make_grant(make_repo())
        person = self.joined(grant, ended_at=now)
        assert not may(person, A.DOWNLOAD, grant.repo, now).allowed

    def test_a_member_has_the_conditions_of_the_grant(self, now):
        grant = make_grant(make_repo())
        Grant.objects.filter(pk=grant.pk).update(conditions={"no_logits": True})
        person = self.joined(grant)
        assert may(person, A.CAPTURE, grant.repo, now).reason == Reason.CONDITION

    def test_the_holders_grant_is_not_the_members_own(self):
        grant = make_grant(make_repo())
        person = self.joined(grant)
        assert not Grant.objects.to(person, grant.repo).exists()
        assert list(Grant.objects.usable_by(person, grant.repo)) == [grant]


class TestWhileYouWait:
    @pytest.fixture
    def repo(self):
        repo = make_repo()
        make_gate(repo, waiting_tokens_per_day=500)
        return repo

    def waiting(self, repo, *, outcome="clear"):
        request = make_request(repo)
        affiliate(request.applicant)
        submission = request.submissions.latest("number")
        Screening.objects.update_or_create(
            submission=submission,
            defaults={"list_version": "0" * 64, "outcome": outcome, "screened_at": LONG_AGO},
        )
        return request

    def test_a_little_inference_is_open(self, repo, now):
        permission = may(self.waiting(repo).applicant, A.INFER, repo, now)
        assert permission.allowed
        assert permission.limits.tokens_per_day == 500

    def test_no_file_is(self, repo, now):
        permission = may(self.waiting(repo).applicant, A.DOWNLOAD, repo, now)
        assert permission.reason == Reason.PENDING

    def test_nor_the_inside_and_its_refusal_names_the_condition(self, repo, now):
        request = self.waiting(repo)
        refused = may(request.applicant, A.CAPTURE, repo, now)
        assert (refused.reason, refused.help_url) == (Reason.CONDITION, f"/requests/{request.pk}")
        refusal = describe(refused, repo)
        for words in (refusal.heading, refusal.line):
            assert "while your request is with the reviewers" in words
            assert "generated text only: no logprobs" in words

    def test_only_where_the_repo_offers_it(self, repo, now):
        GateSettings.objects.update(waiting_tokens_per_day=0)
        person = self.waiting(repo).applicant
        assert may(person, A.INFER, repo, now).reason == Reason.PENDING

    def test_only_on_the_review_gate(self, now):
        repo = make_repo(inference_gate="licence")
        make_gate(repo, waiting_tokens_per_day=500)
        opened = may(self.waiting(repo).applicant, A.INFER, repo, now)
        assert (opened.allowed, opened.limits.tokens_per_day) == (True, None)

    def test_not_for_who_proved_no_affiliation(self, repo, now):
        person = self.waiting(repo).applicant
        Affiliation.objects.all().update(expires_at=now)
        assert may(person, A.INFER, repo, now).reason == Reason.PENDING

    @pytest.mark.parametrize("outcome", ["hit", "failed"])
    def test_not_before_screening_is_clear(self, repo, outcome, now):
        person = self.waiting(repo, outcome=outcome).applicant
        assert may(person, A.INFER, repo, now).reason == Reason.PENDING

    def test_a_hit_that_a_person_cleared_is_clear(self, repo, now):
        person = self.waiting(repo, outcome="hit").applicant
        Screening.objects.update(
            disposed_at=now, disposed_by=make_user(superuser=True), disposition="Another person."
        )
        assert may(person, A.INFER, repo, now).allowed

    def test_only_the_newest_snapshot_counts(self, repo, now):
        request = self.waiting(repo)
        newest = request.submissions.latest("number")
        newest.pk, newest.number = None, newest.number + 1
        newest.save(force_insert=True)
        Screening.objects.create(
            submission=newest, list_version="0" * 64, outcome="hit", screened_at=now
        )
        assert not may(request.applicant, A.INFER, repo, now).allowed

    def test_a_question_stops_it_not(self, repo, now):
        request = self.waiting(repo)
        reviewer = make_reviewer(repo)
        ask_question(reviewer=reviewer, request_id=request.pk, text="Which?", now=now)
        assert may(request.applicant, A.INFER, repo, now).allowed

    @pytest.mark.parametrize("state", ["held", "declined", "withdrawn", "lapsed"])
    def test_every_other_state_does(self, repo, state, now):
        request = self.waiting(repo)
        AccessRequest.objects.filter(pk=request.pk).update(state=state, closed_at=now)
        assert not may(request.applicant, A.INFER, repo, now).allowed

    def test_a_draft_is_not_waiting(self, repo, now):
        draft = make_draft(repo, make_user())
        affiliate(draft.applicant)
        assert may(draft.applicant, A.INFER, repo, now).reason == Reason.NO_REQUEST

    def test_what_the_lab_ended_does_not_open_by_asking_anew(self, repo, now):
        person = make_user()
        grant = make_grant(repo, person)
        Grant.objects.filter(pk=grant.pk).update(revoked_at=now, revoked_by=make_user())
        make_request(repo, person)
        affiliate(person)
        assert may(person, A.INFER, repo, now).reason == Reason.PENDING

    def test_a_hold_does(self, repo, now):
        person = self.waiting(repo).applicant
        make_hold(person, now=now)
        assert may(person, A.INFER, repo, now).reason == Reason.SUSPENDED


def test_what_was_ended_says_how(now):
    repo = make_repo()
    grant = make_grant(repo, now=now - timedelta(days=9))
    for changed, reason in (
        ({"closed_at": now, "closeout": "Deleted."}, Reason.CLOSED),
        ({"closed_at": None, "closeout": "", "ends_by_notice_at": now}, Reason.REVOKED),
        ({"ends_by_notice_at": now + timedelta(1), "expires_at": now}, Reason.EXPIRED),
    ):
        Grant.objects.filter(pk=grant.pk).update(**changed)
        permission = may(grant.person, A.DOWNLOAD, repo, now)
        assert (permission.reason, permission.since) == (reason, now)


def test_a_lapsed_request_says_so(now):
    request = make_request(make_repo())
    AccessRequest.objects.filter(pk=request.pk).update(state="lapsed", closed_at=now)
    permission = may(request.applicant, A.DOWNLOAD, request.repo, now)
    assert (permission.reason, permission.since) == (Reason.LAPSED, now)

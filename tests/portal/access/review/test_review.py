"""Deciding: by the team, once, with a reason, and never on one's own request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from portal.access.errors import ConflictOfInterest, RequestHasMovedOn, RequestNotFound
from portal.access.models import Decision, Grant
from portal.access.requests.routing import withdraw_request
from portal.access.review.asking import ask_question
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.audit.models import AuditEvent
from portal.errors import DomainError, FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_draft, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db


def approve(case, reviewer, now, **changed):
    terms = {"modes": ["download"], "expires_at": now + timedelta(days=365), **changed}
    return approve_request(reviewer=reviewer, request_id=case.pk, now=now, **terms)


def decline(case, reviewer, now, **changed):
    reason = {"reason_code": "purpose_unclear", "reason_text": "Say which model.", **changed}
    return decline_request(reviewer=reviewer, request_id=case.pk, now=now, **reason)


def ask(case, reviewer, now, text="Which data?"):
    return ask_question(reviewer=reviewer, request_id=case.pk, text=text, now=now)


class TestApproving:
    def test_it_makes_a_grant_under_the_text_that_was_signed(self, case, reviewer, now):
        grant = approve(case, reviewer, now)
        assert grant.person == case.applicant
        assert grant.modes == ["download"]
        assert grant.acceptance == case.submissions.get().acceptance
        told_at = now + timedelta(minutes=10)
        assert list(Grant.objects.to(case.applicant, case.repo).active_at(told_at)) == [grant]

    def test_the_letter_names_the_team_and_never_the_reviewer(self, case, reviewer, now):
        approve(case, reviewer, now)
        letter = OutboxMessage.objects.get(kind="approval")
        assert "Example Lab access team" in letter.text
        assert reviewer.name not in letter.text
        assert reviewer.username not in letter.text

    def test_decision_and_grant_are_recorded(self, case, reviewer, now):
        grant = approve(case, reviewer, now)
        assert AuditEvent.objects.get(type="request.approved").actor == reviewer
        assert AuditEvent.objects.get(type="grant.made").target_id == str(grant.pk)

    @pytest.mark.parametrize("modes", [[], ["everything"]])
    def test_modes_are_among_those_offered(self, case, reviewer, now, modes):
        with pytest.raises(FieldErrors) as refused:
            approve(case, reviewer, now, modes=modes)
        assert "modes" in refused.value.errors

    @pytest.mark.parametrize("days", [-1, 0, 366 * 6])
    def test_the_end_lies_ahead_and_within_reach(self, case, reviewer, now, days):
        with pytest.raises(FieldErrors) as refused:
            approve(case, reviewer, now, expires_at=now + timedelta(days=days))
        assert "expires_at" in refused.value.errors
        assert not Grant.objects.exists()


class TestDeclining:
    def test_the_letter_gives_the_reason_and_the_way_back(self, case, reviewer, now):
        decline(case, reviewer, now)
        letter = " ".join(OutboxMessage.objects.get(kind="decline").text.split())
        assert "The purpose isn’t clear enough to judge" in letter
        assert "Say which model." in letter
        assert "make a new request" in letter

    @pytest.mark.parametrize("changed", [{"reason_code": ""}, {"reason_text": "  "}])
    def test_without_a_reason_it_is_impossible(self, case, reviewer, now, changed):
        with pytest.raises(FieldErrors):
            decline(case, reviewer, now, **changed)
        assert not Decision.objects.exists()


class TestAsking:
    def test_the_question_goes_by_letter_and_the_clock_stands(self, case, reviewer, now):
        ask(case, reviewer, now)
        case.refresh_from_db()
        assert case.state == "needs_info"
        assert "Which data?" in OutboxMessage.objects.get(kind="question").text

    def test_an_empty_question_is_none(self, case, reviewer, now):
        with pytest.raises(FieldErrors):
            ask(case, reviewer, now, text="")

    def test_while_it_waits_nothing_is_decided(self, case, reviewer, now):
        ask(case, reviewer, now)
        with pytest.raises(RequestHasMovedOn):
            approve(case, reviewer, now)


ACTS = pytest.mark.parametrize("act", [approve, decline, ask])


@ACTS
class TestWhoDecides:
    def test_not_the_applicant(self, case, now, act):
        with pytest.raises(ConflictOfInterest):
            act(case, case.applicant, now)

    def test_not_a_reviewer_of_another_repo(self, case, now, act):
        with pytest.raises(RequestNotFound):
            act(case, make_reviewer(make_repo()), now)

    def test_not_the_operator(self, case, now, act):
        with pytest.raises(RequestNotFound):
            act(case, make_user(superuser=True), now)

    def test_nobody_on_a_draft(self, now, act):
        repo = make_repo()
        draft = make_draft(repo, make_user())
        with pytest.raises(RequestNotFound):
            act(draft, make_reviewer(repo), now)


@ACTS
def test_a_decided_case_stays_decided(case, reviewer, now, act):
    decline(case, reviewer, now)
    letters = OutboxMessage.objects.count()
    with pytest.raises(RequestHasMovedOn):
        act(case, reviewer, now)
    assert OutboxMessage.objects.count() == letters
    assert Decision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_approving_declining_and_withdrawing_at_once_one_wins(now):
    case = make_request(make_repo(), now=now)
    reviewer = make_reviewer(case.repo)
    acts = [
        lambda: approve(case, reviewer, now),
        lambda: decline(case, reviewer, now),
        lambda: withdraw_request(applicant=case.applicant, request_id=case.pk, now=now),
    ]

    def attempt(act):
        try:
            act()
        except DomainError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(attempt, acts)) == 1
    case.refresh_from_db()
    assert (case.state == "approved") == Grant.objects.exists()

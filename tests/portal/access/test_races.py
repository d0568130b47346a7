"""Whoever comes second gets a clear refusal, and no event is lost: on real parallel connections.

``make soak`` runs the same with more racers and rounds.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.applicant.submission import submit_request
from portal.access.models import AccessRequest, Decision, Grant
from portal.access.requests.drafts import start_draft
from portal.access.requests.routing import withdraw_request
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.audit.checking import verify_chain
from portal.audit.models import AuditEvent
from tests.factories.access import make_draft, make_request, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.racing import ROUNDS, WON, race, racers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]


def events(kind: str, target: object) -> int:
    return AuditEvent.objects.filter(type=kind, target_id=str(target)).count()


def approving(request, reviewer):
    now = timezone.now()
    return lambda: approve_request(
        reviewer=reviewer,
        request_id=request.pk,
        modes=["download"],
        expires_at=now + timedelta(days=90),
        now=now,
    )


def declining(request, reviewer):
    return lambda: decline_request(
        reviewer=reviewer,
        request_id=request.pk,
        reason_code="commercial",
        reason_text="The use is commercial.",
        now=timezone.now(),
    )


def withdrawing(request):
    return lambda: withdraw_request(
        applicant=request.applicant, request_id=request.pk, now=timezone.now()
    )


def all_but_one_refused(outcomes: Counter[str]) -> bool:
    others = set(outcomes) - {WON}
    return outcomes[WON] == 1 and all(outcome.startswith("409 ") for outcome in others)


def test_one_of_many_approvals_counts():
    repo = make_repo()
    team = [make_reviewer(repo) for _ in range(4)]
    for _ in range(ROUNDS):
        request = make_request(repo)
        outcomes = race(racers(*(approving(request, reviewer) for reviewer in team)))
        assert all_but_one_refused(outcomes), outcomes
        assert Grant.objects.filter(person=request.applicant).count() == 1
        assert events("request.approved", request.pk) == 1
    assert verify_chain().fault is None


def test_a_request_is_approved_or_declined_never_both():
    repo = make_repo()
    approver, decliner = make_reviewer(repo), make_reviewer(repo)
    for _ in range(ROUNDS):
        request = make_request(repo)
        outcomes = race(racers(approving(request, approver), declining(request, decliner)))
        assert all_but_one_refused(outcomes), outcomes
        decision = Decision.objects.get(request=request)
        request.refresh_from_db()
        assert request.state == decision.verdict
    assert verify_chain().fault is None


def test_a_request_is_approved_or_withdrawn_never_both():
    repo = make_repo()
    reviewer = make_reviewer(repo)
    for _ in range(ROUNDS):
        request = make_request(repo)
        outcomes = race(racers(approving(request, reviewer), withdrawing(request)))
        assert all_but_one_refused(outcomes), outcomes
        request.refresh_from_db()
        granted = Grant.objects.filter(person=request.applicant).exists()
        assert granted == (request.state == AccessRequest.State.APPROVED)
        recorded = events("request.approved", request.pk) + events("request.withdrawn", request.pk)
        assert recorded == 1
    assert verify_chain().fault is None


def submitting(draft):
    now = timezone.now()
    signature = make_signature(draft.applicant, draft.repo, now=now)
    return lambda: submit_request(
        applicant=draft.applicant, request_id=draft.pk, signatures=[signature], now=now
    )


def starting(applicant, repo):
    return lambda: start_draft(applicant=applicant, repo_id=repo.pk, now=timezone.now())


def test_a_draft_is_submitted_once():
    repo = make_repo()
    for _ in range(ROUNDS):
        draft = make_draft(repo, make_user())
        outcomes = race(racers(submitting(draft)))
        assert all_but_one_refused(outcomes), outcomes
        assert draft.submissions.count() == 1
        assert events("request.submitted", draft.pk) == 1


def test_many_tabs_make_one_draft():
    repo = make_repo()
    for _ in range(ROUNDS):
        applicant = make_user()
        outcomes = race(racers(starting(applicant, repo)))
        assert set(outcomes) == {WON}, outcomes
        assert AccessRequest.objects.of(applicant).count() == 1

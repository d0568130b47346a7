"""Reviewers who act at once get one outcome, and a clear refusal for the rest."""

from __future__ import annotations

import pytest

from portal.access.models import Assignment, Decision, Grant
from portal.access.review.assignment import claim_request
from portal.access.review.decisions.undo import undo_decision
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from tests.factories.access import make_request
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_gate
from tests.factories.reviews import approve
from tests.racing import WON, race

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_several_approvals_one_decides(now):
    case = make_request(make_repo(), now=now)
    reviewers = [make_reviewer(case.repo) for _ in range(4)]
    outcomes = race(
        [lambda reviewer=reviewer: approve(case, reviewer, now) for reviewer in reviewers]
    )
    assert outcomes == {WON: 1, "409 invalid_transition": 3}
    assert Grant.objects.count() == Decision.objects.count() == 1


def test_two_votes_at_once_make_the_quorum(now):
    case = make_request(make_repo(), now=now)
    make_gate(case.repo, quorum=2)
    reviewers = [make_reviewer(case.repo) for _ in range(2)]
    assert race(
        [lambda reviewer=reviewer: approve(case, reviewer, now) for reviewer in reviewers]
    ) == {WON: 2}
    assert Grant.objects.count() == Decision.objects.count() == 1


def test_of_several_claims_one_holds(now):
    case = make_request(make_repo(), now=now)
    reviewers = [make_reviewer(case.repo) for _ in range(4)]

    def claim(reviewer):
        return lambda: claim_request(reviewer=reviewer, request_id=case.pk, now=now)

    assert race([claim(reviewer) for reviewer in reviewers]) == {WON: 1, "409 already_claimed": 3}
    assert Assignment.objects.count() == 1


def test_an_undo_against_the_letter(now):
    case = make_request(make_repo(), now=now)
    reviewer = make_reviewer(case.repo)
    decision = approve(case, reviewer, now).decision
    outcomes = race(
        [
            lambda: undo_decision(actor=reviewer, request_id=case.pk, now=now),
            lambda: deliver_due(now=decision.undo_until),
        ]
    )
    assert set(outcomes) <= {WON, "409 mail_has_left"}
    case.refresh_from_db()
    letter = OutboxMessage.objects.get(kind="approval")
    assert (case.state == "in_review") == (letter.state == "cancelled")

"""A case is assigned to one person at a time, and to nobody with a conflict of interest."""

from __future__ import annotations

import pytest

from portal.access.errors import AlreadyClaimed, ConflictOfInterest, RequestNotFound
from portal.access.models import Assignment
from portal.access.review.assignment import assign_request, claim_request, release_request
from portal.access.review.notes import declare_conflict
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_user
from tests.factories.catalog import make_reviewer
from tests.factories.reviews import approve

pytestmark = pytest.mark.django_db


@pytest.fixture
def colleague(case):
    return make_reviewer(case.repo)


def claim(case, reviewer, now):
    return claim_request(reviewer=reviewer, request_id=case.pk, now=now)


def assign(case, actor, assignee, now):
    return assign_request(actor=actor, request_id=case.pk, assignee=assignee, now=now)


def events(kind: str) -> int:
    return AuditEvent.objects.filter(type=f"request.{kind}").count()


def has_conflict(case, reviewer, now):
    declare_conflict(
        reviewer=reviewer, request_id=case.pk, has_conflict=True, statement="Kin.", now=now
    )


def test_a_claim_is_kept_once(case, reviewer, now):
    assert claim(case, reviewer, now) == claim(case, reviewer, now)
    assert events("claimed") == 1


def test_a_second_claim_says_who_has_it(case, reviewer, colleague, now):
    claim(case, reviewer, now)
    with pytest.raises(AlreadyClaimed, match=reviewer.name):
        claim(case, colleague, now)


def test_others_may_decide_it_all_the_same(case, reviewer, colleague, now):
    claim(case, reviewer, now)
    assert approve(case, colleague, now)


@pytest.mark.parametrize("act", [claim, has_conflict])
def test_strangers_and_the_applicant_have_no_part(case, now, act):
    with pytest.raises(RequestNotFound):
        act(case, make_user(), now)
    with pytest.raises(ConflictOfInterest):
        act(case, case.applicant, now)


def test_handed_back_it_is_free(case, reviewer, colleague, now):
    claim(case, reviewer, now)
    for _ in range(2):
        release_request(actor=reviewer, request_id=case.pk, now=now)
    assert events("released") == 1
    assert claim(case, colleague, now).reviewer == colleague


def test_only_an_administrator_takes_it_from_somebody(case, reviewer, colleague, head, now):
    claim(case, reviewer, now)
    with pytest.raises(AlreadyClaimed):
        release_request(actor=colleague, request_id=case.pk, now=now)
    release_request(actor=head, request_id=case.pk, now=now)
    assert not Assignment.objects.filter(ended_at=None).exists()


def test_an_assignment_moves_the_case_and_tells_the_assignee(case, reviewer, colleague, head, now):
    claim(case, reviewer, now)
    assign(case, head, colleague, now)
    assert assign(case, head, colleague, now).reviewer == colleague
    assert Assignment.objects.get(ended_at=None).reviewer == colleague
    assert OutboxMessage.objects.get(kind="assignment").recipient == colleague
    assert events("assigned") == 1


def test_it_goes_to_the_team_alone_and_past_conflicts(case, colleague, head, now):
    has_conflict(case, colleague, now)
    for nobody in (make_user(), case.applicant, colleague):
        with pytest.raises(FieldErrors) as refused:
            assign(case, head, nobody, now)
        assert "assignee" in refused.value.errors
    assert not Assignment.objects.exists()


def test_only_administrators_assign(case, reviewer, colleague, now):
    with pytest.raises(RequestNotFound):
        assign(case, reviewer, colleague, now)


def test_with_a_conflict_nobody_claims(case, reviewer, now):
    has_conflict(case, reviewer, now)
    with pytest.raises(ConflictOfInterest):
        claim(case, reviewer, now)


def test_declaring_a_conflict_hands_the_case_back(case, reviewer, colleague, now):
    claim(case, reviewer, now)
    has_conflict(case, reviewer, now)
    assert claim(case, colleague, now)

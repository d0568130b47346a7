"""Votes: enough of one kind decide, on the narrowest terms, by people without a conflict."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import ConflictOfInterest, HoldStands, RequestHasMovedOn, RequestNotFound
from portal.access.models import Decision, Grant, Review
from portal.access.policy.conditions import Conditions
from portal.access.requests.appeals import appeal_request
from portal.access.review.decisions.deciding import decline_request
from portal.access.review.decisions.votes import visible_votes, votes_missing
from portal.access.review.notes import declare_conflict
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from portal.outbox.models import OutboxMessage
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_gate, make_hold, make_newer_text
from tests.factories.reviews import approve, decline, escalate, owner_of

pytestmark = pytest.mark.django_db
TEN = timedelta(minutes=10)


@pytest.fixture
def first(case):
    return make_reviewer(case.repo)


@pytest.fixture
def second(case):
    return make_reviewer(case.repo)


@pytest.fixture
def two_decide(case):
    return make_gate(case.repo, quorum=2)


@pytest.mark.usefixtures("two_decide")
class TestQuorum:
    def test_one_of_two_votes_decides_nothing(self, case, first, now):
        assert approve(case, first, now) is None
        case.refresh_from_db()
        assert case.state == "in_review"
        assert not Decision.objects.exists()
        assert not OutboxMessage.objects.filter(kind="approval").exists()
        assert AuditEvent.objects.get(type="request.voted").data == {}
        assert votes_missing(case, Decision.Verdict.APPROVED, now) == 1

    def test_the_second_decides(self, case, first, second, now):
        approve(case, first, now)
        grant = approve(case, second, now)
        assert grant.decision.decided_by == second
        event = AuditEvent.objects.get(type="request.approved")
        assert sorted(event.data["voters"]) == sorted([first.pk, second.pk])

    def test_voting_again_replaces_the_vote_and_counts_once(self, case, first, now):
        approve(case, first, now)
        assert approve(case, first, now) is None
        assert Review.objects.filter(voided_at=None).count() == 1
        assert Review.objects.filter(void_reason="cast anew").count() == 1

    def test_votes_of_two_kinds_decide_nothing(self, case, first, second, now):
        approve(case, first, now)
        assert decline(case, second, now) is None
        assert approve(case, second, now) is not None

    def test_two_may_decline(self, case, first, second, now):
        decline(case, first, now)
        assert decline(case, second, now, reason_text="Unclear.").reason_text == "Unclear."

    def test_a_vote_whose_voter_has_a_conflict_since_does_not_count(self, case, first, second, now):
        approve(case, first, now)
        declare_conflict(
            reviewer=first, request_id=case.pk, has_conflict=True, statement="A friend.", now=now
        )
        assert approve(case, second, now) is None

    def test_a_vote_whose_voter_left_the_team_does_not_count(self, case, first, second, now):
        approve(case, first, now)
        TeamMember.objects.filter(user=first).delete()
        assert approve(case, second, now) is None

    def test_a_vote_for_access_that_would_be_over_does_not_count(self, case, first, second, now):
        approve(case, first, now, expires_at=now + timedelta(days=2))
        later = now + timedelta(days=3)
        assert votes_missing(case, Decision.Verdict.APPROVED, later) == 2
        assert approve(case, second, later) is None
        assert approve(case, first, later)

    def test_the_grant_has_the_narrowest_terms(self, case, first, second, now):
        soon = now + timedelta(days=30)
        approve(case, first, now, modes=["download", "inference"], expires_at=soon)
        grant = approve(case, second, now, conditions=Conditions(max_members=3))
        assert grant.modes == ["download"]
        assert grant.expires_at == soon
        assert grant.conditions == {"max_members": 3}

    def test_terms_with_nothing_in_common_decide_nothing(self, case, first, second, now):
        approve(case, first, now, modes=["inference"])
        assert approve(case, second, now, modes=["download"]) is None
        assert not Grant.objects.exists()


class TestHiddenVotes:
    @pytest.fixture(autouse=True)
    def one_vote(self, case, first, now, two_decide):
        approve(case, first, now)

    def test_others_see_a_vote_once_they_have_cast_theirs(self, case, first, second, now):
        assert visible_votes(case, second, now) == []
        assert len(visible_votes(case, first, now)) == 1
        decline(case, second, now)
        assert len(visible_votes(case, second, now)) == 2

    def test_a_team_may_vote_openly(self, case, second, two_decide, now):
        two_decide.hidden_votes = False
        two_decide.save()
        assert len(visible_votes(case, second, now)) == 1

    def test_the_applicant_sees_none(self, case, first, second, now):
        approve(case, second, now)
        case.refresh_from_db()
        assert visible_votes(case, case.applicant, now) == []
        assert len(visible_votes(case, make_reviewer(case.repo), now)) == 2


class TestOffering:
    def test_a_condition_is_offered_for_signing(self, case, first, now):
        grant = approve(case, first, now, conditions=Conditions(no_logits=True))
        assert grant.starts_at is None
        assert grant.acceptance is None
        assert grant.offer_expires_at == now + TEN + timedelta(days=30)
        letter = OutboxMessage.objects.get(kind="offer")
        assert "Generated text only" in letter.text
        assert f"/grants/{grant.pk}/offer" in letter.text
        assert AuditEvent.objects.filter(type="grant.offered").exists()
        assert not AuditEvent.objects.filter(type="grant.made").exists()

    def test_so_is_a_text_newer_than_the_one_that_was_signed(self, case, first, now):
        make_newer_text(now=now)
        assert approve(case, first, now + timedelta(days=1)).starts_at is None

    def test_fewer_modes_and_an_earlier_end_are_no_condition(self, case, first, now):
        grant = approve(case, first, now, expires_at=now + timedelta(days=3))
        assert grant.starts_at == now + TEN


class TestHolds:
    def test_nothing_is_approved_past_a_hold(self, case, first, now):
        make_hold(case.applicant, case.repo, now=now)
        with pytest.raises(HoldStands):
            approve(case, first, now)
        assert not Review.objects.exists()

    def test_it_may_be_declined(self, case, first, now):
        make_hold(case.applicant, case.repo, now=now)
        assert decline(case, first, now)


class TestOverride:
    def test_the_owner_decides_alone_and_it_is_counted(self, case, now, two_decide):
        owner = owner_of(escalate(case, now))
        grant = approve(case, owner, now, is_override=True)
        assert grant.decision.is_override
        assert AuditEvent.objects.get(type="request.overridden").data == {"count": 1}
        assert not Review.objects.exists()

    def test_only_what_was_escalated(self, case, now):
        with pytest.raises(RequestNotFound):
            approve(case, owner_of(case), now, is_override=True)

    def test_not_by_a_reviewer(self, case, first, now):
        with pytest.raises(RequestNotFound):
            approve(escalate(case, now), first, now, is_override=True)

    def test_not_past_a_conflict(self, case, now):
        owner = owner_of(escalate(case, now))
        declare_conflict(
            reviewer=owner, request_id=case.pk, has_conflict=True, statement="Kin.", now=now
        )
        with pytest.raises(ConflictOfInterest, match="declared"):
            approve(case, owner, now, is_override=True)

    def test_not_on_an_appeal_against_ones_own_decision(self, case, now):
        owner = owner_of(escalate(case, now))
        decline_request(
            reviewer=owner,
            request_id=case.pk,
            reason_code="commercial",
            reason_text="It is commercial.",
            now=now,
            is_override=True,
        )
        now += TEN  # the applicant is told of it
        appeal_request(applicant=case.applicant, request_id=case.pk, text="It isn’t.", now=now)
        with pytest.raises(RequestNotFound):  # the appeal begins anew, so it isn't escalated
            approve(case, owner, now, is_override=True)
        with pytest.raises(ConflictOfInterest, match="appealed"):
            approve(escalate(case, now), owner, now, is_override=True)


class TestHeld:
    @pytest.fixture(autouse=True)
    def held(self, case):
        case.state = "held"
        case.save(update_fields=["state"])

    def test_an_administrator_may_decline_what_the_lists_hold_back(self, case, now):
        head = make_reviewer(case.repo, role=TeamMember.Role.ADMINISTRATOR)
        assert decline(case, head, now)

    def test_a_reviewer_may_not_and_nobody_approves_it(self, case, first, now):
        with pytest.raises(RequestNotFound):
            decline(case, first, now)
        with pytest.raises(RequestHasMovedOn):
            approve(case, first, now)

"""Renewal: with a report, within its window, without a gap and never shorter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.access.errors import (
    ConflictOfInterest,
    GrantIsOver,
    GrantNotFound,
    NotRenewable,
    RenewalNotFound,
)
from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.ending.revocation import end_by_notice, revoke_grant
from portal.access.grants.newer_text import sign_newer_version
from portal.access.grants.renewals import decide_renewal, renew_grant
from portal.access.models import Grant, Membership, Renewal
from portal.access.policy.policy import Action, Reason, may
from portal.audit.models import AuditEvent
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_grant, make_signature
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import (
    make_accepted,
    make_administrator,
    make_entity_grant,
    make_gate,
    make_invitation,
    make_member,
    make_newer_text,
    make_offer,
    make_renewal,
)

pytestmark = pytest.mark.django_db
TERM = timedelta(days=330)
BEGAN = timedelta(days=300)  # so that it ends in thirty


@pytest.fixture
def grant(now):
    """Make a grant that ends in thirty days."""
    return make_accepted(
        now=now - BEGAN, days=TERM.days, conditions={"no_logits": True}, modes=("inference",)
    )


class TestRenewing:
    def test_it_is_granted_at_once_and_begins_where_the_old_ends(self, grant, now):
        renewal = make_renewal(grant, now)
        new = Grant.objects.get(parent=grant)
        assert renewal.outcome == Renewal.Outcome.GRANTED
        assert (new.starts_at, new.expires_at) == (grant.expires_at, grant.expires_at + TERM)
        assert (new.modes, new.conditions) == (grant.modes, grant.conditions)
        assert AuditEvent.objects.get(type="grant.renewed").data["parent"] == grant.pk
        assert AuditEvent.objects.filter(type="renewal.filed").count() == 1
        assert OutboxMessage.objects.filter(subject__contains="renewed").count() == 1

    def test_one_that_ended_begins_now(self, grant):
        later = grant.expires_at + timedelta(days=10)
        assert may(grant.person, Action.INFER, grant.repo, later).reason == Reason.EXPIRED
        make_renewal(grant, later)
        assert Grant.objects.get(parent=grant).starts_at == later
        assert may(grant.person, Action.INFER, grant.repo, later).allowed

    def test_what_ended_points_to_its_renewal(self, grant):
        permission = may(grant.person, Action.INFER, grant.repo, grant.expires_at)
        assert permission.help_url == f"/grants/{grant.pk}"

    def test_again_gives_the_same_renewal(self, grant, now):
        assert make_renewal(grant, now) == make_renewal(grant, now)
        assert Grant.objects.filter(parent=grant).count() == 1

    @pytest.mark.parametrize("days", [-61, 31])
    def test_only_within_its_window(self, grant, days):
        with pytest.raises(NotRenewable):
            make_renewal(grant, grant.expires_at + timedelta(days=days))

    @pytest.mark.parametrize("days", [-60, 30])
    def test_its_borders_are_within(self, grant, days):
        assert make_renewal(grant, grant.expires_at + timedelta(days=days)).outcome

    def test_a_report_is_asked(self, grant, now):
        with pytest.raises(FieldErrors) as refused:
            make_renewal(grant, now, report=" ")
        assert set(refused.value.errors) == {"report"}

    def test_it_is_nobody_elses(self, grant, now):
        with pytest.raises(GrantNotFound):
            make_renewal(grant, now, holder=make_user())

    def test_what_was_ended_is_not_renewed(self, now):
        ended = make_accepted(now=now - BEGAN, days=TERM.days)
        close_grant(
            holder=ended.person,
            grant_id=ended.pk,
            statement="All gone.",
            deleted_copies=True,
            now=now,
        )
        with pytest.raises(NotRenewable, match="closed"):
            make_renewal(ended, now)
        revoked = make_accepted(now=now - BEGAN, days=TERM.days)
        revoke_grant(
            actor=make_administrator(revoked.repo), grant_id=revoked.pk, reason="No.", now=now
        )
        with pytest.raises(NotRenewable, match="lab ended"):
            make_renewal(revoked, now)

    def test_nor_is_one_under_notice_unless_the_text_is_newer(self, grant, now):
        end_by_notice(
            actor=make_administrator(grant.repo),
            repo_id=grant.repo_id,
            ends_at=now + timedelta(days=30) - timedelta(seconds=1),
            reason="Moving on.",
            grant_ids=[grant.pk],
            now=now - timedelta(seconds=1),
        )
        with pytest.raises(NotRenewable, match="gave notice"):
            make_renewal(grant, now)
        make_newer_text(now=now, kind="editorial")
        assert make_renewal(grant, now)

    def test_what_no_person_decided_waits_for_one_where_people_decide_now(self):
        signed = make_grant(make_repo(gate="licence"))
        repos = ModelRepo.objects.filter(pk=signed.repo_id)
        repos.update(download_gate="review", inference_gate="review")
        signed, at = Grant.objects.get(pk=signed.pk), signed.expires_at - timedelta(days=9)
        renewal = make_renewal(signed, at)
        assert not renewal.outcome
        reviewer = make_reviewer(signed.repo)
        decide_renewal(actor=reviewer, renewal_id=renewal.pk, granted=True, reason="", now=at)
        following = Grant.objects.get(parent=signed)
        assert (
            make_renewal(following, following.expires_at - timedelta(days=9)).outcome == "granted"
        )

    def test_what_was_revoked_while_it_waited_is_not(self, now):
        grant = make_accepted(now=now - BEGAN, days=TERM.days)
        make_gate(grant.repo, renewal_needs_review=True)
        renewal = make_renewal(grant, now)
        make_newer_text(now=now)
        newer = sign_newer_version(
            person=grant.person,
            grant_id=grant.pk,
            signature=make_signature(grant.person, grant.repo, now=now),
            now=now,
        )
        Grant.objects.filter(pk=grant.pk).update(ends_by_notice_at=now)
        administrator = make_administrator(grant.repo)
        revoke_grant(actor=administrator, grant_id=newer.pk, reason="A leak.", now=now)
        with pytest.raises(NotRenewable, match="ended meanwhile"):
            decide_renewal(
                actor=administrator, renewal_id=renewal.pk, granted=True, reason="", now=now
            )
        make_newer_text(now=now, version="3.0")
        with pytest.raises(GrantIsOver):
            sign_newer_version(
                person=grant.person,
                grant_id=grant.pk,
                signature=make_signature(grant.person, grant.repo, now=now),
                now=now,
            )

    def test_an_offer_is_not(self, now):
        offer = make_offer(now=now)
        signature = make_signature(offer.person, offer.repo, now=now)
        with pytest.raises(NotRenewable):
            renew_grant(
                holder=offer.person,
                grant_id=offer.pk,
                report="x",
                publications="",
                signature=signature,
                now=now,
            )


class TestDeciding:
    @pytest.fixture
    def renewal(self, grant, now):
        make_gate(grant.repo, renewal_needs_review=True)
        return make_renewal(grant, now)

    @pytest.fixture
    def reviewer(self, grant):
        return make_reviewer(grant.repo)

    def decide(self, renewal, actor, now, granted=True, reason=""):
        return decide_renewal(
            actor=actor, renewal_id=renewal.pk, granted=granted, reason=reason, now=now
        )

    def test_it_waits_for_the_team_and_says_until_when(self, grant, renewal, now):
        assert (renewal.outcome, renewal.due_at) == ("", now + timedelta(days=14))
        assert not Grant.objects.filter(parent=grant).exists()
        assert OutboxMessage.objects.filter(subject__contains="We have your renewal").exists()

    def test_a_text_that_changed_in_substance_is_reviewed(self, grant, now):
        make_newer_text(now=now)
        assert make_renewal(grant, now).outcome == ""

    def test_an_editorial_change_is_not(self, grant, now):
        make_newer_text(now=now, kind="editorial")
        assert make_renewal(grant, now).outcome == Renewal.Outcome.GRANTED

    def test_granted(self, grant, renewal, reviewer, now):
        assert self.decide(renewal, reviewer, now).decided_by == reviewer
        assert Grant.objects.get(parent=grant).starts_at == grant.expires_at
        assert AuditEvent.objects.get(type="grant.renewed").actor == reviewer

    def test_declined_in_words_and_filed_again(self, grant, renewal, reviewer, now):
        with pytest.raises(FieldErrors):
            self.decide(renewal, reviewer, now, granted=False)
        self.decide(renewal, reviewer, now, granted=False, reason="Name the papers.")
        assert AuditEvent.objects.filter(type="renewal.declined").count() == 1
        assert OutboxMessage.objects.filter(html__contains="Name the papers.").count() == 1
        assert make_renewal(grant, now).pk != renewal.pk

    def test_again_changes_nothing(self, grant, renewal, reviewer, now):
        self.decide(renewal, reviewer, now)
        assert self.decide(renewal, reviewer, now, granted=False, reason="No.").outcome == "granted"
        assert Grant.objects.filter(parent=grant).count() == 1

    def test_only_the_team_and_not_oneself(self, grant, renewal, now):
        with pytest.raises(RenewalNotFound):
            self.decide(renewal, make_reviewer(make_repo()), now)
        grant.repo.team.create(user=grant.person, role="reviewer")
        with pytest.raises(ConflictOfInterest):
            self.decide(renewal, grant.person, now)

    def test_what_was_ended_meanwhile_stays_ended(self, grant, renewal, reviewer, now):
        revoke_grant(actor=make_administrator(grant.repo), grant_id=grant.pk, reason="No.", now=now)
        with pytest.raises(NotRenewable):
            self.decide(renewal, reviewer, now)


class TestMembers:
    def test_they_go_on_under_the_same_text(self, now):
        grant = make_entity_grant(now=now - BEGAN, days=TERM.days)
        member = make_member(grant, now=now)
        make_invitation(grant, make_user(), now=now)
        make_renewal(grant, now)
        new = Grant.objects.get(parent=grant)
        carried = Membership.objects.joined().get(grant=new)
        assert (carried.person, carried.acceptance) == (member.person, member.acceptance)
        assert may(member.person, Action.INFER, grant.repo, grant.expires_at).allowed

    def test_they_sign_anew_under_a_newer_one(self, now):
        grant = make_entity_grant(now=now - BEGAN, days=TERM.days)
        member = make_member(grant, now=now)
        make_newer_text(now=now, kind="editorial")
        make_renewal(grant, now)
        new = Grant.objects.get(parent=grant)
        assert not Membership.objects.joined().filter(grant=new).exists()
        assert Membership.objects.standing().get(grant=new).email == member.email
        assert may(member.person, Action.INFER, grant.repo, now).allowed
        assert not may(member.person, Action.INFER, grant.repo, grant.expires_at).allowed


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    days=st.integers(1, 800),
    into_window=st.integers(0, 100),
    moments=st.lists(st.integers(0, 999), min_size=3, max_size=6),
    again=st.booleans(),
)
def test_renewed_means_usable_at_every_moment_to_the_new_end(days, into_window, moments, again):
    grant = make_accepted(now=LONG_AGO, days=days)
    opens = max(LONG_AGO, grant.expires_at - timedelta(days=60))
    filed_at = opens + (grant.expires_at + timedelta(days=30) - opens) * into_window / 100
    make_renewal(grant, filed_at)
    last = Grant.objects.get(parent=grant)
    if again:
        make_renewal(last, max(filed_at, last.expires_at - timedelta(days=60)))
        last = Grant.objects.get(parent=last)
    assert last.expires_at - last.starts_at >= grant.expires_at - grant.starts_at
    assert last.expires_at > grant.expires_at
    from_then = last.expires_at - filed_at
    for thousandth in (0, *moments):
        at = filed_at + from_then * thousandth / 1000
        assert may(grant.person, Action.DOWNLOAD, grant.repo, at).allowed, at
    end = grant.expires_at
    assert may(grant.person, Action.DOWNLOAD, grant.repo, max(end, filed_at)).allowed
    assert not may(grant.person, Action.DOWNLOAD, grant.repo, last.expires_at).allowed

"""The lab ends a grant: the whole line of it, by two people where it wants two, or by notice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import GrantIsOver, GrantNotFound
from portal.access.grants.ending.revocation import end_by_notice, revoke_grant
from portal.access.grants.newer_text import sign_newer_version
from portal.access.models import Grant
from portal.access.policy.policy import Action, Reason, may
from portal.audit.models import AuditEvent
from portal.catalog.errors import RepoNotFound
from portal.errors import FieldErrors, Forbidden
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import (
    make_accepted,
    make_administrator,
    make_entity_grant,
    make_gate,
    make_member,
    make_newer_text,
    make_offer,
    make_renewal,
)

pytestmark = pytest.mark.django_db
MONTH = timedelta(days=30)


@pytest.fixture
def grant(now):
    return make_accepted(now=now - timedelta(days=300), days=330)


@pytest.fixture
def administrator(grant):
    return make_administrator(grant.repo)


def revoke(grant, actor, now, reason="Weights shared."):
    return revoke_grant(actor=actor, grant_id=grant.pk, reason=reason, now=now)


def usable(grant, now):
    return may(grant.person, Action.DOWNLOAD, grant.repo, now).allowed


class TestTheWholeLine:
    def test_what_renewed_it_ends_too(self, grant, administrator, now):
        make_renewal(grant, now)
        revoke(grant, administrator, now)
        assert not usable(grant, now)
        assert not usable(grant, grant.expires_at)
        assert AuditEvent.objects.filter(type="grant.revoked").count() == 2
        assert OutboxMessage.objects.filter(kind="revocation").count() == 1

    def test_what_it_renews_ends_too(self, grant, administrator, now):
        make_renewal(grant, now)
        revoke(Grant.objects.get(parent=grant), administrator, now)
        assert not usable(grant, now)

    def test_an_offer_is_taken_back(self, now):
        offer = make_offer(now=now)
        revoke(offer, make_administrator(offer.repo), now)
        assert not Grant.objects.offered_at(now).exists()


class TestTwoPeople:
    @pytest.fixture(autouse=True)
    def _wanted(self, grant):
        make_gate(grant.repo, two_person_revocation=True)

    def test_the_first_proposes_and_nothing_ends(self, grant, administrator, now):
        proposed = revoke(grant, administrator, now)
        assert (proposed.revoked_at, proposed.revocation_proposed_by) == (None, administrator)
        assert usable(grant, now)
        assert AuditEvent.objects.filter(type="grant.revocation_proposed").count() == 1
        assert not OutboxMessage.objects.filter(kind="revocation").exists()

    def test_the_first_again_changes_nothing(self, grant, administrator, now):
        for _ in range(2):
            revoke(grant, administrator, now)
        assert usable(grant, now)
        assert AuditEvent.objects.filter(type="grant.revocation_proposed").count() == 1

    def test_a_second_person_confirms_with_the_first_ones_reason(self, grant, administrator, now):
        revoke(grant, administrator, now)
        ended = revoke(grant, make_administrator(grant.repo), now, reason="")
        assert (ended.revoked_at, ended.revocation_reason) == (now, "Weights shared.")
        assert not usable(grant, now)

    def test_a_proposal_of_somebody_who_left_is_no_second_word(self, grant, administrator, now):
        revoke(grant, administrator, now)
        grant.repo.team.filter(user=administrator).delete()
        again = revoke(grant, make_administrator(grant.repo), now)
        assert again.revoked_at is None
        assert usable(grant, now)


class TestNotice:
    def give(self, grant, actor, now, *, ends_at=None, reason="The text changed.", **named):
        named = named or {"licence_version_id": grant.acceptance.licence_version_id}
        return end_by_notice(
            actor=actor,
            repo_id=grant.repo_id,
            ends_at=ends_at or now + MONTH,
            reason=reason,
            now=now,
            **named,
        )

    @pytest.fixture
    def grant(self, now):
        return make_accepted(now=now)

    def test_the_grants_under_a_version_end_on_its_day(self, grant, administrator, now):
        another_grant = make_accepted(now=now)
        assert self.give(grant, administrator, now) == [grant]
        last = now + MONTH - timedelta(seconds=1)
        assert usable(grant, last)
        permission = may(grant.person, Action.DOWNLOAD, grant.repo, now + MONTH)
        assert (permission.allowed, permission.reason) == (False, Reason.REVOKED)
        assert usable(another_grant, now + MONTH)
        event = AuditEvent.objects.get(type="grant.notice_given")
        assert event.data["ends_by_notice_at"].startswith(f"{now + MONTH:%Y-%m-%dT%H:%M}")
        assert "The text changed." in OutboxMessage.objects.get(kind="notice").html

    def test_grants_may_be_named(self, grant, administrator, now):
        second = make_accepted(grant.repo, now=now)
        assert self.give(grant, administrator, now, grant_ids=[second.pk]) == [second]

    def test_again_changes_nothing(self, grant, administrator, now):
        self.give(grant, administrator, now)
        assert self.give(grant, administrator, now, ends_at=now + 2 * MONTH) == []
        assert self.give(grant, administrator, now) == []
        assert OutboxMessage.objects.filter(kind="notice").count() == 1

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"ends_at": timedelta(days=29)}, "ends_at"),
            ({"reason": " "}, "reason"),
            ({"grant_ids": []}, "licence_version_id"),
        ],
    )
    def test_what_is_missing_is_named(self, grant, administrator, now, changed, field):
        if "ends_at" in changed:
            changed = {"ends_at": now + changed["ends_at"]}
        with pytest.raises(FieldErrors) as refused:
            self.give(grant, administrator, now, **changed)
        assert set(refused.value.errors) == {field}

    def test_only_who_administers(self, grant, now):
        with pytest.raises(Forbidden):
            self.give(grant, make_reviewer(grant.repo), now)
        private = make_repo(private=True)
        with pytest.raises(RepoNotFound):
            end_by_notice(
                actor=make_user(),
                repo_id=private.pk,
                ends_at=now + MONTH,
                reason="x",
                grant_ids=[1],
                now=now,
            )

    def test_what_ends_before_is_passed_over(self, administrator, grant, now):
        ends_at = grant.expires_at + timedelta(days=1)
        assert self.give(grant, administrator, now, ends_at=ends_at) == []


class TestNewerText:
    def sign(self, grant, now, person=None):
        person = person or grant.person
        capacity, entity = grant.acceptance.capacity, grant.acceptance.entity
        signature = make_signature(person, grant.repo, now=now, capacity=capacity, entity=entity)
        return sign_newer_version(person=person, grant_id=grant.pk, signature=signature, now=now)

    @pytest.fixture
    def grant(self, now):
        return make_accepted(now=now)

    def test_it_binds_only_when_signed_and_lifts_the_notice(self, grant, administrator, now):
        version = make_newer_text(now=now)
        assert usable(grant, now)
        TestNotice().give(grant, administrator, now)
        newer = self.sign(grant, now)
        assert (newer.acceptance.licence_version, newer.parent) == (version, grant)
        assert (newer.starts_at, newer.expires_at) == (now, grant.expires_at)
        assert usable(grant, now + 2 * MONTH)
        assert not usable(grant, grant.expires_at)

    def test_after_the_notice_has_run_out_it_opens_again(self, grant, administrator, now):
        make_newer_text(now=now)
        TestNotice().give(grant, administrator, now)
        later = now + 2 * MONTH
        permission = may(grant.person, Action.DOWNLOAD, grant.repo, later)
        assert (permission.reason, permission.help_url) == (
            Reason.SIGN,
            f"/grants/{grant.pk}/newer",
        )
        self.sign(grant, later)
        assert usable(grant, later)

    def test_again_gives_the_same_grant(self, grant, now):
        make_newer_text(now=now)
        assert self.sign(grant, now) == self.sign(grant, now)
        assert AuditEvent.objects.filter(type="grant.renewed").count() == 1

    def test_without_one_the_grant_is_as_it_was(self, grant, now):
        assert self.sign(grant, now) == grant

    def test_what_is_over_takes_no_newer_text(self, grant, administrator, now):
        make_newer_text(now=now)
        revoke(grant, administrator, now)
        with pytest.raises(GrantIsOver):
            self.sign(grant, now)

    def test_it_is_nobody_elses(self, grant, now):
        with pytest.raises(GrantNotFound):
            self.sign(grant, now, person=make_user())

    def test_a_renewal_keeps_the_whole_term(self, grant, now):
        make_newer_text(now=now)
        newer = self.sign(grant, grant.expires_at - timedelta(days=20))
        make_renewal(newer, grant.expires_at - timedelta(days=10))
        last = Grant.objects.get(parent=newer)
        assert last.expires_at - last.starts_at == timedelta(days=365)

    def test_members_keep_theirs_until_the_notices_day(self, now):
        grant = make_entity_grant(now=now)
        member = make_member(grant, now=now)
        make_newer_text(now=now)
        TestNotice().give(grant, make_administrator(grant.repo), now)
        self.sign(grant, now)
        last = now + MONTH - timedelta(seconds=1)
        assert may(member.person, Action.INFER, grant.repo, last).allowed
        assert not may(member.person, Action.INFER, grant.repo, now + MONTH).allowed

"""Members: under an organization's licence alone, each signing for themselves, within a cap."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import (
    GrantIsOver,
    GrantNotFound,
    HeldBack,
    LicenceChanged,
    MembershipNotFound,
    NotShareable,
    TooManyMembers,
)
from portal.access.grants.members.joining import join_as_member
from portal.access.grants.members.membership import invite_member, remove_member
from portal.access.models import Membership
from portal.access.policy.policy import Action, Reason, may, may_through
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from portal.outbox.models import OutboxMessage
from tests.factories.access import make_grant, make_signature
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo
from tests.factories.grants import (
    join,
    make_accepted,
    make_administrator,
    make_entity_grant,
    make_gate,
    make_hold,
    make_invitation,
    make_member,
    make_newer_text,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(now):
    return make_entity_grant(now=now)


@pytest.fixture
def colleague():
    return make_user()


def remove(membership, actor, now, reason="They moved on."):
    return remove_member(actor=actor, membership_id=membership.pk, reason=reason, now=now)


class TestInviting:
    def test_a_letter_goes_to_the_address_and_holds_no_secret(self, grant, now):
        membership = invite_member(
            holder=grant.person, grant_id=grant.pk, email="New@Lab.Example", now=now
        )
        letter = OutboxMessage.objects.get(kind="invitation")
        assert (letter.address, letter.recipient) == ("new@lab.example", None)
        assert not letter.is_secret
        assert f"/memberships/{membership.pk}" in letter.text
        assert AuditEvent.objects.get(type="member.invited").actor == grant.person

    def test_again_changes_nothing(self, grant, colleague, now):
        assert make_invitation(grant, colleague, now=now) == make_invitation(
            grant, colleague, now=now
        )
        assert Membership.objects.count() == 1

    def test_a_personal_grant_is_not_shared(self, colleague, now):
        grant = make_accepted(now=now)
        with pytest.raises(NotShareable, match="personal"):
            make_invitation(grant, colleague, now=now)

    def test_only_its_holder_invites(self, grant, colleague, now):
        with pytest.raises(GrantNotFound):
            invite_member(holder=colleague, grant_id=grant.pk, email="a@b.example", now=now)

    def test_a_grant_that_is_over_takes_nobody(self, grant, colleague, now):
        with pytest.raises(GrantIsOver):
            make_invitation(grant, colleague, now=grant.expires_at)

    @pytest.mark.parametrize(
        "email",
        ["", "nonsense", "a@b", "two@a.example, three@a.example", f"x@{'sub.' * 70}a.example"],
    )
    def test_an_address_must_be_one(self, grant, email, now):
        with pytest.raises(FieldErrors):
            invite_member(holder=grant.person, grant_id=grant.pk, email=email, now=now)

    def test_not_oneself(self, grant, now):
        with pytest.raises(FieldErrors, match="your own"):
            make_invitation(grant, grant.person, now=now)

    def test_the_gate_caps_it(self, grant, colleague, now):
        make_gate(grant.repo, member_cap=1)
        member = make_member(grant, now=now)
        with pytest.raises(TooManyMembers, match="takes 1"):
            make_invitation(grant, colleague, now=now)
        remove(member, grant.person, now)
        assert make_invitation(grant, colleague, now=now)

    def test_a_condition_caps_it_first(self, colleague, now):
        grant = make_entity_grant(now=now, conditions={"max_members": 0})
        with pytest.raises(TooManyMembers):
            make_invitation(grant, colleague, now=now)


class TestJoining:
    def test_each_signs_for_themselves_and_may_what_the_grant_lets(self, grant, colleague, now):
        membership = make_invitation(grant, colleague, now=now)
        assert not may(colleague, Action.DOWNLOAD, grant.repo, now).allowed
        joined = join(membership, colleague, now)
        assert (joined.person, joined.acceptance.person) == (colleague, colleague)
        assert may(colleague, Action.DOWNLOAD, grant.repo, now).allowed
        event = AuditEvent.objects.get(type="member.joined")
        assert (event.actor, event.data["acceptance"]) == (colleague, joined.acceptance_id)
        assert OutboxMessage.objects.filter(recipient=grant.person, kind="joined_holder").exists()

    def test_it_never_widens_the_conditions(self, colleague, now):
        grant = make_entity_grant(
            now=now, modes=("inference",), conditions={"no_logits": True, "max_members": 2}
        )
        make_member(grant, colleague, now=now)
        assert may(colleague, Action.INFER, grant.repo, now).allowed
        assert may(colleague, Action.CAPTURE, grant.repo, now).reason == Reason.CONDITION
        assert not may(colleague, Action.DOWNLOAD, grant.repo, now).allowed

    def test_again_changes_nothing(self, grant, colleague, now):
        membership = make_member(grant, colleague, now=now)
        assert join(membership, colleague, now + timedelta(days=1)).joined_at == now
        assert AuditEvent.objects.filter(type="member.joined").count() == 1

    def test_only_who_holds_the_confirmed_address(self, grant, colleague, now):
        membership = make_invitation(grant, colleague, now=now)
        with pytest.raises(MembershipNotFound):
            join(membership, make_user(), now)
        unproved = make_user(verified=False)
        invited = make_invitation(grant, unproved, now=now)
        with pytest.raises(MembershipNotFound):
            join(invited, unproved, now)

    def test_nobody_signs_for_an_organization_here(self, grant, colleague, now):
        membership = make_invitation(grant, colleague, now=now)
        with pytest.raises(FieldErrors, match="Sign for yourself"):
            join(membership, colleague, now, capacity="entity", entity="Example, Dean")

    def test_the_text_of_the_grant_or_the_one_in_force(self, grant, colleague, now):
        old = make_signature(colleague, grant.repo, now=now)
        newer = make_newer_text(now=now)
        membership = make_invitation(grant, colleague, now=now)
        with pytest.raises(LicenceChanged):
            join(membership, colleague, now, text_sha256="0" * 64)
        joined = join_as_member(
            person=colleague, membership_id=membership.pk, signature=old, now=now
        )
        assert joined.acceptance.licence_version == grant.acceptance.licence_version
        another_member = make_member(grant, now=now)
        assert another_member.acceptance.licence_version == newer

    def test_a_person_held_back_waits(self, grant, colleague, now):
        membership = make_invitation(grant, colleague, now=now)
        make_hold(colleague, grant.repo, now=now)
        with pytest.raises(HeldBack):
            join(membership, colleague, now)

    def test_a_grant_that_is_over_takes_nobody(self, grant, colleague, now):
        membership = make_invitation(grant, colleague, now=now)
        with pytest.raises(GrantIsOver):
            join(membership, colleague, grant.expires_at)


class TestRemoving:
    @pytest.fixture
    def member(self, grant, colleague, now):
        return make_member(grant, colleague, now=now)

    def test_their_tokens_die_in_the_same_transaction(self, grant, member, colleague, now):
        wide, _ = make_token(colleague, now=now)
        here, _ = make_token(colleague, now=now, repo_ids=[grant.repo_id])
        elsewhere, _ = make_token(colleague, now=now, repo_ids=[make_repo().pk])
        holders, _ = make_token(grant.person, now=now)
        remove(member, grant.person, now)
        for token in (wide, here, elsewhere, holders):
            token.refresh_from_db()
        assert (wide.revoked_at, here.revoked_at) == (now, now)
        assert elsewhere.revoked_at is holders.revoked_at is None
        assert not may(colleague, Action.DOWNLOAD, grant.repo, now).allowed
        assert may_through(holders, Action.DOWNLOAD, grant.repo, now).allowed
        assert AuditEvent.objects.filter(type="token.revoked").count() == 2
        assert AuditEvent.objects.filter(type="member.ended").count() == 1
        ended = OutboxMessage.objects.filter(html__contains="They moved on.")
        assert {letter.recipient for letter in ended} == {colleague, grant.person}

    def test_they_live_where_another_grant_opens_it(self, grant, member, colleague, now):
        make_grant(grant.repo, colleague, now=now)
        token, _ = make_token(colleague, now=now)
        remove(member, grant.person, now)
        token.refresh_from_db()
        assert token.revoked_at is None
        assert may(colleague, Action.DOWNLOAD, grant.repo, now).allowed

    def test_one_leaves_by_oneself_without_a_reason(self, member, colleague, now):
        assert remove(member, colleague, now, reason="").end_reason == "They left by themselves."

    def test_an_administrator_may(self, grant, member, now):
        assert remove(member, make_administrator(grant.repo), now).ended_at == now

    def test_a_stranger_may_not(self, member, now):
        with pytest.raises(MembershipNotFound):
            remove(member, make_user(), now)

    def test_others_say_why(self, grant, member, now):
        with pytest.raises(FieldErrors):
            remove(member, grant.person, now, reason=" ")

    def test_again_changes_nothing(self, grant, member, now):
        remove(member, grant.person, now)
        again = remove(member, grant.person, now + timedelta(days=1), reason="Twice.")
        assert again.ended_at == now
        assert AuditEvent.objects.filter(type="member.ended").count() == 1

    def test_an_invitation_is_taken_back(self, grant, now):
        membership = make_invitation(grant, make_user(), now=now)
        assert remove(membership, grant.person, now).ended_at == now
        assert OutboxMessage.objects.filter(subject__contains="taken back").count() == 1

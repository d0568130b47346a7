"""Holds: one places, two lift; they bind at once, on people, organizations and revisions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.errors import HeldBack, HoldNotFound
from portal.access.grants.members.membership import remove_member
from portal.access.holds.holds import lift_hold, place_hold
from portal.access.holds.impact import affected_by
from portal.access.models import Hold
from portal.access.policy.policy import Action, Reason, may, may_through
from portal.accounts.models import Affiliation, Organization
from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from portal.errors import FieldErrors, Forbidden
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_token, make_user
from tests.factories.catalog import make_repo, make_reviewer, make_revision
from tests.factories.grants import (
    make_accepted,
    make_administrator,
    make_entity_grant,
    make_gate,
    make_hold,
    make_member,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(now):
    return make_accepted(now=now)


@pytest.fixture
def administrator(grant):
    return make_administrator(grant.repo)


def organization_of(person, now):
    organization = Organization.objects.create(name="Example University", created_at=now)
    Affiliation.objects.create(
        person=person,
        organization=organization,
        method="email",
        evidence="university.example",
        proved_at=now,
        expires_at=now + timedelta(days=365),
    )
    return organization


def leave(member, now):
    remove_member(actor=member.person, membership_id=member.pk, reason="", now=now)


def lift(hold, actor, now, reason="It was a mistake."):
    return lift_hold(actor=actor, hold_id=hold.pk, reason=reason, now=now)


def reason(grant, now, target=None):
    return may(grant.person, Action.DOWNLOAD, target or grant.repo, now).reason


class TestPlacing:
    def test_one_administrator_stops_a_person_with_a_letter(self, grant, administrator, now):
        hold = make_hold(grant.person, grant.repo, actor=administrator, now=now)
        assert reason(grant, now) == Reason.SUSPENDED
        letter = OutboxMessage.objects.get(kind="suspension")
        assert letter.recipient == grant.person
        assert "We look into it." in letter.html
        event = AuditEvent.objects.get(type="hold.placed")
        assert (event.actor, event.data["subject"]) == (administrator, grant.person.pk)
        assert hold.placed_at == now

    def test_it_stops_nothing_elsewhere(self, grant, administrator, now):
        another_grant = make_accepted(make_repo(), grant.person, now=now)
        make_hold(grant.person, grant.repo, actor=administrator, now=now)
        assert reason(another_grant, now) is None

    def test_on_everything_by_a_superuser(self, grant, now):
        make_hold(grant.person, now=now)
        assert reason(grant, now) == Reason.SUSPENDED

    def test_an_organization_stops_its_people_alone(self, grant, administrator, now):
        organization = organization_of(grant.person, now)
        another_grant = make_accepted(grant.repo, now=now)
        make_hold(organization, grant.repo, actor=administrator, now=now)
        assert reason(grant, now) == Reason.SUSPENDED
        assert reason(another_grant, now) is None
        assert OutboxMessage.objects.get(kind="suspension").recipient == grant.person

    def test_leaving_it_is_no_way_out(self, grant, administrator, now):
        organization = organization_of(grant.person, now - timedelta(days=9))
        hold = make_hold(organization, grant.repo, actor=administrator, now=now)
        later = now + timedelta(hours=1)
        Affiliation.objects.of(grant.person).update(ended_at=later)
        assert reason(grant, later) == Reason.SUSPENDED
        assert affected_by(hold, later).people == 1

    def test_a_revision_stops_for_everybody_and_no_other_does(
        self, grant, administrator, now, tmp_path
    ):
        held_revision = make_revision(grant.repo, tmp_path / "a")
        make_hold(held_revision, grant.repo, actor=administrator, now=now)
        assert reason(grant, now, held_revision) == Reason.SUSPENDED
        assert reason(grant, now) is None
        assert OutboxMessage.objects.filter(kind="suspension").count() == 1

    def test_members_are_told_too(self, now):
        grant = make_entity_grant(now=now)
        member = make_member(grant, now=now)
        organization = organization_of(member.person, now)
        make_hold(organization, grant.repo, now=now)
        letters = OutboxMessage.objects.filter(kind="suspension")
        assert [letter.recipient for letter in letters] == [member.person]
        assert may(member.person, Action.INFER, grant.repo, now).reason == Reason.SUSPENDED

    def test_who_works_under_the_grant_of_one_of_its_people_is_of_it_too(self, now):
        grant = make_entity_grant(now=now)
        member, other = make_member(grant, now=now), make_entity_grant(grant.repo, now=now)
        organization = organization_of(grant.person, now)
        hold = make_hold(organization, grant.repo, now=now)
        assert may(member.person, Action.INFER, grant.repo, now).reason == Reason.SUSPENDED
        assert reason(other, now) is None
        letters = OutboxMessage.objects.filter(kind="suspension")
        assert {letter.recipient for letter in letters} == {grant.person, member.person}
        assert affected_by(hold, now).people == 2

    def test_leaving_such_a_grant_is_no_way_out_and_having_left_before_is(self, now):
        grant = make_entity_grant(now=now)
        left, stayed = make_member(grant, now=now), make_member(grant, now=now)
        own = make_accepted(grant.repo, stayed.person, now=now)
        organization = organization_of(grant.person, now)
        leave(left, now + timedelta(hours=1))
        placed = now + timedelta(hours=2)
        hold = make_hold(organization, grant.repo, now=placed)
        later = placed + timedelta(hours=1)
        leave(stayed, later)
        assert reason(own, later) == Reason.SUSPENDED
        assert not Hold.objects.on(left.person, grant.repo, None, later).exists()
        assert Hold.objects.on(stayed.person, grant.repo, None, later).get() == hold

    def test_a_grant_that_was_over_before_binds_nobody(self, now):
        grant = make_entity_grant(now=now, days=10)
        member = make_member(grant, now=now)
        organization = organization_of(grant.person, now)
        after = now + timedelta(days=11)
        make_hold(organization, grant.repo, now=after)
        assert not Hold.objects.on(member.person, grant.repo, None, after).exists()

    def test_it_binds_a_token_on_open_models(self, now):
        repo, person = make_repo(gate="open"), make_user()
        token, _ = make_token(person, "download", now=now)
        assert may_through(token, Action.DOWNLOAD, repo, now).allowed
        make_hold(person, now=now)
        assert may_through(token, Action.DOWNLOAD, repo, now).reason == Reason.SUSPENDED

    def test_again_changes_nothing(self, grant, administrator, now):
        holds = {make_hold(grant.person, grant.repo, actor=administrator, now=now) for _ in "ab"}
        assert len(holds) == 1
        assert AuditEvent.objects.filter(type="hold.placed").count() == 1

    def test_only_who_administers(self, grant, now):
        with pytest.raises(Forbidden):
            make_hold(grant.person, grant.repo, actor=make_reviewer(grant.repo), now=now)
        with pytest.raises(Forbidden):
            make_hold(grant.person, None, actor=make_administrator(grant.repo), now=now)

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"scope": "planet"}, "scope"),
            ({"subject_id": None}, "subject_id"),
            ({"subject_id": 999_999}, "subject_id"),
            ({"scope": "revision", "subject_id": 1}, "subject_id"),
            ({"repo_id": 999_999}, "repo_id"),
            ({"reason": " "}, "reason"),
        ],
    )
    def test_what_is_missing_is_named(self, grant, administrator, now, changed, field):
        values = {
            "scope": "person",
            "subject_id": grant.person.pk,
            "repo_id": grant.repo_id,
            "reason": "We look into it.",
        }
        with pytest.raises(FieldErrors) as refused:
            place_hold(actor=administrator, now=now, **values | changed)
        assert set(refused.value.errors) == {field}
        assert not Hold.objects.exists()

    def test_the_preview_counts_and_changes_nothing(self, grant, now):
        make_accepted(grant.repo, now=now)
        would = Hold(scope="person", person=grant.person, repo=grant.repo)
        stops = affected_by(would, now)
        assert (stops.grants, stops.people, stops.jobs) == (1, 1, 0)
        everybody = affected_by(Hold(scope="revision", repo=grant.repo), now)
        assert (everybody.grants, everybody.people) == (2, 2)


class TestLifting:
    @pytest.fixture
    def hold(self, grant, administrator, now):
        return make_hold(grant.person, grant.repo, actor=administrator, now=now)

    def test_two_people_lift_it(self, grant, administrator, hold, now):
        assert lift(hold, administrator, now).lifted_at is None
        assert reason(grant, now) == Reason.SUSPENDED
        lifted = lift(hold, make_administrator(grant.repo), now)
        assert lifted.lifted_at == now
        assert reason(grant, now) is None
        assert AuditEvent.objects.filter(type="hold.lift_given").count() == 2
        assert AuditEvent.objects.filter(type="hold.lifted").count() == 1
        assert OutboxMessage.objects.filter(subject__contains="lifted").count() == 1

    def test_one_person_twice_is_one(self, administrator, hold, now):
        for _ in range(2):
            assert lift(hold, administrator, now).lifted_at is None
        assert hold.lifts.count() == 1

    def test_as_many_as_the_gate_says(self, grant, administrator, hold, now):
        make_gate(grant.repo, lift_quorum=1)
        assert lift(hold, administrator, now).lifted_at == now

    def test_site_wide_takes_two_superusers(self, grant, administrator, now):
        hold = make_hold(grant.person, now=now)
        with pytest.raises(HoldNotFound):
            lift(hold, administrator, now)
        assert lift(hold, make_user(superuser=True), now).lifted_at is None
        assert lift(hold, make_user(superuser=True), now).lifted_at == now

    def test_who_is_held_lifts_nothing(self, grant, administrator, hold, now):
        held_administrator = make_administrator(grant.repo)
        make_hold(held_administrator, grant.repo, actor=administrator, now=now)
        with pytest.raises(HeldBack):
            lift(hold, held_administrator, now)

    def test_a_word_given_before_being_held_counts_no_more(self, grant, administrator, hold, now):
        first = make_administrator(grant.repo)
        lift(hold, first, now)
        make_hold(first, grant.repo, actor=administrator, now=now)
        assert lift(hold, administrator, now).lifted_at is None
        assert lift(hold, make_administrator(grant.repo), now).lifted_at == now

    def test_nor_does_one_of_somebody_who_left_the_team(self, grant, administrator, hold, now):
        lift(hold, administrator, now)
        TeamMember.objects.filter(repo=grant.repo, user=administrator).delete()
        lift(hold, make_administrator(grant.repo), now)
        assert reason(grant, now) == Reason.SUSPENDED
        lift(hold, make_administrator(grant.repo), now)
        assert reason(grant, now) is None

    def test_a_reason_is_asked(self, administrator, hold, now):
        with pytest.raises(FieldErrors):
            lift(hold, administrator, now, reason=" ")

    def test_strangers_find_nothing(self, hold, now):
        with pytest.raises(HoldNotFound):
            lift(hold, make_administrator(make_repo()), now)

    def test_again_changes_nothing(self, grant, administrator, hold, now):
        make_gate(grant.repo, lift_quorum=1)
        lift(hold, administrator, now)
        again = lift(hold, make_administrator(grant.repo), now + timedelta(days=1))
        assert again.lifted_at == now

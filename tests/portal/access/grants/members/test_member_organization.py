"""Members are proved to be of the holder's organization, where the holder is proved to be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress

from portal.access.errors import NotOfTheOrganization
from portal.access.models import Membership
from portal.access.policy.policy import Action, may
from portal.access.reminders.tick import tick
from portal.accounts.services import prove_by_email
from portal.audit.models import AuditEvent
from portal.outbox.models import OutboxMessage
from tests.factories.accounts import make_token, make_user
from tests.factories.affiliations import give_address, make_organization
from tests.factories.grants import make_entity_grant, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def university():
    return make_organization("uni.example", name="Uni of Examples")


def proved(person, now):
    give_address(person, f"{person.username}@uni.example")
    prove_by_email(person=person, now=now)
    return person


@pytest.fixture
def grant(university, now):
    grant = make_entity_grant(now=now)
    proved(grant.person, now)
    return grant


@pytest.fixture
def member(grant, now):
    return make_member(grant, proved(make_user(), now), now=now)


def test_who_is_proved_to_be_of_it_joins_and_the_membership_says_so(university, member):
    assert member.joined_at
    assert member.organization == university


def test_anybody_else_is_told_what_to_do(grant, now):
    with pytest.raises(NotOfTheOrganization, match="people of Uni of Examples") as refused:
        make_member(grant, make_user(), now=now)
    assert refused.value.help_url == "/affiliations"
    assert not Membership.objects.get().person


def test_where_nothing_proves_the_holder_the_invited_address_is_enough(now):
    grant = make_entity_grant(now=now)
    assert make_member(grant, now=now).organization is None


def test_it_ends_the_moment_the_proof_runs_out(grant, member, now):
    person, over = member.person, now + timedelta(days=30)
    person.affiliations.update(expires_at=over)
    assert "member_unproved" not in tick(over - timedelta(seconds=1))
    assert tick(over)["member_unproved"] == 1
    assert not may(person, Action.DOWNLOAD, grant.repo, over).allowed


def test_an_address_that_goes_takes_the_membership_with_it(grant, member, now):
    person = member.person
    token, _ = make_token(person, now=now)
    assert may(person, Action.DOWNLOAD, grant.repo, now).allowed
    EmailAddress.objects.filter(user=person, email__endswith="@uni.example").first().delete()
    later = now + timedelta(minutes=1)

    assert tick(later)["member_unproved"] == 1

    member.refresh_from_db()
    token.refresh_from_db()
    assert member.ended_at == token.revoked_at == later
    assert member.ended_by is None
    assert not may(person, Action.DOWNLOAD, grant.repo, later).allowed
    event = AuditEvent.objects.get(type="member.ended")
    assert (event.actor, event.target_id) == (None, str(member.pk))
    letters = OutboxMessage.objects.filter(kind__startswith="membership_ended")
    assert {letter.recipient for letter in letters} == {person, grant.person}
    assert all("Nothing proves any more" in " ".join(letter.text.split()) for letter in letters)
    assert "member_unproved" not in tick(later + timedelta(minutes=1))


def test_another_proof_of_the_same_place_keeps_it(grant, member, university, now):
    person = member.person
    person.affiliations.create(
        organization=university,
        method="reference",
        evidence="The head of the group",
        proved_at=now,
        expires_at=now + timedelta(days=365),
    )
    EmailAddress.objects.filter(user=person, email__endswith="@uni.example").first().delete()
    assert "member_unproved" not in tick(now + timedelta(minutes=1))

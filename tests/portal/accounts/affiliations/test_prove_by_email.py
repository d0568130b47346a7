"""A verified address at an organization proves the affiliation, for a year, while it is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.accounts.affiliations import affiliations_of, is_affiliated
from portal.accounts.models import Affiliation
from portal.accounts.services import create_user, prove_by_email
from portal.audit.models import AuditEvent
from tests.factories.accounts import make_user
from tests.factories.affiliations import give_address, make_member, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def university():
    return make_organization("uni.edu", ror_id="042nb2s44")


def prove(person, now, confirmed=""):
    return prove_by_email(person=person, now=now, confirmed=confirmed)


def test_an_address_below_its_domain_proves_it(university, now):
    person = make_user()
    give_address(person, "a@cs.uni.edu")
    (affiliation,) = prove(person, now)
    assert affiliation.organization == university
    assert (affiliation.method, affiliation.evidence) == ("email", "uni.edu")
    assert affiliation.expires_at == now + timedelta(days=365)
    assert affiliations_of(person, now) == [affiliation]
    event = AuditEvent.objects.get(type="affiliation.proved")
    assert (event.actor_id, event.data["organization"]) == (person.pk, university.pk)


def test_the_term_is_a_setting(university, now, settings):
    settings.AFFILIATION_DAYS = 30
    _, affiliation = make_member("uni.edu", now=now)
    assert affiliation.expires_at == now + timedelta(days=30)


def test_a_department_and_its_university_are_both_proved(university, now):
    make_organization("cs.uni.edu", name="Department")
    person = make_user()
    give_address(person, "a@cs.uni.edu")
    assert {affiliation.evidence for affiliation in prove(person, now)} == {"cs.uni.edu", "uni.edu"}


@pytest.mark.parametrize("email", ["a@other.edu", "a@notuni.edu", "a@uni.edu.example"])
def test_another_domain_proves_nothing(university, now, email):
    person = make_user()
    give_address(person, email)
    assert prove(person, now) == []


def test_an_unverified_address_proves_nothing(university, now):
    person = make_user()
    give_address(person, "a@uni.edu", verified=False)
    assert prove(person, now) == []
    assert not is_affiliated(person, now)


def test_free_mail_proves_nothing_whatever_the_data_say(now):
    make_organization("gmail.com")
    person = make_user()
    give_address(person, "a@gmail.com")
    assert prove(person, now) == []


def test_a_second_call_changes_nothing(university, now):
    person, _ = make_member("uni.edu", now=now)
    assert prove(person, now) == []
    assert prove(person, now, confirmed=f"{person.username}@uni.edu") == []
    assert Affiliation.objects.count() == 1
    assert AuditEvent.objects.filter(type="affiliation.proved").count() == 1


def test_only_a_fresh_confirmation_renews_what_ran_out(university, now):
    person, before = make_member("uni.edu", now=now)
    later = now + timedelta(days=400)
    assert not is_affiliated(person, later)
    assert prove(person, later) == []
    (renewed,) = prove(person, later, confirmed=f"{person.username}@uni.edu")
    before.refresh_from_db()
    assert before.ended_at == before.expires_at
    assert affiliations_of(person, later) == [renewed]


def test_removing_the_address_ends_it(university, now):
    person, affiliation = make_member("uni.edu", now=now)
    person.emailaddress_set.get(email__endswith="@uni.edu").delete()
    affiliation.refresh_from_db()
    assert affiliation.ended_at is not None
    assert not is_affiliated(person, now)
    assert AuditEvent.objects.filter(type="affiliation.ended").count() == 1


def test_unverifying_the_address_ends_it(university, now):
    person, _ = make_member("uni.edu", now=now)
    address = person.emailaddress_set.get(email__endswith="@uni.edu")
    address.verified = False
    address.save()
    assert not is_affiliated(person, now)


def test_another_address_at_the_same_place_keeps_it(university, now):
    person, _ = make_member("uni.edu", now=now)
    give_address(person, "second@physics.uni.edu")
    person.emailaddress_set.get(email=f"{person.username}@uni.edu").delete()
    assert is_affiliated(person, now)
    assert not AuditEvent.objects.filter(type="affiliation.ended").exists()


def test_it_can_be_proved_again_after_its_end(university, now):
    person, _ = make_member("uni.edu", now=now)
    person.emailaddress_set.get(email__endswith="@uni.edu").delete()
    give_address(person, "back@uni.edu")
    assert len(prove(person, now, confirmed="back@uni.edu")) == 1


def test_an_account_made_with_a_verified_address_is_affiliated(university, now):
    person = create_user(
        username="made", email="made@uni.edu", name="Made", password="x", now=now,
        email_verified=True,
    )  # fmt: skip
    assert is_affiliated(person, now)

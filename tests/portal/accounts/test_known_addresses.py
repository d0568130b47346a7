"""People are found by the addresses that they have proved, and by no other."""

from __future__ import annotations

import pytest

from portal.accounts.affiliations import (
    addresses_of,
    find_person_by_email,
    organization_in_words,
)
from tests.factories.accounts import make_user
from tests.factories.affiliations import give_address, make_organization

pytestmark = pytest.mark.django_db


def test_only_proved_addresses_count_and_the_main_one_is_first():
    person = make_user("zoe")
    give_address(person, "a@uni.edu")
    give_address(person, "b@uni.edu", verified=False)
    assert addresses_of(person) == ["zoe@university.example", "a@uni.edu"]


def test_a_person_is_found_by_a_proved_address_in_any_case():
    person = make_user()
    give_address(person, "a@uni.edu")
    give_address(make_user(), "b@uni.edu", verified=False)
    assert find_person_by_email(" A@Uni.edu ") == person
    assert find_person_by_email("b@uni.edu") is None
    assert find_person_by_email("") is None


def test_a_closed_account_is_found_by_none():
    person = make_user()
    person.is_active = False
    person.save()
    assert find_person_by_email(person.email) is None


def test_an_organization_is_meant_by_ror_id_or_whole_name():
    university = make_organization("uni.edu", name="University of Tests", ror_id="042nb2s44")
    assert organization_in_words("https://ror.org/042nb2s44") == university
    assert organization_in_words("  university of  tests ") == university
    assert organization_in_words("university") is None


def test_a_name_that_two_bear_means_neither():
    make_organization(name="Saint Test’s", ror_id="042nb2s44")
    make_organization(name="Saint Test’s", ror_id="05a28rw58")
    assert organization_in_words("Saint Test’s") is None

"""The migrations bring rows from before the rules under them."""

from __future__ import annotations

from importlib import import_module

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.db import connection

from portal.accounts.models import User
from portal.lines import line_fault
from tests.factories.accounts import make_user
from tests.factories.affiliations import give_address

pytestmark = pytest.mark.django_db


def migrate(name: str, step: str) -> None:
    getattr(import_module(f"portal.accounts.migrations.{name}"), step)(apps, None)


def claim(person: User, email: str) -> None:
    EmailAddress.objects.filter(user=person).update(email=email.lower())
    User.objects.filter(pk=person.pk).update(email=email)


@pytest.fixture
def _without_the_constraint():
    """Drop the constraint; the rollback of the test's own transaction brings it back."""
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX address_any_case")


@pytest.mark.usefixtures("_without_the_constraint")
@pytest.mark.parametrize("proved_by", ["second", "nobody"])
def test_an_address_is_left_to_whoever_proved_it_else_to_the_oldest(proved_by):
    first, second = make_user(verified=False), make_user(verified=False)
    claim(first, "shared@university.example")
    claim(second, "Shared@university.example")
    if proved_by == "second":
        EmailAddress.objects.filter(user=second).update(verified=True)
    migrate("0004_one_account_each_address", "leave_to_one")
    keeper, other = (second, first) if proved_by == "second" else (first, second)
    assert User.objects.get(pk=keeper.pk).email.lower() == "shared@university.example"
    assert User.objects.get(pk=other.pk).email == ""
    assert EmailAddress.objects.get(email="shared@university.example").user == keeper


def test_who_had_proved_an_address_holds_the_account():
    proved, unproved = make_user(), make_user(verified=False)
    give_address(proved, "second@lab.example")
    User.objects.update(proved_at=None)
    migrate("0003_user_proved_at", "prove_the_proved")
    assert User.objects.get(pk=proved.pk).proved_at == proved.date_joined
    assert User.objects.get(pk=unproved.pk).proved_at is None


def test_a_name_becomes_a_line():
    lured, other = make_user(), make_user()
    User.objects.filter(pk=lured.pk).update(name="Ada\r\n\r\nUnlock it: https://evil.example/x")
    migrate("0006_names_are_lines", "make_lines")
    name = User.objects.get(pk=lured.pk).name
    assert name.startswith("Ada Unlock it")
    assert not line_fault(name)
    assert User.objects.get(pk=other.pk).name == other.name

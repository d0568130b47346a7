"""Operators set how large an organization's share of hosted inference is."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal.accounts.models import Organization
from portal.audit.models import AuditEvent
from tests.factories.accounts import make_user, the_operator

pytestmark = pytest.mark.django_db


@pytest.fixture
def university(now):
    return Organization.objects.create(
        name="Example University", ror_id="0example1", created_at=now
    )


def run(*arguments):
    out = StringIO()
    call_command("weight", *arguments, stdout=out)
    return out.getvalue().strip()


def set_weight(name, weight, actor=None):
    return run("set", name, str(weight), "--as", (actor or the_operator()).username)


def test_a_weight_is_set_listed_and_recorded_once(university):
    assert run("list") == "All have weight 1."
    assert set_weight("0example1", 3) == "Example University has weight 3 now."
    assert "Nothing changed" in set_weight("0example1", 3)
    assert run("list").endswith("All others have weight 1.")
    [row] = json.loads(run("list", "--json"))
    assert row["weight"] == 3
    event = AuditEvent.objects.get(type="organization.weighed")
    assert event.target_id == str(university.pk)
    assert (event.data["before"], event.data["weight"]) == (1, 3)


@pytest.mark.parametrize("weight", [0, 101])
def test_a_weight_out_of_bounds_is_refused(university, weight):
    with pytest.raises(CommandError, match="weight: Give a whole number from 1 to 100"):
        set_weight("0example1", weight)
    university.refresh_from_db()
    assert university.weight == 1


def test_an_unknown_organization_or_actor_is_named(university):
    with pytest.raises(CommandError, match="Nowhere"):
        set_weight("Nowhere", 2)
    with pytest.raises(CommandError, match="no account nobody"):
        run("set", "0example1", "2", "--as", "nobody")


def test_others_than_operators_are_refused(university):
    with pytest.raises(CommandError, match="operators"):
        set_weight("0example1", 2, actor=make_user())

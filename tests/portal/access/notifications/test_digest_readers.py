"""A digest lists what its reader may be told of at once, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.access.letters.team.waiting import lines_for
from portal.accounts.models import User
from portal.catalog.models import NamespaceSeat
from tests.factories.accounts import make_user
from tests.factories.affiliations import affiliate
from tests.factories.grants import make_accepted, make_gate, make_renewal

pytestmark = pytest.mark.django_db


@pytest.fixture
def renewal(repo, now):
    make_gate(repo, renewal_needs_review=True)
    return make_renewal(make_accepted(repo, now=now - timedelta(days=300), days=330), now)


def told(reader: User, now) -> bool:
    return any("asks to renew" in line.text for line in lines_for(reader, [], now))


def test_a_renewal_is_told_to_the_team_by_either_seat(repo, reviewer, renewal, now):
    wide = make_user()
    NamespaceSeat.objects.create(namespace=repo.namespace, user=wide, role="reviewer")
    assert told(reviewer, now)
    assert told(wide, now)


def test_a_renewal_is_not_told_to_who_has_a_conflict_of_interest(repo, reviewer, renewal, now):
    affiliate(reviewer, affiliate(renewal.grant.person))
    assert not told(reviewer, now)


def test_owners_are_told_only_where_nobody_is_on_the_team(repo, renewal, reviewer, now):
    owner = repo.namespace.roles.exclude(user__is_superuser=True).get().user
    assert not told(owner, now)
    repo.team.all().delete()
    assert told(owner, now)


def test_operators_are_told_only_where_nobody_publishes_either(repo, renewal, now):
    operator = make_user(superuser=True)
    repo.team.all().delete()
    assert not told(operator, now)
    repo.namespace.roles.all().delete()
    assert told(operator, now)

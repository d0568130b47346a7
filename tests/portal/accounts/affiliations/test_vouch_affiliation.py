"""A reviewer's word for where somebody works."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.accounts.affiliations import is_affiliated
from portal.accounts.errors import NoSuchOrganization, NotOneself
from portal.accounts.models import Affiliation
from portal.accounts.services import organization_named, vouch_affiliation
from portal.audit.models import AuditEvent
from portal.errors import FieldErrors
from tests.factories.accounts import make_user
from tests.factories.affiliations import make_organization

pytestmark = pytest.mark.django_db
WORDS = "Met at a workshop; the staff page lists them."


def vouch(reviewer, person, organization_id, now, evidence=WORDS):
    return vouch_affiliation(
        reviewer=reviewer,
        person_id=person.pk,
        organization_id=organization_id,
        evidence=evidence,
        now=now,
    )


def test_the_word_stands_for_a_year_under_the_reviewers_name(now):
    reviewer, person = make_user(), make_user()
    affiliation = vouch(reviewer, person, make_organization().pk, now)
    assert (affiliation.method, affiliation.proved_by) == ("reviewer", reviewer)
    assert is_affiliated(person, now + timedelta(days=364))
    assert not is_affiliated(person, now + timedelta(days=365))
    event = AuditEvent.objects.get(type="affiliation.proved")
    assert event.actor_id == reviewer.pk
    assert WORDS not in str(event.data)


def test_vouching_again_changes_nothing(now):
    reviewer, person, organization = make_user(), make_user(), make_organization()
    first = vouch(reviewer, person, organization.pk, now)
    assert vouch(make_user(), person, organization.pk, now) == first
    assert Affiliation.objects.count() == 1


def test_a_word_near_its_end_is_replaced(now):
    reviewer, person, organization = make_user(), make_user(), make_organization()
    vouch(reviewer, person, organization.pk, now)
    later = now + timedelta(days=350)
    assert vouch(reviewer, person, organization.pk, later).proved_at == later


def test_nobody_vouches_for_themselves(now):
    person = make_user()
    with pytest.raises(NotOneself):
        vouch(person, person, make_organization().pk, now)


def test_how_it_is_known_must_be_said(now):
    with pytest.raises(FieldErrors):
        vouch(make_user(), make_user(), make_organization().pk, now, evidence=" ")


def test_the_organization_must_exist(now):
    with pytest.raises(NoSuchOrganization):
        vouch(make_user(), make_user(), 0, now)


def test_an_unlisted_organization_is_made_once(now):
    make_organization("uni.edu", name="Test Institute")
    first = organization_named(name=" Test  Institute", now=now)
    assert first.domains.count() == 0
    assert organization_named(name="test institute", now=now) == first

"""A job takes with it whose share of the engine it is to have."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest

from portal.access.policy.permissions import Limits
from portal.accounts.models import Affiliation, Organization
from portal.jobs.models import INTERACTIVE
from portal.jobs.services import preparing
from tests.factories.jobs import make_guest, make_job

pytestmark = pytest.mark.django_db


def prove(person, name, *, at, until):
    organization = Organization.objects.create(name=name, created_at=at)
    Affiliation.objects.create(
        person=person,
        organization=organization,
        method="email",
        evidence="university.example",
        proved_at=at,
        expires_at=until,
    )
    return organization


def test_the_organization_is_the_one_proved_at_submission(hosted, now):
    guest = make_guest(hosted)
    assert make_job(hosted, guest, now=now).organization is None
    first = prove(guest, "First", at=now, until=now + timedelta(days=2))
    job = make_job(hosted, guest, now=now)
    prove(guest, "Second", at=now + timedelta(days=1), until=now + timedelta(days=9))
    later = make_job(hosted, guest, now=now + timedelta(days=1))
    job.refresh_from_db()
    assert (job.organization, later.organization.name) == (first, "Second")
    assert make_job(hosted, guest, now=now + timedelta(days=9)).organization is None


@pytest.mark.parametrize("has_floor", [False, True])
def test_the_floor_is_the_permissions(hosted, now, has_floor):
    guest = make_guest(hosted)
    allowed = preparing._allowed

    def with_floor(*args):
        revision, _ = allowed(*args)
        return revision, Limits(has_floor=has_floor)

    with patch.object(preparing, "_allowed", with_floor):
        job = make_job(hosted, guest, now=now)
    assert (job.has_floor, job.priority) == (has_floor, INTERACTIVE)

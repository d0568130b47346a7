"""A proof that comes while a request waits is seen in the queue at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.access.models import AccessRequest
from portal.accounts.models import Affiliation, Organization
from tests.factories.access import make_request
from tests.factories.catalog import make_repo

pytestmark = pytest.mark.django_db


def test_a_proof_after_the_submission_counts():
    access_request, now = make_request(make_repo()), timezone.now()
    assert not access_request.evidence_is_clear
    organization = Organization.objects.create(name="Example University", created_at=now)
    proof = Affiliation.objects.create(
        person=access_request.applicant,
        organization=organization,
        method="reference",
        evidence="The head of the group",
        proved_at=now,
        expires_at=now + timedelta(days=365),
    )
    access_request.refresh_from_db()
    assert (access_request.evidence_is_clear, access_request.organization) == (True, organization)
    proof.ended_at = now
    proof.save()
    access_request.refresh_from_db()
    assert (access_request.evidence_is_clear, access_request.organization) == (False, None)


def test_a_decided_request_keeps_what_it_was_decided_on():
    access_request, now = make_request(make_repo()), timezone.now()
    AccessRequest.objects.filter(pk=access_request.pk).update(state="declined", closed_at=now)
    Affiliation.objects.create(
        person=access_request.applicant,
        organization=Organization.objects.create(name="Example University", created_at=now),
        method="reference",
        evidence="The head of the group",
        proved_at=now,
        expires_at=now + timedelta(days=365),
    )
    access_request.refresh_from_db()
    assert not access_request.evidence_is_clear

"""Services refuse texts that are too long, whichever surface they come from."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from portal.outbox.models import OutboxMessage
from tests.factories.access import make_grant
from tests.factories.catalog import make_repo
from tests.factories.grants import make_administrator

pytestmark = pytest.mark.django_db
ENDLESS = "x" * 3_000_000


def test_a_reason_without_end_ends_no_grant_and_leaves_in_no_letter(client):
    grant = make_grant(make_repo(), now=timezone.now())
    client.force_login(make_administrator(grant.repo))
    before = OutboxMessage.objects.count()
    response = client.post(f"/grants/{grant.pk}/revoke", {"reason": ENDLESS}, follow=True)
    assert response.status_code == 422
    assert re.search("at most 5,?000 characters", response.text)
    grant.refresh_from_db()
    assert (grant.revoked_at, grant.revocation_reason) == (None, "")
    assert OutboxMessage.objects.count() == before

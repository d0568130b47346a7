"""The list of what one reads and the table of acts say the same of everybody."""

from __future__ import annotations

import pytest

from portal.access.models import AccessRequest
from portal.access.policy.request_actions import RequestAction, allowed_actions
from tests.factories.access import make_draft, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.reviews import escalate, owner_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("escalated", [False, True])
@pytest.mark.parametrize("state", AccessRequest.State)
def test_list_and_table_agree(state, escalated, now):
    repo = make_repo()
    make = make_draft if state == AccessRequest.State.DRAFT else make_request
    request = make(repo, make_user(), now=now)
    if escalated:
        escalate(request, now)
    AccessRequest.objects.filter(pk=request.pk).update(state=state, closed_at=now)
    request.refresh_from_db()
    people = {
        "applicant": request.applicant,
        "reviewer": make_reviewer(repo),
        "administrator": make_reviewer(repo, role="administrator"),
        "owner": owner_of(request),
        "operator": make_user(superuser=True),
        "stranger": make_user(),
    }
    listed = {
        role: AccessRequest.objects.readable_by(person).filter(pk=request.pk).exists()
        for role, person in people.items()
    }
    assert listed == {
        role: RequestAction.READ in allowed_actions(person, request, now)
        for role, person in people.items()
    }

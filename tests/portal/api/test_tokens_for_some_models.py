"""A token for some models alone reads nothing that is of its owner as a whole."""

from __future__ import annotations

import pytest
from django.utils import timezone

from tests.factories.access import make_grant
from tests.factories.catalog import make_repo
from tests.portal.api.api_calls import by_token

pytestmark = pytest.mark.django_db
OF_THE_PERSON = (
    "letters",
    "signatures",
    "affiliations",
    "references",
    "notifications",
    "invitations",
)


@pytest.fixture
def holder():
    return make_grant(make_repo(), now=timezone.now()).person


@pytest.mark.parametrize("path", OF_THE_PERSON)
def test_it_is_refused_by_its_reach_and_a_wide_one_is_not(holder, path):
    assert by_token(holder).get(path).status_code == 200
    narrowed = by_token(holder, repo_ids=[make_repo().pk]).get(path)
    assert narrowed.status_code == 403
    assert "for some models alone" in narrowed.json()["error"]["message"]


def test_its_owners_signature_is_not_found_by_its_number(holder):
    signature = holder.acceptances.get()
    path = f"signatures/{signature.pk}"
    assert by_token(holder).get(path).status_code == 200
    assert by_token(holder, repo_ids=[make_repo().pk]).get(path).status_code == 404

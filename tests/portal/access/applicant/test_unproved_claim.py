"""Applicants read that they claim another place than they proved, and what to do about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories.access import make_draft, make_request
from tests.factories.accounts import make_user
from tests.factories.affiliations import affiliate, make_organization
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.reviews import decline

pytestmark = pytest.mark.django_db
NOTE = "and what you have proved is another"


@pytest.fixture
def alice(client):
    person = make_user()
    affiliate(person, make_organization(name="Weather Institute"))
    client.force_login(person)
    return person


def test_a_draft_says_so_where_it_is_checked_and_leads_to_the_answer(client, alice):
    draft = make_draft(make_repo(), alice)
    check = client.get(f"/requests/{draft.pk}/form/check").text
    assert NOTE in check
    assert f"/requests/{draft.pk}/form/organization?then=check" in check
    page = client.get(f"/requests/{draft.pk}").text
    assert NOTE in page
    assert "Weather Institute" in page


def test_after_submission_it_leads_to_a_proof_and_to_a_correction(client, alice):
    request = make_request(make_repo(), alice)
    page = client.get(f"/requests/{request.pk}").text
    assert NOTE in page
    assert "/affiliations" in page
    assert f"/requests/{request.pk}/correct" in page
    assert "flag" not in page.partition(NOTE)[2].partition("</p>")[0]


@pytest.mark.parametrize("said", ["Weather Institute", "The Weather Institute"])
def test_who_proved_what_they_wrote_reads_nothing_of_it(client, alice, said):
    request = make_request(make_repo(), alice, organization=said)
    assert NOTE not in client.get(f"/requests/{request.pk}").text


def test_nor_who_proved_nothing_or_was_decided(client, alice):
    stranger = make_user()
    unproved = make_request(make_repo(), stranger)
    decided = make_request(make_repo(), alice)
    decline(decided, make_reviewer(decided.repo), timezone.now() - timedelta(hours=1))
    assert NOTE not in client.get(f"/requests/{decided.pk}").text
    client.force_login(stranger)
    assert NOTE not in client.get(f"/requests/{unproved.pk}").text

"""The page “Access” tells what is open, until when, under what, and what is left today."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.access.grants.ending.closeout import close_grant
from portal.catalog.models import ModelRepo
from portal.formatting import short_date
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_revision
from tests.factories.grants import make_entity_grant, make_gate, make_member
from tests.factories.jobs import make_ended

pytestmark = pytest.mark.django_db


@pytest.fixture
def today():
    return timezone.now()


@pytest.fixture
def read(client):
    def page(person, address="/access"):
        client.force_login(person)
        return " ".join(client.get(address).text.split())

    return page


def make_hosted(**gate) -> ModelRepo:
    repo = make_repo(hosted=True)
    if gate:
        make_gate(repo, **gate)
    return repo


class TestNow:
    def test_an_open_model_says_until_when_and_under_which_licence(self, read, today):
        grant = make_grant(make_repo(), now=today)
        page = read(grant.person)
        assert grant.repo.full_name in page
        assert str(grant.acceptance.licence_version) in page
        assert grant.acceptance.licence_version.path in page
        assert "not hosted" in page

    def test_a_model_with_a_number_of_its_own_says_what_is_left_of_it(self, read, today, tmp_path):
        repo = make_hosted(tokens_per_day=900)
        make_revision(repo, tmp_path)
        person = make_grant(repo, now=today).person
        make_ended(
            repo,
            person,
            today,
            attempt=1,
            prompt_tokens=80,
            completion_tokens=20,
            has_own_tokens=True,
        )
        assert '800 tokens <span class="sub"> of 900 <' in read(person)

    def test_a_model_without_one_shares_the_days(self, read, today, settings):
        settings.DAILY_TOKENS = 7000
        page = read(make_grant(make_hosted(), now=today).person)
        assert "shared with other models" in page
        assert "7,000 tokens <" in page

    def test_a_member_sees_what_they_work_under(self, read, today):
        grant = make_entity_grant(now=today)
        page = read(make_member(grant, now=today).person)
        assert "as a member" in page

    def test_an_end_that_comes_soon_is_counted_in_days(self, read, today):
        person = make_grant(make_repo(), now=today - timedelta(days=320)).person
        assert "in 45 days" in read(person)

    def test_what_is_over_is_left_to_the_lists(self, read, today):
        grant = make_grant(make_repo(), now=today - timedelta(days=200))
        close_grant(
            holder=grant.person,
            grant_id=grant.pk,
            statement="Done.",
            deleted_copies=True,
            now=today,
        )
        person = grant.person
        assert "Nothing is open to you" in read(person)
        assert "Closed by its holder" in read(person, "/access?view=grants")

    def test_it_costs_the_same_however_much_is_open(self, client, today, django_assert_num_queries):
        person = make_user()
        client.force_login(person)

        def add():
            make_grant(make_hosted(tokens_per_day=500), person, now=today)
            make_request(make_repo(), person, now=today)

        add()
        with CaptureQueriesContext(connection) as before:
            client.get("/access")
        for _ in range(3):
            add()
        with django_assert_num_queries(len(before)):
            client.get("/access")


def test_a_late_answer_is_called_late(read, today):
    case = make_request(make_repo(), now=today - timedelta(days=60))
    assert "The answer was due" in read(case.applicant)


def test_a_grant_that_was_closed_says_when_it_ended(read, today):
    grant = make_grant(make_repo(), now=today - timedelta(days=200))
    close_grant(
        holder=grant.person,
        grant_id=grant.pk,
        statement="Done.",
        deleted_copies=True,
        now=today - timedelta(days=3),
    )
    ended = short_date(today - timedelta(days=3))
    assert f"ended {ended}" in read(grant.person, "/access?view=grants")
    assert "until <time" in read(grant.person, f"/grants/{grant.pk}")


@pytest.mark.parametrize(("address", "view"), [("/requests", "requests"), ("/grants", "grants")])
def test_addresses_of_earlier_letters_lead_on(client, address, view):
    answer = client.get(address)
    assert (answer.status_code, answer.url) == (302, f"/access?view={view}")


def test_an_unknown_view_is_the_first(client, today):
    client.force_login(make_user())
    assert "You haven’t asked for access yet" in client.get("/access?view=all").text

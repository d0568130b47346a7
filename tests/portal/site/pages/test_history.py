"""The history of a model lists its revisions, each of which stays as it was published."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories.accounts import LONG_AGO
from tests.factories.catalog import make_folder, make_repo, make_revision

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo():
    return make_repo()


@pytest.fixture
def publish(repo, tmp_path):
    def publish(title, days=0):
        folder = make_folder(tmp_path / title, **{"notes.txt": title})
        return make_revision(repo, folder, title=title, now=LONG_AGO + timedelta(days=days))

    return publish


def address(repo, *revision):
    name = "site:history_of" if revision else "site:history"
    return reverse(name, args=[repo.namespace.name, repo.name, *revision])


def test_the_newest_stands_first_with_its_branch(client, repo, publish):
    publish("First")
    newest = publish("Second", days=1)
    page = client.get(address(repo))
    assert [row.revision.title for row in page.context["rows"]] == ["Second", "First"]
    assert page.context["rows"][0].names == ["main"]
    assert newest.commit in page.text
    assert f"?revision={newest.commit}#files" in page.text


def test_that_of_an_earlier_one_ends_there(client, repo, publish):
    first = publish("First")
    publish("Second", days=1)
    page = client.get(address(repo, first.commit))
    assert [row.revision for row in page.context["rows"]] == [first]


def test_the_models_page_leads_to_it(client, repo, publish):
    publish("First")
    assert address(repo) in client.get(f"/{repo.full_name}").text


def test_a_model_without_a_revision_has_none(client, repo):
    assert client.get(address(repo)).status_code == 404


def test_it_costs_the_same_however_long(client, repo, publish, django_assert_num_queries):
    publish("First")
    client.get(address(repo))
    with CaptureQueriesContext(connection) as before:
        client.get(address(repo))
    for number in range(3):
        publish(f"Later {number}", days=number + 1)
    with django_assert_num_queries(len(before)):
        client.get(address(repo))

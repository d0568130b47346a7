"""The queue in groups through the API: as the page groups it, in pages, at a bounded cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.access.models import AccessRequest
from portal.accounts.models import Scope
from tests.factories.access import make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.portal.api.api_calls import by_token, fields_of, in_session
from tests.portal.api.test_api_queries import queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo() -> Any:
    return make_repo()


@pytest.fixture
def api(repo) -> Any:
    return by_token(make_reviewer(repo), Scope.REVIEW)


def at(repo: Any, organization: str, *, minute: int = 0) -> AccessRequest:
    now = timezone.now() - timedelta(minutes=600 - minute)
    return make_request(repo, now=now, organization=organization)


def test_the_largest_comes_first_and_its_filter_lists_it_all(repo, api):
    single = at(repo, "Hilltop College", minute=1)
    many = [at(repo, "Lakeside Institute", minute=number + 2) for number in range(7)]

    page = api.get("queue/groups", group="organization").json()

    assert page["count"] == 2
    first, second = page["results"]
    assert (first["label"], first["count"]) == ("Lakeside Institute", 7)
    assert [row["id"] for row in first["rows"]] == [case.pk for case in many[:5]]
    assert [row["id"] for row in second["rows"]] == [single.pk]
    listed = api.get("queue", **first["filter"]).json()["results"]
    assert [row["id"] for row in listed] == [case.pk for case in many]


def test_by_evidence_what_is_proved_and_unflagged_stands_apart(repo, api):
    clear, unclear = at(repo, "Hilltop College"), at(repo, "Hilltop College", minute=1)
    AccessRequest.objects.filter(pk=clear.pk).update(evidence_is_clear=True)
    AccessRequest.objects.filter(pk=unclear.pk).update(evidence_is_clear=False)
    groups = api.get("queue/groups", group="evidence").json()["results"]
    assert {group["label"]: [row["id"] for row in group["rows"]] for group in groups} == {
        "All proved, no flag": [clear.pk],
        "Something to look at": [unclear.pk],
    }
    for group in groups:
        listed = api.get("queue", **group["filter"]).json()["results"]
        assert [row["id"] for row in listed] == [row["id"] for row in group["rows"]]


def test_the_queues_filters_narrow_what_is_grouped(repo, api):
    case = at(repo, "Hilltop College")
    at(repo, "Lakeside Institute")
    groups = api.get("queue/groups", q="hilltop").json()["results"]
    assert [row["id"] for group in groups for row in group["rows"]] == [case.pk]
    assert api.get("queue/groups", view="waiting").json()["results"] == []
    assert fields_of(api.get("queue/groups", group="colour")) == {"group"}
    assert fields_of(api.get("queue/groups", after=case.pk)) == {"after"}


def test_the_pages_of_groups_turn(repo, api):
    names = [f"Institute {number}" for number in range(3)]
    for number, name in enumerate(names):
        at(repo, name, minute=number)
    first = api.get("queue/groups", limit=2).json()
    second = api.get(first["next"]).json()
    assert [group["label"] for group in first["results"] + second["results"]] == names


def test_a_token_for_another_model_groups_nothing_of_this_one(repo):
    at(repo, "Hilltop College")
    reviewer, other = make_reviewer(repo), make_repo()
    reviewer.team_memberships.create(repo=other, role="reviewer")
    api = by_token(reviewer, Scope.REVIEW, repo_ids=[other.pk])
    assert api.get("queue/groups").json()["results"] == []
    assert api.get("queue/groups", repo=repo.pk).status_code == 400
    assert in_session(make_user()).get("queue/groups").status_code == 403


def test_many_groups_cost_what_few_cost(repo):
    api = in_session(make_reviewer(repo))
    for number in range(3):
        at(repo, f"Institute {number}")
    few, _ = queries(api, "queue/groups")
    for number in range(12):
        at(repo, f"College {number}")
    many, rows = queries(api, "queue/groups")
    assert rows == 15
    assert few == many

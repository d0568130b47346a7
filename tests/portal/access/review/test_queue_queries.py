"""The queue's filters and groups, and that its length costs no queries."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.access.models import AccessRequest
from portal.access.review.assignment import claim_request
from portal.access.review.queue.filters import Filters
from portal.access.review.queue.paging import CAP, OLDEST_FIRST, count, first_keys, readable_parts
from portal.access.review.queue.position import next_to_decide, position_in_queue
from tests.factories.access import make_request
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.reviews import approve, escalate, owner_of

pytestmark = pytest.mark.django_db
QUEUE = "/queue"


@pytest.fixture
def page(client, reviewer):
    client.force_login(reviewer)
    return client


def copies(case: AccessRequest, many: int) -> list[AccessRequest]:
    """Make more requests like this one, by others, each a minute younger than the one before."""
    made = []
    for number in range(1, many + 1):
        at = case.submitted_at + timedelta(minutes=number)
        made.append(
            AccessRequest(
                repo=case.repo,
                applicant=make_user(),
                state="in_review",
                draft=case.draft,
                created_at=at,
                saved_at=at,
                submitted_at=at,
                due_at=at + timedelta(days=14),
                organization_name=case.organization_name,
            )
        )
    return [copy for copy in made if copy.save() is None]


def shown(page, cases, **asked) -> list[AccessRequest]:
    response = page.get(QUEUE, asked)
    assert response.status_code == 200
    return [case for case in cases if re.search(rf'"/queue/{case.pk}["?]', response.text)]


def queries(page, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert page.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize(
    "url", [QUEUE, f"{QUEUE}?group=organization", f"{QUEUE}?group=evidence", f"{QUEUE}?q=study"]
)
def test_as_many_queries_for_fifty_as_for_five(page, repo, url):
    case = make_request(repo)
    copies(case, 4)
    page.get(url)
    few = queries(page, url)
    copies(case, 45)
    # One fewer where a page is full: what is paused stands behind, and isn't asked for.
    assert few - 1 <= queries(page, url) <= few <= 40


def test_a_case_costs_the_same_in_a_long_queue(page, repo):
    case = make_request(repo)
    copies(case, 4)
    url = reverse("access:case", args=[case.pk])
    page.get(url)
    few = queries(page, url)
    copies(case, 45)
    assert queries(page, url) == few


def test_pages_turn_forward_and_back(page, repo):
    first = make_request(repo)
    cases = [first, *copies(first, 59)]
    assert shown(page, cases) == cases[:25]
    assert shown(page, cases, after=cases[24].pk) == cases[25:50]
    assert shown(page, cases, after=cases[49].pk) == cases[50:]
    assert shown(page, cases, before=cases[50].pk) == cases[25:50]
    assert f"after={cases[24].pk}" in page.get(QUEUE).text
    assert "before=" not in page.get(QUEUE).text


def test_two_repos_are_read_in_one_order(page, repo, reviewer):
    second_repo = make_repo()
    second_repo.team.create(user=reviewer, role="reviewer")
    days = [(second_repo, 3), (repo, 1), (second_repo, 2), (repo, 4)]
    made = {
        day: make_request(day_repo, now=LONG_AGO + timedelta(days=day)) for day_repo, day in days
    }
    text = page.get(QUEUE).text
    places = [text.index(f'/queue/{made[day].pk}"') for day in sorted(made)]
    assert places == sorted(places)
    assert shown(page, made.values(), repo=str(repo.pk)) == [made[1], made[4]]
    place = position_in_queue(made[2], reviewer, Filters(), timezone.now())
    assert (place.number, place.previous, place.next) == (2, made[1].pk, made[3].pk)


@pytest.mark.parametrize(
    ("column", "value", "asked"),
    [
        ("sector", "government", {"sector": "government"}),
        ("country", "KE", {"country": "KE"}),
        ("organization_name", "Lakeside", {"organization": "Lakeside"}),
        ("evidence_is_clear", True, {"flag": "clear"}),
        ("escalation_level", 1, {"flag": "escalated"}),
        ("state", "held", {"view": "held"}),
        ("due_at", LONG_AGO + timedelta(days=900), {"flag": "overdue"}),
    ],
)
def test_filters(page, repo, column, value, asked):
    first = make_request(repo)
    cases = [first, *copies(first, 2)]
    AccessRequest.objects.filter(pk=cases[1].pk).update(**{column: value})
    expected = [cases[0], cases[2]] if column == "due_at" else [cases[1]]
    assert shown(page, cases, **asked) == expected


def test_by_who_has_claimed_it(page, repo, reviewer, now):
    first = make_request(repo)
    cases = [first, *copies(first, 2)]
    colleague = make_reviewer(repo)
    claim_request(reviewer=reviewer, request_id=cases[0].pk, now=now)
    claim_request(reviewer=colleague, request_id=cases[1].pk, now=now)
    assert shown(page, cases, who="mine") == [cases[0]]
    assert shown(page, cases, who=str(colleague.pk)) == [cases[1]]
    assert shown(page, cases, who="nobody") == [cases[2]]


@pytest.mark.parametrize("q", ["lakes", "LAKESIDE inst", "0'); --", "_ & | !", "99999"])
def test_search_takes_whatever_is_typed(page, repo, q):
    case = make_request(repo, organization="Lakeside Institute")
    assert shown(page, [case], q=q) == ([case] if q.lower().startswith("lake") else [])


def test_search_finds_a_reference_and_an_address(page, repo):
    case = make_request(repo)
    assert shown(page, [case], q=str(case.pk)) == [case]
    assert shown(page, [case], q=case.applicant.email.upper()) == [case]
    assert shown(page, [case], q=case.applicant.username) == [case]


def test_groups_with_their_counts(page, repo):
    first = make_request(repo, organization="Lakeside Institute")
    AccessRequest.objects.update(organization_name="Lakeside Institute")
    first.refresh_from_db()
    copies(first, 6)
    AccessRequest.objects.filter(pk=first.pk).update(evidence_is_clear=True)
    text = page.get(QUEUE, {"group": "organization"}).text
    assert "Show all 7" in text
    text = page.get(QUEUE, {"group": "evidence"}).text
    assert "All proved, no flag" in text
    assert "Show all 6" in text


def test_nothing_is_counted_past_a_thousand(repo, reviewer):
    case = make_request(repo)
    copies(case, 4)
    assert str(count(readable_parts(reviewer), cap=3)) == "3+"
    assert str(count(readable_parts(reviewer), cap=CAP)) == "5"


@pytest.mark.parametrize("role", ["reviewer", "owner", "operator"])
def test_the_parts_of_the_queue_are_what_one_may_read(repo, reviewer, role, now):
    waiting, escalated = make_request(repo), escalate(make_request(repo), now)
    make_request(make_repo())
    make_request(repo, reviewer)
    users = {
        "reviewer": reviewer,
        "owner": owner_of(escalated),
        "operator": make_user(superuser=True),
    }
    keys = first_keys(readable_parts(users[role]), OLDEST_FIRST, limit=100)
    readable = AccessRequest.objects.readable_by(users[role])
    assert sorted(keys) == sorted(readable.values_list("pk", flat=True))
    assert (waiting.pk in keys) == (role == "reviewer")
    assert escalated.pk in keys


def test_the_next_case_is_one_that_nobody_else_has(repo, reviewer, now):
    first = make_request(repo)
    cases = [first, *copies(first, 2)]
    claim_request(reviewer=make_reviewer(repo), request_id=cases[1].pk, now=now)
    assert next_to_decide(cases[0], reviewer, Filters(), now) == cases[2].pk


def test_the_next_case_is_one_that_one_may_decide(repo, reviewer, now):
    first = make_request(repo)
    cases = [first, *copies(first, 2)]
    declared = {"has_conflict": True, "declared_at": now}
    AccessRequest.objects.get(pk=cases[1].pk).conflict_declarations.create(
        reviewer=reviewer, **declared
    )
    assert next_to_decide(first, reviewer, Filters(), now) == cases[2].pk


def test_an_owner_reads_what_was_escalated_and_no_more(client, repo, now):
    case = make_request(repo, now=now)
    unescalated = make_request(repo, now=now)
    owner = owner_of(case)
    client.force_login(owner)
    assert client.get(QUEUE).status_code == 403
    escalate(case, now)
    assert shown(client, [case, unescalated]) == [case]
    assert client.get(reverse("access:case", args=[case.pk])).status_code == 200
    approve(case, owner, now, is_override=True)
    assert shown(client, [case], view="decided") == [case]

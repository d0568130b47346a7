"""A month's rows: what was submitted and told in it, at public gates alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_countries import countries

from portal.access.models import AccessRequest, Decision
from portal.access.reporting.months import (
    OWNER,
    TEAM,
    decisions_between,
    observed_between,
    requests_between,
    undecided_at,
    verdicts_between,
)
from portal.access.reporting.regions import REGIONS, region_of
from tests.factories.access import make_request
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.reviews import approve, decline

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def case(now):
    repo = make_repo()
    request = make_request(repo, now=now)
    return request, make_reviewer(repo)


def test_a_request_is_of_the_time_it_was_submitted_in(case, now):
    request, _ = case
    AccessRequest.objects.update(sector="government", country="KE")
    [row] = requests_between(now, now + DAY)
    assert (row.person, row.sector, row.region) == (request.applicant_id, "government", "africa")
    assert row.model == request.repo.full_name
    assert requests_between(now + timedelta(seconds=1), now + DAY) == []
    assert requests_between(now - DAY, now) == []


def test_private_models_and_drafts_are_not_counted(case, now):
    make_request(make_repo(private=True), now=now)
    AccessRequest.objects.filter(repo__private=False).update(submitted_at=None, state="draft")
    assert requests_between(now, now + DAY) == []
    assert undecided_at(now + DAY) == 0


def test_a_decision_counts_when_it_is_told_with_its_reason_and_who_decided(case, now):
    request, reviewer = case
    decline(request, reviewer, now)
    Decision.objects.update(undo_until=now + DAY)
    assert decisions_between(now, now + DAY) == []
    [row] = decisions_between(now + DAY, now + 2 * DAY)
    assert (row.verdict, row.by) == ("declined", TEAM)
    assert row.reason
    Decision.objects.update(is_override=True)
    assert decisions_between(now + DAY, now + 2 * DAY)[0].by == OWNER


def test_an_undone_decision_does_not_count(case, now):
    request, reviewer = case
    approve(request, reviewer, now)
    Decision.objects.update(undone_at=now, undone_by=reviewer)
    assert verdicts_between(now, now + DAY) == {}


def test_who_was_undecided_at_a_moment(case, now):
    assert (undecided_at(now), undecided_at(now + DAY)) == (0, 1)
    AccessRequest.objects.update(state="withdrawn", closed_at=now + DAY)
    assert (undecided_at(now + DAY), undecided_at(now + 2 * DAY)) == (1, 0)


def test_each_request_is_seen_until_its_answer_its_end_or_the_times_end(case, now):
    request, reviewer = case
    make_request(request.repo, now=now)
    left = make_request(request.repo, now=now)
    AccessRequest.objects.filter(pk=left.pk).update(state="withdrawn", closed_at=now + 2 * DAY)
    approve(request, reviewer, now)
    Decision.objects.update(undo_until=now + 3 * DAY)
    AccessRequest.objects.filter(pk=request.pk).update(closed_at=now)
    [observed] = observed_between(now, now + 10 * DAY).values()
    assert sorted((round(row.days), row.is_decided) for row in observed) == [
        (2, False),
        (3, True),
        (10, False),
    ]


def test_more_requests_ask_no_more_of_the_database(case, now):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            requests_between(now, now + DAY)
            decisions_between(now, now + DAY)
            observed_between(now, now + DAY)
        return len(captured)

    few = queries()
    for _ in range(5):
        make_request(case[0].repo, now=now)
    assert queries() == few == 3


@pytest.mark.parametrize(
    ("country", "region"),
    [("NL", "europe"), ("ke", "africa"), ("US", "americas"), ("IN", "asia"), ("NZ", "oceania")],
)
def test_a_country_has_a_region(country, region):
    assert region_of(country) == region


def test_every_country_that_may_be_chosen_has_one():
    codes = {code for code, _ in countries}
    assert {region_of(code) for code in codes} <= set(REGIONS)
    assert {code for code in codes if not region_of(code)} <= {"AQ"}

"""The published times count the undecided, and give away nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.access.models import AccessRequest, Decision
from portal.access.reporting.performance import (
    decision_times,
    gate_figures,
    outcomes,
    repo_times,
    waiting_times,
)
from portal.access.reporting.suppression import shown, withheld
from portal.accounts.models import User
from tests.factories.access import make_request
from tests.factories.accounts import LONG_AGO, make_user
from tests.factories.catalog import make_repo

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
State = AccessRequest.State


class Gate:
    """Requests and decisions by the hundred, written as rows."""

    def __init__(self, now):
        self.now, self.repo, self.person = now, make_repo(), make_user()
        self.model = make_request(self.repo, self.person, now=LONG_AGO)
        self.submission = self.model.submissions.get()
        self.people = [make_user() for _ in range(3)]
        AccessRequest.objects.filter(pk=self.model.pk).update(
            state=State.WITHDRAWN, closed_at=LONG_AGO
        )

    def ask(self, count, *, days_ago, sector="academia", decided_after=None, repo=None, **more):
        """``count`` requests of one age; ``decided_after`` days where they were decided."""
        for _ in range(count):
            submitted = self.now - days_ago * DAY
            state = State.IN_REVIEW if decided_after is None else State.APPROVED
            closed = None if decided_after is None else submitted + decided_after
            request = AccessRequest.objects.create(
                **{
                    "repo": repo or self.repo,
                    "applicant": make_cheap_user(),
                    "state": state,
                    "sector": sector,
                    "created_at": submitted,
                    "saved_at": submitted,
                    "submitted_at": submitted,
                    "due_at": submitted + 14 * DAY,
                    "closed_at": closed,
                    **more,
                }
            )
            if decided_after is not None:
                self.decide(request, submitted + decided_after)
        return request

    def decide(self, request, at, **more):
        return Decision.objects.create(
            request=request,
            submission=self.submission,
            verdict=Decision.Verdict.APPROVED,
            decided_by=self.person,
            decided_at=at,
            undo_until=at,
            **more,
        )


_numbers = iter(range(10**6))


def make_cheap_user():
    number = next(_numbers)
    return User.objects.create(username=f"asker-{number}", email=f"{number}@example.org")


@pytest.fixture
def gate(now):
    return Gate(now)


def cells(now, sector="academia", repo=None):
    line = next(line for line in decision_times(now, repo) if line.key == sector)
    return {cell.days: (cell.old_enough, cell.in_time, cell.share) for cell in line.cells}


def test_of_107_submitted_with_2_decided_in_time_it_says_2_per_cent(gate, now):
    gate.ask(105, days_ago=40)
    gate.ask(2, days_ago=40, decided_after=3 * DAY)
    assert cells(now)[7] == cells(now)[14] == cells(now)[30] == (107, 2, 2)
    assert cells(now)[90] == (0, 0, None)
    assert gate_figures(now).share == 2


@pytest.mark.parametrize("days", [7, 14, 30, 90])
def test_a_span_counts_from_its_last_second(gate, now, days):
    gate.ask(5, days_ago=days, decided_after=days * DAY)
    assert cells(now)[days] == (5, 5, 100)
    assert cells(now - timedelta(seconds=1))[days] == (0, 0, None)


def test_a_second_too_late_is_too_late(gate, now):
    gate.ask(5, days_ago=20, decided_after=14 * DAY + timedelta(seconds=1))
    assert cells(now)[14] == (5, 0, 0)


@pytest.mark.parametrize("state", [State.WITHDRAWN, State.LAPSED])
def test_who_left_within_the_span_is_in_neither_number(gate, now, state):
    gate.ask(6, days_ago=40)
    withdrawn_at = now - 30 * DAY
    gate.ask(3, days_ago=40, state=state, closed_at=withdrawn_at)
    assert cells(now)[7] == (9, 0, 0)
    assert cells(now)[14] == (6, 0, 0)


def test_a_decision_that_was_undone_does_not_count(gate, now):
    request = gate.ask(5, days_ago=40)
    gate.decide(request, now - 39 * DAY, undone_at=now - 39 * DAY, undone_by=gate.person)
    assert cells(now)[7] == (5, 0, 0)


def test_the_first_decision_stands_for_the_time_it_took(gate, now):
    request = gate.ask(5, days_ago=40, decided_after=2 * DAY)
    gate.decide(request, now - DAY)  # an appeal’s
    assert cells(now)[7] == (5, 5, 100)


def test_private_models_and_drafts_are_not_counted(gate, now):
    gate.ask(6, days_ago=40, repo=make_repo(private=True))
    gate.ask(6, days_ago=40, state=State.DRAFT, submitted_at=None, due_at=None)
    assert cells(now)[7] == (0, 0, None)


def test_a_repo_alone(gate, now):
    another_repo = make_repo()
    gate.ask(6, days_ago=40)
    gate.ask(7, days_ago=40, repo=another_repo)
    assert cells(now, repo=another_repo)[7] == (7, 0, 0)
    assert {line.key: line.at(7).old_enough for line in repo_times(now)} == {
        gate.repo.full_name: 6,
        another_repo.full_name: 7,
    }


def test_a_small_cell_is_withheld_and_the_smallest_other_with_it(gate, now):
    gate.ask(30, days_ago=40)
    gate.ask(8, days_ago=40, sector="government")
    gate.ask(3, days_ago=40, sector="industry_lab")
    hidden = {line.key for line in decision_times(now) if line.at(7).hidden}
    assert hidden == {"government", "industry_lab"}
    assert cells(now, "industry_lab")[7][2] is None
    assert cells(now, "all")[7] == (41, 0, 0)


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ([], set()),
        ([0, 10, 20], set()),
        ([4], {0}),
        ([4, 10, 20], {0, 1}),
        ([4, 0, 20], {0, 2}),
        ([1, 1, 20, 30], {0, 1, 2}),
        ([3, 3, 20], {0, 1}),
        ([5, 6], set()),
    ],
)
def test_what_is_withheld(counts, hidden):
    assert withheld(counts) == hidden


@pytest.mark.parametrize(("count", "told"), [(0, 0), (1, None), (4, None), (5, 5)])
def test_a_count_alone(count, told):
    assert shown(count) == told


def test_how_long_the_undecided_have_waited(gate, now):
    for days in (1, 2, 3, 4, 20):
        gate.ask(1, days_ago=days)
    gate.ask(3, days_ago=90, state=State.NEEDS_INFO)
    waiting = waiting_times(now)
    assert (waiting.count, waiting.overdue, waiting.median_days) == (5, 1, 3.0)
    assert waiting.p90_days == 13.6


def test_of_few_no_waiting_is_told(gate, now):
    gate.ask(4, days_ago=3)
    assert waiting_times(now).median_days is None


def test_outcomes_show_both_or_none(gate, now):
    gate.ask(6, days_ago=40, decided_after=DAY)
    assert (outcomes(now).approved, outcomes(now).declined) == (6, 0)
    request = gate.ask(1, days_ago=40)
    declined = gate.decide(request, now)
    Decision.objects.filter(pk=declined.pk).update(
        verdict="declined", reason_code="commercial", reason_text="It sells it."
    )
    assert (outcomes(now).approved, outcomes(now).declined) == (None, None)


def test_more_requests_ask_no_more_of_the_database(gate, now):
    with CaptureQueriesContext(connection) as few:
        decision_times(now)
    gate.ask(20, days_ago=40)
    with CaptureQueriesContext(connection) as many:
        decision_times(now)
    assert len(many) == len(few) == 1

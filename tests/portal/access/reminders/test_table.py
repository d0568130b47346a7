"""No state without an owner and a timer, and no timer that the tick doesn't run."""

from __future__ import annotations

import pytest

from portal.access.deadlines import timers as clock
from portal.access.deadlines.timers import (
    GRANTS,
    MEMBERS,
    REQUESTS,
    Kind,
    Owner,
    Place,
    Standing,
    timers,
)
from portal.access.models import AccessRequest
from portal.access.reminders.tick import STEPS


def test_each_state_of_a_request_has_a_row():
    assert set(REQUESTS) == set(AccessRequest.State)


def test_each_standing_of_a_grant_has_a_row():
    assert set(GRANTS) == set(Standing)


def test_each_place_of_a_member_has_a_row():
    assert set(MEMBERS) == set(Place)


ROWS = [*REQUESTS.values(), *GRANTS.values(), *MEMBERS.values()]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_row_has_an_owner_and_a_timer(row):
    assert row.owner in Owner
    assert row.timers
    assert all(timer.counts and timer.then for timer in row.timers)


@pytest.mark.parametrize("state", AccessRequest.OPEN_STATES)
def test_a_state_that_is_open_is_somebodys_and_ticks(state):
    row = REQUESTS[state]
    assert row.owner != Owner.NOBODY
    assert any(timer.kind == Kind.TICK for timer in row.timers)


def test_what_is_nobodys_is_final():
    final = {state for state, row in REQUESTS.items() if row.owner == Owner.NOBODY}
    assert final == {AccessRequest.State.APPROVED, AccessRequest.State.WITHDRAWN}
    for state in final:
        assert not any(timer.kind == Kind.TICK for timer in REQUESTS[state].timers)


def test_the_tick_runs_the_tables_timers_and_no_others():
    assert set(STEPS) == {timer.name for timer in timers() if timer.kind == Kind.TICK}
    assert len(timers()) == len({timer.name for timer in timers()})


def test_two_rows_share_a_timer_only_where_it_is_the_same():
    assert clock.STRANDED in REQUESTS[AccessRequest.State.NEEDS_INFO].timers

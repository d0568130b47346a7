"""In each state it is somebody's turn, and at some time something follows by itself."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from portal.access.lifecycle import Status
from portal.access.models import AccessRequest
from portal.access.reminders.tick import TIMERS

State = AccessRequest.State
NOBODY = "nobody"


class Turn(NamedTuple):
    """A state: whose turn it is, its timers, and what else follows from a time that passes."""

    owner: str
    timers: set[str] = set()
    derived: set[str] = set()


UNDECIDED = {"overdue", "still_overdue", "stranded", "evidence"}
CHECKS = {"check_late", "check_still_late"}
RETENTION = {"personal answers are erased after a year"}

REQUESTS = {
    State.DRAFT: Turn("applicant", {"draft_reminder", "draft_removed"}),
    State.HELD: Turn("administrators", UNDECIDED),
    State.IN_REVIEW: Turn("team", UNDECIDED),
    State.NEEDS_INFO: Turn("applicant", {"question_reminder", "lapse", "unreachable", "stranded"}),
    State.LAPSED: Turn("applicant", derived={"it can be resumed for 90 days", *RETENTION}),
    State.DECLINED: Turn("applicant", derived={"an appeal is open for a while", *RETENTION}),
    State.APPROVED: Turn(NOBODY, derived=RETENTION),
    State.WITHDRAWN: Turn(NOBODY, derived=RETENTION),
}
RENEWAL = {"renewal_overdue", "renewal_still_overdue"}
GRANTS = {
    Status.OFFERED: Turn("holder", {"offer_reminder", "offer_lapsed"}),
    Status.LAPSED: Turn(NOBODY, derived=RETENTION),
    Status.TAKEN_BACK: Turn(NOBODY, derived=RETENTION),
    Status.DECLINED: Turn(NOBODY, derived=RETENTION),
    Status.CHECKED: Turn("administrators", CHECKS | {"grant_screened"}),
    Status.SCHEDULED: Turn("holder", {"grant_screened"}, {"it begins"}),
    Status.ACTIVE: Turn("holder", {"grant_reminder", "grant_screened", *RENEWAL}),
    Status.EXPIRED: Turn("holder", {"grant_ended", "closeout_reminder", *RENEWAL}, RETENTION),
    Status.ENDED_BY_NOTICE: Turn("holder", {"grant_ended", "closeout_reminder"}, RETENTION),
    Status.REVOKED: Turn(NOBODY, derived=RETENTION),
    Status.CLOSED: Turn(NOBODY, derived=RETENTION),
}
ENDS_WITH_GRANT = {"it opens nothing once the grant is over"}
MEMBERS = {
    "invited": Turn("applicant", derived=ENDS_WITH_GRANT),
    "held": Turn(
        "administrators", CHECKS | {"member_screened", "member_unproved"}, ENDS_WITH_GRANT
    ),
    "joined": Turn("holder", {"member_screened", "member_unproved"}, ENDS_WITH_GRANT),
    "ended": Turn(NOBODY, derived=ENDS_WITH_GRANT),
}
HOLDS = {"standing": Turn("administrators", {"hold_reminder"})}
MAIL = {
    "news that waits for a digest": Turn("team", {"digest"}),
    "a reference whose letter came back": Turn("applicant", {"reference_returned"}),
}
SUBJECTS = (REQUESTS, GRANTS, MEMBERS, HOLDS, MAIL)
TURNS = [turn for turns in SUBJECTS for turn in turns.values()]


def test_each_state_of_a_request_has_a_row():
    assert set(REQUESTS) == set(State)


def test_each_status_of_a_grant_has_a_row():
    assert set(GRANTS) == set(Status)


def test_each_row_has_an_owner_and_a_timer():
    assert all(turn.owner and turn.timers | turn.derived for turn in TURNS)


@pytest.mark.parametrize("state", AccessRequest.OPEN_STATES)
def test_a_state_that_is_open_is_somebodys_and_ticks(state):
    assert REQUESTS[state].owner != NOBODY
    assert REQUESTS[state].timers


def test_what_is_nobodys_is_final():
    final = {state for state, turn in REQUESTS.items() if turn.owner == NOBODY}
    assert final == {State.APPROVED, State.WITHDRAWN}
    for state in final:
        assert not REQUESTS[state].timers


def test_the_tick_runs_the_tables_timers_and_no_others():
    assert set(TIMERS) == {name for turn in TURNS for name in turn.timers}

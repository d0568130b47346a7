"""The life cycle is one: a row at hand and PostgreSQL agree on it at every moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from portal.access import lifecycle
from portal.access.lifecycle import Status
from portal.access.models import Grant, Membership
from tests.factories.grants import make_accepted, make_entity_grant, make_member

pytestmark = pytest.mark.django_db
STEP = timedelta(microseconds=1)
ENDED = set(Status) - {Status.OFFERED, Status.CHECKED, Status.SCHEDULED, Status.ACTIVE}
# Few enough that times often fall together, the moment asked about among them.
hours = st.integers(min_value=1, max_value=5)
perhaps = st.none() | hours
lives = st.fixed_dictionaries(
    {
        "signed": st.booleans(),
        "starts_at": perhaps,
        "held_at": perhaps,
        "expires_at": hours,
        "offer_expires_at": hours,
        "ends_by_notice_at": perhaps,
        "revoked_at": perhaps,
        "closed_at": perhaps,
    }
)


@pytest.fixture
def grant(now):
    return make_accepted(now=now)


def live(grant: Grant, life: dict[str, Any], now: datetime) -> Grant:
    """Give a grant these times, in hours; passed over where the constraints rule them out."""
    times = {name: life[name] and now + timedelta(hours=life[name]) for name in life}
    signed = times.pop("signed")
    if not signed:
        times |= {"starts_at": None, "held_at": None}
    assume(signed == bool(times["starts_at"] or times["held_at"]))
    assume(times["starts_at"] is None or times["starts_at"] < times["expires_at"])
    lab = grant.person if times["revoked_at"] else None
    Grant.objects.filter(pk=grant.pk).update(
        **times,
        acceptance=grant.acceptance if signed else None,
        revoked_by=lab,
        closeout="Gone." if times["closed_at"] else "",
        offered_at=now,
    )
    return Grant.objects.get(pk=grant.pk)


def moments(life: dict[str, Any], now: datetime) -> list[datetime]:
    """List each time of a life, and the moment just before it and just after."""
    at = [now + timedelta(hours=hour) for hour in range(7)]
    return [moment + by for moment in at for by in (-STEP, timedelta(0), STEP)]


def lasted(grant: Grant, moment: datetime) -> bool:
    ends = (grant.revoked_at, grant.closed_at, grant.ends_by_notice_at, grant.expires_at)
    return all(end is None or end > moment for end in ends)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(life=lives)
def test_a_row_at_hand_and_the_database_agree_at_every_moment(grant, now, life):
    row = live(grant, life, now)
    rows = Grant.objects.filter(pk=grant.pk)
    for moment in moments(life, now):
        status = lifecycle.status_of(row, moment)
        assert rows.active_at(moment).exists() == (status == Status.ACTIVE), moment
        assert rows.offered_at(moment).exists() == (status == Status.OFFERED), moment
        assert rows.held_for_check(moment).exists() == (status == Status.CHECKED), moment
        over = lifecycle.is_over(row, moment)
        assert over == (status in ENDED)
        assert rows.lasting_at(moment).exists() == (not over and not row.is_offer), moment
        if not row.is_offer:
            assert rows.filter(lifecycle.lasting(moment)).exists() != over, moment
        assert rows.lasted_at(moment).exists() == lasted(row, moment), moment
        assert rows.over_by(moment).exists() != lasted(row, moment), moment
    assert rows.under_notice().exists() == lifecycle.is_under_notice(row)
    assert rows.without_notice().exists() != lifecycle.is_under_notice(row)
    assert rows.signed().exists() != row.is_offer
    assert rows.unended().exists() == lifecycle.is_unended(row)
    assert list(rows.begun().values_list("ends", flat=True)) == (
        [lifecycle.ends_at(row)] if lifecycle.is_unended(row) and row.starts_at else []
    )
    assert list(rows.unsigned().values_list("ends", flat=True)) == (
        [lifecycle.lapses_at(row)] if lifecycle.is_unended(row) and row.is_offer else []
    )


class TestWhichEndCounts:
    @pytest.mark.parametrize(
        ("life", "cause", "hour"),
        [
            ({}, Status.EXPIRED, 4),
            ({"ends_by_notice_at": 2}, Status.ENDED_BY_NOTICE, 2),
            ({"ends_by_notice_at": 4}, Status.EXPIRED, 4),
            ({"closed_at": 5}, Status.CLOSED, 5),
            ({"closed_at": 3, "ends_by_notice_at": 2}, Status.CLOSED, 3),
            ({"closed_at": 3, "revoked_at": 5}, Status.REVOKED, 5),
        ],
    )
    def test_an_act_before_a_time_and_of_two_times_the_earlier(self, grant, now, life, cause, hour):
        plain = dict.fromkeys(
            ("held_at", "ends_by_notice_at", "revoked_at", "closed_at", "offer_expires_at")
        )
        plain |= {"signed": True, "starts_at": 1, "expires_at": 4, "offer_expires_at": 1}
        row = live(grant, plain | life, now)
        end = lifecycle.end_of(row, now + timedelta(hours=6))
        assert end == lifecycle.End(cause, now + timedelta(hours=hour))

    def test_an_act_counts_for_a_clock_that_is_behind_it(self, grant, now):
        """Whoever asks may have looked at the clock before the act was written."""
        Grant.objects.filter(pk=grant.pk).update(
            revoked_at=now + timedelta(hours=1), revoked_by=grant.person
        )
        grant.refresh_from_db()
        assert not lifecycle.is_active(grant, now)
        assert not Grant.objects.active_at(now).exists()


def test_nobody_worked_on_under_a_grant_that_a_notice_had_ended(now):
    grant = make_entity_grant(now=now)
    member = make_member(grant, now=now)
    Grant.objects.filter(pk=grant.pk).update(ends_by_notice_at=now + timedelta(hours=1))
    working = Membership.objects.filter(pk=member.pk).working_since
    later = now + timedelta(days=9)
    assert working(now, later).exists()
    assert not working(now + timedelta(hours=1), later).exists()

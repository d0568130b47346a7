"""The life cycle is one: a row at hand and PostgreSQL agree on it at every moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from portal.access import lifecycle
from portal.access.lifecycle import Status
from portal.access.models import Grant, Membership
from portal.access.querysets import GrantQuerySet
from tests.factories.grants import make_accepted, make_entity_grant, make_member

pytestmark = pytest.mark.django_db
Says = Callable[[Grant], bool]
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
    """Return a grant like this one that lives so, in hours, as the constraints want it."""
    times = {name: life[name] and now + timedelta(hours=life[name]) for name in life}
    signed = times.pop("signed")
    if not signed:
        times |= {"starts_at": None, "held_at": None}
    elif not (times["starts_at"] or times["held_at"]):
        times["held_at"] = now
    if times["starts_at"]:
        times["expires_at"] = max(times["expires_at"], times["starts_at"] + timedelta(hours=1))
    return Grant(
        **times,
        repo=grant.repo,
        person=grant.person,
        modes=grant.modes,
        acceptance=grant.acceptance if signed else None,
        revoked_by=grant.person if times["revoked_at"] else None,
        closeout="Gone." if times["closed_at"] else "",
        offered_at=now,
    )


def lasted(grant: Grant, moment: datetime) -> bool:
    ends = (grant.revoked_at, grant.closed_at, grant.ends_by_notice_at, grant.expires_at)
    return all(end is None or end > moment for end in ends)


def statuses(moment: datetime) -> dict[str, tuple[GrantQuerySet[Grant], Says]]:
    """Return each question about a moment, as the database is asked and as a row answers."""
    grants = Grant.objects.all()
    return {
        "active": (grants.active_at(moment), is_at(Status.ACTIVE, moment)),
        "offered": (grants.offered_at(moment), is_at(Status.OFFERED, moment)),
        "checked": (grants.held_for_check(moment), is_at(Status.CHECKED, moment)),
        "lasting": (
            grants.lasting_at(moment),
            lambda row: not row.is_offer and not lifecycle.is_over(row, moment),
        ),
        "lasted": (grants.lasted_at(moment), lambda row: lasted(row, moment)),
        "over": (grants.over_by(moment), lambda row: not lasted(row, moment)),
    }


def is_at(status: Status, moment: datetime) -> Says:
    return lambda row: lifecycle.status_of(row, moment) == status


def timeless() -> dict[str, tuple[GrantQuerySet[Grant], Says]]:
    grants = Grant.objects.all()
    return {
        "unended": (grants.unended(), lifecycle.is_unended),
        "under_notice": (grants.under_notice(), lifecycle.is_under_notice),
        "without_notice": (grants.without_notice(), lambda row: not lifecycle.is_under_notice(row)),
        "signed": (grants.signed(), lambda row: not row.is_offer),
        "begun": (grants.begun(), lambda row: lifecycle.is_unended(row) and bool(row.starts_at)),
        "unsigned": (grants.unsigned(), lambda row: lifecycle.is_unended(row) and row.is_offer),
    }


@settings(
    max_examples=10,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # the name of the question says enough; no shrinking
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(given_lives=st.lists(lives, min_size=20, max_size=20))
def test_a_row_at_hand_and_the_database_agree_at_every_moment(grant, now, given_lives):
    Grant.objects.exclude(pk=grant.pk).delete()
    Grant.objects.bulk_create(live(grant, life, now) for life in given_lives)
    rows = list(Grant.objects.all())
    hours = [now + timedelta(hours=hour) for hour in range(1, 6)]
    moments = [hour + by for hour in hours for by in (-STEP, timedelta(0), STEP)]
    for questions in (timeless(), *map(statuses, moments)):
        for name, (selected, says) in questions.items():
            expected = {row.pk for row in rows if says(row)}
            assert set(selected.values_list("pk", flat=True)) == expected, name
    assert all(
        (lifecycle.status_of(row, now) in ENDED) == lifecycle.is_over(row, now) for row in rows
    )
    assert all(row.ends == lifecycle.ends_at(row) for row in Grant.objects.begun())
    assert all(row.ends == lifecycle.lapses_at(row) for row in Grant.objects.unsigned())


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
        plain = dict.fromkeys(("held_at", "ends_by_notice_at", "revoked_at", "closed_at"))
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

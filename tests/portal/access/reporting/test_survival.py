"""Times to a decision count who still waits, and never make a slow gate look fast."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.access.reporting.survival import Observed, survival_of


def decided(*days: float) -> list[Observed]:
    return [Observed(day, is_decided=True) for day in days]


def waiting(*days: float) -> list[Observed]:
    return [Observed(day, is_decided=False) for day in days]


def test_where_all_are_decided_it_is_the_share():
    survival = survival_of(decided(1, 2, 3, 4))
    assert [survival.decided_by(day) for day in (0.5, 1, 2, 4)] == [0.0, 0.25, 0.5, 1.0]
    assert survival.median_days == 2


def test_who_still_waits_counts_as_undecided_for_as_long_as_they_were_seen():
    survival = survival_of(decided(1, 1) + waiting(5, 5, 30, 30))
    assert survival.decided_by(14) == pytest.approx(2 / 6)
    assert survival.median_days is None
    assert survival_of(decided(1, 10) + waiting(5)).decided_by(10) == 1.0


def test_nothing_is_said_beyond_what_was_seen():
    survival = survival_of(decided(1) + waiting(6, 6))
    assert survival.decided_by(7) is None
    assert survival_of([]).decided_by(0.1) is None


def test_where_nobody_is_left_all_are_decided_ever_after():
    assert survival_of(decided(1, 5) + waiting(3)).decided_by(30) == 1.0


def test_of_107_with_two_decided_it_says_two_per_cent():
    survival = survival_of(decided(3, 3) + waiting(*[40] * 105))
    assert survival.decided_by(14) == pytest.approx(2 / 107)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=40),
    st.integers(0, 60),
)
def test_more_that_wait_never_make_it_look_faster(rows, days):
    observed = [Observed(day, is_decided=is_decided) for day, is_decided in rows]
    before = survival_of(observed).decided_by(days)
    after = survival_of([*observed, *waiting(90)]).decided_by(days)
    assert after is not None
    assert before is None or after <= before + 1e-9

"""The loss chart: nothing lost that a reader must see."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.site.model_page.charts import loss_chart, round_numbers, sample, thin

FALLING = [(step, 4.0 - step / 500) for step in range(0, 1000, 10)]


def test_too_few_points_draw_nothing():
    assert loss_chart([(1, 3.0)], []) is None


def test_the_line_runs_from_the_first_point_to_the_last():
    chart = loss_chart(FALLING, [500])
    assert chart is not None
    assert chart.first == FALLING[0]
    assert chart.last == FALLING[-1]
    assert chart.plot.line.endswith(f" {chart.plot.last_x} {chart.plot.last.at + 8}")
    assert chart.plot.crashes == [396.0]
    assert chart.rows[-1] == FALLING[-1]


@given(st.floats(-100, 100), st.floats(0.001, 1000), st.integers(2, 8))
def test_ticks_enclose_the_values_and_are_even(low, span, about):
    ticks = round_numbers(low, low + span, about)
    assert ticks[0] <= low + 1e-6
    assert ticks[-1] >= low + span - 1e-6
    gaps = [after - before for before, after in pairwise(ticks)]
    assert max(gaps) == pytest.approx(min(gaps), rel=1e-3)


def test_thinning_keeps_the_spike():
    points = [(step, 2.0) for step in range(10_000)]
    points[4321] = (4321, 9.0)
    thinned = thin(points, buckets=100)
    assert len(thinned) <= 200
    assert (4321, 9.0) in thinned


def test_a_sample_ends_where_the_values_end():
    assert sample(FALLING, 12)[-1] == FALLING[-1]
    assert len(sample(FALLING, 12)) == 12


def test_a_loss_that_never_changes_is_still_drawn():
    assert loss_chart([(1, 2.0), (2, 2.0)], []) is not None

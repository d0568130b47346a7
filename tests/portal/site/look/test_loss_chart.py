"""The loss chart: nothing lost that a reader must see."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.catalog.models import LogbookEntry
from portal.site.model_page.charts import round_numbers, sample, thin
from portal.site.model_page.loss_chart import BOTTOM, TOP, LossChart
from portal.site.model_page.loss_chart import loss_chart as chart_of
from portal.site.model_page.runs import course_of

FALLING = [(step, 4.0 - step / 500) for step in range(0, 1000, 10)]
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


def entry(kind: str, step: int | None, run: str = "1", loss: float | None = None) -> LogbookEntry:
    figures = {} if loss is None else {"loss": loss}
    return LogbookEntry(kind=kind, step=step, run=run, figures=figures, occurred_at=NOON, number=1)


def updates(points, run: str = "1") -> list[LogbookEntry]:
    return [entry("update", step, run, loss) for step, loss in points]


def drawn(entries: list[LogbookEntry]) -> LossChart | None:
    return chart_of(course_of(entries), address=lambda event: "#", title=lambda event: "")


def loss_chart(points, crash_steps) -> LossChart | None:
    return drawn(updates(points) + [entry("crash", step) for step in crash_steps])


def test_too_few_points_draw_nothing():
    assert loss_chart([(1, 3.0)], []) is None


def test_the_line_runs_from_the_first_point_to_the_last():
    chart = loss_chart(FALLING, [500])
    assert chart is not None
    assert chart.first == FALLING[0]
    assert chart.last == FALLING[-1]
    assert chart.plot.lines[0].endswith(f" {chart.plot.last_x} {chart.plot.last.at}")
    assert [mark.shape for mark in chart.plot.marks] == ["crash"]
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


def test_the_line_stays_within_its_labels_and_its_end_label_beside_it():
    chart = loss_chart([(step, 5.8 - step / 1000) for step in range(0, 1000, 10)], [])
    assert chart is not None
    heights = [float(word) for word in chart.plot.lines[0].removeprefix("M").split()[1::2]]
    labelled = [level.at for level in chart.plot.levels]
    assert min(labelled) == TOP
    assert max(labelled) == BOTTOM
    assert TOP <= min(heights) <= max(heights) <= BOTTOM
    assert chart.plot.last_x <= chart.plot.right


def test_a_restart_begins_a_line_and_a_lane_of_its_own():
    again = [(step, 3.5) for step in range(500, 900, 10)]
    crashed = [entry("crash", 990), entry("restart", 500, "1.1")]
    chart = drawn([*updates(FALLING), *crashed, *updates(again, "1.1")])
    assert chart is not None
    assert len(chart.plot.lines) == 2
    assert [(lane.name, lane.ends_in_crash) for lane in chart.plot.lanes] == [
        ("1", True),
        ("1.1", False),
    ]
    first, second = chart.plot.lanes
    assert first.x < second.x < second.end < first.end
    assert [mark.shape for mark in chart.plot.marks] == ["crash", "restart"]
    assert "with 1 crash in 2 runs" in chart.description.replace("\u00a0", " ")


def test_what_was_set_before_the_first_step_is_no_event_and_one_without_a_step_is_where_it_was():
    before, after = entry("hyperparameter", None), entry("incident", None)
    course = course_of([before, *updates(FALLING), after])
    [event] = course.events
    assert (event.step, event.loss) == FALLING[-1]


def test_many_runs_have_no_more_lanes_than_are_read():
    entries = updates(FALLING) + [entry("restart", 10, f"1.{number}") for number in range(200)]
    chart = drawn(entries)
    assert chart is not None
    assert len(chart.plot.lanes) == 30
    assert chart.undrawn == 171

"""The loss chart with its events and a lane for each run, drawn by the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal import formatting
from portal.site.model_page.charts import (
    AxisScale,
    Points,
    Tick,
    round_numbers,
    sample,
    thin,
)
from portal.site.model_page.runs import Course, LoggedRun, PlacedEvent

TOP, BOTTOM, LEFT, MARGIN = 24.0, 220.0, 48.0, 56.0
LANES_TOP, LANE, LANE_HEIGHT = 262.0, 14.0, 8.0
WIDE, NARROW = 760, 380
TICKS_WIDE, TICKS_NARROW, LEVELS = 6, 3, 4
ROWS = 12
MOST_LANES = 30
LONGEST_NAME = 7
MARKS = {
    "crash": "M{x} {y}l5 9h-10Z",
    "restart": "M{x} {y}m-4-8a4 4 0 1 0 8 0a4 4 0 1 0-8 0",  # above the crash before it
    "change": "M{x} {y}m0-5l5 5l-5 5l-5-5Z",
    "hardware": "M{x} {y}m-4-4h8v8h-8Z",
}
IN_LEGEND = {"crash": 3, "restart": 16}  # where a mark's point is, for it to be in the middle
LEGEND = {
    "crash": gettext_lazy("crash"),
    "restart": gettext_lazy("restart"),
    "change": gettext_lazy("change of settings or software"),
    "hardware": gettext_lazy("hardware, incident"),
}


@dataclass(frozen=True)
class EventMark:
    """An event's mark on the curve, and the address of its entry."""

    number: int
    shape: str
    path: str
    title: str
    url: str


@dataclass(frozen=True)
class RunLane:
    """A run's bar on the axis of steps."""

    name: str
    y: float
    text_y: float
    x: float
    width: float
    ends_in_crash: bool

    @property
    def end(self) -> float:
        return round(self.x + self.width, 1)


@dataclass(frozen=True)
class Plot:
    width: int
    height: float
    levels: list[Tick]
    steps: list[Tick]
    lines: list[str]
    marks: list[EventMark]
    lanes: list[RunLane]
    last: Tick
    last_x: float

    @property
    def right(self) -> float:
        return self.width - MARGIN

    @property
    def middle(self) -> float:
        return (LEFT + self.right) / 2


@dataclass(frozen=True)
class LossChart:
    """The loss chart in a wide and a narrow plot, with the rows of its tables."""

    plot: Plot
    narrow: Plot
    rows: Points
    runs: list[LoggedRun]
    undrawn: int
    first: tuple[int, float]
    last: tuple[int, float]
    events: list[PlacedEvent]

    @property
    def legend(self) -> list[tuple[str, str, str]]:
        """Return the shapes that the curve has, each with its mark and its words."""
        present = {event.shape for event in self.events}
        return [
            (shape, mark.format(x=8, y=IN_LEGEND.get(shape, 8)), str(LEGEND[shape]))
            for shape, mark in MARKS.items()
            if shape in present
        ]

    @property
    def description(self) -> str:
        """Describe the line for readers who don't see it."""
        (first_step, first_loss), (last_step, last_loss) = self.first, self.last
        ends = {
            "first_loss": formatting.figures(f"{first_loss:.2f}"),
            "first_step": formatting.thousands(first_step),
            "last_loss": formatting.figures(f"{last_loss:.2f}"),
            "last_step": formatting.thousands(last_step),
            "counts": self._counts,
        }
        if self._counts:
            text = _(
                "Training loss goes from %(first_loss)s at step %(first_step)s to %(last_loss)s at "
                "step %(last_step)s, with %(counts)s; the tables below have the values."
            )
        else:
            text = _(
                "Training loss goes from %(first_loss)s at step %(first_step)s to %(last_loss)s at "
                "step %(last_step)s; the tables below have the values."
            )
        return text % ends

    @property
    def _counts(self) -> str:
        """Count the crashes and the runs, in words; "" for one run without a crash."""
        count = sum(event.shape == "crash" for event in self.events)
        crashes = ngettext("%(count)s crash", "%(count)s crashes", count)
        crashes %= {"count": formatting.thousands(count)}
        if len(self.runs) < 2:
            return crashes if count else ""
        runs = ngettext("%(count)s run", "%(count)s runs", len(self.runs))
        runs %= {"count": formatting.thousands(len(self.runs))}
        return _("%(crashes)s in %(runs)s") % {"crashes": crashes, "runs": runs} if count else runs


Address = Callable[[PlacedEvent], str]
Title = Callable[[PlacedEvent], str]


def loss_chart(course: Course, *, address: Address, title: Title) -> LossChart | None:
    """Draw the chart, or return None where there are too few points for a line."""
    if not course.is_drawn:
        return None
    points = course.losses
    drawing = _Drawing(course, address, title)
    return LossChart(
        plot=drawing.plot(WIDE, TICKS_WIDE),
        narrow=drawing.plot(NARROW, TICKS_NARROW),
        rows=sample(points, ROWS),
        runs=course.runs,
        undrawn=max(len(course.runs) - MOST_LANES, 0),
        first=points[0],
        last=points[-1],
        events=course.events,
    )


@dataclass(frozen=True)
class _Drawing:
    course: Course
    address: Address
    title: Title

    def plot(self, width: int, ticks: int) -> Plot:
        points = self.course.losses
        most = max(*(step for step, _ in points), *(run.last for run in self.course.runs))
        steps = round_numbers(0, most, ticks)
        losses = [loss for _, loss in points]
        levels = round_numbers(min(losses), max(losses), LEVELS)
        across = AxisScale(steps[0], steps[-1], LEFT, width - MARGIN)
        up = AxisScale(levels[0], levels[-1], BOTTOM, TOP)
        last_step, last_loss = points[-1]
        lanes = self._lanes(across)
        return Plot(
            width=width,
            height=LANES_TOP + len(lanes) * LANE,
            levels=[Tick(up(level), formatting.figures(f"{level:.4g}")) for level in levels],
            steps=[Tick(across(step), formatting.count(int(step))) for step in steps],
            lines=[_line(run.losses, across, up, width) for run in self.course.runs if run.losses],
            marks=[self._mark(event, across, up) for event in self.course.events],
            lanes=lanes,
            last=Tick(up(last_loss), formatting.figures(f"{last_loss:.2f}")),
            last_x=across(last_step),
        )

    def _mark(self, event: PlacedEvent, across: AxisScale, up: AxisScale) -> EventMark:
        x, y = across(event.step), up(event.loss)
        path = MARKS[event.shape].format(x=x, y=y)
        return EventMark(
            event.entry.number, event.shape, path, self.title(event), self.address(event)
        )

    def _lanes(self, across: AxisScale) -> list[RunLane]:
        if len(self.course.runs) < 2:
            return []
        lanes = []
        for place, run in enumerate(self.course.runs[-MOST_LANES:]):
            y, x = LANES_TOP + place * LANE, across(run.first)
            width = round(max(across(run.last) - x, 1.0), 1)
            lanes.append(
                RunLane(run.name[:LONGEST_NAME], y, y + LANE_HEIGHT, x, width, run.end == "crash")
            )
        return lanes


def _line(points: Points, across: AxisScale, up: AxisScale, width: int) -> str:
    """Draw a run's losses; a single one as a dot: the round cap of a line without length."""
    drawn = thin(points, buckets=width // 4)
    line = "M" + " ".join(f"{across(step)} {up(loss)}" for step, loss in drawn)
    return f"{line}h0" if len(drawn) == 1 else line

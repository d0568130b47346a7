"""The loss chart, drawn by the server: numbers in, SVG geometry out."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10

from portal import formatting

Points = list[tuple[int, float]]
TOP, BOTTOM, LEFT, MARGIN = 14.0, 220.0, 40.0, 8.0
WIDE, NARROW = 760, 380
TICKS_WIDE, TICKS_NARROW, LEVELS = 6, 3, 4
ROWS = 12


@dataclass(frozen=True)
class Tick:
    """A labelled position along an axis; the label's baseline is a little lower than the tick."""

    at: float
    label: str

    @property
    def text_at(self) -> float:
        return round(self.at + 4, 1)


@dataclass(frozen=True)
class Plot:
    width: int
    levels: list[Tick]
    steps: list[Tick]
    line: str
    crashes: list[float]
    last: Tick
    last_x: float

    @property
    def right(self) -> float:
        return self.width - MARGIN


@dataclass(frozen=True)
class LossChart:
    """The loss chart in a wide and a narrow plot, with the rows of its table."""

    plot: Plot
    narrow: Plot
    rows: Points
    first: tuple[int, float]
    last: tuple[int, float]
    crashes: int

    @property
    def description(self) -> str:
        """Describe the line for readers who don't see it."""
        (first_step, first_loss), (last_step, last_loss) = self.first, self.last
        line = (
            f"from {first_loss:.2f} at step {first_step:,} to {last_loss:.2f} at step {last_step:,}"
        )
        crashes = f", with {self.crashes} crash{'' if self.crashes == 1 else 'es'}"
        course = line + crashes if self.crashes else line
        return f"Training loss goes {course}; the table below has the values."


def loss_chart(points: Points, crash_steps: list[int]) -> LossChart | None:
    """Draw the chart, or return None where there are too few points for a line."""
    if len(points) < 2:
        return None
    return LossChart(
        plot=_plot(points, crash_steps, WIDE, TICKS_WIDE),
        narrow=_plot(points, crash_steps, NARROW, TICKS_NARROW),
        rows=sample(points, ROWS),
        first=points[0],
        last=points[-1],
        crashes=len(crash_steps),
    )


def _plot(points: Points, crash_steps: list[int], width: int, ticks: int) -> Plot:
    steps = round_numbers(0, max(step for step, _ in points), ticks)
    levels = round_numbers(min(y for _, y in points), max(y for _, y in points), LEVELS)
    across = _Scale(steps[0], steps[-1], LEFT, width - MARGIN)
    up = _Scale(levels[0], levels[-1], BOTTOM, TOP)
    drawn = thin(points, buckets=width // 4)
    line = "M" + " ".join(f"{across(step)} {up(loss)}" for step, loss in drawn)
    last = points[-1]
    return Plot(
        width=width,
        levels=[Tick(up(level), f"{level:.4g}") for level in levels[1:]],
        steps=[Tick(across(step), formatting.count(int(step))) for step in steps],
        line=line,
        crashes=[across(step) for step in crash_steps if step <= steps[-1]],
        last=Tick(round(up(last[1]) - 8, 1), f"{last[1]:.2f}"),
        last_x=across(last[0]),
    )


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(self.start + share * (self.end - self.start), 1)


def round_numbers(low: float, high: float, about: int) -> list[float]:
    """Return evenly spaced round numbers that enclose ``low`` to ``high``."""
    span = (high - low) or abs(high) or 1.0
    rough = span / about
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = floor(low / step), ceil(high / step)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]


def thin(points: Points, *, buckets: int) -> Points:
    """Keep at most two points a bucket, its least and its greatest, so that no spike is lost."""
    if len(points) <= 2 * buckets:
        return points
    size = ceil(len(points) / buckets)
    ends: Points = []
    for start in range(0, len(points), size):
        bucket = points[start : start + size]
        indexes = {bucket.index(pick(bucket, key=lambda point: point[1])) for pick in (min, max)}
        ends += [bucket[index] for index in sorted(indexes)]
    return ends


def sample(points: Points, count: int) -> Points:
    """Return ``count`` points spread evenly over the whole, the last included."""
    if len(points) <= count:
        return points
    return [points[round(index * (len(points) - 1) / (count - 1))] for index in range(count)]

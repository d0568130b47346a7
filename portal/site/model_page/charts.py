"""Geometry of charts that the server draws: scales, round ticks, and lines of few points."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10

Points = list[tuple[int, float]]


@dataclass(frozen=True)
class Tick:
    """A labelled position along an axis; the label's baseline is a little lower than the tick."""

    at: float
    label: str

    @property
    def text_at(self) -> float:
        return round(self.at + 4, 1)


@dataclass(frozen=True)
class AxisScale:
    """A line from values to positions along an axis."""

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

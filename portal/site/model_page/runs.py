"""Read the course of a training from its entries: runs, and where on the curve each event is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from portal.catalog.logbook.totals import figure_of
from portal.catalog.models import LogbookEntry
from portal.site.model_page.charts import Points

Kind = LogbookEntry.Kind
# Events that stand on the curve, by the shape that marks them.
SHAPES = {
    Kind.CRASH: "crash",
    Kind.RESTART: "restart",
    Kind.HYPERPARAMETER: "change",
    Kind.SOFTWARE: "change",
    Kind.HARDWARE: "hardware",
    Kind.INCIDENT: "hardware",
}


@dataclass
class LoggedRun:
    """A run by its name: its losses by step, and the first and last step that it reached."""

    name: str
    began_at: datetime
    first: int
    last: int
    losses: Points = field(default_factory=list)
    end: str = ""


@dataclass(frozen=True)
class PlacedEvent:
    """An event with the step and loss that the training had come to."""

    entry: LogbookEntry
    shape: str
    step: int
    loss: float


@dataclass(frozen=True)
class Course:
    """The runs in the order of their beginnings, and the events on the curve."""

    runs: list[LoggedRun]
    events: list[PlacedEvent]

    @property
    def losses(self) -> Points:
        return [point for run in self.runs for point in run.losses]

    @property
    def is_drawn(self) -> bool:
        """Tell whether there are points enough for a line."""
        return len(self.losses) > 1


def course_of(entries: Sequence[LogbookEntry]) -> Course:
    """Follow the entries in the order of time.

    An event without a step is where the training had come to by then. What was set before the
    first step is no event of the curve.
    """
    runs: dict[str, LoggedRun] = {}
    events, step, loss = [], 0, _first_loss(entries)
    for entry in entries:
        step = step if entry.step is None else entry.step
        run = runs.setdefault(entry.run, LoggedRun(entry.run, entry.occurred_at, step, step))
        run.first, run.last = min(run.first, step), max(run.last, step)
        reported = figure_of(entry, "loss")
        if entry.kind == Kind.UPDATE and entry.step is not None and reported is not None:
            loss = reported
            run.losses.append((entry.step, reported))
        if entry.kind == Kind.CRASH or (entry.ended_at and entry.kind == Kind.MILESTONE):
            run.end = entry.kind
        has_begun = bool(run.losses or entry.step or len(runs) > 1)
        if (shape := SHAPES.get(Kind(entry.kind))) and has_begun:
            events.append(PlacedEvent(entry, shape, step, loss))
    return Course(list(runs.values()), events)


def _first_loss(entries: Sequence[LogbookEntry]) -> float:
    losses = (figure_of(entry, "loss") for entry in entries if entry.kind == Kind.UPDATE)
    return next((loss for loss in losses if loss is not None), 0.0)

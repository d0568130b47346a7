"""The gate's published figures, for a page and as rows for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from portal.access.reporting.performance import (
    SPANS,
    Cell,
    DecisionTimes,
    Outcomes,
    Waiting,
    decision_times,
    outcomes,
    repo_times,
    waiting_times,
)
from portal.site.archives.csv_lines import csv_line

CHARTED = 14
COLUMNS = ("table", "key", "label", "days", "requests", "decided_in_time", "percent")


@dataclass(frozen=True)
class Published:
    counted_at: datetime
    sectors: list[DecisionTimes]
    repos: list[DecisionTimes]
    waiting: Waiting
    outcomes: Outcomes

    @property
    def overall(self) -> DecisionTimes:
        return self.sectors[-1]


@dataclass(frozen=True)
class ShareBar:
    """A bar of a chart; ``width`` in percent, None for a withheld figure."""

    label: str
    text: str
    width: int | None


def published(now: datetime) -> Published:
    return Published(now, decision_times(now), repo_times(now), waiting_times(now), outcomes(now))


def words(cell: Cell) -> str:
    if cell.hidden:
        return "withheld"
    return "–" if cell.share is None else f"{cell.share} %"


def bars(lines: list[DecisionTimes], days: int = CHARTED) -> list[ShareBar]:
    cells = [(line.label, line.at(days)) for line in lines]
    return [ShareBar(label, words(cell), cell.share) for label, cell in cells]


def table(lines: list[DecisionTimes]) -> list[tuple[str, list[str]]]:
    return [(line.label, [words(cell) for cell in line.cells]) for line in lines]


def as_json(figures: Published) -> dict[str, Any]:
    """Return the figures as data; withheld ones are null and marked as ``withheld``."""
    return {
        "counted_at": figures.counted_at.isoformat(timespec="seconds"),
        "spans_days": list(SPANS),
        "sectors": [_line(line) for line in figures.sectors],
        "repos": [_line(line) for line in figures.repos],
        "waiting": asdict(figures.waiting),
        "outcomes": asdict(figures.outcomes),
    }


def _line(line: DecisionTimes) -> dict[str, Any]:
    return {"key": line.key, "label": line.label, "cells": [_cell(cell) for cell in line.cells]}


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "days": cell.days,
        "withheld": cell.hidden,
        "requests": None if cell.hidden else cell.old_enough,
        "decided_in_time": None if cell.hidden else cell.in_time,
        "percent": cell.share,
    }


def as_csv(figures: Published) -> str:
    """Return a CSV row for each cell; a withheld one has empty figures."""
    rows = [csv_line(COLUMNS)]
    for name, lines in (("sector", figures.sectors), ("repo", figures.repos)):
        for line in lines:
            for cell in map(_cell, line.cells):
                values = [cell[key] for key in COLUMNS[3:]]
                rows.append(csv_line([name, line.key, line.label, *values]))
    return "".join(rows)

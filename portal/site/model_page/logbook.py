"""A model's logbook for its page: totals, the chart with its events, timeline and filters."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portal.catalog.logbook.totals import Totals, totals
from portal.catalog.models import LogbookEntry
from portal.site.model_page.footprint import TrainingFootprint, footprint_of
from portal.site.model_page.logbook_words import (
    cause_words,
    change_words,
    in_human_units,
    local_time,
    title_of,
)
from portal.site.model_page.loss_chart import LossChart, loss_chart
from portal.site.model_page.runs import PlacedEvent, course_of
from portal.text.languages import Words

Kind = LogbookEntry.Kind
Correction = LogbookEntry.Correction
HIDDEN = {Kind.UPDATE}  # the chart shows them
PER_PAGE = 30
ICONS = {
    Kind.LAUNCH: ("flag", ""),
    Kind.RESTART: ("clock", ""),
    Kind.CRASH: ("crash", "stop"),
    Kind.HARDWARE: ("hardware", ""),
    Kind.INCIDENT: ("warning", "wait"),
    Kind.HYPERPARAMETER: ("settings", ""),
    Kind.SOFTWARE: ("settings", ""),
    Kind.DECISION: ("said", ""),
    Kind.CAPACITY: ("hardware", ""),
    Kind.ONCALL: ("review", ""),
    Kind.MILESTONE: ("tick", "yes"),
    Kind.EVALUATION: ("tick", "yes"),
}
AMENDS = {
    Correction.CORRECTS: (
        _("Corrects entry %(number)s."),
        _("Corrected by entry %(number)s."),
    ),
    Correction.VOIDS: (_("Voids entry %(number)s."), _("Void: see entry %(number)s.")),
    Correction.REVERTS: (
        _("Reverts entry %(number)s."),
        _("Reverted by entry %(number)s."),
    ),
}


@dataclass(frozen=True)
class Happening:
    """One entry of the timeline."""

    entry: LogbookEntry
    icon: str
    tone: str
    title: str
    body: str
    local_time: str
    changes: list[str]
    amends: str
    amended: list[str]
    is_on_curve: bool


@dataclass(frozen=True)
class LogbookView:
    """The logbook as its page shows it; ``happenings`` are those of ``page``, after the filters."""

    totals: Totals
    causes: str
    chart: LossChart | None
    footprint: TrainingFootprint | None
    author: str
    page: Page[LogbookEntry]
    happenings: list[Happening]
    updates: int
    kinds: list[tuple[str, Words]]
    runs: list[str]
    chosen: dict[str, str]
    marked: int | None

    @property
    def crashes(self) -> int:
        return sum(self.totals.crashes.values())


def read(rows: Sequence[LogbookEntry], query: QueryDict, now: datetime) -> LogbookView:
    """Read all entries, in the order of time whatever their source, and what is asked of them."""
    entries = sorted(rows, key=lambda entry: (entry.occurred_at, entry.number))
    sums, course = totals(entries), course_of(entries)
    shown = [entry for entry in entries if entry.kind not in HIDDEN]
    places = {entry.number: place for place, entry in enumerate(shown)}
    chosen = _chosen(query, entries)
    marked = query.get("mark", "")

    def address(event: PlacedEvent) -> str:
        page = places[event.entry.number] // PER_PAGE + 1
        chosen_revision = {"revision": query["revision"]} if query.get("revision") else {}
        return f"?{urlencode(chosen_revision | {'entries': page})}#entry-{event.entry.number}"

    drawn = {event.entry.number for event in course.events} if course.is_drawn else set()
    chart = loss_chart(course, address=address, title=lambda event: title_of(event.entry))
    page, amended = _page(shown, chosen, query), _amended(entries)
    return LogbookView(
        totals=sums,
        causes="; ".join(f"{cause_words(cause)}: {count}" for cause, count in sums.crashes.items()),
        chart=chart,
        footprint=footprint_of(entries, now),
        author=_only_author(entries),
        page=page,
        happenings=[_happening(entry, amended.get(entry.pk, []), drawn) for entry in page],
        updates=len(entries) - len(shown),
        kinds=[(kind.value, kind.label) for kind in Kind if kind in {row.kind for row in shown}],
        runs=list(dict.fromkeys(entry.run for entry in shown)),
        chosen=chosen,
        marked=int(marked) if marked.isdecimal() and len(marked) < 8 else None,
    )


def _chosen(query: QueryDict, entries: Sequence[LogbookEntry]) -> dict[str, str]:
    """Return the filters that some entry has; an unknown choice filters nothing."""
    known = {"kind": {entry.kind for entry in entries}, "run": {entry.run for entry in entries}}
    wanted = {name: query.get(name, "") for name in known}
    return {name: value for name, value in wanted.items() if value in known[name]}


def _page(
    shown: Sequence[LogbookEntry], chosen: dict[str, str], query: QueryDict
) -> Page[LogbookEntry]:
    left = [
        entry
        for entry in shown
        if all(getattr(entry, name) == value for name, value in chosen.items())
    ]
    return Paginator(left, PER_PAGE).get_page(query.get("entries"))


def _only_author(entries: Sequence[LogbookEntry]) -> str:
    """Return who wrote every entry; empty where there are several, or nobody is named."""
    authors = {entry.author for entry in entries}
    return authors.pop() if len(authors) == 1 else ""


def _amended(entries: Sequence[LogbookEntry]) -> dict[int, list[str]]:
    """Return what later entries did to earlier ones, by the primary key of the earlier."""
    amendments: dict[int, list[str]] = {}
    for entry in entries:
        if entry.corrects_id is not None:
            passive = AMENDS[Correction(entry.correction or Correction.CORRECTS)][1]
            words = str(passive) % {"number": entry.number}
            amendments.setdefault(entry.corrects_id, []).append(words)
    return amendments


def _amends(entry: LogbookEntry) -> str:
    if entry.corrects is None:
        return ""
    active = AMENDS[Correction(entry.correction or Correction.CORRECTS)][0]
    return str(active) % {"number": entry.corrects.number}


def _happening(entry: LogbookEntry, amended: list[str], drawn: Container[int]) -> Happening:
    kind = Kind(entry.kind)
    icon, tone = ICONS.get(kind, ("note", ""))
    return Happening(
        entry=entry,
        icon=icon,
        tone=tone,
        title=title_of(entry),
        body=in_human_units(entry.body),
        local_time=local_time(entry),
        changes=[change_words(change) for change in entry.changes if isinstance(change, dict)],
        amends=_amends(entry),
        amended=amended,
        is_on_curve=entry.number in drawn,
    )
